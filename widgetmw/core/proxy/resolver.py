"""Resolves the user from an authenticating proxy, for every driver."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Final, TypeVar

from widgetmw.core.env.secret_file import SecretFileWatcher
from widgetmw.core.events import Events
from widgetmw.core.identity.request_identity import ScopeOrEnviron
from widgetmw.core.identity.user import User
from widgetmw.core.proxy.base import HeaderValues, ProxyIdentity, ProxyIdentityError
from widgetmw.core.proxy.peer import (
    FORWARDING_HEADERS,
    Connection,
    connection,
    header_values,
    normalizes_underscores,
    peer_address,
    scope_behind_bridge,
)
from widgetmw.core.proxy.reasons import ProxyReason
from widgetmw.core.proxy.settings import ConfiguredProxy

_MAX_VERIFIED: Final = 1024

Result = TypeVar("Result")


class ProxyResolver:
    """Resolves the user of an ASGI scope or a WSGI environ. Counts each identity that is not used: ``proxy:<code>``."""

    def __init__(self, configured: ConfiguredProxy, clock: Callable[[], float], events: Events) -> None:
        self._clock = clock
        self._events = events
        self._addresses = configured.addresses
        self._header_names = (*configured.proxy.header_names, *FORWARDING_HEADERS)
        self._watcher = SecretFileWatcher(configured.files, events, "proxy")
        self._lock = Lock()
        # The proxy, and the identities that its keys verified. They are replaced together, so that results verified
        # with an old key are dropped.
        self._state: tuple[ConfiguredProxy, dict[str, ProxyIdentity]] = (configured, {})
        self._peer_key = f"widgetmw.peer-{id(self):x}"  # several resolvers may see one request, each at another layer

    def __call__(self, request: ScopeOrEnviron) -> User | None:
        """Returns the signed-in user.

        Raises:
            ProxyIdentityError: what a trusted proxy sent cannot be trusted.
        """
        try:
            return self._resolve(scope_behind_bridge(request))
        except ProxyIdentityError as error:
            self._events.count("proxy", error.reason.code)
            raise

    def has_identity_header(self, request: ScopeOrEnviron) -> bool:
        """Whether a request may belong to a user, before its headers are verified."""
        name = self._state[0].proxy.header_names[0]
        return bool(header_values(scope_behind_bridge(request), (name,)))

    def record_peer_middleware(self, app: Callable[..., Result]) -> Callable[..., Result]:
        """Wraps an app so that the peer is recorded before the app's own middleware may replace its address."""

        def middleware(request: ScopeOrEnviron, *rest: Any) -> Result:
            if request.get("type", "http") == "http":
                self.record_peer(request)
            return app(request, *rest)

        middleware.app = app  # type: ignore[attr-defined]  # instrumentations follow it to see what is inside
        return middleware

    def record_peer(self, request: ScopeOrEnviron) -> None:
        """Stores the peer in the request, as the request names it now."""
        request = scope_behind_bridge(request)
        request[self._peer_key] = connection(request)

    def _resolve(self, request: ScopeOrEnviron) -> User | None:
        configured, verified = self._current_state()
        headers = header_values(request, self._header_names)
        identity_header = headers.get(configured.proxy.header_names[0], ())
        if not any(value.strip(" \t") for value in identity_header):
            self._events.count("proxy", (ProxyReason.BLANK if identity_header else ProxyReason.ABSENT).code)
            return None
        if not self._addresses.trust_all:
            connected: Connection = request.get(self._peer_key) or connection(request)
            if peer_address(request, connected, headers) not in self._addresses:
                self._warn_once(ProxyReason.ADDRESS_NOT_LISTED)
                return None
        if not configured.proxy.is_signed and normalizes_underscores(request):
            raise ProxyIdentityError(ProxyReason.SERVER_AMBIGUOUS)
        identity = self._read_identity(configured, verified, headers)
        if identity.user is None:
            self._events.count("proxy", ProxyReason.BLANK.code)
        if identity.has_dropped_fields:
            self._warn_once(ProxyReason.VALUE_LEFT_OUT)
        return identity.user

    def _warn_once(self, reason: ProxyReason) -> None:
        self._events.warn_once("proxy", reason.code, reason.text)

    def _read_identity(
        self, configured: ConfiguredProxy, verified: dict[str, ProxyIdentity], headers: HeaderValues
    ) -> ProxyIdentity:
        """Reads the identity; remembers those that took a signature to verify."""
        proxy, now = configured.proxy, self._clock()
        if not proxy.is_signed:
            return proxy.read_identity(headers, now)
        assertion, *others = headers[proxy.header_names[0]]
        if others:
            raise ProxyIdentityError(ProxyReason.HEADER_REPEATED)
        identity = verified.get(assertion)
        if identity is None or now >= identity.expires_at:
            identity = proxy.read_identity(headers, now)
            with self._lock:
                while len(verified) >= _MAX_VERIFIED:
                    del verified[next(iter(verified))]
                verified[assertion] = identity
        return identity

    def _current_state(self) -> tuple[ConfiguredProxy, dict[str, ProxyIdentity]]:
        """Returns the proxy with the keys that its file holds now, and what they verified."""
        if self._watcher.is_due(now := self._clock()):
            with self._lock:
                changed = self._watcher.reload(now, self._state[0].with_contents)
                if changed is not None:
                    self._state = (changed, {})
        return self._state
