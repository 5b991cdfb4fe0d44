"""What keeps the script of a page from working, or its token from being safe.

The middleware sees the page as the app made it. What a proxy or a CDN changes afterwards, only a browser sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from widgetmw import testing
from widgetmw.cli.page.fetch import REDIRECTS, SCRIPT_HEADERS, FetchError, Response, absolute_url, origin_of, shown
from widgetmw.cli.page.fetched import CSP, FetchedPage, cache_header, media_type, read_answer
from widgetmw.cli.page.report import PageReport, plain
from widgetmw.cli.page.skipped import add_anonymous, explain_unavailable, outcome
from widgetmw.cli.page.source import Script
from widgetmw.core.errors import SettingsError
from widgetmw.core.http.csp import hash_source
from widgetmw.core.http.csp_parser import Policy, parse_policies, parse_url
from widgetmw.core.http.integrity_policy import requires_integrity
from widgetmw.core.http.page import Page, directives
from widgetmw.core.identity.email import REFUSALS
from widgetmw.core.reasons import SkipReason
from widgetmw.core.registry import ProviderError

_MAX_SCRIPTS: Final = 8
_TOKEN_KEYS: Final = ("auth_token", "widgetToken", "userId", "userMetadata")  # of a config: what we set for each user
_STATIC_RULE: Final = (
    "The token endpoint answers, so a rule for static files (such as location ~ \\.js$) probably answers for the "
    "script: in nginx, use location ^~ for everything below WIDGETMW_PATH."
)
_OWN_ROUTES: Final = (
    "If the app's own routes begin with it, set WIDGETMW_PATH to a path below it, and no mount prefix. Let the proxy "
    "pass everything below WIDGETMW_PATH to the app."
)
_PREFIX_MISSING: Final = (
    "If the mount prefix is wrong, tell the app which prefix the proxy removes: uvicorn by --root-path (it does not "
    "read X-Forwarded-Prefix), Flask by X-Forwarded-Prefix with x_prefix=1 in ProxyFix, Django by FORCE_SCRIPT_NAME. "
    f"{_OWN_ROUTES}"
)
_PREFIX_KEPT: Final = f"The proxy may pass the mount prefix on: let it remove the prefix from the path. {_OWN_ROUTES}"
_NOT_PUBLIC: Final = (
    "This page is not below the mount prefix. Check its public URL: on the app's own address, such as that of a pod, "
    "URLs with the prefix are not found."
)
_SESSION_REMEDY: Final = (
    "Put the middleware inside of what decodes the session, or use the framework's plugin. See to it that the cookie's "
    "Path and the proxies in front include the endpoint. If the site ties sessions to the browser's address, both "
    "requests must come from the same one."
)
_ADDED_OUTSIDE: Final = (
    "If a proxy, a CDN or a layer around the app (such as app = Csp(app)) adds the header, add it in a middleware of "
    "the app instead, where widgetmw sees it."
)


def check(page: FetchedPage, report: PageReport) -> None:
    """Says what the page carries, and what is wrong with it."""
    with_token = [plain(name) for name, vendor in page.vendors.items() if vendor.get("token")]
    if with_token:
        report.notes.append(f"carries tokens for {', '.join(with_token)}")
    elif page.embed_url:
        report.notes.append(f"loads {shown(page.embed_url)}, which fetches the tokens")
        if page.endpoint is None:
            report.notes.append("the token endpoint beside it was not asked: only the origin of --url gets the cookies")
    elif page.data:
        errors = page.data.get("errors")
        is_on_request = isinstance(errors, dict) and "on_request" in errors.values()
        fetches = page.data.get("ask") or is_on_request
        report.notes.append("carries no token" + (": the browser fetches it" if fetches else ""))
    if outcome(page) == SkipReason.ALREADY_INJECTED.code:
        report.reason = SkipReason.ALREADY_INJECTED.code
        report.notes.append(f"{SkipReason.ALREADY_INJECTED.code}: {SkipReason.ALREADY_INJECTED.text}")
    _check_policies(page, report)
    _check_loaders(page, report)
    _check_scripts(page, report)
    _check_endpoint(page, report)
    if page.has_token:
        _check_caches(page, report)
        _check_without_credentials(page, report)
        _check_endpoint_without_credentials(page, report)
    _check_configs(page, report)


# the policies


def _check_policies(page: FetchedPage, report: PageReport) -> None:
    policies, scripts = parse_policies(page.response.values(CSP)), page.source.own_scripts
    if any(policy.is_sandboxed() for policy in policies):
        report.add_reason(SkipReason.CSP_SANDBOX, remedy=_ADDED_OUTSIDE)
    if blocked := [script for script in scripts if not _is_allowed(page, script, policies)]:
        allows_none = any(policy.scripts is not None and policy.scripts.is_empty for policy in policies)
        reason = SkipReason.CSP_NONE if allows_none else SkipReason.CSP_BLOCKS_SCRIPT
        names = dict.fromkeys(plain(shown(script.url)) if script.url else "the inline script" for script in blocked)
        text = f"The browser blocks {', '.join(names)}, although the middleware has inserted it."
        report.add_reason(reason, text, _ADDED_OUTSIDE)
    if not _may_connect(page, [*policies, *parse_policies(page.source.meta_policies)]):
        report.add_reason(SkipReason.CSP_BLOCKS_CONNECT)
    linked = [script.url for script in scripts if script.url and "integrity" not in script.attributes]
    if linked and requires_integrity(page.response.values("Integrity-Policy")):
        text = f"The Integrity-Policy blocks {plain(shown(linked[0]))}, which has no hash."
        report.add("integrity_blocks_runtime", text, _ADDED_OUTSIDE)


def _is_allowed(page: FetchedPage, script: Script, policies: Iterable[Policy]) -> bool:
    """Whether the browser runs one of our script elements."""
    url = parse_url(absolute_url(page.response.url, script.url))
    for sources in (policy.scripts for policy in policies):
        if sources is None or script.is_data or script.attributes.get("nonce") in sources.nonces:
            continue
        allows_inline = sources.allows_inline or hash_source(script.text.encode()) in sources.hashes
        if not (sources.allows_own_script(url) if script.url and url else allows_inline):
            return False
    return True


def _may_connect(page: FetchedPage, policies: Iterable[Policy]) -> bool:
    """Whether the browser lets our script call the token endpoint."""
    url = parse_url(page.endpoint_url)
    is_own = origin_of(page.endpoint_url) == origin_of(page.response.url)
    lists = [policy.connections for policy in policies if policy.connections is not None]
    return url is None or all(each.matches_own(url) if is_own else each.matches(url) for each in lists)


def _check_loaders(page: FetchedPage, report: PageReport) -> None:
    """Reports why the loader of a vendor is left out; whether one was asked for, only the settings say."""
    needs_hash = requires_integrity(page.response.values("Integrity-Policy"))
    reason = SkipReason.INTEGRITY_BLOCKS_LOADER if needs_hash else page.csp_decision().loader_reason
    if reason is None:
        return
    if page.settings.embed:
        report.add_reason(reason)
    elif reason is not SkipReason.CSP_BLOCKS_LOADER and reason.code not in {each.code for each in report.findings}:
        report.notes.append(f"if the site sets WIDGETMW_EMBED: {reason.code}: {reason.text} {reason.remedy}")


# what the page refers to


def _check_scripts(page: FetchedPage, report: PageReport) -> None:
    page_url = page.response.url
    urls = [absolute_url(page_url, script.url) for script in page.source.own_scripts if script.url]
    for url in dict.fromkeys(urls[:_MAX_SCRIPTS]):
        if origin_of(url) != origin_of(page_url):
            continue
        try:
            response = page.browser.get(url, SCRIPT_HEADERS)
        except FetchError as error:
            text = f"{shown(url)} does not answer: {error.finding.text}"
            report.add("runtime_not_found", text, error.finding.remedy)
            continue
        if response.status != 200 or "javascript" not in media_type(response):
            found = f"{response.status} {media_type(response)}"
            report.add("runtime_not_found", f"{shown(url)} answers {found}, not our script.", _prefix_remedy(page, url))


def _prefix_remedy(page: FetchedPage, url: str) -> str:
    """Says what may be wrong with the mount prefix in one of our URLs, where something else answers."""
    if page.answer is not None:
        return _STATIC_RULE
    prefix, is_ours, _ = urlsplit(url).path.partition(f"{page.settings.path}/")
    if not prefix or not is_ours:
        return _PREFIX_MISSING
    return _PREFIX_KEPT if urlsplit(page.response.url).path.startswith(prefix) else _NOT_PUBLIC


def _check_endpoint(page: FetchedPage, report: PageReport) -> None:
    if page.endpoint is None:
        return
    if page.answer is None:
        _explain_other_endpoint(page, page.endpoint, report)
    elif page.endpoint.status == 200:
        _check_tokens(page.endpoint, page.answer, page, report)
    elif page.endpoint.status == 503:
        explain_unavailable(page, report)
    elif page.endpoint.status != 401:
        text = f"The token endpoint answers {page.endpoint.status}: {plain(str(page.answer.get('error')))}."
        report.add(f"endpoint_{page.endpoint.status}", text, "Look up this error of the endpoint in the documentation.")
    elif page.has_token:
        text = f"The page is signed in, but {shown(page.endpoint_url)} says 401, so the token will not be renewed."
        report.add("endpoint_401", text, _SESSION_REMEDY)
    else:
        add_anonymous(page, report)


def _explain_other_endpoint(page: FetchedPage, endpoint: Response, report: PageReport) -> None:
    """Says what answers in place of the token endpoint."""
    where, status = f"The token endpoint {shown(endpoint.url)}", endpoint.status
    if status in REDIRECTS:
        text = f"{where} redirects, so a layer in front of the middleware answers for it."
        report.add("endpoint_redirected", text, "Let requests below WIDGETMW_PATH pass to the app with their cookies.")
    else:
        text = f"{where} answers {status} {media_type(endpoint)}, which is not ours."
        report.add("endpoint_not_found", text, _prefix_remedy(page, endpoint.url))


def _check_tokens(endpoint: Response, answer: Mapping[str, Any], page: FetchedPage, report: PageReport) -> None:
    found = answer.get("errors")
    errors = found if isinstance(found, dict) else {}
    if failed := [name for name, code in errors.items() if code == "token_unavailable"]:
        text = f"The token endpoint has no token for {', '.join(map(plain, failed))}."
        report.add("endpoint_token_missing", text, "The log of the site names the cause.")
    for name, code in errors.items():
        if name not in failed:
            remedy = REFUSALS.get(str(code), "its documentation says what it needs")
            report.notes.append(f"this user stays anonymous for {plain(name)} ({plain(code)}): {remedy}")
    if page.has_token and answer.get("user") != page.data.get("user"):
        text = "The page carries the tokens of another user than the one whom the token endpoint knows."
        report.add("page_of_another_user", text, "Keep the page out of every cache, and check how users are resolved.")
    if cache_header(endpoint) or "no-store" not in directives(",".join(endpoint.values("Cache-Control"))):
        text = "A cache in front may store the answers of the token endpoint."
        report.add("endpoint_cached", text, "Exclude WIDGETMW_PATH from the cache, and keep its Cache-Control.")


# who else can get the page


def _check_caches(page: FetchedPage, report: PageReport) -> None:
    """Reports headers of a page with a token that the middleware does not send."""
    stored_by, headers = cache_header(page.response), page.read_headers()
    if stored_by:
        text = f"This page carries a token, and a shared cache in front says that it stores it ({stored_by})."
    elif isinstance(headers, Page) and headers.no_token_reason is SkipReason.SHARED_CACHE:
        text = "This page carries a token, and its headers were changed on the way: they let shared caches store it."
    else:
        return
    remedy = "Exclude pages of signed-in users from the cache, and keep the Cache-Control that the middleware sends."
    report.add(SkipReason.SHARED_CACHE.code, text, remedy)


def _check_without_credentials(page: FetchedPage, report: PageReport) -> None:
    """Asks for the page once more, as somebody who is not signed in."""
    browser = page.browser.without_credentials()
    try:
        response, _ = browser.open(page.response.url)
    except FetchError:
        return
    if FetchedPage(browser, page.settings, response).has_token:
        text = "The page carries a token without any cookie or header, too: whoever asks gets it."
        remedy = "Look for a shared cache in front, and for a resolver that returns the same user for everybody."
        report.add("token_without_credentials", text, remedy)


def _check_endpoint_without_credentials(page: FetchedPage, report: PageReport) -> None:
    """Asks for tokens once more, as a browser does whose user has signed out."""
    if page.answer is None:
        return  # already reported
    try:
        response = page.browser.without_credentials().get(page.endpoint_url, SCRIPT_HEADERS)
    except FetchError:
        return
    if read_answer(response) is None:
        text = f"Without a cookie or header, something else answers for the token endpoint: {response.status}, not 401."
        remedy = "If this is a login wall, exempt WIDGETMW_PATH from it: no page notices a sign-out."
        report.add("endpoint_behind_login", text, remedy)


# what the page does itself


def _check_configs(page: FetchedPage, report: PageReport) -> None:
    code = "\n".join(f"{script.url}\n{script.text}" for script in page.source.other_scripts)
    embedded = page.data.get("embed")
    for name, vendor in page.vendors.items():
        try:
            # whatever the settings of the site
            provider = testing.settings(name, WIDGETMW_PROVIDERS=name).vendors[0].provider
        except (KeyError, ProviderError, SettingsError):
            continue
        _check_config(provider.config_variable, vendor.get("config"), code, report)
        is_embedded = isinstance(embedded, list) and name in embedded
        hosts = [urlsplit(url).netloc for url in provider.script_urls()]
        _check_loader(name, is_embedded, hosts, code, report)


def _check_loader(name: str, is_embedded: bool, hosts: list[str], code: str, report: PageReport) -> None:
    """Says if the page has two loaders of a vendor, or none."""
    is_in_page = any(host in code for host in hosts)
    if is_embedded and is_in_page:
        text = f"The page loads the widget of {name} itself, and WIDGETMW_EMBED loads it, too."
        report.add("second_loader", text, f"Remove the page's own, or {name} from WIDGETMW_EMBED.")
    elif hosts and not is_embedded and not is_in_page:
        report.notes.append(
            f"the page has no loader of {name}: unless a script adds it later, embed it or set WIDGETMW_EMBED={name}"
        )


def _check_config(variable: str, config: Any, code: str, report: PageReport) -> None:
    match = variable and re.search(rf"\b{re.escape(variable)}\s*=(?!=)([^;]{{0,2000}})", code)
    if not match:
        return
    values = config if isinstance(config, dict) else {}
    different = [plain(key) for key, value in values.items() if _assigned(key, match[1]) not in (None, value)]
    personal = [key for key in _TOKEN_KEYS if re.search(rf"\b{key}[\"']?\s*:", match[1])]
    text = f"The page assigns {variable} itself."
    if different:
        text += f" Its {', '.join(different)} differs from ours, so the token may be for another widget."
        report.add("second_config", text, "Make the page and the settings of the site agree.")
    elif personal:
        text += f" It sets {', '.join(personal)}, which we set for each user."
        report.add("second_config", text, "Remove these keys from the page.")
    else:
        report.notes.append(f"the page assigns {variable} itself: its keys are kept, and ours are added")


def _assigned(key: str, code: str) -> str | None:
    """Returns the string that an object literal gives a key."""
    match = re.search(rf"\b{re.escape(key)}[\"']?\s*:\s*(?:\"([^\"]*)\"|'([^']*)')", code)
    return (match[1] or match[2] or "") if match else None
