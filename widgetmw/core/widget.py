"""Everything of one app, wired up: what the two drivers ask at each step of a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, AnyStr, Final, Protocol

from widgetmw.browser import assets
from widgetmw.core import response
from widgetmw.core.endpoint import Answer, Call, Endpoint
from widgetmw.core.events import Events
from widgetmw.core.front import Front
from widgetmw.core.headers import common, lengthen, like, private, with_length
from widgetmw.core.plain_headers import Kept
from widgetmw.core.policy import Judge, Verdict, amended, hash_source
from widgetmw.core.response import Page
from widgetmw.core.scanner import PENDING, usual_place
from widgetmw.core.settings import Settings
from widgetmw.core.snippet import Kind, Snippet, url_prefix
from widgetmw.core.tokens import Tokens
from widgetmw.core.user import User

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
        mount: path the app is mounted under.
        framed: whether another site shows the page in a frame.
        ahead: whether it is loaded ahead of a click, so that a token could be old when it is seen.
    """

    mount: str
    framed: bool
    ahead: bool

    @property
    def marked(self) -> bool:
        """Whether the browser has our cookie, so that it may remember somebody."""

    @property
    def origin(self) -> str | None:
        """``scheme://host[:port]`` as the server sees it."""


def has_mark(cookies: str) -> bool:
    """Whether a Cookie header holds our mark."""
    return MARK in cookies and any(item.strip() == MARK for item in cookies.split(";"))


class Opening:
    """How pages begin.

    Attributes:
        start: their bytes up to the place of the span.
        before: the same, and the span up to the user's part.
        after: the rest of the span.
    """

    __slots__ = ("after", "before", "start")

    def __init__(self, start: bytes, before: bytes, after: bytes) -> None:
        self.start = start
        self.before = before
        self.after = after


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
        excludes: whether the settings name paths to leave alone.
        usual: whether the settings ask for nothing that would keep pages from :meth:`plain`.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] | None = None) -> None:
        clock = settings.clock if clock is None else clock
        self.settings = settings
        self.events = Events()
        self._outcomes = self.events.tally("page")
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
        self.usual = self.asks_user and not (self._loaders or settings.debug)
        self.excludes = bool(settings.exclude)
        self._cache_control = settings.cache_control
        self._openings: dict[str, Opening] = {}  # of the last page, by mount

    def ours(self, path: str) -> bool:
        """Whether a path, without its mount, is one of our endpoints'."""
        return path.startswith(self.path) and (len(path) == len(self.path) or path[len(self.path)] == "/")

    def excluded(self, path: str) -> bool:
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

    def skip(self, reason: str) -> None:
        """Notes that an answer was left alone."""
        self._outcomes[reason] += 1

    def injected(self) -> None:
        """Notes that an answer got its span."""
        self._outcomes["injected"] += 1

    def forbids(self, facts: Facts, page: Page) -> str | None:
        """Returns why nobody at all could get a token in this page, so that the user need not be asked for."""
        # fetch delivery: the page is the same for everybody; in a frame of another site the browser side does not ask
        if (page.open and not facts.framed) or not self.asks_user:
            return None
        # an anonymous page with a loader may be kept by caches: it must not depend on who frames it
        return None if self.settings.embed or facts.marked else self._forbidden(facts, page)

    def _forbidden(self, facts: Facts, page: Page) -> str:
        if facts.framed:
            return "cross_site_frame"
        if page.bits & response.FORGET:
            return "signing_out"
        return "shared" if page.shared else "cross_origin"

    def place(self, start: bytes, mount: str = "") -> int:
        """Finds where the span goes in a page whose charset is declared, from its first bytes.

        Args:
            start: these bytes.
            mount: path the app is mounted under.

        Returns:
            the offset, or ``PENDING`` where it takes a closer look: see :class:`widgetmw.core.body.Body`.
        """
        opening = self.opening(mount, start)
        return PENDING if opening is None else len(opening.start)

    def opening(self, mount: str, data: bytes) -> Opening | None:
        """Returns how a page whose charset is declared begins, or ``None`` where it takes a closer look to say.

        Args:
            mount: path the app is mounted under.
            data: the page's first bytes.
        """
        # the pages of a site begin alike, and the bytes up to the place decide on it
        opening = self._openings.get(mount)
        if opening is not None and data.startswith(opening.start):
            return opening
        place = usual_place(data)
        return None if place == PENDING else self._remembered(mount, data[:place])

    def learn(self, mount: str, start: bytes) -> None:
        """Remembers how a page begins that a scanner had to look at, as those with a comment before their head.

        Args:
            mount: path the app is mounted under.
            start: its bytes up to the place, where a head tag ends: an implied head depends on what follows, too.
        """
        if len(start) <= _LONGEST_START:
            self._remembered(mount, start)

    def _remembered(self, mount: str, start: bytes) -> Opening:
        before, after = self.snippet.plain(mount)
        if len(self._openings) >= _MOST_MOUNTS:  # a proxy may name any
            self._openings.clear()
        opening = self._openings[mount] = Opening(start, start + before, after)
        return opening

    def plain(
        self, private: Kept, opening: Opening, data: bytes, user: User
    ) -> tuple[list[tuple[Any, Any]], bytes] | None:
        """Does in one go what most pages take; :meth:`dress` comes to the same.

        Args:
            private: the headers, with the length before; they are the caller's no more.
            opening: how the page begins.
            data: all of it, or its first piece.
            user: who is signed in; the page is neither in a frame of another site nor loaded ahead of a click, and
                this widget is :attr:`usual`.

        Returns:
            headers and page with the span; ``None`` where it takes :meth:`dress` to say.
        """
        now = self._clock()
        grant = self.tokens.warm(user, now)
        if grant is None:
            grant, now = self.tokens.get(user), self._clock()  # which may have taken its time
        if not grant.minted:
            return None
        snippet = self.snippet
        # a view is cut for free, and all is joined at once: a page is copied once, however large
        rest = memoryview(data)[len(opening.start) :]
        whole = b"".join((opening.before, snippet.moment(now), grant.page or snippet.page(grant), opening.after, rest))
        headers, length = private
        if length >= 0:
            lengthen(headers, length, len(whole) - len(data))
        return headers, whole

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
        kind = self._kind(facts, page, user)
        if kind is None:
            return "nobody" if user is None else self._forbidden(facts, page)
        verdict = self._verdict(facts, page, headers) if page.policies or page.reports else self._free
        if verdict.form is None:
            return verdict.reason or "csp_blocks_script"
        embed = self._embedded(verdict) if self._loaders else ()
        if not verdict.connect:
            if kind == "ask" and not embed:
                return "csp_blocks_connect"
            self.events.note("page", "csp_blocks_connect")
        grant = None
        if kind == "token" and user is not None:
            grant = self.tokens.get(user)
            if not grant.minted:
                return "mint_failed"
        now = self._clock()
        span = self.snippet.span(kind, verdict.form, facts.mount, verdict.nonce, verdict.connect, embed, grant, now)
        dressed = self._headers(kind, page, headers, 0 if page.coding else len(span))
        return (_amend(dressed, span) if verdict.form == "hashed" else dressed), span

    def _kind(self, facts: Facts, page: Page, user: User | None) -> Kind | None:
        """What a page gets, or ``None``: nothing."""
        if not self.asks_user:
            return "ask"
        if user is None:
            return "clean" if facts.marked else "public" if self.settings.embed else None
        if facts.framed or not page.open:
            return None
        return "ask" if facts.ahead else "token"

    def _verdict(self, facts: Facts, page: Page, headers: Sequence[tuple[AnyStr, AnyStr]]) -> Verdict:
        enforced = [response.text(headers[at][1]) for at in page.policies]
        reporting = [response.text(headers[at][1]) for at in page.reports]
        return self._judge.verdict(enforced, reporting, facts.origin, url_prefix(facts.mount) + self.path)

    def _embedded(self, verdict: Verdict) -> tuple[str, ...]:
        if verdict.embed_reason is not None:
            self.events.note("page", verdict.embed_reason)
        if verdict.embed_reason == "csp_trusted_types":
            return ()  # an operator's snippet adds scripts of its own, by URLs that we do not know
        return tuple(name for name, urls in self._loaders.items() if verdict.embed.issuperset(urls))

    def _headers(
        self, kind: Kind, page: Page, headers: Sequence[tuple[AnyStr, AnyStr]], added: int
    ) -> list[tuple[AnyStr, AnyStr]]:
        if kind == "token":
            return private(headers, page, self._cache_control, added)
        if kind == "clean":
            # to the letter, whatever the app says: from a shared cache it would sign everybody out
            return private(headers, page, _CLEANED, added, always=True)
        if kind == "ask" and self.asks_user:
            return private(headers, page, _PREFETCHED, added)
        return common(with_length(headers, page, added) if added else headers, page.bits)


def _amend(headers: list[tuple[AnyStr, AnyStr]], span: bytes) -> list[tuple[AnyStr, AnyStr]]:
    source = hash_source(Snippet.script(span))
    return [
        (name, like(value, amended(response.text(value), source)))
        if response.MEANING[name] == response.POLICY
        else (name, value)
        for name, value in headers
    ]
