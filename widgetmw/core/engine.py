"""Everything of one app, wired up: what the two drivers ask at each step of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, AnyStr, Final, Protocol

from widgetmw.browser import assets
from widgetmw.core.endpoint import Answer, Call, Endpoint
from widgetmw.core.events import Events
from widgetmw.core.html.head_scanner import PENDING, fast_offset
from widgetmw.core.http import page as response
from widgetmw.core.http.csp import Judge, Verdict, amended, hash_source
from widgetmw.core.http.page import Page, ResponseHeaders, like
from widgetmw.core.http.response_headers import adjust_content_length, common
from widgetmw.core.identity.user import User
from widgetmw.core.memo import Memo
from widgetmw.core.proxy.resolver import Front
from widgetmw.core.settings import Settings
from widgetmw.core.snippet import Frame, Kind, Snippet, url_prefix
from widgetmw.core.tokens.cache import Tokens

MARK: Final = "widgetmw=1"  # the cookie that our own script sets in a browser which holds an identity
PAGE_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
# on a page request of somebody who may be signed in, these could bring back a page of another identity
VALIDATORS: Final = frozenset({"if-none-match", "if-modified-since", "if-range", "range"})
_CLEANED: Final = "private, no-store"
_PREFETCHED: Final = "private, no-cache"
_MOST_MOUNTS: Final = 64
_LONGEST_START: Final = 16_384  # bytes

REASONS: Final = {
    "nobody": ("nobody is signed in", "nothing to do, unless somebody is: then see how the user is found"),
    "resolver_failed": ("who is signed in could not be found out", "the log line names the cause"),
    "mint_failed": ("no vendor's token could be made", "the log line names the cause"),
    "excluded": ("the path is in WIDGETMW_EXCLUDE", "nothing to do"),
    "cross_site_frame": ("the page is shown in a frame of another site", "nothing to do: open it by itself"),
    "failed": ("a fault of this package", "report it with the log line"),
    "corrupt": ("the body is not what its Content-Encoding says", "mend what compresses the page"),
}


class Facts(Protocol):
    """What the request says that bears on its page.

    Attributes:
        root_path: path the app is mounted under.
        in_cross_site_frame: whether another site shows the page in a frame.
        is_prefetch: whether it is loaded ahead of a click, so that a token could be old when it is seen.
    """

    root_path: str
    in_cross_site_frame: bool
    is_prefetch: bool

    def has_session_cookie(self) -> bool:
        """Whether the browser has our cookie, so that it may remember somebody."""

    @property
    def origin(self) -> str | None:
        """``scheme://host[:port]`` as the server sees it."""


def has_session_cookie(cookies: str) -> bool:
    """Whether a Cookie header holds our mark."""
    return MARK in cookies and any(item.strip() == MARK for item in cookies.split(";"))


class Widget:
    """What both drivers ask.

    Args:
        settings: of the app.
        clock: Unix seconds; ``None``: the settings' own.

    Attributes:
        events: counts outcomes.
        endpoint: answers calls below ``path``.
        front: the resolver of the proxy that the settings name, or ``None``.
        path: prefix of the endpoints.
        has_excludes: whether the settings name paths to leave alone.
        outcomes: counts what becomes of responses, by reason.
        page_from_bytes: reads status and headers of a response, see :meth:`ResponseHeaders.read`.
        page_from_text: the same for headers that are text.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] | None = None) -> None:
        clock = settings.clock if clock is None else clock
        self.settings = settings
        self.events = Events()
        self.outcomes = self.events.tally("page")
        self.front = None if settings.proxy is None else Front(settings.proxy, clock, self.events)
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
        self.has_excludes = bool(settings.exclude)
        self.debug = settings.debug
        kinds = (bytes, str)
        self._private = {kind: ResponseHeaders(kind, settings.cache_control) for kind in kinds}
        self._cleaned = {kind: ResponseHeaders(kind, _CLEANED, always=True) for kind in kinds}
        self._prefetched = {kind: ResponseHeaders(kind, _PREFETCHED) for kind in kinds}
        self.page_from_bytes = self._private[bytes].read
        self.page_from_text = self._private[str].read
        self._prefixes: dict[str, bytes] = {}  # how the last page began, by root path
        self._embeds = bool(settings.embed)
        self._is_simple = self.asks_user and not self._loaders
        self._token_frames = Memo(
            lambda root_path: self.snippet.frame("token", self._free, root_path, ()), _MOST_MOUNTS
        )

    def ours(self, path: str) -> bool:
        """Whether a path, without its mount, is one of our endpoints'."""
        return path.startswith(self.path) and (len(path) == len(self.path) or path[len(self.path)] == "/")

    def is_excluded(self, path: str) -> bool:
        """Whether the settings say to leave a path alone."""
        exclude = self.settings.exclude
        return bool(exclude) and any(path == prefix or path.startswith(prefix + "/") for prefix in exclude)

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

    def refusal_reason(self, facts: Facts, page: Page) -> str | None:
        """Returns why nobody at all could get a token in this page, so that the user need not be asked for."""
        reason = "cross_site_frame" if facts.in_cross_site_frame else page.refusal
        if reason is None or not self.asks_user:
            return None  # fetch delivery: the page is the same for everybody, and the browser does not ask in a frame
        # an anonymous page with a loader may be kept by caches: it must not depend on who frames it
        return None if self.settings.embed or facts.has_session_cookie() else reason

    def insertion_offset(self, root_path: str, data: bytes) -> int:
        """Finds where the script goes in a page whose charset is declared, from its first bytes.

        Returns:
            the offset, or ``PENDING`` where it takes a scanner: see :class:`widgetmw.core.html.body_rewriter.Body`.
        """
        # the pages of a site begin alike, and the bytes up to the offset decide on it
        prefix = self._prefixes.get(root_path)
        if prefix is not None and data.startswith(prefix):
            return len(prefix)
        offset = fast_offset(data)
        if offset != PENDING:
            self.remember_prefix(root_path, data[:offset])
        return offset

    def remember_prefix(self, root_path: str, prefix: bytes) -> None:
        """Remembers how a page begins, up to where a head tag ends: an implied head depends on what follows, too."""
        if len(prefix) <= _LONGEST_START:
            if len(self._prefixes) >= _MOST_MOUNTS:  # a proxy may name any
                self._prefixes.clear()
            self._prefixes[root_path] = prefix

    def inject(
        self, facts: Facts, page: Page, headers: list[tuple[Any, Any]], user: User | None
    ) -> tuple[list[tuple[Any, Any]], bytes] | str:
        """Returns the headers and the script for a page, or the reason why it is left alone.

        Args:
            facts: of the request.
            page: what the headers say; its own become the result.
            headers: the app's.
            user: who is signed in; not looked at with fetch delivery.
        """
        is_plain = user is not None and page.special is None and self._is_simple
        if is_plain and not (facts.in_cross_site_frame or facts.is_prefetch):
            frame = self._token_frames[facts.root_path]  # what _frame says of all of them
        else:
            frame = self._frame(facts, page, user)
            if frame.__class__ is str:
                return frame
            if frame.kind != "token":
                return self._inject_without_token(frame, page, headers)
        clock = self._clock
        now = clock()
        grant = self.tokens.warm(user, now)
        if grant is None:
            grant, now = self.tokens.get(user), clock()  # which may have taken its time
        if not grant.minted:
            return "mint_failed"
        script = self.snippet.render(frame, now, grant)
        if page.length_index >= 0:
            adjust_content_length(page.headers, page.length_index, len(script))
        return (page.headers if frame.form != "hashed" else _amend(page.headers, script)), script

    def _inject_without_token(
        self, frame: Frame, page: Page, headers: list[tuple[Any, Any]]
    ) -> tuple[list[tuple[Any, Any]], bytes]:
        headers, length_index = self._headers(frame.kind, headers)
        script = self.snippet.render(frame, self._clock()) if frame.kind == "clean" else frame.before + frame.after
        if length_index >= 0 and not page.coding:
            adjust_content_length(headers, length_index, len(script))
        return (headers if frame.form != "hashed" else _amend(headers, script)), script

    def _frame(self, facts: Facts, page: Page, user: User | None) -> Frame | str:
        """Returns what a page gets, but for the user's part; or the reason why it is left alone."""
        kind: Kind
        if not self.asks_user:
            kind = "ask"
        elif user is None:
            if facts.has_session_cookie():
                kind = "clean"
            elif self._embeds:
                kind = "public"
            else:
                return "nobody"
        elif facts.in_cross_site_frame or page.refusal is not None:
            return "cross_site_frame" if facts.in_cross_site_frame else page.refusal
        else:
            kind = "ask" if facts.is_prefetch else "token"
        verdict = self._free if page.special is None else self._verdict(facts, page)
        if verdict.form is None:
            return verdict.reason or "csp_blocks_script"
        embed = self._embedded(verdict) if self._loaders else ()
        if not verdict.connect:
            if kind == "ask" and not embed:
                return "csp_blocks_connect"
            self.events.note("page", "csp_blocks_connect")
        return self.snippet.frame(kind, verdict, facts.root_path, embed)

    def _verdict(self, facts: Facts, page: Page) -> Verdict:
        enforced, reporting = page.values(response.POLICY), page.values(response.REPORT)
        if not (enforced or reporting):
            return self._free
        return self._judge.verdict(enforced, reporting, facts.origin, url_prefix(facts.root_path) + self.path)

    def _embedded(self, verdict: Verdict) -> tuple[str, ...]:
        if verdict.embed_reason is not None:
            self.events.note("page", verdict.embed_reason)
        if verdict.embed_reason == "csp_trusted_types":
            return ()  # an operator's snippet adds scripts of its own, by URLs that we do not know
        return tuple(name for name, urls in self._loaders.items() if verdict.embed.issuperset(urls))

    def _headers(self, kind: Kind, headers: list[tuple[Any, Any]]) -> tuple[list[tuple[Any, Any]], int]:
        """Returns the headers of a page without a token, and where the Content-Length is among them."""
        readers = self._cleaned if kind == "clean" else self._prefetched if kind == "ask" and self.asks_user else None
        if readers is not None:
            page = readers[headers[0][0].__class__].read(200, headers)
            assert isinstance(page, Page)
            return page.headers, page.length_index
        kept = common(headers)
        return kept, next((at for at, (name, _) in enumerate(kept) if response.MEANING[name] == response.LENGTH), -1)


def _amend(headers: list[tuple[AnyStr, AnyStr]], span: bytes) -> list[tuple[AnyStr, AnyStr]]:
    source = hash_source(Snippet.script(span))
    return [
        (name, like(value, amended(response.text(value), source)))
        if response.MEANING[name] == response.POLICY
        else (name, value)
        for name, value in headers
    ]
