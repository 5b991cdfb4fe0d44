"""Chromium agrees with ``widgetmw.core.http.csp``: the script forms under real policies.

Each page carries the form that the evaluation chose, with a script that only records that it ran. The browser must
run it without a violation. If the page is skipped, the browser must block every form.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.combinations import ALL
from tests.core.http.policies import evaluate
from widgetmw.core.http.csp import CspDecision, add_hash, hash_source
from widgetmw.core.reasons import SkipReason

SITE = "window.site=1"  # the page's own inline script
OWN = hash_source(SITE.encode())
BOOT, RUNTIME = "window.a=1;", "window.b=1;"
FORMS = ("inline", "bundled", "external")
STYLE = "<style>body{color:rgb(1,2,3)}</style>"

# Enforced and report-only policies by name. {here} is the site's own host, {there} the loader's.
MATRIX: dict[str, tuple[list[str], list[str]]] = {
    "no policy": ([], []),
    "nonce": (["script-src 'nonce-r4nd0m+/=='; connect-src 'self'"], []),
    "base64url nonce": (["script-src 'nonce-a-_b'"], []),
    "nonce and strict-dynamic": (
        ["script-src 'nonce-abc' 'strict-dynamic' 'unsafe-inline' https:; object-src 'none'"], [],
    ),
    "two headers with one nonce": (["script-src 'nonce-abc'", "script-src 'nonce-abc' 'self'"], []),
    "two headers that share one of their nonces": (["script-src 'nonce-x' 'nonce-y'", "script-src 'nonce-y'"], []),
    "two headers with different nonces": (["script-src 'nonce-x'", "script-src 'nonce-y'"], []),
    "different nonces and self": (["script-src 'nonce-x' 'self', script-src 'nonce-y' 'self'"], []),
    "nonce in one, unsafe-inline and self in the other": (
        ["script-src 'nonce-x'", "script-src 'unsafe-inline' 'self'"], [],
    ),
    "nonce in one, unsafe-inline in the other": (["script-src 'nonce-x'", "script-src 'unsafe-inline'"], []),
    "nonce in one, self in the other": (["script-src 'nonce-x'", "default-src 'self'"], []),
    "self": (["script-src 'self'"], []),
    "self and hashes": ([f"script-src 'self' {OWN}"], []),
    "hashes only": ([f"script-src {OWN}"], []),
    "unsafe-inline and self": (["script-src 'self' 'unsafe-inline'"], []),
    "unsafe-inline alone": (["script-src 'unsafe-inline'"], []),
    "unsafe-inline disabled by a hash": ([f"script-src 'self' 'unsafe-inline' {OWN}"], []),
    "unsafe-inline beside a broken hash and a broken nonce": (
        ["script-src 'unsafe-inline' 'self' 'sha256-{{}}' 'nonce-' 'nonce-{{x}}' 'nonce-x==='"], [],
    ),
    "hashes of URLs": ([f"script-src 'unsafe-inline' 'self' 'url-{OWN[1:]}"], []),
    "strict-dynamic without a nonce": (["script-src 'self' 'strict-dynamic' 'unsafe-inline'"], []),
    "script-src-elem": (["script-src-elem 'self'; script-src 'none'; script-src-attr 'none'"], []),
    "default-src alone": (["default-src 'self'"], []),
    "default-src with a nonce": (["default-src 'nonce-abc'; connect-src 'self'"], []),
    "none": (["script-src 'none'"], []),
    "none beside another source": (["script-src 'none' 'self'"], []),
    "an empty list": (["script-src ; connect-src 'self'"], []),
    "a directive that comes twice": (["script-src 'self'; script-src 'none'"], []),
    "a directive beyond ASCII": (["script-src 'none' \u00e9; img-src 'self'"], []),
    "form feeds and capitals": (["SCRIPT-SRC\f'SELF' 'NONCE-abc'\t"], []),
    "our host": (["script-src {here}; connect-src {here}"], []),
    "our host without its port": (["script-src 127.0.0.1 'nonce-'"], []),
    "our host with any port": (["script-src http://127.0.0.1:*"], []),
    "our path": (["script-src {here}/app/_widgetmw/; connect-src {here}/app/_widgetmw/token"], []),
    "our path, spelled otherwise": (["script-src {here}/app/%5Fwidgetmw/runtime%2ejs?x"], []),
    "another path": (["script-src {here}/static/ {here}/app/_widgetmw {here}/app/_widgetmw/runtime.js/"], []),
    "another host": (["script-src {there}"], []),
    "any host": (["script-src *"], []),
    "schemes": (["script-src http: data:"], []),
    "the loader's host": (["script-src 'self' {there}"], []),
    "Trusted Types": (["require-trusted-types-for 'script'; script-src 'nonce-abc' 'strict-dynamic'"], []),
    "sandbox with scripts and origin": (["sandbox allow-scripts allow-same-origin"], []),
    "connect-src without us": (["connect-src {there}; script-src 'nonce-abc'"], []),
    "connect-src none": (["script-src 'self'; connect-src 'none'"], []),
    "default-src forbids connecting": (["default-src 'none'; script-src 'nonce-abc'"], []),
    "report-only nonce": ([], ["script-src 'nonce-abc'"]),
    "report-only self": (["script-src 'self' 'unsafe-inline'"], ["script-src 'self'"]),
    "report-only chooses a nonce": (["script-src 'nonce-x' 'nonce-y'"], ["script-src 'nonce-y'"]),
}  # fmt: skip

# Enforced policies that allow our script only with WIDGETMW_CSP=amend.
AMENDED: dict[str, list[str]] = {
    "hashes only": [f"script-src {OWN}; style-src 'unsafe-inline'"],
    "another host": ["script-src {there}"],
    "two headers with different nonces": ["script-src 'nonce-x'", "script-src 'nonce-y'"],
    "a list beside unsafe-inline": [f"script-src 'unsafe-inline', script-src {OWN}"],
    "strict-dynamic": [f"script-src 'strict-dynamic' {OWN}; connect-src 'self'"],
    "default-src": ["default-src {there} 'strict-dynamic' 'unsafe-inline'; connect-src 'self'"],
    "script-src-elem": [f"script-src-elem {OWN}; script-src 'self'"],
}


@dataclass
class Response:
    """The page that the site serves."""

    body: str = ""
    enforced: tuple[str, ...] = ()
    report_only: tuple[str, ...] = ()


class Site:
    """A site on the loopback interface; the test sets its page."""

    def __init__(self) -> None:
        self.response = Response()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.respond(self)

            def log_message(self, *arguments: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.here = f"127.0.0.1:{self.server.server_port}"
        self.there = f"localhost:{self.server.server_port}"
        self.origin = f"http://{self.here}"
        self.loader = f"http://{self.there}/loader.js"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def respond(self, request: BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path).path
        scripts = {"/app/_widgetmw/runtime.js": RUNTIME, "/loader.js": "window.loader=1"}
        request.send_response(200 if path in scripts or path in ("/page", "/app/_widgetmw/token") else 404)
        request.send_header("Content-Type", "text/javascript" if path in scripts else "text/html; charset=utf-8")
        if path == "/page":
            for policy in self.response.enforced:
                request.send_header("Content-Security-Policy", policy)
            for policy in self.response.report_only:
                request.send_header("Content-Security-Policy-Report-Only", policy)
        request.end_headers()
        request.wfile.write(scripts.get(path, self.response.body if path == "/page" else "{}").encode())

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(
        "window.violations=[];addEventListener('securitypolicyviolation',"
        "e=>violations.push([e.disposition,e.effectiveDirective,e.blockedURI]),true)"
    )
    yield page
    context.close()


def script_tags(form: str | None, nonce: str | None) -> str:
    """Returns script tags like those of ``widgetmw.core.script_tags`` in this form."""
    attrs = "data-widgetmw" + (f' nonce="{nonce}"' if nonce else "")
    src = 'src="/app/_widgetmw/runtime.js?v=1"'
    return {
        None: "",
        "inline": f"<script {attrs}>{BOOT}</script><script {attrs} defer {src}></script>",
        "bundled": f"<script {attrs}>{BOOT}{RUNTIME}</script>",
        "hashed": f"<script {attrs}>{BOOT}{RUNTIME}</script>",
        "external": f'<script type="application/json" data-widgetmw>{{}}</script><script {attrs} {src}></script>',
    }[form]


def load_page(
    site: Site, tab: Page, head: str, enforced: list[str], report_only: list[str] | None = None
) -> dict[str, Any]:
    """Loads a page and returns which scripts ran, and the violations."""
    body = f"<!doctype html><html><head>{head}<title>t</title>{STYLE}</head><body><script>{SITE}</script></body></html>"
    site.response = Response(body, tuple(enforced), tuple(report_only or ()))
    tab.goto(f"{site.origin}/page", wait_until="load")
    found: dict[str, Any] = tab.evaluate(
        "()=>({a:window.a,b:window.b,site:window.site,origin,color:getComputedStyle(document.body).color,"
        "violations:window.violations})"
    )
    return found


def with_hosts(site: Site, policies: list[str]) -> list[str]:
    return [text.replace("{here}", site.here).replace("{there}", site.there) for text in policies]


def fetch(tab: Page) -> bool:
    """Requests the endpoint as the runtime does; returns whether the CSP allows it."""
    return bool(tab.evaluate("()=>fetch('/app/_widgetmw/token').then(response=>response.ok,()=>false)"))


def load(tab: Page, url: str) -> bool:
    """Adds a loader as the runtime does; returns whether it loads."""
    return bool(
        tab.evaluate(
            """url=>new Promise(done=>{try{const s=document.createElement('script');s.onload=()=>done(true);
            s.onerror=()=>done(false);s.src=url;document.head.appendChild(s)}catch(e){done(false)}})""",
            url,
        )
    )


def decide(site: Site, enforced: list[str], report_only: list[str], *, amend: bool = False) -> CspDecision:
    return evaluate(
        enforced, report_only, origin=site.origin, base="/app/_widgetmw", amend=amend, loaders=[site.loader]
    )


@pytest.mark.parametrize("name", MATRIX if ALL else [*MATRIX][::2])  # each takes two page loads
def test_the_browser_runs_the_chosen_form(site: Site, tab: Page, name: str) -> None:
    enforced, report_only = (with_hosts(site, policies) for policies in MATRIX[name])
    decision = decide(site, enforced, report_only)
    before = load_page(site, tab, "", enforced, report_only)
    assert isinstance(before["violations"], list)
    after = load_page(site, tab, script_tags(decision.form, decision.nonce), enforced, report_only)
    assert after == before | ({"a": None if decision.form == "external" else 1, "b": 1} if decision.form else {})
    if decision.form is None:
        assert_every_form_is_blocked(site, tab, enforced)
        return
    assert fetch(tab) is decision.can_connect
    assert load(tab, site.loader) is (site.loader in decision.allowed_loaders)


def assert_every_form_is_blocked(site: Site, tab: Page, enforced: list[str]) -> None:
    """Asserts that no form would have run completely, with any nonce."""
    nonces = {part.split("'")[0] for text in enforced for part in text.split("'nonce-")[1:]} | {None}
    for form in FORMS:
        for nonce in nonces:
            found = load_page(site, tab, script_tags(form, nonce), enforced)
            assert not (found["b"] and (found["a"] or form == "external")), (form, nonce)


@pytest.mark.parametrize("name", AMENDED)
def test_an_amended_csp_allows_our_script_and_nothing_else(site: Site, tab: Page, name: str) -> None:
    enforced = with_hosts(site, AMENDED[name])
    assert decide(site, enforced, []).form is None
    decision = decide(site, enforced, [], amend=True)
    assert decision.form == "hashed"
    before = load_page(site, tab, "", enforced)
    source = hash_source((BOOT + RUNTIME).encode())
    after = load_page(
        site, tab, script_tags(decision.form, decision.nonce), [add_hash(each, source) for each in enforced]
    )
    assert after == before | {"a": 1, "b": 1}
    assert fetch(tab) is decision.can_connect
    assert load(tab, site.loader) is (site.loader in decision.allowed_loaders)


@pytest.mark.parametrize("flags", ["", "allow-same-origin allow-forms", "allow-scripts"])
def test_a_sandbox_blocks_scripts_or_has_an_opaque_origin(site: Site, tab: Page, flags: str) -> None:
    enforced = [f"sandbox {flags}"]
    assert decide(site, enforced, []).reason is SkipReason.CSP_SANDBOX
    found = load_page(site, tab, script_tags("inline", None), enforced)
    assert (found["a"], found["origin"]) == ((1, "null") if flags == "allow-scripts" else (None, found["origin"]))


def test_a_csp_in_a_meta_element_does_not_apply_to_earlier_scripts(site: Site, tab: Page) -> None:
    meta = "<meta http-equiv=Content-Security-Policy content=\"script-src 'none'; connect-src 'none'\">"
    for form in FORMS:
        found = load_page(site, tab, script_tags(form, None) + meta, [])
        assert (found["b"], found["site"]) == (1, None)
        assert all(directive != "script-src-elem" or uri == "inline" for _, directive, uri in found["violations"])
    assert fetch(tab) is False  # The server does not know this policy, so the runtime has to cope with it.
