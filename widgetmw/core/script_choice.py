"""Chooses the script of a page by who asks for it and by what the page's policies allow, before any token is signed."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Protocol

from widgetmw.core.events import Events
from widgetmw.core.http.csp import CspDecision, CspEvaluator, ScriptForm
from widgetmw.core.http.integrity_policy import requires_integrity
from widgetmw.core.http.mark import MARK_PREFIX, has_mark, mark_name
from widgetmw.core.http.page import (
    CSP,
    CSP_REPORT_ONLY,
    FOREIGN_BASE,
    INTEGRITY_POLICY,
    INTEGRITY_POLICY_REPORT_ONLY,
    Page,
)
from widgetmw.core.identity.user import User
from widgetmw.core.memo import Memo
from widgetmw.core.reasons import SkipReason
from widgetmw.core.script_tags import PageKind, ScriptTags, ScriptTemplate, url_prefix
from widgetmw.core.settings import Settings

# Bound once: on CPython 3.11, each SkipReason.X calls a Python function.
_ANONYMOUS: Final = SkipReason.ANONYMOUS
# The form to use instead of one that links a file by its URL alone.
_FORM_WITHOUT_PLAIN_LINKS: Final[dict[ScriptForm | None, ScriptForm]] = {
    "inline": "bundled",
    "external": "with_integrity",
}
_MAX_ROOT_PATHS: Final = 64  # a proxy may name any root path


class AnyPageRequest(Protocol):
    """The request for a page, as far as its script depends on it. Each driver has a ``PageRequest`` that reads it.

    Attributes:
        path: of the page, below the root path.
        root_path: path that the app is mounted under.
        in_cross_site_frame: whether another site shows the page in a frame, or reads it by a script.
        is_prefetch: whether the browser loads the page before the user opens it, so that a token may be stale by then.
    """

    path: str
    root_path: str
    in_cross_site_frame: bool
    is_prefetch: bool

    @property
    def cookies(self) -> str:
        """The ``Cookie`` header."""

    @property
    def sends_authorization(self) -> bool:
        """Whether the request has an ``Authorization`` header that browsers send by themselves."""

    @property
    def has_credentials(self) -> bool:
        """Whether the request has cookies or ``Authorization``. Most apps sign nobody in without them."""

    @property
    def host(self) -> str:
        """The ``Host`` header, or an empty string."""

    @property
    def mark_path(self) -> str:
        """The path that names the mark: the root path, or one that all pages of the app have in common."""

    @property
    def origin(self) -> str | None:
        """``scheme://host[:port]`` as the server sees it."""


class ScriptChooser:
    """Chooses the script of each page of one app.

    Attributes:
        has_loaders: whether pages also load a vendor's widget, which anonymous visitors get, too.
        uses_token_templates: whether ``token_templates`` applies: tokens are delivered inline, without loaders.
        token_templates: the script for a signed-in user by root path, path of the mark, and host. It applies to a page
            that has no rare headers, is not prefetched, and is not in another site's frame.
    """

    def __init__(self, settings: Settings, script_tags: ScriptTags, events: Events) -> None:
        self._path = settings.path
        self._is_inline_delivery = settings.delivery == "inline"
        self._script_tags = script_tags
        self._events = events
        embedded = (vendor.provider for vendor in settings.vendors if vendor.provider.name in settings.embed)
        self._loaders = {provider.name: provider.script_urls() for provider in embedded}
        self.has_loaders: bool = bool(self._loaders)
        self.uses_token_templates: bool = self._is_inline_delivery and not self._loaders
        urls = [url for loaders in self._loaders.values() for url in loaders]
        self._csp = CspEvaluator(amend=settings.csp == "amend", loaders=urls, scripts=script_tags.scripts.files())
        self._without_csp = self._csp.evaluate(())
        self._mark_names = lru_cache(_MAX_ROOT_PATHS)(lambda path, host: mark_name(url_prefix(path) + self._path, host))
        self.token_templates: Memo = Memo(lambda key: self._token_template(*key), _MAX_ROOT_PATHS)

    def has_mark(self, request: AnyPageRequest) -> bool:
        """Whether the browser has the app's mark: somebody was signed in there."""
        cookies = request.cookies
        return MARK_PREFIX in cookies and has_mark(cookies, self._mark_name(request))

    def _mark_name(self, request: AnyPageRequest) -> str:
        return self._mark_names(request.mark_path, request.host)

    def choose(self, request: AnyPageRequest, page: Page, user: User | None) -> ScriptTemplate | SkipReason:
        """Returns the part of the script that does not depend on the user, or the reason to skip the page."""
        if not self._is_inline_delivery:
            kind: PageKind = "fetch"
        elif user is None and self.has_mark(request):
            kind = "confirm_sign_out"
        elif user is None and self._loaders:
            kind = "anonymous"
        elif user is None:
            return _ANONYMOUS
        elif request.in_cross_site_frame:  # again: Engine.early_skip_reason() lets browsers with the mark through
            return SkipReason.CROSS_SITE_FRAME
        elif page.no_token_reason is SkipReason.SIGNING_OUT and self.has_mark(request):
            # The session that ends may not be the user's, but one that held a flash message.
            kind = "confirm_sign_out"
        elif page.no_token_reason is not None:
            return page.no_token_reason
        else:
            kind = "prefetched" if request.is_prefetch else "token"
        decision = self._without_csp if page.rare_headers is None else self._evaluate_policies(request, page)
        if decision.form is None:
            return decision.reason or SkipReason.CSP_BLOCKS_SCRIPT
        embed = self._embedded(request, decision) if self._loaders else ()
        if not decision.can_connect:
            if kind in ("fetch", "prefetched", "confirm_sign_out") and not embed:
                return SkipReason.CSP_BLOCKS_CONNECT
            self._events.count("note", SkipReason.CSP_BLOCKS_CONNECT.code)
            self._events.report(SkipReason.CSP_BLOCKS_CONNECT, request.path)
        return self._script_tags.template(kind, decision, request.root_path, self._mark_name(request), embed)

    def _token_template(self, root_path: str, mark_path: str, host: str) -> ScriptTemplate:
        """Returns the script of a page with a token and no rare headers."""
        return self._script_tags.template("token", self._without_csp, root_path, self._mark_names(mark_path, host), ())

    def _evaluate_policies(self, request: AnyPageRequest, page: Page) -> CspDecision:
        """Returns what the page's CSP and Integrity-Policy allow us to emit where the script goes."""
        enforced, report_only = page.values(CSP), page.values(CSP_REPORT_ONLY)
        decision = self._without_csp
        if enforced or report_only:
            url = url_prefix(request.root_path) + self._path
            decision = self._csp.evaluate(enforced, report_only, request.origin, url)
        has_foreign_base = bool(page.values(FOREIGN_BASE))
        if has_foreign_base and decision.form == "external":
            return decision._replace(form=None, reason=SkipReason.BASE_OF_OTHER_ORIGIN)
        if has_foreign_base or requires_integrity(page.values(INTEGRITY_POLICY | INTEGRITY_POLICY_REPORT_ONLY)):
            decision = decision._replace(form=_FORM_WITHOUT_PLAIN_LINKS.get(decision.form, decision.form))
        if self._loaders and requires_integrity(page.values(INTEGRITY_POLICY)):
            decision = decision._replace(loader_reason=SkipReason.INTEGRITY_BLOCKS_LOADER)
        return decision

    def _embedded(self, request: AnyPageRequest, decision: CspDecision) -> tuple[str, ...]:
        """Returns the vendors whose loader the page may run."""
        if decision.loader_reason is not None:
            self._events.count("note", decision.loader_reason.code)
            self._events.report(decision.loader_reason, request.path)
        if decision.loader_reason in (SkipReason.CSP_TRUSTED_TYPES, SkipReason.INTEGRITY_BLOCKS_LOADER):
            return ()  # these block every loader, also an operator's snippet, which adds scripts by URLs we do not know
        return tuple(name for name, urls in self._loaders.items() if decision.allowed_loaders.issuperset(urls))
