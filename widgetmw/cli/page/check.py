"""Fetches a page with what it refers to, and says what was found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from widgetmw.cli.page import injected, skipped
from widgetmw.cli.page.fetch import Browser, FetchError, origin_of, shown
from widgetmw.cli.page.fetched import FetchedPage
from widgetmw.cli.page.report import PageReport
from widgetmw.core.settings import Settings

_LOGIN: Final = re.compile(r"(?<![a-z])(?:log[_-]?in|sign[_-]?in|sso|oauth2?|auth)(?![a-z])", re.IGNORECASE)


def check_page(
    url: str, cookies: Sequence[tuple[str, str]], headers: Sequence[tuple[str, str]], settings: Settings
) -> PageReport:
    """Checks a page. About a dozen requests are sent at most, one after the other.

    Args:
        cookies: for the origin of the URL.
        headers: for the origin of the URL; they replace ours.
        settings: of the site, as far as they are known: the endpoint path, and the vendors whose loaders it embeds.
    """
    report, browser = PageReport(shown(url)), Browser(url, cookies, headers)
    try:
        response, passed = browser.open(url)
        report.url, report.status = shown(response.url), response.status
        page = FetchedPage(browser, settings, response)
        _explain_arrival(page, passed, report)
        report.injected = _is_injected(page)
        page.ask_endpoint()
    except FetchError as error:
        report.findings.append(error.finding)
        if report.status is None:
            return report
    report.endpoint_status = None if page.endpoint is None else page.endpoint.status
    if report.injected:
        injected.check(page, report)
    else:
        skipped.explain(page, report)
    return report


def _is_injected(page: FetchedPage) -> bool:
    """Whether the script is in the page; if we cannot read that, whether the middleware says so."""
    if page.html is None:
        return skipped.outcome(page) == "injected"
    return bool(page.source.own_scripts or page.embed_url)


def _explain_arrival(page: FetchedPage, passed: list[str], report: PageReport) -> None:
    """Says where redirects led, and whether this is the page that was asked for."""
    response = page.response
    report.notes += [f"redirected by {shown(url)}" for url in passed]
    is_login = _LOGIN.search(urlsplit(response.url).path) or page.source.has_password_field
    if passed and is_login:
        text = f"The site redirects to a login page: {skipped.sign_in_state(page)}."
        report.add("redirected_to_login", text, skipped.SIGN_IN)
    elif passed and origin_of(response.url) != page.browser.origin:
        text = "The site redirects to another origin, which gets neither the cookies nor the headers that were given."
        report.add("redirected_elsewhere", text, f"Check {report.url} itself.")
    if response.status >= 400:
        remedy = "Check the URL, and pass a cookie or header that may see the page."
        if response.status == 401:
            remedy = f"{remedy} {skipped.SIGN_IN}"
        report.add("error_status", f"The page answers {response.status}.", remedy)
    if page.html is None:
        report.notes.append("the content coding of the page cannot be decoded here, so its source was not checked")
    if response.is_cut:
        report.notes.append(f"the page is too large: only the first {len(response.body)} bytes were read")
    elif not response.is_complete:
        report.add("incomplete_body", "The page breaks off before its end.", "Look into the log of the server.")
