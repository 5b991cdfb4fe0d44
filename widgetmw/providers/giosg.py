"""giosg: a signed chat URL, and signed visitor data for its script."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from widgetmw.core.env.variable import Variable, one_of, parse_int, regex
from widgetmw.core.identity.user import Scalar, User, as_text
from widgetmw.core.provider import MintedToken, Provider
from widgetmw.providers.signing import describe_key, hmac_key, key_warnings, sign, verify

_ROOMS = "https://service.giosg.com/widgets/v1/public/orgs/{organization}/rooms/{room}/chat"
_identifier = regex(r"[A-Za-z0-9_-]+", "an id of letters, digits, - and _")


class Giosg(Provider):
    """Signs chat URLs with a plain hash, and visitor data as an HS256 token.

    Source: the vendor's documentation of signed chat URLs and of ``visitor submit``. It names ``sha1`` and, for
    its script, ``md5``; further hashes are undocumented.
    """

    name = "giosg"
    embeddable = True
    claims = frozenset({"username", "email", "userId", "name", "iat", "nbf", "exp"})
    variables = (
        Variable("GIOSG_ORGANIZATION_ID", "the organization's id", _identifier, required=True),
        Variable("GIOSG_ROOM_ID", "the room's id", _identifier, required=True),
        Variable("GIOSG_SIGNING_KEY", "signs URLs and data", hmac_key, required=True, from_file=True, secret=True),
        Variable(
            "GIOSG_URL_ALGORITHM",
            "hash of the signed URL; `sha1` is documented, `md5`, `sha256`, `sha384` and `sha512` are not",
            one_of("sha1", "md5", "sha256", "sha384", "sha512"),
            "sha1",
            "`sha1`",
        ),
        Variable(
            "GIOSG_TOKEN_TTL", "lifetime of the URL and the visitor data in seconds", parse_int(1), 3600, "`3600`"
        ),
    )

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._key: bytes = values["GIOSG_SIGNING_KEY"]
        self._algorithm: str = values["GIOSG_URL_ALGORITHM"]
        self._browser_config = {"organization": values["GIOSG_ORGANIZATION_ID"], "room": values["GIOSG_ROOM_ID"]}
        self.lifetime: int | None = values["GIOSG_TOKEN_TTL"]

    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        """Signs the visitor data, the token, and the chat URL, an extra."""
        known = {"name": user.name, "email": user.email}
        facts: dict[str, Scalar] = {key: value for key, value in known.items() if value}
        variables = {**facts, **self.custom_attributes(user)}
        url = self.signed_url(variables, expires_at)
        data = {("username" if key == "name" else key): value for key, value in variables.items()}
        expiry = {} if expires_at is None else {"exp": expires_at}
        return MintedToken(sign("HS256", self._key, {"userId": user.id, **data, **expiry}), {"url": url})

    def signed_url(self, variables: Mapping[str, Scalar], expires_at: int | None) -> str:
        """Returns the chat URL with ``var.<name>`` for each variable and the signature last.

        The signature is the lower-case hex hash of the whole URL before it, already percent-encoded and in its
        final order, followed by the key (documented, with a vector in the tests).
        """
        query = [f"exp={expires_at}"] if expires_at is not None else []
        query.append(f"alg={self._algorithm}")
        query += [f"var.{quote(key, safe='')}={quote(as_text(value), safe='')}" for key, value in variables.items()]
        url = f"{_ROOMS.format_map(self._browser_config)}?{'&'.join(query)}"
        # the vendor's scheme, not ours: a keyed plain hash
        digest = hashlib.new(self._algorithm, url.encode() + self._key, usedforsecurity=False)
        return f"{url}&sig={digest.hexdigest()}"

    def verify(self, value: str) -> None:
        """Checks the signature."""
        verify("HS256", self._key, value)

    def describe_key(self) -> str:
        """Size of the shared key."""
        return describe_key("HS256", self._key)

    def warnings(self) -> tuple[str, ...]:
        """Whether the key is short, and the hash undocumented."""
        short = key_warnings("GIOSG_SIGNING_KEY", self._key)
        if self._algorithm == "sha1":
            return short
        return (*short, f"GIOSG_URL_ALGORITHM {self._algorithm} is not documented by the vendor for URLs")

    def browser_config(self) -> Mapping[str, str]:
        """Organization and room."""
        return self._browser_config

    def script_urls(self) -> tuple[str, ...]:
        """The vendor's loader (documented)."""
        return (f"https://service.giosg.com/live2/{self._browser_config['organization']}",)
