"""What is measured, and the functions that are told of it as it happens.

The counts themselves are in the :class:`~widgetmw.core.events.Events` of each app; ``core/totals.py`` adds them up for
the exporters. ``docs/metrics.md`` has the table of metrics, which is generated from here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Final, TypeAlias

from widgetmw.core.errors import describe_error
from widgetmw.core.events import Events


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is counted or measured has happened once.

    Attributes:
        name: of the metric in OpenTelemetry, such as ``widgetmw.pages``.
        attributes: the metric's label and its value, such as ``{"outcome": "injected"}``. Never names a user.
        value: seconds for ``widgetmw.token_mint_seconds``, else 1.
    """

    name: str
    attributes: Mapping[str, str]
    value: float = 1


Listener: TypeAlias = Callable[[Event], object]


@dataclass(eq=False, repr=False, slots=True)
class Metric:
    """Something that is counted by one label, or measured.

    Attributes:
        name: without the prefix ``widgetmw``, such as ``pages``.
        label: what the counts are told apart by; empty for a number without a label.
        help: one sentence for the documentation.
        kind: of the counts in ``Events``; by default, the name.
        is_watched: whether :meth:`record` must be called. Where every request is counted, this is read first: it costs
            next to nothing, a call would not.
    """

    name: str
    label: str
    help: str
    kind: str = ""
    is_watched: bool = field(default=False, init=False)
    listeners: tuple[Listener, ...] = field(default=(), init=False)  # a tuple: a listener may end itself or add another

    def __post_init__(self) -> None:
        self.kind = self.kind or self.name

    @property
    def prometheus_name(self) -> str:
        """The name that Prometheus knows, without the suffix ``_total`` of a counter."""
        return f"widgetmw_{self.name}"

    @property
    def opentelemetry_name(self) -> str:
        """The name that OpenTelemetry and the listeners know."""
        return f"widgetmw.{self.name}"

    def record(self, events: Events, value: str) -> None:
        """Counts one event with this value of the label, and tells the listeners."""
        events.count(self.kind, value)
        self.notify(value)

    def notify(self, value: str, amount: float = 1) -> None:
        """Tells the listeners of an event that is counted already. Nothing that they raise reaches the caller."""
        for listener in self.listeners:
            try:
                listener(Event(self.opentelemetry_name, {self.label: value}, amount))  # to each its own
            except (Exception, SystemExit) as error:  # third-party code may raise anything
                _log.warn("observe", "listener_failed", describe_error(error), error)

    def set_listeners(self, listeners: Iterable[Listener]) -> None:
        """Replaces the functions that are told of each event."""
        self.listeners = tuple(listeners)
        self.is_watched = bool(self.listeners) or self in _always_watched


_log = Events()  # limits the lines about listeners to one a minute for each cause
_changing = Lock()
_always_watched: set[Metric] = set()

PAGES: Final = Metric(
    "pages", "outcome", "Responses of the app by outcome: `injected`, or the reason code of the skip", kind="page"
)
TOKEN_REQUESTS: Final = Metric("token_requests", "status", "Requests to the token endpoint by status of the response")
TOKENS_MINTED: Final = Metric("tokens_minted", "provider", "Tokens that were signed, by vendor")
TOKEN_FAILURES: Final = Metric("token_failures", "provider", "Tokens that could not be signed, by vendor")
TOKEN_CACHE: Final = Metric(
    "token_cache", "result", "Look-ups of a user's tokens in the cache: `hit`, or `miss` if they had to be signed"
)
TOKEN_MINT_SECONDS: Final = Metric("token_mint_seconds", "provider", "Seconds that it took to sign a token, by vendor")
CACHED_USERS: Final = Metric("cached_users", "", "Users whose tokens are in the cache")

COUNTERS: Final = (PAGES, TOKEN_REQUESTS, TOKENS_MINTED, TOKEN_FAILURES, TOKEN_CACHE)
OBSERVABLE: Final = (*COUNTERS, TOKEN_MINT_SECONDS)


def observe(listener: Listener) -> Callable[[], None]:
    """Calls a function at each event: a page sent or skipped, a token signed, a request to the token endpoint.

    The events are those of all apps in this process, from now on; ``docs/metrics.md`` lists their names and attributes.
    The function runs in the middle of a request, in the thread or event loop of that request, so it must return soon.
    What it raises is logged and goes no further. A function that is passed twice is called twice.

    Args:
        listener: called with an :class:`Event`; what it returns is ignored.

    Returns:
        A function that ends the calls. Calling it again does nothing.

    Raises:
        TypeError: the listener is not callable, or is async, which nothing would await.
    """
    if not callable(listener):
        raise TypeError("listener must be a function of an event")
    if inspect.iscoroutinefunction(listener) or inspect.iscoroutinefunction(type(listener).__call__):
        raise TypeError("listener must not be async: events also happen where nothing can await it")
    return subscribe(listener, OBSERVABLE)


def subscribe(listener: Listener, metrics: Collection[Metric]) -> Callable[[], None]:
    """Calls a function at each event of some metrics; returns a function that ends it."""
    subscription = partial(listener)  # an object of its own, since the same function may be passed twice

    def stop() -> None:
        with _changing:
            for metric in metrics:
                metric.set_listeners(each for each in metric.listeners if each is not subscription)

    with _changing:
        for metric in metrics:
            metric.set_listeners((*metric.listeners, subscription))
    return stop


def count_cache_hits() -> None:
    """Counts cache hits from now on, for an exporter. Without one and without a listener, nobody would read them."""
    with _changing:
        _always_watched.add(TOKEN_CACHE)
        TOKEN_CACHE.is_watched = True
