"""Who is signed in, as an authenticating proxy in front says it: a resolver for every driver."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from threading import Lock
from typing import Any, Final, TypeVar

from widgetmw.core.env.secret_file import SecretFileWatcher
from widgetmw.core.events import Events
from widgetmw.core.identity.user import User
from widgetmw.core.proxy.base import REASONS, Found, Lines, Refused
from widgetmw.core.proxy.peer import FORWARDED, Connection, Unknowable, carrier, connection, folds, lines, peer
from widgetmw.core.proxy.settings import InFront

_MOST_VERIFIED: Final = 1024

Request = MutableMapping[str, Any]
Answer = TypeVar("Answer")


class Front:
    """Finds out who is signed in from an ASGI scope or a WSGI environ.

    Args:
        placed: the proxy, and from where it is believed.
        clock: Unix seconds.
        events: told of all that is not believed, as ``proxy:<reason>``.
    """

    def __init__(self, placed: InFront, clock: Callable[[], float], events: Events) -> None:
        self._clock = clock
        self._events = events
        self._addresses = placed.addresses
        self._names = (*placed.proxy.headers, *FORWARDED)
        self._watcher = SecretFileWatcher(placed.files, events, "proxy")
        self._lock = Lock()
        # the proxy, and what it has verified with its keys: replaced together, so that no other key's word is kept
        self._state: tuple[InFront, dict[str, Found]] = (placed, {})
        self._noted_as = f"widgetmw.peer-{id(self):x}"  # each of several in one request notes its own

    def __call__(self, request: Request) -> User | None:
        """Returns who is signed in.

        Raises:
            Refused: it cannot be believed what a listed proxy says.
        """
        try:
            return self._person(carrier(request))
        except Refused as refused:
            self._events.count("proxy", refused.code)
            raise

    def announced(self, request: Request) -> bool:
        """Whether a request may belong to somebody, before it is judged."""
        name = self._state[0].proxy.headers[0]
        return bool(lines(carrier(request), (name,)))

    def entered(self, app: Callable[..., Answer]) -> Callable[..., Answer]:
        """Puts the noting of the peer's address before an app, whose own layers may replace it in the request."""

        def enter(request: Request, *rest: Any) -> Answer:
            if request.get("type", "http") == "http":
                self.note(request)
            return app(request, *rest)

        return enter

    def note(self, request: Request) -> None:
        """Notes who is connected, as the request says it now."""
        request = carrier(request)
        request[self._noted_as] = connection(request)

    def _person(self, request: Request) -> User | None:
        placed, verified = self._current()
        found = lines(request, self._names)
        deciding = found.get(placed.proxy.headers[0], ())
        if not any(line.strip(" \t") for line in deciding):
            self._events.count("proxy", "blank" if deciding else "absent")
            return None
        if not self._from_proxy(request, found):
            self._events.warn_once("proxy", "address_not_listed", REASONS["address_not_listed"][0])
            return None
        if not placed.proxy.signed and folds(request):
            raise Refused("server_ambiguous")
        user, doubtful, _ = self._read(placed, verified, found)
        if user is None:
            self._events.count("proxy", "blank")
        if doubtful:
            self._events.warn_once("proxy", "value_left_out", REASONS["value_left_out"][0])
        return user

    def _from_proxy(self, request: Request, said: Lines) -> bool:
        if self._addresses.any:
            return True
        connected: Connection = request.get(self._noted_as) or connection(request)
        try:
            return peer(request, connected, said) in self._addresses
        except Unknowable:
            raise Refused("address_rewritten") from None

    def _read(self, placed: InFront, verified: dict[str, Found], lines: Lines) -> Found:
        proxy, now = placed.proxy, self._clock()
        if not proxy.signed:
            return proxy.read(lines, now)
        text, *more = lines[proxy.headers[0]]
        if more:
            raise Refused("header_repeated")
        found = verified.get(text)
        if found is None or now >= found.until:
            found = proxy.read(lines, now)
            self._remember(verified, text, found)
        return found

    def _remember(self, verified: dict[str, Found], text: str, found: Found) -> None:
        with self._lock:
            while len(verified) >= _MOST_VERIFIED:
                del verified[next(iter(verified))]
            verified[text] = found

    def _current(self) -> tuple[InFront, dict[str, Found]]:
        """The proxy with the keys that the file has now."""
        if self._watcher.is_due(now := self._clock()):
            with self._lock:
                changed = self._watcher.reload(now, self._state[0].with_contents)
                if changed is not None:
                    self._state = (changed, {})
        return self._state
