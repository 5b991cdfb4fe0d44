"""Scripts that are not part of this package: those of third-party vendors, and the operator's snippets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import ConsoleMessage, Error, Page

from tests.browser.conftest import SharedTab, Tab, sign_in, sign_out
from tests.browser.simulation import wait_for_requests
from tests.browser.site import SNIPPETS, Form, Site
from tests.combinations import combine
from widgetmw.browser import assets

ACME = """
// A vendor that records the calls of its hooks. \u2603
const seen = [];
const init = (vendor) => {
  window.acme = { early: vendor.token?.token, name: vendor.name, config: vendor.config, seen };
  return { calls: 0 };
};
const connect = (vendor, state) => ({
  update: ({ source }) => seen.push([++state.calls, source, vendor.token.token]),
  logout: ({ token, origin }) => seen.push(["logout", token.token, origin]),
  embed: () => vendor.loadScript("/acme.js", { "data-id": "7" }).then(() => seen.push("loaded")),
});
export default { init, connect };
"""
BROKEN = {
    "does not parse": "export default { init( };",
    "throws at once": "throw new Error('at once');\nexport default { init() {} };",
    "throws in init": "export default { init() { throw new Error('in init'); }, connect: () => ({}) };",
    "throws in connect": "export default { connect() { throw new Error('in connect'); } };",
    "throws in a hook": "export default { connect: () => ({ update() { throw new Error('in update'); } }) };",
    "rejects in a hook": "export default { connect: () => ({ update: async () => { throw new Error('later'); } }) };",
    "throws in a getter of init": "export default { get init() { throw new Error('in init'); } };",
    "throws in a getter of connect": "export default { get connect() { throw new Error('in connect'); } };",
    "throws undefined in init": "export default { init() { throw undefined; }, connect: () => ({}) };",
    "throws null in init": "export default { init() { throw null; }, connect: () => ({}) };",
    "throws 0 in init": "export default { init() { throw 0; }, connect: () => ({}) };",
    "throws without a text in connect": "export default { connect() { throw { toString() { throw 1; } }; } };",
    "throws without a text in a hook": (
        "export default { connect: () => ({ update() { throw Object.create(null); } }) };"
    ),
    "rejects without a text in a hook": (
        "export default { connect: () => ({ update: async () => { throw Object.create(null); } }) };"
    ),
    "throws without a text at sign-out": (
        "export default { connect: () => ({ logout() { throw Object.create(null); } }) };"
    ),
    "exports null": "export default null;",
}
FORMS: tuple[Form, ...] = ("inline", "bundled", "external", "hashed")


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest, site: Site) -> Form:
    site.form = request.param
    site.vendors = ("digitalgenius", "acme", "orlo", "giosg")
    site.vendor_scripts = {"acme": ACME}
    return site.form


@pytest.fixture
def page(shared_tab: SharedTab, site: Site) -> Iterator[Page]:
    """The shared tab, signed in as ann. Errors are expected in its pages."""
    yield shared_tab.take(site, "ann", errors=[])
    shared_tab.release()


@pytest.fixture
def messages(page: Page) -> Iterator[list[str]]:
    """The console warnings and uncaught errors of the page."""
    messages: list[str] = []

    def record_warning(message: ConsoleMessage) -> None:
        if message.type == "warning":
            messages.append(message.text)

    def record_error(error: Error) -> None:
        messages.append(error.message)

    page.on("console", record_warning)
    page.on("pageerror", record_error)
    yield messages
    page.remove_listener("console", record_warning)
    page.remove_listener("pageerror", record_error)


def assert_others_work(page: Page, site: Site) -> None:
    """Asserts that the other vendors receive new tokens."""
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('giosg')")
    tokens = site.tokens("ann", relative=False)
    assert page.evaluate("DG_CHAT_WIDGET_CONFIG.metadata.auth_token") == tokens["digitalgenius"]["token"]
    assert page.evaluate("_giosg._e.at(-1)[2]") == tokens["giosg"]["token"]
    assert page.evaluate("widgetmw.get('acme').token") == tokens["acme"]["token"]


@pytest.mark.usefixtures("form")
def test_a_third_party_vendor_works_like_a_built_in_one(page: Page, messages: list[str], site: Site) -> None:
    site.head = "<script nonce=page>window.first = {...window.acme};</script>"
    page.goto(site.url)
    first = page.evaluate("widgetmw.get('acme').token")
    assert page.evaluate("[first.early, first.name]") == [first, "acme"]
    site.clear_token_cache()
    second = page.evaluate("widgetmw.refresh('acme').then((token) => token.token)")
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("acme.seen") == [[1, "page", first], [2, "endpoint", second], ["logout", second, "here"]]
    assert (messages, site.script_errors) == ([], [])


# The other two forms differ from these in the place of the script only.
@combine(fault=BROKEN, form=["inline", "external"], indirect=["form"])
@pytest.mark.usefixtures("form")
def test_a_broken_vendor_script_affects_only_that_vendor(
    page: Page, messages: list[str], site: Site, fault: str
) -> None:
    site.vendor_scripts = {"acme": BROKEN[fault]}
    page.goto(site.url)
    assert page.evaluate("orloData.length") == 1
    assert_others_work(page, site)
    token = page.evaluate("widgetmw.get('acme').token")
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("widgetmw.get('giosg')") is None
    assert bool(messages) is (fault != "exports null")
    assert not any(token in message for message in messages)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("broken", ["data", "embed"])
def test_a_syntax_error_in_a_snippet_affects_only_that_snippet(
    page: Page, messages: list[str], site: Site, broken: str
) -> None:
    site.embed = ("orlo",)
    site.snippets = {"orlo": SNIPPETS | {broken: "function(JWT_TOKEN,WIDGET_ID){ if ( }"}}
    page.goto(site.url)
    assert len(messages) == 1
    ran = page.evaluate("[window.orloData?.length ?? 0, window.orloEmbeds?.length ?? 0]")
    assert ran == [int(broken != "data"), int(broken != "embed")]
    assert_others_work(page, site)


@pytest.mark.usefixtures("form")
def test_each_third_party_script_has_its_own_element(page: Page, site: Site) -> None:
    page.goto(site.url)
    ours = page.evaluate(
        "[...document.querySelectorAll('script[data-widgetmw]')].filter((script) => !script.type)"
        ".map((script) => script.src.replace(/.*\\/_widgetmw|[?].*/g, '') || script.text.slice(0, 24))"
    )
    vendor, snippet, page_code = "/vendor/acme.js", "/snippet/orlo/", "((()=>{"
    inline = {vendor: "(window.widgetmw_scripts??=", snippet: "((window.widgetmw_snippets"}
    expected = {
        "inline": [inline[vendor], page_code, snippet, snippet, "/runtime.js"],
        "bundled": [inline[vendor], inline[snippet], inline[snippet], page_code],
        "hashed": [inline[vendor], inline[snippet], inline[snippet], page_code],
        "external": [vendor, "/runtime.js", snippet, snippet],
    }[site.form]
    assert len(ours) == len(expected)
    assert all(text.startswith(start[:24]) for text, start in zip(ours, expected, strict=True))


def test_scripts_that_load_after_the_runtime_are_used(page: Page, site: Site) -> None:
    site.form, site.vendors, site.vendor_scripts = "external", ("acme", "orlo"), {"acme": ACME}
    site.embed = ("orlo",)
    files = site.scripts().files()
    page.route("**/vendor/**", lambda route: route.abort())
    page.route("**/snippet/**", lambda route: route.abort())
    page.goto(site.url)
    token = page.evaluate("widgetmw.get('acme').token")
    assert page.evaluate("[window.acme, window.orloData]") == [None, None]
    for path, file in files.items():
        if path != "/runtime.js":
            page.add_script_tag(content=file.content.decode())
    assert page.evaluate("acme.seen") == [[1, "page", token]]
    assert page.evaluate("[orloData.length, orloEmbeds.length]") == [1, 1]


def test_a_script_that_loads_after_the_runtime_may_ask_for_the_token(page: Page, site: Site) -> None:
    site.form, site.vendors, site.missing = "external", ("acme",), {"acme": "on_request"}
    asks = "connect: (vendor) => ({ update: () => vendor.getToken().then(({ token }) => (window.asked = token)) })"
    site.vendor_scripts = {"acme": f"export default {{ {asks} }};"}
    page.route("**/vendor/**", lambda route: route.abort())
    page.goto(site.url)
    page.add_script_tag(content=site.scripts().files()["/vendor/acme.js"].content.decode())
    page.wait_for_function("window.asked")
    assert page.evaluate("asked === widgetmw.get('acme').token")


@pytest.mark.parametrize("part", ["init", "connect"])
def test_a_broken_script_that_loads_after_the_runtime_affects_only_its_vendor(
    page: Page, messages: list[str], site: Site, part: str
) -> None:
    site.form, site.vendors = "external", ("digitalgenius", "acme", "giosg")
    site.vendor_scripts = {"acme": f"export default {{ get {part}() {{ throw undefined; }} }};"}
    page.route("**/vendor/**", lambda route: route.abort())
    page.goto(site.url)
    page.add_script_tag(content=site.scripts().files()["/vendor/acme.js"].content.decode())
    assert_others_work(page, site)
    assert messages == ["widgetmw: acme: undefined"]


def test_a_snippet_that_loads_after_a_sign_out_does_not_run(page: Page, site: Site) -> None:
    site.form, site.vendors = "external", ("orlo",)
    files = site.scripts().files()
    page.route("**/snippet/**", lambda route: route.abort())
    page.goto(site.url)
    page.evaluate("widgetmw.signOut()")
    page.add_script_tag(content=files["/snippet/orlo/data.js"].content.decode())
    assert page.evaluate("window.orloData") is None


def test_a_vendor_script_is_loaded_once_with_its_attributes(page: Page, messages: list[str], site: Site) -> None:
    site.vendors, site.vendor_scripts, site.embed = ("acme",), {"acme": ACME}, ("acme",)
    page.route("**/acme.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto(site.url)
    page.wait_for_function("acme.seen.includes('loaded')")
    assert page.evaluate('document.querySelectorAll(\'script[src="/acme.js"][data-id="7"]\').length') == 1
    assert messages == []


def test_get_token_requests_only_if_the_current_token_is_due(page: Page, site: Site) -> None:
    page.goto(site.url)
    site.clear_token_cache()
    assert page.evaluate("widgetmw.getToken('orlo').then((token) => token === widgetmw.get('orlo'))")
    assert site.token_requests == []
    page.evaluate("widgetmw.signOut()")
    sign_out(page.context)
    site.delivery = "fetch"
    page.goto(site.url)
    wait_for_requests(page)
    sign_in(page.context, site, "ann")
    before = len(site.token_requests)
    assert page.evaluate("widgetmw.getToken('orlo').then((token) => token.provider)") == "orlo"
    assert len(site.token_requests) == before + 1


REFUSED = {
    "const script = {};": "0 lines that begin with `export default`",
    "export default {};\nexport default {};": "2 lines that begin with `export default`",
    "export default { a: '</SCRIPT>' };": "'</SCRIPT'",
    "export default { a: '<!--' };": "'<!--'",
    "export default { a: '\0' };": "which is not allowed in a page",
}


@pytest.mark.parametrize("module", REFUSED)
def test_a_module_that_cannot_stand_in_a_page_is_refused(module: str) -> None:
    with pytest.raises(ValueError, match="the script holds") as caught:
        assets.vendor_script("acme", module)
    assert REFUSED[module] in str(caught.value)


def test_characters_beyond_ascii_are_escaped() -> None:
    content = assets.vendor_script("acme", "\ufeffexport default { a: '\u2603 \U0001f600' };").content
    assert b"{ a: '\\u2603 \\ud83d\\ude00' }" in content


@pytest.mark.parametrize("failure", ["throw Error('no')", "return Promise.reject(Error('no'))"])
def test_a_clean_up_that_fails_is_run_again_by_a_later_page(tab: Tab, site: Site, failure: str) -> None:
    site.vendors = ("acme",)
    site.vendor_scripts = {
        "acme": "export default { connect: () => ({ logout() {"
        f"  window.attempts = (window.attempts ?? 0) + 1; if (window.fails) {{ {failure}; }}"
        "} }) };"
    }
    page = tab("ann")
    page.goto(site.url)
    page.evaluate("window.fails = true; widgetmw.signOut()")
    assert page.evaluate("[attempts, document.cookie.includes('widgetmw')]") == [1, True]
    page.goto(site.url)
    assert page.evaluate("attempts") == 1
    page.goto(site.url)
    assert page.evaluate("window.attempts ?? 0") == 0
