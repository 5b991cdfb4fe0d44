"""The token cache: signs each user's tokens through the vendors and keeps them until they go stale."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from math import inf
from threading import Lock
from time import perf_counter
from typing import Any

from cachetools import Cache

from widgetmw.core.env.secret_file import WATCH_PERIOD
from widgetmw.core.errors import describe_error
from widgetmw.core.events import Events
from widgetmw.core.identity.email import REFUSALS
from widgetmw.core.identity.user import User
from widgetmw.core.metrics import TOKEN_CACHE, TOKEN_FAILURES, TOKEN_MINT_SECONDS, TOKENS_MINTED
from widgetmw.core.provider import Provider
from widgetmw.core.settings import Settings
from widgetmw.core.tokens.keyring import Keyring
from widgetmw.core.tokens.token import Token, TokenSet

RETRY_PERIOD = 5.0  # seconds after which a vendor that failed is tried again
CLOCK_SKEW = 1.0  # seconds that a clock may be set back without new tokens being minted
_LOCKS = 64
_REFUSAL_CODE = re.compile(r"[a-z][a-z0-9_]*")
_NO_EXTRA: Mapping[str, Any] = {}  # shared by all tokens without extras


class TokenCache:
    """Returns each user's tokens, and mints only those that it does not hold.

    At most one thread mints for a user at a time. The events count every mint and failure.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float], events: Events) -> None:
        self._settings = settings
        self._clock = clock
        self._events = events
        self._keyring = Keyring(settings.vendors, events)
        events.fixed_counter(TOKEN_CACHE.kind, ("hit", "miss"))
        for metric in (TOKENS_MINTED, TOKEN_FAILURES):
            events.fixed_counter(metric.kind, settings.providers)
        # Two tables with the same entries. The Cache keeps their order and never exceeds its size; it needs the lock.
        # Reads go to the dict: no lock, and a tenth of the time. The dict must lose the same entries, so _store evicts
        # from both, before the Cache would do so by itself. First in, first out is enough: a user who comes back after
        # being evicted gets new tokens. A Cache with an order of its own, such as LRUCache, would have a third table,
        # and rebuilding that table is what makes the slowest insert slow.
        self._bounded: Cache[str, TokenSet] = Cache(settings.cache_size)
        self._cached: dict[str, TokenSet] = {}
        self._storing = Lock()
        self._minting = [Lock() for _ in range(_LOCKS)]

    def __len__(self) -> int:
        return len(self._bounded)

    def get_cached(self, user: User, now: float) -> TokenSet | None:
        """Returns the user's tokens if they are cached and fresh, without taking a lock."""
        token_set = self._cached.get(user.id)
        if token_set is not None and token_set.usable_from <= now < token_set.recheck_at:
            known = token_set.user
            if known is user or known == user:  # the first is for speed: == calls User.__eq__
                if TOKEN_CACHE.is_watched:
                    TOKEN_CACHE.record(self._events, "hit")
                return token_set
        return None

    def get(self, user: User) -> TokenSet:
        """Returns the user's tokens, and mints them if none are cached or their refresh is due.

        This does not raise if a token cannot be minted: ``TokenSet.failed`` names the vendor.
        """
        token_set = self.get_cached(user, self._clock())
        if token_set is not None:
            return token_set
        with self._minting[hash(user.id) % _LOCKS]:
            return self._revalidate_or_mint(user)

    def refresh_margin(self, lifetime: int) -> int:
        """Returns how many seconds before its expiry a token of this lifetime is no longer handed out."""
        chosen = self._settings.refresh_margin
        # a fifth, rounded up, and always less than the lifetime
        return min(-(-lifetime // 5), lifetime - 1) if chosen is None else chosen

    def _revalidate_or_mint(self, user: User) -> TokenSet:
        """Keeps the cached tokens if nothing has changed since the last check; otherwise mints and stores new ones."""
        now = self._clock()
        self._keyring.reload_if_due(now)
        token_set = self._cached.get(user.id)
        if token_set is not None and token_set.user == user and self._is_valid(token_set, now):
            if now >= token_set.recheck_at:
                token_set.recheck_at = self._recheck_time(token_set, now)
            result = "hit"
        else:
            token_set, result = self._mint(user, now), "miss"
            self._store(token_set)
        if TOKEN_CACHE.is_watched:
            TOKEN_CACHE.record(self._events, result)
        return token_set

    def _is_valid(self, token_set: TokenSet, now: float) -> bool:
        if token_set.key_version != self._keyring.version or not token_set.usable_from <= now < token_set.refresh_at:
            return False
        return not token_set.failed or now < token_set.recheck_at

    def _recheck_time(self, token_set: TokenSet, now: float) -> float:
        period = WATCH_PERIOD if self._keyring.watched else inf
        if token_set.failed:
            period = RETRY_PERIOD
        return min(token_set.refresh_at, now + period)

    def _mint(self, user: User, now: float) -> TokenSet:
        # Read the version before the vendors: if keys change in between, tokens of the new keys count as old, but
        # tokens of the old keys never count as new.
        version = self._keyring.version
        tokens: list[Token] = []
        failed: list[str] = []
        refused: list[tuple[str, str]] = []
        for vendor in self._keyring.vendors:
            provider, started = vendor.provider, perf_counter()
            try:
                if code := self._refusal(provider, user):
                    refused.append((provider.name, code))
                    continue
                tokens.append(self._token(provider, user, int(now)))
                self._count_minted(provider.name, perf_counter() - started)
            except (Exception, SystemExit) as error:  # third-party code may raise anything
                failed.append(provider.name)
                TOKEN_FAILURES.record(self._events, provider.name)
                self._events.warn("token", "mint_failed", f"{provider.name}: {describe_error(error)}", error)
            except BaseException as error:  # such as a worker's timeout: the frames further in hold keys
                raise error.with_traceback(None) from None
        token_set = TokenSet(
            user, tuple(tokens), tuple(failed), version, usable_from=now - CLOCK_SKEW, refused=tuple(refused)
        )
        token_set.recheck_at = self._recheck_time(token_set, now)
        return token_set

    def _refusal(self, provider: Provider, user: User) -> str:
        """Returns the code of why a vendor cannot serve a user, and logs each code once; empty if it can."""
        code = provider.cannot_serve(user)
        if not isinstance(code, str) or (code and not _REFUSAL_CODE.fullmatch(code)):
            raise TypeError("cannot_serve() must return a code in lower case and _, or an empty text")
        if code:
            remedy = REFUSALS.get(code, "docs/vendors says what it needs")
            message = f"{provider.name} cannot identify a user ({code}), who stays anonymous there: {remedy}"
            self._events.warn_once("token", "not_served", message)
        return code

    def _count_minted(self, provider: str, seconds: float) -> None:
        TOKENS_MINTED.record(self._events, provider)
        self._events.mint_seconds[provider].observe(seconds)
        TOKEN_MINT_SECONDS.notify(provider, seconds)

    def _token(self, provider: Provider, user: User, now: int) -> Token:
        for name in provider.reserved_names & user.attributes.keys():
            message = f"{provider.name} sets {name} itself; the user's attribute of that name is ignored"
            self._events.warn_once("token", "attribute_collision", message)
        expires_at = refresh_at = None
        if provider.lifetime is not None:
            expires_at = now + provider.lifetime
            refresh_at = expires_at - self.refresh_margin(provider.lifetime)
        minted = provider.mint(user, now, expires_at)
        if not isinstance(minted.value, str):
            raise TypeError("a token must be a str")
        json.dumps(dict(minted.extra), allow_nan=False)  # raises here what would break the pages of all vendors
        return Token(provider.name, minted.value, expires_at, refresh_at, minted.extra or _NO_EXTRA)

    def _store(self, token_set: TokenSet) -> None:
        key = token_set.user.id
        with self._storing:
            self._bounded.pop(key, None)  # so that the user's new entry is the youngest
            # Evict the oldest entry if the cache is full or that entry is stale. Never more than one for each new
            # entry: no insert pays for thousands that expire together, and the number of objects, which triggers the
            # garbage collector, does not grow and shrink with them.
            oldest = next(iter(self._bounded), None)
            is_full = len(self._bounded) >= self._settings.cache_size
            if oldest is not None and (is_full or self._bounded[oldest].refresh_at <= token_set.usable_from):
                del self._bounded[oldest], self._cached[oldest]
            self._bounded[key] = token_set
            self._cached[key] = token_set
