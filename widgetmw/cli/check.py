"""``widgetmw check``: validates the configuration and signs a test token per vendor. Never prints secrets.

With ``--url`` it also explains what happened to a page. A site can be checked from anywhere: where no variable of ours
is set, only the page is checked.
"""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from widgetmw.browser import assets
from widgetmw.browser.syntax import is_valid_script
from widgetmw.core.env.variable import EnvReader
from widgetmw.core.errors import SettingsError, describe_error
from widgetmw.core.events import Events
from widgetmw.core.identity.email import REFUSALS, TRUST_EMAILS
from widgetmw.core.identity.user import User
from widgetmw.core.provider import Provider
from widgetmw.core.registry import registered_names
from widgetmw.core.settings import Settings, read_settings, variables
from widgetmw.core.tokens.cache import TokenCache
from widgetmw.core.vendor import NO_METADATA

if TYPE_CHECKING:
    from widgetmw.cli.page.report import PageReport

_NO_VENDOR = (
    "no vendor is configured in the environment of this command, which does not read app.config and "
    "settings.WIDGETMW: set a vendor's variables, which `widgetmw env` lists"
)
_TEST_USER = User("widgetmw-check", "Check", "check@example.com", email_verified=True)
_POOR_USERS = (User("widgetmw-check", "Check"), User("widgetmw-check", "Check", "check@example.com"))


@dataclass
class Report:
    """What was found: one sentence for each problem and warning, each vendor that works, and further lines."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    vendors: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    page: PageReport | None = None


def run(options: Namespace) -> int:
    """Prints the result.

    Returns 1 if there is a problem or the page of ``--url`` was not injected, or with ``--strict`` if there is a
    warning or anything to change about the page; else 0.
    """
    report, settings = Report(), Settings()
    try:
        if options.url is None or any(name in os.environ for each in variables() for name in each.names):
            settings = read_settings(EnvReader(os.environ))
            _check(settings, report, needs_vendor=options.url is None)
    except SettingsError as error:
        report.problems += error.problems
    is_ok = not report.problems and not (options.strict and report.warnings)
    if options.url is not None:
        report.page = page = _check_page(options, settings)
        is_ok = is_ok and page.injected and not (options.strict and page.findings)
    if options.json:
        _print_json(report, is_ok)
    else:
        _print_text(report)
    return 0 if is_ok else 1


def _check_page(options: Namespace, settings: Settings) -> PageReport:
    from widgetmw.cli.page.check import check_page
    from widgetmw.cli.page.fetch import parse_cookies

    headers = [(name, value) for name, value in options.header if name.lower() != "cookie"]
    cookies = [pair for name, value in options.header if name.lower() == "cookie" for pair in parse_cookies(value)]
    return check_page(options.url, [*options.cookie, *cookies], headers, settings)


def _print_json(report: Report, is_ok: bool) -> None:
    found = {"ok": is_ok, "problems": report.problems, "warnings": report.warnings, "vendors": report.vendors}
    if report.page is not None:
        found["page"] = asdict(report.page)
    print(json.dumps(found, indent=2))


def _print_text(report: Report) -> None:
    for line in report.lines:
        print(line)
    for warning in report.warnings:
        print(f"warning: {warning}")
    for problem in report.problems:
        print(f"problem: {problem}", file=sys.stderr)
    if report.page is not None:
        _print_page(report.page)


def _print_page(page: PageReport) -> None:
    """Prints what the command was asked for, so all of it goes to the standard output."""
    outcome = "injected" if page.injected else f"not injected; reason={page.reason or 'unknown'}"
    print(f"page: {page.url}: " + ("not fetched" if page.status is None else f"{page.status}, {outcome}"))
    for note in page.notes:
        print(f"page: {note}")
    if page.endpoint_status is not None:
        print(f"page: the token endpoint answers {page.endpoint_status}")
    for finding in page.findings:
        print(f"{'warning' if page.injected else 'problem'}: {finding.code}: {finding.text} {finding.remedy}")


def _check(settings: Settings, report: Report, needs_vendor: bool) -> None:
    if not settings.enabled:
        report.lines.append("widgetmw is disabled (WIDGETMW_ENABLED): pages are not modified")
        return
    if not settings.vendors and not needs_vendor:
        report.lines.append("no vendor is configured here: only the page is checked")
        return
    if not settings.vendors:
        report.problems.append(_NO_VENDOR if registered_names() else NO_METADATA)
        return
    report.lines.append(f"endpoint path: {settings.path} (below the app's prefix); delivery: {settings.delivery}")
    if settings.proxy is not None:
        report.lines.append(f"identity from {settings.proxy.proxy.name}, {settings.proxy.proxy.describe_trust()}")
    tokens = TokenCache(settings, time.time, Events())
    for vendor in settings.vendors:
        _check_vendor(tokens, vendor.provider, settings.cookie_domain, report)


def _check_vendor(tokens: TokenCache, provider: Provider, cookie_domain: str | None, report: Report) -> None:
    name = provider.name
    token_set = tokens.get(_TEST_USER)
    if name in token_set.failed:
        report.problems.append(f"{name}: cannot sign a test token; the warning above names the error")
        return
    if code := dict(token_set.refused).get(name):
        report.lines.append(f"{name}: {provider.describe_key()}; no test token, since it refuses the test user: {code}")
        return
    token = token_set.by_provider[name]
    try:
        provider.verify(token.value, _TEST_USER)
    except Exception as error:
        report.problems.append(f"{name}: cannot verify its own test token ({describe_error(error)})")
        return
    lifetime, margin = "does not expire", None
    if provider.lifetime is not None:
        margin = tokens.refresh_margin(provider.lifetime)
        lifetime = f"valid for {provider.lifetime} s, not handed out in its last {margin} s"
    key, size = provider.describe_key(), len(token.value)
    report.lines.append(f"{name}: {key}; signed and verified a test token of {size} bytes; {lifetime}")
    report.vendors[name] = {
        "key": key,
        "token_bytes": size,
        "lifetime": provider.lifetime,
        "refresh_margin": margin,
        "origins": [asdict(origin) for origin in provider.origins()],
    }
    report.lines += _limits(provider, cookie_domain)
    report.warnings += [f"{name}: {note}" for note in provider.warnings()]
    _check_scripts(provider, report)


def _limits(provider: Provider, cookie_domain: str | None) -> Iterator[str]:
    """Yields whom the vendor cannot identify, where its cookies expire, and what a policy has to allow for it."""
    for code in dict.fromkeys(filter(None, map(provider.cannot_serve, _POOR_USERS))):
        yield f"{provider.name}: note: {code}: such users stay anonymous; {REFUSALS.get(code, 'see its documentation')}"
    if provider.values.get(TRUST_EMAILS.name):
        note = f"{provider.name}: note: {TRUST_EMAILS.name}=true: every email address counts as verified"
        yield f"{note}; right only if nobody can register with somebody else's"
    if (cookies := provider.cookies()) and cookie_domain is None:
        note = f"{provider.name}: note: a sign-out expires {', '.join(cookies)} on the page's host only"
        yield f"{note}: set WIDGETMW_COOKIE_DOMAIN if the widget sets its cookies on a domain above it"
    for is_documented, standing in ((True, "as the vendor documents"), (False, "as far as we know")):
        sources = [
            f"{each.directive} {each.source}" for each in provider.origins() if each.is_documented is is_documented
        ]
        if sources:
            yield f"{provider.name}: note: a Content-Security-Policy has to allow, {standing}: {'; '.join(sources)}"


def _check_scripts(provider: Provider, report: Report) -> None:
    """Checks the syntax of the scripts that are not ours."""
    name = provider.name
    codes = {f"the {function} snippet": f"({code})" for function, code in provider.snippets().items()}
    if not assets.is_built_in(name) and (source := provider.script_source()):
        try:
            codes["its script"] = assets.vendor_script(name, source).content.decode()
        except ValueError as error:
            report.problems.append(f"{name}: its script cannot be used: {error}")
    for title, code in codes.items():
        is_valid = is_valid_script(code)
        if is_valid is None:
            report.lines.append(f"{name}: note: the syntax of {title} was not checked: Node.js is not installed")
        elif not is_valid:
            report.problems.append(f"{name}: {title} is not valid JavaScript")
