"""Why a page does not carry the script.

``X-Widgetmw`` says it where the site runs with ``WIDGETMW_DEBUG``. Else the reason is found in what a browser can see,
in the order in which the middleware decides: headers, body, user, policies. The token endpoint knows who the user is.
"""

from __future__ import annotations

import re
from typing import Final

from widgetmw.cli.page.fetch import origin_of, shown
from widgetmw.cli.page.fetched import FetchedPage
from widgetmw.cli.page.report import PageReport
from widgetmw.core.html.body_rewriter import BodyRewriter
from widgetmw.core.html.head_scanner import PENDING
from widgetmw.core.html.marker_scanner import find_marker
from widgetmw.core.http.request_headers import is_shown_elsewhere
from widgetmw.core.reasons import SkipReason

_OUTCOME: Final = re.compile(r"injected|skipped; reason=([a-z0-9_]{1,40})")
_FILE_HEADERS: Final = ("Accept-Ranges", "Last-Modified")
_GUESSED: Final = (None, SkipReason.EXCLUDED, SkipReason.FILE_SENT, SkipReason.RESOLVER_FAILED)
SIGN_IN: Final = (
    "Copy the Cookie header of a signed-in browser, and pass it with --cookie. If the site ties sessions to the "
    "address and the User-Agent, as Flask-Login's strong session protection does, run the command where the browser "
    "runs, and pass its User-Agent with --header, too."
)
_NOT_INSTALLED: Final = (
    "Add the middleware, enable it and configure a vendor. If the site sets WIDGETMW_PATH, set it here, too. If the "
    "app lies below a path, pass a URL below it."
)
_PREFIX_KEPT: Final = (
    "If the app lies below a path, pass a URL below it. If this URL is, the proxy may pass that mount prefix on: let "
    "it remove the prefix from the path."
)
_LOG: Final = "The log of the site names the cause, in a line that begins with widgetmw:."


def outcome(page: FetchedPage) -> str | None:
    """Returns what ``X-Widgetmw`` says: ``"injected"``, the code of a reason, or ``None`` without such a header."""
    values = page.response.values("X-Widgetmw")
    match = _OUTCOME.fullmatch(values[-1].strip()) if values else None
    return match and (match[1] or match[0])


def explain(page: FetchedPage, report: PageReport) -> None:
    """Says why the page was skipped, and what its token endpoint says."""
    code = outcome(page)
    if code == "injected":
        text = "X-Widgetmw says injected, but the page has arrived without the script: something has removed it."
        report.add("script_removed", text, "Look for what rewrites HTML between the app and here, such as a CDN.")
    elif code is None:
        _explain_from_outside(page, report)
    else:
        _explain_code(code, page, report)
    _explain_endpoint(page, report)
    if not report.findings:
        text = "Nothing that can be seen explains why the page does not carry the script."
        report.add("unknown", text, "Set WIDGETMW_DEBUG=true on the site, and check again.")


def sign_in_state(page: FetchedPage) -> str:
    """Says why nobody is signed in, as far as the command line tells."""
    if page.browser.has_credentials:
        return "what --cookie and --header give is not signed in"
    return "no --cookie or --header was given"


def add_anonymous(page: FetchedPage, report: PageReport) -> None:
    """Says that nobody is signed in."""
    state = sign_in_state(page)
    report.add_reason(SkipReason.ANONYMOUS, f"{state[0].upper()}{state[1:]}.", SIGN_IN)


def _explain_code(code: str, page: FetchedPage, report: PageReport) -> None:
    report.reason = code
    if reason := SkipReason.__members__.get(code.upper()):
        _add_reason(reason, page, report)
    else:
        text = f"The page was skipped with the reason {code}, which this version does not know."
        report.add(code, text, "Look it up in the documentation of the version that the site runs.")


def _add_reason(reason: SkipReason, page: FetchedPage, report: PageReport, hint: str = "") -> None:
    if reason is SkipReason.ANONYMOUS:
        add_anonymous(page, report)
    elif reason is SkipReason.NOT_HTML and page.response.status >= 400:
        pass  # its finding is error_status: a type of its own is usual for an error, and nothing to fix
    else:
        report.add_reason(reason, hint)


def _explain_from_outside(page: FetchedPage, report: PageReport) -> None:
    reason, hint = _reason_without_user(page), ""
    if reason is None:
        reason, hint = _reason_with_user(page)
    if reason in _GUESSED:
        report.notes.append("set WIDGETMW_DEBUG=true on the site to see the exact reason")
    if reason is None:
        return
    report.reason = reason.code
    _add_reason(reason, page, report, hint)
    if reason is SkipReason.ANONYMOUS and (blocked := _blocked_by_policy(page)) is not None:
        report.add_reason(blocked, "This would keep the script from a signed-in user, too.")


def _reason_without_user(page: FetchedPage) -> SkipReason | None:
    """Returns why no user at all would get a token in this page."""
    headers = page.read_headers()
    if isinstance(headers, SkipReason):
        return headers
    response, sent = page.response, page.response.sent
    body = BodyRewriter(headers.charset_declared, headers.coding, find_marker(page.html or b""))
    if body.find_offset(response.body, False) == PENDING:
        if not response.is_complete:
            return SkipReason.INCOMPLETE
        body.find_offset(b"", True)
    if body.reason is not None:
        return body.reason
    if is_shown_elsewhere(*(sent.get(f"Sec-fetch-{name}", "") for name in ("site", "mode", "dest"))):
        return SkipReason.CROSS_SITE_FRAME
    if headers.no_token_reason is SkipReason.CROSS_ORIGIN:
        headers.allow_own_origin(origin_of(response.url))
    headers.ignore_unsent_cookies(sent.get("Cookie", ""))
    if headers.no_token_reason is None and body.follows_foreign_base and page.csp_decision().form == "external":
        return SkipReason.BASE_OF_OTHER_ORIGIN
    return headers.no_token_reason


def _reason_with_user(page: FetchedPage) -> tuple[SkipReason | None, str]:
    """Returns the reason that the token endpoint and the policies tell, and a hint if it is not certain."""
    status = None if page.endpoint is None or page.answer is None else page.endpoint.status
    if status == 401:
        return SkipReason.ANONYMOUS, ""
    if status == 503:
        return SkipReason.RESOLVER_FAILED, "The token endpoint answers 503."
    if status != 200 or page.answer is None:
        return None, ""
    if not page.answer.get("tokens"):
        return SkipReason.MINT_FAILED, "The token endpoint knows the user, and has no token."
    if (blocked := _blocked_by_policy(page)) is not None:
        return blocked, ""
    guess = "This is a guess: the token endpoint knows the user, and nothing that can be seen forbids a token"
    if any(page.response.values(name) for name in _FILE_HEADERS):
        return SkipReason.FILE_SENT, f"{guess}, but the page has the headers of a file."
    return SkipReason.EXCLUDED, (
        f"{guess}. If the path is not excluded, look into the log of the site: on this page alone, user= may fail "
        "(resolver_failed) or return None."
    )


def _blocked_by_policy(page: FetchedPage) -> SkipReason | None:
    decision = page.csp_decision()
    # a page that has to fetch its token is skipped where it may not
    return SkipReason.CSP_BLOCKS_CONNECT if decision.form and not decision.can_connect else decision.reason


def _explain_endpoint(page: FetchedPage, report: PageReport) -> None:
    if page.endpoint is None:
        return
    status, where = page.endpoint.status, shown(page.endpoint_url)
    if page.answer is None and outcome(page) is not None:
        report.notes.append(f"nothing of widgetmw answers at {where}; if the site sets WIDGETMW_PATH, set it here, too")
    elif page.answer is None:
        text = f"Nothing of widgetmw answers at {where} (status {status})."
        report.add("endpoint_not_found", text, _PREFIX_KEPT if page.response.status == 404 else _NOT_INSTALLED)
    elif status == 200 and report.reason == SkipReason.ANONYMOUS.code:
        text = "The token endpoint knows the user, but the page was made for nobody."
        remedy = "Keep the page out of shared caches, and check how the user is resolved on pages."
        report.add("page_without_user", text, remedy)
    elif status == 503:
        explain_unavailable(page, report)


def explain_unavailable(page: FetchedPage, report: PageReport) -> None:
    """Says that the token endpoint fails."""
    text = f"The token endpoint {shown(page.endpoint_url)} answers 503: no user can be resolved, or no token signed."
    report.add("endpoint_503", text, _LOG)
