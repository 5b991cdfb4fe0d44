"""giosg: a signed chat URL, and signed visitor data for its script."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from widgetmw.provider import (
    JwtProvider,
    MintedToken,
    Scalar,
    User,
    Variable,
    as_text,
    one_of,
    parse_int,
    regex,
    signing_key,
)

_CHAT_URL = "https://service.giosg.com/widgets/v1/public/orgs/{organization}/rooms/{room}/chat"
_identifier = regex(r"[A-Za-z0-9_-]+", "an id of letters, digits, - and _")


class Giosg(JwtProvider):
    """Signs visitor data as an HS256 token, and chat URLs with a plain hash.

    Source: the vendor's documentation of signed chat URLs and of ``visitor submit``. It names ``sha1`` and, for
    its script, ``md5``; further hashes are undocumented.
    """

    name = "giosg"
    embeddable = True
    reserved_names: ClassVar[frozenset[str]] = JwtProvider.reserved_names | {"username", "email", "userId", "name"}
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        Variable("GIOSG_ORGANIZATION_ID", "the organization's id", _identifier, required=True),
        Variable("GIOSG_ROOM_ID", "the room's id", _identifier, required=True),
        signing_key("GIOSG_SIGNING_KEY", "signs URLs and data"),
        Variable(
            "GIOSG_URL_ALGORITHM",
            "hash of the signed URL; `sha1` is documented, `md5`, `sha256`, `sha384` and `sha512` are not",
            one_of("sha1", "md5", "sha256", "sha384", "sha512"),
            "sha1",
        ),
        Variable("GIOSG_TOKEN_TTL", "lifetime of the URL and the visitor data in seconds", parse_int(1), 3600),
    )
    key_variable = "GIOSG_SIGNING_KEY"
    lifetime_variable = "GIOSG_TOKEN_TTL"

    def payload(self, user: User) -> Mapping[str, Any]:
        """Returns the visitor data, in which the name is called ``username``."""
        data = {("username" if key == "name" else key): value for key, value in self._variables(user).items()}
        return {"userId": user.id, **data}

    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        """Signs the visitor data and, as an extra, the chat URL; the vendor documents ``exp`` and no ``iat``."""
        token = self.sign({**self.payload(user), **({} if expires_at is None else {"exp": expires_at})})
        return MintedToken(token, {"url": self.signed_url(self._variables(user), expires_at)})

    def signed_url(self, variables: Mapping[str, Scalar], expires_at: int | None) -> str:
        """Returns the chat URL with ``var.<name>`` for each variable and the signature at the end.

        The signature is the lower-case hexadecimal hash of the whole URL before it, percent-encoded and in its
        final order, followed by the key (documented; the tests have an example).
        """
        algorithm = self.values["GIOSG_URL_ALGORITHM"]
        query = [f"exp={expires_at}"] if expires_at is not None else []
        query.append(f"alg={algorithm}")
        query += [f"var.{quote(key, safe='')}={quote(as_text(value), safe='')}" for key, value in variables.items()]
        url = f"{_CHAT_URL.format_map(self.browser_config())}?{'&'.join(query)}"
        return f"{url}&sig={self._signature(url)}"

    def verify_url(self, url: str) -> None:
        """Checks the signature of a chat URL; raises ``ValueError`` if it is not ours."""
        signed, _, signature = url.rpartition("&sig=")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            raise ValueError("the URL is not signed with this key")

    def _signature(self, url: str) -> str:
        # The vendor prescribes a plain hash with the key at the end, not an HMAC.
        key: bytes = self.values["GIOSG_SIGNING_KEY"]
        algorithm: str = self.values["GIOSG_URL_ALGORITHM"]
        return hashlib.new(algorithm, url.encode() + key, usedforsecurity=False).hexdigest()

    def browser_config(self) -> Mapping[str, str]:
        return {"organization": self.values["GIOSG_ORGANIZATION_ID"], "room": self.values["GIOSG_ROOM_ID"]}

    def script_urls(self) -> tuple[str, ...]:
        """Returns the vendor's loader (documented)."""
        return (f"https://service.giosg.com/live2/{self.values['GIOSG_ORGANIZATION_ID']}",)

    def warnings(self) -> tuple[str, ...]:
        """Warns of a short key and of an undocumented hash."""
        algorithm = self.values["GIOSG_URL_ALGORITHM"]
        if algorithm == "sha1":
            return super().warnings()
        return (*super().warnings(), f"GIOSG_URL_ALGORITHM: the vendor does not document {algorithm} for URLs")

    def _variables(self, user: User) -> dict[str, Scalar]:
        known = {"name": user.name, "email": user.email}
        return {**{key: value for key, value in known.items() if value}, **self.custom_attributes(user)}
