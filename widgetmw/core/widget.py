"""Everything of one app, wired up: what the two drivers ask at each step of a request."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import AnyStr, Final, NamedTuple

from widgetmw.browser import assets
from widgetmw.core import response
from widgetmw.core.endpoint import Answer, Call, Endpoint
from widgetmw.core.events import Events, Listener
from widgetmw.core.policy import Judge, Verdict, amended, hash_source
from widgetmw.core.response import Page
from widgetmw.core.settings import Settings
from widgetmw.core.snippet import Kind, Snippet, url_prefix
from widgetmw.core.tokens import Grant, Tokens
from widgetmw.core.user import User

MARK: Final = "widgetmw=1"  # the cookie that our own script sets in a browser which holds an identity
PAGE_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
# on a page request of somebody who may be signed in, these could bring back a page of another identity
VALIDATORS: Final = frozenset({"if-none-match", "if-modified-since", "if-range", "range"})
_CLEANED: Final = "private, no-store"
_PREFETCHED: Final = "private, no-cache"

REASONS: Final = {
    "nobody": ("nobody is signed in", "nothing to do, unless somebody is: then see how the user is found"),
    "resolver_failed": ("who is signed in could not be found out", "the log line names the cause"),
    "mint_failed": ("no vendor's token could be made", "the log line names the cause"),
    "excluded": ("the path is in WIDGETMW_EXCLUDE", "nothing to do"),
    "cross_site_frame": ("the page is shown in a frame of another site", "nothing to do: open it by itself"),
    "failed": ("a fault of this package", "report it with the log line"),
    "corrupt": ("the body is not what its Content-Encoding says", "mend what compresses the page"),
}


class Facts(NamedTuple):
    """What the request says that bears on its page.

    Attributes:
        mount: path the app is mounted under.
        marked: whether the browser has our cookie, so that it may remember somebody.
        framed: whether another site shows the page in a frame.
        ahead: whether it is loaded ahead of a click, so that a token could be old when it is seen.
        origin: ``scheme://host[:port]`` as the server sees it, or ``None``.
    """

    mount: str
    marked: bool = False
    framed: bool = False
    ahead: bool = False
    origin: str | None = None


def has_mark(cookies: str) -> bool:
    """Whether a Cookie header holds our mark."""
    return MARK in cookies and any(item.strip() == MARK for item in cookies.split(";"))


class Widget:
    """What both drivers ask.

    Args:
        settings: of the app.
        clock: Unix seconds.
        listener: told of each outcome.

    Attributes:
        events: counts outcomes.
        endpoint: answers calls below ``path``.
        path: prefix of the endpoints.
    """

    def __init__(
        self, settings: Settings, clock: Callable[[], float] = time.time, listener: Listener | None = None
    ) -> None:
        self.settings = settings
        self.events = Events(listener)
        self.path = settings.path
        self.asks_user = settings.delivery == "inline"
        names = settings.providers
        functions = {v.provider.name: v.provider.functions() for v in settings.vendors}
        runtime = assets.runtime(names, assets.snippets(functions))
        self.tokens = Tokens(settings, clock, self.events)
        self.snippet = Snippet(settings, assets.boot(names), runtime)
        self.endpoint = Endpoint(settings, self.tokens, runtime, self.snippet.version, clock)
        self._clock = clock
        self._loaders = {
            v.provider.name: v.provider.loaders() for v in settings.vendors if v.provider.name in settings.embed
        }
        urls = [url for loaders in self._loaders.values() for url in loaders]
        self._judge = Judge(amend=settings.csp == "amend", loaders=urls)
        self._free = self._judge.verdict(())

    def ours(self, path: str) -> bool:
        """Whether a path, without its mount, is one of our endpoints'."""
        return path.startswith(self.path) and (len(path) == len(self.path) or path[len(self.path)] == "/")

    def excluded(self, path: str) -> bool:
        """Whether the settings say to leave a path alone."""
        return any(path == prefix or path.startswith(prefix + "/") for prefix in self.settings.exclude)

    def stopped(self, call: Call, status: int, location: str = "") -> Answer:
        """Returns the endpoint's answer where a layer of the app answered before the user could be found out.

        Args:
            call: to the endpoint.
            status: of that layer's answer; to be shown or sent to a login page, or to be refused, means nobody.
            location: where it redirects to.
        """
        elsewhere = not location.partition("?")[0].endswith(call.path)  # else this very URL, on https for instance
        if status in (401, 403) or (200 <= status < 400 and elsewhere):
            return self.endpoint.nobody(call)
        self.events.say("endpoint", "stopped", f"a layer of the app answered {status} before the user was known")
        return self.endpoint.unavailable(call)

    def skip(self, reason: str) -> None:
        """Notes that an answer was left alone."""
        self.events.note("page", reason)

    def injected(self) -> None:
        """Notes that an answer got its span."""
        self.events.note("page", "injected")

    def forbids(self, facts: Facts, page: Page) -> str | None:
        """Returns why nobody at all could get a token in this page, so that the user need not be asked for."""
        if not self.asks_user:
            return None  # the page is the same for everybody; in a frame of another site the browser side does not ask
        # an anonymous page with a loader may be kept by caches: it must not depend on who frames it
        if facts.marked or self.settings.embed:
            return None
        return self._forbidden(facts, page)

    def _forbidden(self, facts: Facts, page: Page) -> str | None:
        if facts.framed:
            return "cross_site_frame"
        if page.bits & response.FORGET:
            return "signing_out"
        if page.shared:
            return "shared"
        return "cross_origin" if page.readable else None

    def dress(
        self, facts: Facts, page: Page, headers: Sequence[tuple[AnyStr, AnyStr]], user: User | None
    ) -> tuple[list[tuple[AnyStr, AnyStr]], bytes] | str:
        """Returns the headers and the span for a page, or the reason why it is left alone.

        Args:
            facts: of the request.
            page: what the headers say.
            headers: the app's.
            user: who is signed in; not looked at with fetch delivery.
        """
        kind, reason = self._kind(facts, page, user)
        if kind is None:
            return reason
        verdict = self._verdict(facts, page)
        if verdict.form is None:
            return verdict.reason or "csp_blocks_script"
        embed = self._embedded(verdict)
        if kind == "ask" and not verdict.connect and not embed:
            return "csp_blocks_connect"
        grant = self._grant(kind, user)
        if grant is not None and not grant.tokens:
            return "mint_failed"
        span = self.snippet.span(
            kind, verdict.form, facts.mount, verdict.nonce, verdict.connect, embed, grant, self._clock()
        )
        if not verdict.connect:
            self.events.note("page", "csp_blocks_connect")
        dressed = self._headers(kind, page, headers)
        return (_amend(dressed, span) if verdict.form == "hashed" else dressed), span

    def _kind(self, facts: Facts, page: Page, user: User | None) -> tuple[Kind | None, str]:
        """What a page gets, or ``None`` and the reason."""
        if not self.asks_user:
            return "ask", ""
        forbidden = self._forbidden(facts, page)
        if user is None:
            if facts.marked:
                return "clean", ""
            return ("public", "") if self.settings.embed else (None, "nobody")
        if forbidden:
            return None, forbidden
        return ("ask" if facts.ahead else "token"), ""

    def _verdict(self, facts: Facts, page: Page) -> Verdict:
        if not page.policies and not page.reports:
            return self._free
        base = url_prefix(facts.mount) + self.path
        return self._judge.verdict(page.policies, page.reports, facts.origin, base)

    def _embedded(self, verdict: Verdict) -> tuple[str, ...]:
        if not self._loaders:
            return ()
        if verdict.embed_reason is not None:
            self.events.note("page", verdict.embed_reason)
        if verdict.embed_reason == "csp_trusted_types":
            return ()  # an operator's snippet adds scripts of its own, by URLs that we do not know
        return tuple(name for name, urls in self._loaders.items() if verdict.embed.issuperset(urls))

    def _grant(self, kind: Kind, user: User | None) -> Grant | None:
        return self.tokens.get(user) if kind == "token" and user is not None else None

    def _headers(self, kind: Kind, page: Page, headers: Sequence[tuple[AnyStr, AnyStr]]) -> list[tuple[AnyStr, AnyStr]]:
        if kind == "token":
            return response.private(headers, page.bits, self.settings.cache_control)
        if kind == "clean":
            # to the letter, whatever the app says: from a shared cache it would sign everybody out
            return response.private(response.without(headers, response.CACHE), page.bits & ~response.CACHE, _CLEANED)
        if kind == "ask" and self.asks_user:
            return response.private(headers, page.bits, _PREFETCHED)
        return response.common(headers, page.bits)


def _amend(headers: list[tuple[AnyStr, AnyStr]], span: bytes) -> list[tuple[AnyStr, AnyStr]]:
    source = hash_source(Snippet.script(span))
    return [
        (name, response.like(value, amended(response.text(value), source)))
        if response.MEANING[name] == response.POLICY
        else (name, value)
        for name, value in headers
    ]
