"""The token of one vendor, and the set of tokens of one user."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf
from typing import Any, Final

from widgetmw.core.identity.user import User

TOKEN_FIELDS: Final = frozenset({"provider", "token", "expires_at", "refresh_at", "expires_in", "refresh_in"})
"""The keys of a token's JSON, on pages and at the endpoint, that are the same for all vendors."""


@dataclass(frozen=True, slots=True)
class Token:
    """A signed token of one vendor for one user, with further values beside the token, signed or not, for this vendor.

    The times are Unix seconds, or ``None`` if the token does not expire. It is not handed out from ``refresh_at`` on.
    """

    provider: str
    value: str = field(repr=False)
    expires_at: int | None
    refresh_at: int | None
    extra: Mapping[str, Any] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Returns the JSON values that pages and the endpoint have in common."""
        times = {"expires_at": self.expires_at, "refresh_at": self.refresh_at}
        return {"provider": self.provider, "token": self.value, **times, **self.extra}


@dataclass(eq=False, repr=False, slots=True)
class TokenSet:
    """The tokens of one user.

    Attributes:
        user: the user whom the tokens identify.
        tokens: one per vendor, in the order of the vendors.
        failed: names of the vendors whose token could not be minted.
        refused: names of the vendors that cannot serve the user, each with the code of the reason.
        key_version: version of the keyring that signed the tokens.
        usable_from: Unix seconds of the earliest use; an earlier time means that the clock was set back.
        recheck_at: Unix seconds from which the cache checks keys and failures again; not the expiry.
        refresh_at: Unix seconds from which the first of the tokens is no longer handed out.
        user_hash: tells one user from another in a browser without naming anybody.
        page_json: the tokens as JSON for a page, once serialized.
    """

    user: User
    tokens: tuple[Token, ...]  # a tuple takes a fifth of the memory of a dict, and there is one per user
    failed: tuple[str, ...]
    key_version: int
    usable_from: float = 0.0
    recheck_at: float = 0.0
    refresh_at: float = field(init=False)
    user_hash: str = field(init=False)
    page_json: bytes | None = None
    refused: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        self.refresh_at = min((t.refresh_at for t in self.tokens if t.refresh_at is not None), default=inf)
        # The browser salts the hash before it stores it. A salt here would have to be the same in every process
        # and outlive every key, and would protect nothing: the token beside it holds the id in the clear.
        self.user_hash = urlsafe_b64encode(sha256(b"widgetmw user " + self.user.id.encode()).digest()[:12]).decode()

    @property
    def by_provider(self) -> dict[str, Token]:
        """The tokens by vendor name, in order."""
        return {token.provider: token for token in self.tokens}
