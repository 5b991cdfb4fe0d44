"""A page that has arrived, with the answer of its token endpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from widgetmw.browser.assets import EMBED_PATH
from widgetmw.cli.page.fetch import SCRIPT_HEADERS, Browser, Response, absolute_url, origin_of
from widgetmw.cli.page.report import plain
from widgetmw.cli.page.source import PageSource
from widgetmw.core.http.csp import CspDecision, CspEvaluator
from widgetmw.core.http.page import Page
from widgetmw.core.http.response_headers import ResponseHeaders
from widgetmw.core.reasons import SkipReason
from widgetmw.core.settings import Settings

CSP: Final = "Content-Security-Policy"
_CACHE_HITS: Final = {
    "Age": re.compile(r"^\s*0*[1-9]"),
    "X-Cache": re.compile(r"\bhit\b", re.IGNORECASE),
    # Cloudflare names a miss only where it may store the response
    "CF-Cache-Status": re.compile(r"hit|miss|expired|stale|revalidated|updating", re.IGNORECASE),
    "Cache-Status": re.compile(r";\s*hit\b", re.IGNORECASE),
    "X-Varnish": re.compile(r"\d \d"),
}


class FetchedPage:
    """A page that has arrived.

    Attributes:
        browser: what has fetched it.
        settings: of the site, as far as they are known.
        response: with its body still encoded.
        html: the decoded body; ``None`` if it has a content coding that we do not know.
        source: its scripts and policies.
        data: what our script was given; empty without one.
        vendors: the vendors in the data.
        embed_url: of ``embed.js``, if the page itself loads it; else empty.
        endpoint_url: of the token endpoint; empty until it has answered.
        endpoint: its response, if it has answered.
        answer: its JSON; ``None`` if something else has answered.
    """

    def __init__(self, browser: Browser, settings: Settings, response: Response) -> None:
        self.browser: Browser = browser
        self.settings: Settings = settings
        self.response: Response = response
        self.html: bytes | None = response.decoded()
        self.source: PageSource = PageSource(self.html or b"")
        self.data: dict[str, Any] = self.source.data()
        self.vendors: dict[str, dict[str, Any]] = _objects(self.data.get("vendors"))
        urls = (absolute_url(response.url, script.url) for script in self.source.other_scripts if script.url)
        embed_path = settings.path + EMBED_PATH
        self.embed_url: str = next((url for url in urls if urlsplit(url).path.endswith(embed_path)), "")
        self.endpoint_url: str = ""
        self.endpoint: Response | None = None
        self.answer: dict[str, Any] | None = None

    @property
    def has_token(self) -> bool:
        """Whether the page carries a token."""
        return any(vendor.get("token") for vendor in self.vendors.values())

    def read_headers(self) -> Page | SkipReason:
        """Reads the response headers as the middleware does."""
        return ResponseHeaders(str, self.settings.cache_control).read(self.response.status, self.response.headers)

    def csp_decision(self) -> CspDecision:
        """Returns what the page's CSP would allow the middleware to emit."""
        providers = (vendor.provider for vendor in self.settings.vendors)
        loaders = [url for each in providers if each.name in self.settings.embed for url in each.script_urls()]
        base = urlsplit(self.endpoint_url).path.removesuffix("/token") or self.settings.path
        enforced, report_only = self.response.values(CSP), self.response.values(f"{CSP}-Report-Only")
        return CspEvaluator(loaders=loaders).evaluate(enforced, report_only, origin_of(self.response.url), base)

    def ask_endpoint(self) -> None:
        """Asks the token endpoint that the page names; if it names none, where it is by default.

        Raises:
            FetchError: it does not respond.
        """
        for url in self._endpoint_urls():
            endpoint = self.browser.get(url, SCRIPT_HEADERS)
            answer = read_answer(endpoint)
            if self.endpoint is None or answer is not None:
                self.endpoint_url, self.endpoint, self.answer = url, endpoint, answer
            if answer is not None:
                return

    def _endpoint_urls(self) -> Iterator[str]:
        url, path = self.response.url, f"{self.settings.path}/token"
        if self.embed_url:
            if origin_of(self.embed_url) == self.browser.origin:  # no other gets the cookies
                yield urljoin(self.embed_url, "token")
        elif isinstance(named := self.data.get("url"), str) and named.startswith("/"):
            yield absolute_url(url, "/" + named.lstrip("/"))  # never another host
        else:
            first = urlsplit(url).path.split("/")[1]
            for prefix in dict.fromkeys(("", f"/{first}" if first else "")):  # the app may be mounted under a prefix
                yield urljoin(url, f"{prefix}{path}")


def read_answer(endpoint: Response) -> dict[str, Any] | None:
    """Returns the JSON of our token endpoint; ``None`` if something else has answered."""
    try:
        answer = json.loads(endpoint.decoded() or b"")
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    return answer if isinstance(answer.get("tokens"), dict) or isinstance(answer.get("error"), str) else None


def _objects(value: Any) -> dict[str, dict[str, Any]]:
    """Returns the members of a JSON object that are objects themselves; a page may hold anything."""
    members = value.items() if isinstance(value, dict) else ()
    return {name: member for name, member in members if isinstance(member, dict)}


def cache_header(response: Response) -> str:
    """Returns the name of a header by which a shared cache says that it stores the response, or an empty string."""
    return next((name for name, hit in _CACHE_HITS.items() if any(map(hit.search, response.values(name)))), "")


def media_type(response: Response) -> str:
    """Returns the media type of a response, for the output."""
    value = next(iter(response.values("Content-Type")), "")
    return plain(value.partition(";")[0].strip().lower()) or "without a Content-Type"
