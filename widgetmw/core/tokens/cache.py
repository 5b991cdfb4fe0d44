"""Tokens: minted through the vendors, kept per user until near their expiry, one mint at a time per user."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf
from threading import Lock
from typing import Any

from cachetools import Cache

from widgetmw.core.env.secret_file import SecretFile
from widgetmw.core.errors import cause
from widgetmw.core.events import Events
from widgetmw.core.identity.user import User
from widgetmw.core.provider import Provider
from widgetmw.core.settings import Settings, Vendor

# Looking after a key file every 4 s, and at a user's tokens again 4 s later, keeps a change within the 10 s promised.
_KEY_PERIOD = 4.0
_RETRY_PERIOD = 5.0
_SETBACK = 1.0  # seconds that a clock may be stepped back without making tokens anew
_LOCKS = 64
_NOTHING: Mapping[str, Any] = {}  # one for all tokens without extras


@dataclass(frozen=True, slots=True)
class Token:
    """One vendor's proof for one user.

    Attributes:
        provider: the vendor's name.
        value: the token itself.
        expires_at: Unix seconds, or ``None`` where it has no expiry.
        refresh_at: Unix seconds from which it is no longer handed out, or ``None``.
        extra: what else was signed for this vendor.
    """

    provider: str
    value: str = field(repr=False)
    expires_at: int | None
    refresh_at: int | None
    extra: Mapping[str, Any] = field(repr=False)

    def facts(self) -> dict[str, Any]:
        """Returns what pages and the endpoint have in common, as JSON values."""
        times = {"expires_at": self.expires_at, "refresh_at": self.refresh_at}
        return {"provider": self.provider, "token": self.value, **times, **self.extra}


class Grant:
    """All that was minted for one user, good from ``start`` until ``end``.

    Attributes:
        user: whom the tokens name.
        minted: the tokens, in the order of their vendors.
        failed: names of the vendors whose signer failed.
        start: Unix seconds of the earliest use; an earlier time means that the clock was set back.
        end: Unix seconds from which the tokens have to be looked at again.
        mark: tells one user from another in a browser, and names nobody.
        page: the tokens as pages carry them, once they were written out.
    """

    __slots__ = ("end", "failed", "keys", "mark", "minted", "page", "refresh_at", "start", "user")

    def __init__(self, user: User, minted: tuple[Token, ...], failed: tuple[str, ...], keys: int) -> None:
        self.user = user
        self.minted = minted  # a fifth of the size of a dict, of which there would be one for each user
        self.failed = failed
        self.keys = keys
        self.refresh_at = min((t.refresh_at for t in minted if t.refresh_at is not None), default=inf)
        self.start = 0.0
        self.end = 0.0
        self.mark = _mark(user.id)
        self.page: bytes | None = None

    @property
    def tokens(self) -> dict[str, Token]:
        """By vendor, in order."""
        return {token.provider: token for token in self.minted}


def _mark(id: str) -> str:
    # The browser salts it before it keeps it. Here a salt would have to be the same in every process and outlive
    # every key, and would protect nothing: next to the mark stands a token that holds the id in the clear.
    return urlsafe_b64encode(sha256(b"widgetmw user " + id.encode()).digest()[:12]).decode()


class Keyring:
    """The vendors, with their keys as the files have them now.

    Attributes:
        vendors: in order.
        version: grows with each change.
    """

    def __init__(self, vendors: tuple[Vendor, ...], events: Events) -> None:
        self.vendors = vendors
        self.version = 0
        self.watched = any(vendor.files for vendor in vendors)
        self._events = events
        # by vendor: the contents that were looked at last, used or found malformed
        self._seen = [{file.variable: file.content for file in vendor.files} for vendor in vendors]
        self._next = -inf
        self._lock = Lock()

    def look(self, now: float) -> None:
        """Reads the files again where it is time to, and takes over the keys that have changed."""
        if not self.watched or self._next - _KEY_PERIOD <= now < self._next:
            return
        with self._lock:
            self._next = now + _KEY_PERIOD
            vendors = tuple(self._current(place, vendor) for place, vendor in enumerate(self.vendors))
            if vendors != self.vendors:
                self.vendors = vendors
                self.version += 1

    def _current(self, place: int, vendor: Vendor) -> Vendor:
        try:
            contents = {file.variable: self._read(file) for file in vendor.files}
        except ValueError as error:
            # between two versions a file may be missing; the keys in hand are still good
            self._events.once("token", "key_file_unreadable", str(error))
            return vendor
        if contents == self._seen[place]:
            return vendor
        self._seen[place] = contents
        try:
            return vendor.with_contents(contents)  # all of them: a pair of key and secret changes together
        except ValueError as error:
            names = ", ".join(f"{name}_FILE" for name in contents)
            self._events.failure("token", "key_file_malformed", f"{names}: a change is not usable: {error}")
            return vendor

    def _read(self, file: SecretFile) -> str:
        try:
            return file.read(again=True)
        except ValueError as error:
            raise ValueError(f"{file.variable}_FILE {error}") from None


class Tokens:
    """Gives each user's tokens, minting only what is not at hand.

    Args:
        settings: vendors, margin and size.
        clock: Unix seconds.
        events: told of every mint and failure.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float], events: Events) -> None:
        self._settings = settings
        self._clock = clock
        self._events = events
        self._keyring = Keyring(settings.vendors, events)
        # The bounded cache decides who stays. Warm reads go to a plain dict with the same entries: no lock, and a
        # tenth of the time. First in, first out is enough, and what the plain Cache does: who comes back after being
        # pushed out is minted anew. One that keeps an order of its own would have a third table to rebuild at times,
        # and that is what the slowest insert takes its time for.
        self._kept: Cache[str, Grant] = Cache(settings.cache_size)
        self._warm: dict[str, Grant] = {}
        self._storing = Lock()
        self._minting = [Lock() for _ in range(_LOCKS)]

    def __len__(self) -> int:
        return len(self._kept)

    def warm(self, user: User, now: float) -> Grant | None:
        """Returns the user's tokens where they are at hand, without a lock."""
        grant = self._warm.get(user.id)
        if grant is not None and grant.start <= now < grant.end:
            known = grant.user
            if known is user or known == user:
                return grant
        return None

    def get(self, user: User) -> Grant:
        """Returns the user's tokens, fresh for at least the refresh margin.

        A vendor whose signer fails is named in ``failed``; this never raises for it.
        """
        grant = self.warm(user, self._clock())
        if grant is not None:
            return grant
        with self._minting[hash(user.id) % _LOCKS]:
            return self._renewed(user)

    def _renewed(self, user: User) -> Grant:
        now = self._clock()
        self._keyring.look(now)
        grant = self._warm.get(user.id)
        if grant is not None and grant.user == user and self._good(grant, now):
            if now >= grant.end:
                grant.end = self._end(grant, now)
            return grant
        grant = self._mint(user, now)
        self._keep(user.id, grant)
        return grant

    def _good(self, grant: Grant, now: float) -> bool:
        if grant.keys != self._keyring.version or not grant.start <= now < grant.refresh_at:
            return False
        return not grant.failed or now < grant.end

    def _end(self, grant: Grant, now: float) -> float:
        soon = _RETRY_PERIOD if grant.failed else _KEY_PERIOD if self._keyring.watched else inf
        return min(grant.refresh_at, now + soon)

    def _mint(self, user: User, now: float) -> Grant:
        # read before the vendors: a change in between makes this grant old, never a new key's grant an old one's
        version = self._keyring.version
        minted: list[Token] = []
        failed: list[str] = []
        for vendor in self._keyring.vendors:
            provider = vendor.provider
            try:
                minted.append(self._token(provider, user, int(now)))
                self._events.note("token", "minted")
            except Exception as error:
                failed.append(provider.name)
                self._events.failure("token", "mint_failed", f"{provider.name}: {cause(error)}")
        grant = Grant(user, tuple(minted), tuple(failed), version)
        grant.start = now - _SETBACK
        grant.end = self._end(grant, now)
        return grant

    def _token(self, provider: Provider, user: User, now: int) -> Token:
        for name in provider.claims & user.attributes.keys():
            self._events.once(
                "token",
                "attribute_collision",
                f"{provider.name} has its own {name}; the attribute is left out",
            )
        lifetime = provider.lifetime
        expires_at = None if lifetime is None else now + lifetime
        refresh_at = None if lifetime is None else now + lifetime - self.margin(lifetime)
        minted = provider.mint(user, now, expires_at)
        return Token(provider.name, minted.value, expires_at, refresh_at, minted.extra or _NOTHING)

    def margin(self, lifetime: int) -> int:
        """Returns for how many seconds before its expiry a token of this lifetime is not handed out."""
        chosen = self._settings.refresh_margin
        # a fifth, rounded up, and never so much that nothing is left of it
        return min(-(-lifetime // 5), lifetime - 1) if chosen is None else chosen

    def _keep(self, key: str, grant: Grant) -> None:
        with self._storing:
            self._kept.pop(key, None)
            # One goes for one that comes: none pays for thousands that expire together, and the number of objects,
            # which is what the garbage collector goes by, does not grow and shrink with them.
            oldest = next(iter(self._kept), None)
            if oldest is not None and (
                len(self._kept) >= self._settings.cache_size or self._kept[oldest].refresh_at <= grant.start
            ):
                del self._kept[oldest], self._warm[oldest]
            self._kept[key] = grant
            self._warm[key] = grant
