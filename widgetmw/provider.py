"""The interface for vendors.

A vendor is a class that is derived from :class:`Provider`, :class:`JwtProvider` or :class:`HmacProvider`, and a
JavaScript file beside its module. A distribution registers the class in the entry point group
``widgetmw.providers``; the built-in vendors use nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from widgetmw.core.env.variable import Variable, comma_list, one_of, parse_bool, parse_int, parse_text, regex, subset_of
from widgetmw.core.errors import WidgetError
from widgetmw.core.identity.email import TRUST_EMAILS, email_refusal
from widgetmw.core.identity.user import Scalar, User, as_text
from widgetmw.core.provider import MintedToken, Origin, Provider
from widgetmw.providers.signing import JWS, ec_key, example_key, hmac_key, key_problem, rsa_key

__all__ = [
    "TRUST_EMAILS",
    "EmailHmacProvider",
    "HmacProvider",
    "JwtProvider",
    "MintedToken",
    "Origin",
    "Provider",
    "Scalar",
    "User",
    "Variable",
    "as_text",
    "comma_list",
    "ec_key",
    "email_refusal",
    "hmac_key",
    "one_of",
    "parse_bool",
    "parse_int",
    "parse_text",
    "regex",
    "rsa_key",
    "signing_key",
    "subset_of",
]


_SHORT_KEY = (
    "tokens are signed with it all the same: check that the value was copied completely, or ask the vendor for a "
    "longer one"
)


def signing_key(name: str, help: str, parse: Callable[[str], Any] = hmac_key) -> Variable[Any]:
    """Returns the variable of a key that signs: required, secret, and possibly in a file."""
    return Variable(name, help, parse, required=True, from_file=True, secret=True)


class JwtProvider(Provider):
    """A vendor whose token is a JSON Web Token.

    Attributes:
        algorithm: ``HS256``, ``HS384`` or ``HS512``, whose key :func:`hmac_key` parses; ``RS256``, ``RS384`` or
            ``RS512``, whose key :func:`rsa_key` parses; or ``ES256``, whose key :func:`ec_key` parses.
        key_variable: name of the variable that holds the key.
        lifetime_variable: name of the variable that holds the lifetime in seconds; 0: tokens do not expire. Empty: the
            class sets ``lifetime`` itself.
        headers: JWT headers beside ``alg`` and ``typ``; replaced in ``__init__`` if they depend on a variable.
    """

    algorithm: str = "HS256"
    key_variable: ClassVar[str]
    lifetime_variable: ClassVar[str]
    reserved_names: ClassVar[frozenset[str]] = frozenset({"iat", "nbf", "exp"})
    headers: Mapping[str, Any] = MappingProxyType({})  # shared by all vendors

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._key = values[self.key_variable]
        if self.lifetime_variable:
            lifetime: int | None = values[self.lifetime_variable] or None
            self.lifetime = lifetime

    @abstractmethod
    def payload(self, user: User) -> Mapping[str, Any]:
        """Returns the claims about a user, without the times."""

    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        """Signs the payload with ``iat`` and ``exp``, or without them if tokens do not expire."""
        times = {} if expires_at is None else {"iat": issued_at, "exp": expires_at}
        return MintedToken(self.sign({**self.payload(user), **times}))

    def sign(self, payload: Mapping[str, Any]) -> str:
        """Returns the JWT of a payload."""
        body = json.dumps(payload, separators=(",", ":"), allow_nan=False).encode()
        try:
            return JWS.encode(body, self._key, algorithm=self.algorithm, headers=dict(self.headers))
        except Exception:  # of several types, none of which names the attribute
            if not isinstance(self.headers.get("kid", ""), str):
                raise WidgetError("the `kid` in `headers` must be a text") from None
            if problem := key_problem(self.algorithm, self._key):
                raise WidgetError(f"{self.key_variable}: {problem}") from None
            raise

    def verify(self, token: str, user: User) -> None:
        """Checks the signature with the shared key, or with the public half of the key."""
        key = self._key if isinstance(self._key, bytes) else self._key.public_key()
        JWS.decode(token, key, algorithms=[self.algorithm])

    def describe_key(self) -> str:
        """Returns algorithm and size of the key."""
        size = f"{len(self._key)} bytes" if isinstance(self._key, bytes) else f"{self._key.key_size} bits"
        return f"{self.algorithm} key of {size}"

    def warnings(self) -> tuple[str, ...]:
        """Warns of a shared key that is shorter than its hash."""
        if not isinstance(self._key, bytes) or len(self._key) >= (size := int(self.algorithm[2:]) // 8):
            return ()
        text = f"{self.key_variable} has {len(self._key)} bytes; {self.algorithm} needs {size} or more"
        return (f"{text} (RFC 7518, 3.2); {_SHORT_KEY}",)

    @classmethod
    def example_variables(cls) -> dict[str, str]:
        """Returns the required variables with values for tests; the key is one for the algorithm."""
        key = {} if cls.algorithm.startswith("HS") else {cls.key_variable: example_key(cls.algorithm)}
        return {**super().example_variables(), **key}


class HmacProvider(Provider):
    """A vendor whose token is the lower-case hexadecimal HMAC of a message about the user. It does not expire.

    Attributes:
        digest: name of the hash function.
        key_variable: name of the variable that holds the key, parsed by :func:`hmac_key`.
    """

    digest: str = "sha256"
    key_variable: ClassVar[str]

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._key: bytes = values[self.key_variable]

    def message(self, user: User) -> str:
        """Returns the text that is signed: the user's id."""
        return user.id

    def extra_values(self, user: User) -> Mapping[str, Any]:
        """Returns further values that the vendor's script needs, as JSON values."""
        return {}

    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        """Signs the message."""
        return MintedToken(self.sign(self.message(user)), self.extra_values(user))

    def sign(self, message: str) -> str:
        """Returns the HMAC of a message."""
        return hmac.new(self._key, message.encode(), self.digest).hexdigest()

    def verify(self, token: str, user: User) -> None:
        """Checks that the token is that of the user."""
        if not hmac.compare_digest(token, self.mint(user, 0, None).value):
            raise ValueError("the token is not that of the user")

    def describe_key(self) -> str:
        """Returns hash function and size of the key."""
        return f"HMAC-{self.digest.upper()} key of {len(self._key)} bytes"

    def warnings(self) -> tuple[str, ...]:
        """Warns of a key that is shorter than its hash."""
        size = hashlib.new(self.digest).digest_size
        if len(self._key) >= size:
            return ()
        text = f"{self.key_variable} has {len(self._key)} bytes; HMAC-{self.digest.upper()} needs {size} or more"
        return (f"{text}; {_SHORT_KEY}",)


class EmailHmacProvider(HmacProvider):
    """A vendor that knows a user by the email address alone: whoever gets its HMAC gets its conversations.

    So it signs only an address that ``User.email_verified`` or ``WIDGETMW_TRUST_EMAILS`` vouches for; a class lists
    :data:`TRUST_EMAILS` among its variables. The address is signed exactly as the app has it, and the vendor's script
    gets it beside the token, as ``email``.
    """

    def cannot_serve(self, user: User) -> str:
        """Returns ``email_missing`` or ``email_unverified``; empty if the address may be signed."""
        return email_refusal(user, self.values)

    def message(self, user: User) -> str:
        """Returns the email address, as it is."""
        return user.email or ""

    def extra_values(self, user: User) -> Mapping[str, Any]:
        """Returns the text that was signed, byte for byte."""
        return {"email": user.email}
