"""One app's middleware without the I/O: what the drivers ask at each step of a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import reduce
from typing import Any, Final, TypeAlias

from widgetmw.browser import assets
from widgetmw.core.endpoint import Endpoint
from widgetmw.core.endpoint_check import EndpointCheck
from widgetmw.core.errors import ResolverError, describe_error
from widgetmw.core.events import Events
from widgetmw.core.exporters import start_exporter
from widgetmw.core.html.known_prefixes import KnownPrefixes
from widgetmw.core.http.authorization_cookie import authorization_cookie
from widgetmw.core.http.csp import add_hash, hash_source
from widgetmw.core.http.page import (
    CONTENT_LENGTH,
    CSP,
    HEADER_FLAGS,
    Page,
    header_text,
    may_have_session,
)
from widgetmw.core.http.request_headers import PAGE_METHODS
from widgetmw.core.http.response_headers import ResponseHeaders, adjust_content_length, encode_as, keep_cacheable
from widgetmw.core.identity import resolvers
from widgetmw.core.identity.request_identity import ScopeOrEnviron, may_be_authenticated
from widgetmw.core.identity.user import User
from widgetmw.core.metrics import PAGES
from widgetmw.core.proxy.resolver import ProxyResolver
from widgetmw.core.reasons import SkipReason
from widgetmw.core.script_choice import AnyPageRequest, ScriptChooser
from widgetmw.core.script_tags import ScriptTags, ScriptTemplate, inline_scripts, url_prefix
from widgetmw.core.settings import Settings
from widgetmw.core.tokens.cache import TokenCache
from widgetmw.core.totals import TOTALS

_UNCACHED: Final = "private, no-store"  # a stored copy would check the sign-out again
_REVALIDATED: Final = "private, no-cache"  # the browser keeps the page until the user opens it
Headers: TypeAlias = list[tuple[Any, Any]]
ReadPage: TypeAlias = Callable[[int, Headers], Page | SkipReason]


class Engine:
    """Decides about every page and token request of one app.

    Attributes:
        debug: whether responses say what was done to them, and pages with the script how long that took.
        endpoint: answers the requests below ``path``.
        endpoint_check: warns about pages whose user the endpoint does not know.
        is_inline_delivery: whether pages carry the token, so that the user must be resolved.
        known_prefixes: finds where the script goes.
        outcomes: counts what became of responses, by reason code.
        page_from_bytes: reads status and headers of an ASGI response, see :meth:`ResponseHeaders.read`.
        page_from_text: the same for WSGI.
        proxy_resolver: resolves the user from the authenticating proxy in the settings, or ``None``.
    """

    # The drivers call these through the engine, so that testing.as_user can replace them for one app.
    resolve_user: staticmethod[..., User | None] = staticmethod(resolvers.resolve_user)
    resolve_user_async: staticmethod[..., Awaitable[User | None]] = staticmethod(resolvers.resolve_user_async)
    resolve_user_maybe_async: staticmethod[..., User | Awaitable[User | None] | None] = staticmethod(
        resolvers.resolve_user_maybe_async
    )

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._clock = clock = settings.clock
        self.events: Events = Events(clock)
        self.outcomes: dict[str, int] = self.events.fixed_counter(
            PAGES.kind, ("injected", *(reason.code for reason in SkipReason))
        )
        self.proxy_resolver: ProxyResolver | None = (
            None if settings.proxy is None else ProxyResolver(settings.proxy, clock, self.events)
        )
        self.path: str = settings.path
        self.is_inline_delivery: bool = settings.delivery == "inline"
        self.endpoint_check: EndpointCheck = EndpointCheck(self.events, by_proxy=settings.proxy is not None)
        self.known_prefixes: KnownPrefixes = KnownPrefixes()
        self.debug: bool = settings.debug
        self.has_excludes: bool = bool(settings.exclude)
        self._excluded_by_default: tuple[str, ...] = ()
        scripts = assets.scripts((vendor.provider for vendor in settings.vendors), self._on_script_error)
        self.tokens: TokenCache = TokenCache(settings, clock, self.events)
        self.script_tags: ScriptTags = ScriptTags(settings, scripts)
        TOTALS.add(self.tokens, self.events)
        for exporter in settings.metrics:
            start_exporter(exporter)
        embed = self.script_tags.embed_script(settings.embed)
        files = {**scripts.files(), embed.path: embed}
        self.endpoint: Endpoint = Endpoint(settings, self.tokens, files, clock, self.events)
        self._vendor_cookies = frozenset(name for each in settings.vendors for name in each.provider.cookies())
        self._chooser = ScriptChooser(settings, self.script_tags, self.events)
        self.page_from_bytes: ReadPage = ResponseHeaders(bytes, settings.cache_control).read
        self.page_from_text: ReadPage = ResponseHeaders(str, settings.cache_control).read
        # These pages carry no token, but must be private, too.
        self._private_without_token = {}
        for header_type in (bytes, str):
            uncached = ResponseHeaders(header_type, _UNCACHED, override=True)
            self._private_without_token["confirm_sign_out", header_type] = uncached
            revalidated = ResponseHeaders(header_type, _REVALIDATED)
            self._private_without_token["prefetched", header_type] = revalidated

    def _on_script_error(self, vendor: str, error: Exception) -> None:
        # Provider.script_source and assets.vendor_script raise these with a message that is safe to log
        cause = str(error) if isinstance(error, (FileNotFoundError, ValueError)) else describe_error(error)
        self.events.warn("page", "vendor_script", f"{vendor} has tokens, but its script cannot be used: {cause}", error)

    # the request

    def is_endpoint(self, path: str) -> bool:
        """Whether a path, without the root path, belongs to the endpoints."""
        return path.startswith(self.path) and (len(path) == len(self.path) or path[len(self.path)] == "/")

    def is_excluded(self, path: str) -> bool:
        """Whether the settings or the plugin exclude a path."""
        if _is_below(path, self._excluded_by_default) and not self.is_included(path):
            return True
        return _is_below(path, self.settings.exclude)

    def is_included(self, path: str) -> bool:
        """Whether the settings include a path that the plugin would exclude."""
        return _is_below(path, self.settings.include)

    def exclude_by_default(self, paths: Iterable[str]) -> None:
        """Excludes path prefixes that are not the site's own pages, unless the settings include them."""
        self._excluded_by_default = tuple(path.rstrip("/") for path in paths)
        self.has_excludes = self.has_excludes or bool(self._excluded_by_default)

    def may_carry_script(
        self, request: ScopeOrEnviron, method: str, path: str, accept: str, has_credentials: bool
    ) -> bool:
        """Whether the response may be a page with our script, as far as the request tells.

        With inline delivery and no loader, only a signed-in user or a browser with the mark gets the script. The user
        is resolved later, so this returns ``True`` for each request that may come from one. Credentials are a
        ``Cookie`` or ``Authorization`` header. The path is below the root path.
        """
        if method not in PAGE_METHODS or "text/html" not in accept.lower():
            return False
        if self.has_excludes and self.is_excluded(path):
            return False
        if has_credentials or not self.is_inline_delivery or self._chooser.has_loaders or may_be_authenticated(request):
            return True
        return self.proxy_resolver is not None and self.proxy_resolver.has_identity_header(request)

    # the response headers

    def page_that_needs_user(
        self, request: AnyPageRequest, method: str, path: str, status: int, headers: Headers
    ) -> Page | None:
        """Returns the page if, judging by its headers, it would carry a token for a signed-in user; otherwise ``None``.

        For frameworks that have left the session and the request context by the time the response is final. The path is
        below the root path; the headers are those of the response, as ``bytes`` or ``str``.
        """
        if not self.is_inline_delivery or method not in PAGE_METHODS or self.is_excluded(path):
            return None
        is_bytes = bool(headers) and isinstance(headers[0][0], bytes)
        page = (self.page_from_bytes if is_bytes else self.page_from_text)(status, headers)
        return None if isinstance(page, SkipReason) or self.early_skip_reason(request, page) else page

    def early_skip_reason(self, request: AnyPageRequest, page: Page) -> SkipReason | None:
        """Returns the reason to skip the page before the user is resolved; ``None`` if it may still get a script.

        First lifts the page's ``no_token_reason`` if the request shows that it does not apply.
        """
        if page.no_token_reason is SkipReason.CROSS_ORIGIN:
            page.allow_own_origin(request.origin)
        if page.no_token_reason is SkipReason.SIGNING_OUT:
            page.ignore_unsent_cookies(request.cookies)
        reason = SkipReason.CROSS_SITE_FRAME if request.in_cross_site_frame else page.no_token_reason
        if reason is None or not self.is_inline_delivery:
            return None  # with fetch delivery the page is the same for everybody; the runtime does not fetch in a frame
        # No user gets a token here. But an anonymous visitor still gets the loaders, if there are any: such a page may
        # be cached, so it must be the same in every frame. And a browser with the mark still has to confirm a sign-out.
        return None if self._chooser.has_loaders or self._chooser.has_mark(request) else reason

    def record(self, request: AnyPageRequest, reason: SkipReason | None) -> None:
        """Counts what became of a response, and logs it if need be. The reason is ``None`` if it carries the script."""
        code = "injected"
        if reason is not None:
            code = reason.code
            if code in self.events.unreported:
                self.events.report(reason, request.path, request.has_credentials)
        self.outcomes[code] += 1
        if PAGES.is_watched:
            PAGES.notify(code)

    def page_failure(self, error: Exception) -> SkipReason:
        """Logs an error in the handling of a page; returns the reason to skip the page."""
        is_resolver_error = isinstance(error, ResolverError)  # its message is ours and has no values
        reason = SkipReason.RESOLVER_FAILED if is_resolver_error else SkipReason.INTERNAL_ERROR
        message = str(error) if is_resolver_error else describe_error(error)
        self.events.warn("page", reason.code, message, None if is_resolver_error else error)
        return reason

    # the script

    def prepare_page(
        self, request: AnyPageRequest, page: Page, headers: Headers, user: User | None
    ) -> SkipReason | None:
        """Sets the response headers and the script of a page, or returns the reason to skip it.

        This sends nothing: the driver inserts ``page.script`` and sends ``page.headers``. The headers passed in are the
        app's. Fetch delivery ignores the user. The script is an attribute of the page, never a local variable: error
        reporters record the local variables of each frame that an error of the app or server passes through.
        """
        chooser = self._chooser
        is_simple = page.rare_headers is None and chooser.uses_token_templates  # no header affects the script
        if user is not None and is_simple and not (request.in_cross_site_frame or request.is_prefetch):
            # The fast path: choose() would return the same template.
            template: ScriptTemplate = chooser.token_templates[request.root_path, request.mark_path, request.host]
        else:
            choice = chooser.choose(request, page, user)
            if type(choice) is SkipReason:
                return choice
            if user is None or choice.kind != "token":  # there is always a user with "token", but mypy cannot know
                self._inject_without_token(choice, page, headers)
                return None
            template = choice
        clock = self._clock
        now = clock()
        token_set = self.tokens.get_cached(user, now)
        if token_set is None:
            token_set, now = self.tokens.get(user), clock()  # signing may have taken a while
        if not token_set.tokens and not token_set.refused:
            return SkipReason.MINT_FAILED
        page.script = self.script_tags.render(template, now, token_set)
        if request.sends_authorization:
            page.headers = self._with_authorization_cookie(request, page.headers)
        if page.length_index >= 0:
            adjust_content_length(page.headers, page.length_index, len(page.script))
        if template.form == "hashed":
            page.headers = _add_csp_hashes(page.headers, page.script)
        return None

    def _with_authorization_cookie(self, request: AnyPageRequest, headers: Headers) -> Headers:
        """Adds the cookie, unless something else may name the user, whose sign-out it would hide.

        That is a session of the site, or a proxy, which adds a header of its own.
        """
        if self.proxy_resolver is not None or may_have_session(request.cookies, headers, self._vendor_cookies):
            return headers
        is_https = (request.origin or "").startswith("https:")
        cookie = authorization_cookie(url_prefix(request.root_path) + self.path, is_https)
        model = headers[0][0]
        name = "set-cookie" if isinstance(model, bytes) else "Set-Cookie"
        return [*headers, (encode_as(model, name), encode_as(model, cookie))]

    def _inject_without_token(self, template: ScriptTemplate, page: Page, headers: Headers) -> None:
        if response_headers := self._private_without_token.get((template.kind, type(headers[0][0]))):
            private = response_headers.read(200, headers)
            assert isinstance(private, Page)
            headers, length_index = private.headers, private.length_index
        else:
            headers = keep_cacheable(headers)
            lengths = (index for index, (name, _) in enumerate(headers) if HEADER_FLAGS[name] == CONTENT_LENGTH)
            length_index = next(lengths, -1)
        script = template.before + template.after
        if length_index >= 0 and not page.coding:
            adjust_content_length(headers, length_index, len(script))
        page.headers = headers if template.form != "hashed" else _add_csp_hashes(headers, script)
        page.script = script


def _is_below(path: str, prefixes: Iterable[str]) -> bool:
    return any(path == prefix or path.startswith(prefix + "/") for prefix in prefixes)


def _add_csp_hashes(headers: Headers, script_tags: bytes) -> Headers:
    sources = [hash_source(script) for script in inline_scripts(script_tags)]
    return [
        (name, encode_as(value, reduce(add_hash, sources, header_text(value))) if HEADER_FLAGS[name] == CSP else value)
        for name, value in headers
    ]
