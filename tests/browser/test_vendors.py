"""Each built-in vendor's script against a fake of the vendor's own script."""

from __future__ import annotations

import pytest
from playwright.sync_api import ConsoleMessage, Page

from tests.browser import fake_vendors
from tests.browser.conftest import Profile, Visit
from tests.browser.fake_vendors import script
from tests.browser.simulation import HOUR, hide_tab, pass_time, sleep
from tests.browser.site import Form, Response, Site

DG_INIT = "https://chat.digitalgenius.com/init.js"
GIOSG_LOADER = "https://service.giosg.com/live2/org-1"


def token_of(page: Page, vendor: str) -> str:
    token: str = page.evaluate("(vendor) => widgetmw.get(vendor).token", vendor)
    return token


def renew(page: Page, site: Site, vendor: str) -> str:
    """Makes the server mint a new token and the page request it; returns the token."""
    site.clear_token_cache()
    token: str = page.evaluate("(vendor) => widgetmw.refresh(vendor).then((fresh) => fresh.token)", vendor)
    return token


# --- DigitalGenius --------------------------------------------------------------------------------

OWN = "{theme: 'dark', env: 'us', metadata: {plan: 'pro'}, callbacks: {onBotMessage: () => 7, onWidgetEmbedded: own}}"
ASSIGNMENTS = {
    "window": f"window.DG_CHAT_WIDGET_CONFIG = {OWN};",
    "var": f"var DG_CHAT_WIDGET_CONFIG = {OWN};",
    "let": f"let DG_CHAT_WIDGET_CONFIG = {OWN};",
    "const": f"const DG_CHAT_WIDGET_CONFIG = {OWN};",
    "frozen": f"window.DG_CHAT_WIDGET_CONFIG = {OWN}; const c = window.DG_CHAT_WIDGET_CONFIG;"
    "Object.freeze(c.metadata); Object.freeze(c.callbacks); window.DG_CHAT_WIDGET_CONFIG = Object.freeze({...c});",
    "mutated": f"const c = window.DG_CHAT_WIDGET_CONFIG; const mine = {OWN};"
    "c.theme = mine.theme; c.env = mine.env; c.metadata = mine.metadata; c.callbacks = mine.callbacks;",
    "merged": f"window.DG_CHAT_WIDGET_CONFIG = Object.assign({{}}, window.DG_CHAT_WIDGET_CONFIG, {OWN});",
    "defined": f"Object.defineProperty(window, 'DG_CHAT_WIDGET_CONFIG', {{value: {OWN}, configurable: true}});",
    "defined for good": f"Object.defineProperty(window, 'DG_CHAT_WIDGET_CONFIG', {{value: {OWN}}});",
    "read-only metadata": f"const c = {OWN};"
    "Object.defineProperty(c, 'metadata', {value: c.metadata, enumerable: true}); window.DG_CHAT_WIDGET_CONFIG = c;",
    "metadata from a getter": f"const {{metadata, ...c}} = {OWN};"
    "window.DG_CHAT_WIDGET_CONFIG = Object.defineProperty(c, 'metadata',"
    "  {get: () => ({plan: 'pro'}), enumerable: true});",
    "late": f"addEventListener('DOMContentLoaded', () => {{ window.DG_CHAT_WIDGET_CONFIG = {OWN}; }});",
}


@pytest.mark.parametrize("assign", ASSIGNMENTS.values(), ids=ASSIGNMENTS.keys())
def test_dg_a_config_of_the_page_keeps_its_keys_and_gets_the_token(visit: Visit, site: Site, assign: str) -> None:
    site.head = script("window.owned = []; window.own = function () { owned.push([...arguments]); };") + script(assign)
    page = visit("ann")
    # The vendor's loader runs last, as documented.
    page.add_script_tag(content=fake_vendors.DIGITALGENIUS_EMBEDDED)
    config = page.evaluate("vendor.config")
    assert config["theme"] == "dark"
    assert config["env"] == "us"
    assert config["widgetId"] == "w-1"
    assert config["metadata"] == {"plan": "pro", "auth_token": token_of(page, "digitalgenius")}
    assert page.evaluate("window.DG_CHAT_WIDGET_CONFIG.callbacks.onBotMessage()") == 7
    assert page.evaluate("owned") == [["embedded"]]
    # A value that replaces our accessor may have been read before we saw it, so the first token is sent as well.
    sent = [config["metadata"]["auth_token"]] if "defineProperty(window" in assign else []
    fresh = renew(page, site, "digitalgenius")
    assert page.evaluate("vendor.messages.map((message) => message.payload)") == [*sent, fresh]
    assert page.evaluate("window.DG_CHAT_WIDGET_CONFIG.metadata.auth_token") == fresh


def test_dg_a_var_before_our_script_is_kept(visit: Visit, site: Site) -> None:
    start = f"<!doctype html><html>{script('window.own = () => {}; var DG_CHAT_WIDGET_CONFIG = ' + OWN)}<head>"
    whole = site.page("ann").body.decode()
    site.pages["/var"] = lambda user: Response(
        200, whole.replace("<!doctype html><html><head>", start).encode(), {"Content-Type": "text/html"}
    )
    page = visit("ann", "/var")
    page.add_script_tag(content=fake_vendors.DIGITALGENIUS_EMBEDDED)
    token = token_of(page, "digitalgenius")
    assert page.evaluate("vendor.config.metadata") == {"plan": "pro", "auth_token": token}
    fresh = renew(page, site, "digitalgenius")
    assert page.evaluate("vendor.messages.map((message) => message.payload)") == [token, fresh]
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("[vendor.resets, DG_CHAT_WIDGET_CONFIG.metadata]") == [1, {"plan": "pro"}]


def test_dg_a_config_set_before_our_script_is_kept(profile: Profile, site: Site) -> None:
    context = profile("ann")
    context.add_init_script("window.DG_CHAT_WIDGET_CONFIG = {theme: 'dark', metadata: {plan: 'pro'}};")
    page = context.new_page()
    page.goto(site.url)
    config = page.evaluate("({...DG_CHAT_WIDGET_CONFIG, callbacks: 0})")
    assert config["theme"] == "dark"
    assert config["metadata"] == {"plan": "pro", "auth_token": token_of(page, "digitalgenius")}


def test_dg_a_config_that_cannot_be_trapped_breaks_nothing_else(profile: Profile, site: Site) -> None:
    context = profile("ann")
    context.add_init_script("Object.defineProperty(window, 'DG_CHAT_WIDGET_CONFIG', {value: Object.freeze({own: 1})});")
    page = context.new_page()
    page.goto(site.url)
    assert page.evaluate("[HISSUNO_WIDGET_CONFIG.userId, orloData.length, DG_CHAT_WIDGET_CONFIG]") == [
        "ann",
        1,
        {"own": 1},
    ]


def test_dg_metadata_replaced_by_the_page_gets_the_token_again(visit: Visit) -> None:
    page = visit("ann")
    page.evaluate("DG_CHAT_WIDGET_CONFIG.metadata = {plan: 'pro'}")
    page.evaluate("DG_CHAT_WIDGET_CONFIG.metadata.auth_token = 'mine'")
    assert page.evaluate("DG_CHAT_WIDGET_CONFIG.metadata") == {
        "plan": "pro",
        "auth_token": token_of(page, "digitalgenius"),
    }


def test_dg_a_token_renewed_before_the_widget_is_embedded_is_sent_afterwards(visit: Visit, site: Site) -> None:
    site.head = script(fake_vendors.DIGITALGENIUS)
    page = visit("ann")
    renew(page, site, "digitalgenius")
    latest = renew(page, site, "digitalgenius")
    assert page.evaluate("vendor.messages") == []
    page.evaluate("embedWidget()")
    assert page.evaluate("vendor.messages") == [{"name": "auth_token", "payload": latest}]


def test_dg_the_token_of_the_page_is_not_sent_again(visit: Visit, site: Site) -> None:
    site.head = script(fake_vendors.DIGITALGENIUS_EMBEDDED)
    page = visit("ann")
    assert page.evaluate("vendor.config.metadata.auth_token") == token_of(page, "digitalgenius")
    assert page.evaluate("vendor.messages") == []


@pytest.mark.parametrize("event", ["DGSDKScriptLoaded", "onDGSDKScriptLoaded"])
def test_dg_the_headless_kit_is_initialized_with_the_token(visit: Visit, site: Site, event: str) -> None:
    site.head = script(
        f"addEventListener('{event}', () => DGChatSDK.init({{name: 'Ann', metadata: {{locale: 'en'}}}}));"
        "window.DG_SDK_CONFIG = {generalSettings: {persistSession: true}};"
        "window.DGChatSDK = {init: (options) => { window.given = options; },"
        "  endConversation: () => { window.ended = true; }};"
        f"dispatchEvent(new Event('{event}'));"
    )
    page = visit("ann")
    token = token_of(page, "digitalgenius")
    assert page.evaluate("given") == {"name": "Ann", "metadata": {"locale": "en", "auth_token": token}}
    assert page.evaluate("DG_SDK_CONFIG") == {
        "widgetId": "w-1",
        "env": "eu",
        "generalSettings": {"persistSession": True},
        "metadata": {"auth_token": token},
    }
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("[ended, DG_SDK_CONFIG.metadata]") == [True, {}]


def test_dg_the_pages_callback_runs_even_if_the_widget_throws(visit: Visit, site: Site) -> None:
    site.head = script(
        "window.DG_CHAT_WIDGET_CONFIG = {callbacks: {onWidgetEmbedded: () => { window.owned = true; }}};"
        "window.dgchat = {methods: {sendSystemMessage() { throw new Error('not now'); }}};"
        "addEventListener('error', (event) => event.preventDefault());"
    )
    page = visit("ann")
    renew(page, site, "digitalgenius")
    page.evaluate("try { DG_CHAT_WIDGET_CONFIG.callbacks.onWidgetEmbedded(); } catch {}")
    assert page.evaluate("owned")


def test_dg_a_message_that_the_widget_refuses_does_not_stop_its_own_code(visit: Visit, site: Site) -> None:
    refuse = "vendor.refuses ? (() => { throw new Error('refused'); })() : vendor.messages.push(message)"
    site.head = script(fake_vendors.DIGITALGENIUS.replace("vendor.messages.push(message)", refuse))
    page = visit("ann")
    renew(page, site, "digitalgenius")
    assert page.evaluate("(vendor.refuses = true, embedWidget(), 'embedded')") == "embedded"
    page.evaluate("vendor.refuses = false")
    token = renew(page, site, "digitalgenius")
    assert page.evaluate("vendor.messages") == [{"name": "auth_token", "payload": token}]


def test_dg_a_widget_without_reset_chat_gets_the_next_users_token(visit: Visit, site: Site) -> None:
    site.head = script(fake_vendors.DIGITALGENIUS_EMBEDDED + "delete dgchat.methods.resetChat;")
    page = visit("ann")
    page.context.add_cookies([{"name": "session", "value": "bob", "url": site.url}])
    fresh = renew(page, site, "digitalgenius")
    assert page.evaluate("vendor.messages.at(-1).payload") == fresh


def test_dg_a_headless_kit_that_loads_late_still_ends_the_conversation(visit: Visit, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    page = visit("ann")
    page.context.clear_cookies(name="session")
    page.goto(site.url)
    page.wait_for_function("seen.signedout")
    page.evaluate(
        "window.DGChatSDK = {init() {}, endConversation: () => { window.ended = true; }};"
        "dispatchEvent(new Event('DGSDKScriptLoaded'));"
    )
    assert page.evaluate("ended")


# --- Hissuno --------------------------------------------------------------------------------------


def test_hissuno_the_config_is_a_new_object_for_each_token(visit: Visit, site: Site) -> None:
    page = visit("ann")
    page.evaluate(
        "window.old = HISSUNO_WIDGET_CONFIG;"
        "widgetmw.subscribe('hissuno', () => { window.snap = HISSUNO_WIDGET_CONFIG; }); 0"
    )
    fresh = renew(page, site, "hissuno")
    assert page.evaluate("snap === HISSUNO_WIDGET_CONFIG && snap !== old && snap.widgetToken") == fresh
    assert page.evaluate("[snap.userId, snap.userMetadata, snap.projectId]") == ["ann", {"name": "ann ☃"}, "p-1"]


# --- Orlo -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_orlo_the_snippet_runs_once_per_token_after_the_page_is_parsed(visit: Visit, site: Site, form: Form) -> None:
    site.form = form
    site.head = script("window.orloData = {length: 0, push(...all) { [].push.call(this, ...all, document.body.id); }};")
    site.body = '<script>document.body.id = "parsed";</script>'
    page = visit("ann")
    first = token_of(page, "orlo")
    second = renew(page, site, "orlo")
    page.evaluate("widgetmw.refresh('orlo')")
    assert page.evaluate("Array.from(orloData)") == [[first, "o-1"], "parsed", [second, "o-1"], "parsed"]


def test_orlo_an_error_in_the_snippet_is_reported_without_the_token(profile: Profile, site: Site) -> None:
    context = profile("ann")
    messages: list[ConsoleMessage] = []
    context.on("console", lambda message: messages.append(message))
    page = context.new_page()
    site.head = script("window.orloData = {push: (given) => { throw new Error('no ' + given[0]); }};")
    page.goto(site.url)
    assert token_of(page, "giosg")
    assert [message.type for message in messages] == ["warning"]
    assert messages[0].text == "widgetmw: orlo: Error: no ..."


# --- giosg ----------------------------------------------------------------------------------------


def giosg_script(consent: bool) -> str:
    return fake_vendors.GIOSG.replace("CONSENT", "true" if consent else "false")


def calls(page: Page) -> list[list[object]]:
    queued: list[list[object]] = page.evaluate("(window._giosg?._e ?? []).map((call) => [...call])")
    return queued


@pytest.mark.parametrize("tag", ["", script(fake_vendors.GIOSG_TAG)], ids=["alone", "beside the vendor's tag"])
def test_giosg_visitor_data_is_queued_and_submitted_again_at_renewal(visit: Visit, site: Site, tag: str) -> None:
    site.head = tag
    page = visit("ann")
    first = ["visitor", "submit", token_of(page, "giosg"), "HS256"]
    assert calls(page) == [first]
    second = ["visitor", "submit", renew(page, site, "giosg"), "HS256"]
    assert calls(page) == [first, second]


def test_giosg_visitor_data_dropped_before_consent_is_submitted_afterwards(visit: Visit, site: Site) -> None:
    site.pages["/giosg.js"] = lambda user: Response(
        200, giosg_script(consent=False).encode(), {"Content-Type": "text/javascript"}
    )
    site.head = script(fake_vendors.GIOSG_TAG) + '<script async src="/giosg.js"></script>'
    page = visit("ann")
    page.wait_for_function("window.vendor")
    assert page.evaluate("vendor.submitted") == []
    page.evaluate("giosgTCApi.setVisitorConsent({vendor: true})")
    assert page.evaluate("vendor.submitted") == [[token_of(page, "giosg"), "HS256"]]


def test_giosg_marked_links_always_have_the_signed_url(visit: Visit, site: Site) -> None:
    site.body = '<a id="one" data-widgetmw-giosg>chat</a><a id="plain">no</a>'
    page = visit("ann")
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<p><a id=\"two\" data-widgetmw-giosg>late</a></p>');"
        "document.getElementById('plain').after(Object.assign(document.createElement('a'), {id: 'three'}));"
        "document.getElementById('three').setAttribute('data-widgetmw-giosg', '');"
    )
    hrefs = "['one', 'two', 'three', 'plain'].map((id) => document.getElementById(id).getAttribute('href'))"
    url = page.evaluate("widgetmw.get('giosg').url")
    assert page.evaluate(hrefs) == [url, url, url, None]
    renew(page, site, "giosg")
    new_url = page.evaluate("widgetmw.get('giosg').url")
    assert page.evaluate(hrefs) == [new_url, new_url, new_url, None] != [url, url, url, None]
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate(hrefs) == [None] * 4


def test_giosg_a_click_tells_the_signed_url_to_nobody_else(visit: Visit, profile: Profile, site: Site) -> None:
    site.body = (
        '<a id="chat" data-widgetmw-giosg target="_blank" ping="/pinged">chat</a><a id="own" ping="/own">own</a>'
    )
    page = visit("ann", context=profile("ann"))
    sent: list[str | None] = []
    page.on("request", lambda request: sent.append(request.header_value("Ping-To")))
    with page.expect_popup():
        page.click("#chat")
    assert page.evaluate("[chat, own].map((link) => link.ping)") == ["", "/own"]
    assert set(sent) <= {None}


def test_giosg_a_marked_frame_gets_its_url_once_per_user(visit: Visit, site: Site) -> None:
    site.body = '<iframe id="chat" data-widgetmw-giosg></iframe>'
    page = visit("ann")
    source = "document.getElementById('chat').getAttribute('src')"
    first = page.evaluate(source)
    assert first == page.evaluate("widgetmw.get('giosg').url")
    renew(page, site, "giosg")
    assert page.evaluate(source) == first
    page.context.add_cookies([{"name": "session", "value": "bob", "url": site.url}])
    renew(page, site, "giosg")
    assert "user=bob" in page.evaluate(source)


def test_giosg_a_frame_that_is_moved_gets_a_new_url_only_if_its_own_has_expired(visit: Visit, site: Site) -> None:
    site.body = '<iframe id="chat" data-widgetmw-giosg></iframe>'
    site.token_lifetime = 60
    page = visit("ann", clock=True)
    move = "document.body.append(document.createElement('p'), chat)"
    first = page.get_attribute("#chat", "src")
    renew(page, site, "giosg")
    page.evaluate(move)
    assert page.get_attribute("#chat", "src") == first
    pass_time(page, site, 90)
    assert page.get_attribute("#chat", "src") == first
    page.evaluate(move)
    assert page.get_attribute("#chat", "src") == page.evaluate("widgetmw.get('giosg').url") != first


def test_giosg_a_click_on_an_expired_link_waits_for_the_new_url(visit: Visit, site: Site) -> None:
    site.body = '<a id="chat" data-widgetmw-giosg>chat</a>'
    site.token_lifetime = 60
    page = visit("ann", clock=True)
    hide_tab(page)
    sleep(page, site, HOUR)
    page.evaluate("delete document.visibilityState")
    page.click("#chat")
    page.wait_for_url("**/chat?*")
    assert "n=2" in page.url


def test_giosg_a_link_rewritten_by_the_page_still_leads_to_the_signed_url(visit: Visit, site: Site) -> None:
    site.body = '<a id="chat" data-widgetmw-giosg href="/contact">chat</a>'
    page = visit("ann")
    page.evaluate("document.getElementById('chat').href = '/somewhere'")
    url = page.evaluate("widgetmw.get('giosg').url")
    page.click("#chat")
    page.wait_for_url("**/chat?*")
    assert page.url == url


def test_giosg_a_page_that_keeps_rewriting_signed_elements_does_not_hang(visit: Visit, site: Site) -> None:
    site.body = '<a id="chat" data-widgetmw-giosg>chat</a><iframe id="frame" data-widgetmw-giosg></iframe>' + script(
        "const set = Element.prototype.setAttribute;"
        "frame.setAttribute = (name, value) => set.call(frame, name, name === 'src' ? '/chat?local' : value);"
        "chat.setAttribute = (name, value) => set.call(chat, name, name === 'href' ? '/local' : value);"
        "const record = () => { chat.dataset.seen = 1; };"
        "new MutationObserver(record).observe(chat, {attributes: true, attributeFilter: ['href']});"
    )
    page = visit("ann")
    renew(page, site, "giosg")
    assert page.get_attribute("#chat", "href") == "/local"
    page.evaluate("widgetmw.signOut()")
    assert page.get_attribute("#frame", "src") == "/chat?local"


def test_giosg_after_a_sign_out_links_and_frames_have_the_pages_own_urls(visit: Visit, site: Site) -> None:
    site.body = (
        '<a id="chat" data-widgetmw-giosg href="/contact">chat</a><iframe id="own" data-widgetmw-giosg src="/chat?own">'
        '</iframe><iframe id="none" data-widgetmw-giosg></iframe>'
    )
    page = visit("ann")
    renew(page, site, "giosg")
    page.evaluate("widgetmw.signOut()")
    assert page.get_attribute("#chat", "href") == "/contact"
    assert [page.get_attribute(frame, "src") for frame in ("#own", "#none")] == ["/chat?own", "about:blank"]


@pytest.mark.parametrize("click", ["middle", "control"])
def test_giosg_a_click_for_a_new_tab_on_an_expired_link_opens_a_tab(visit: Visit, site: Site, click: str) -> None:
    site.body = '<a id="chat" data-widgetmw-giosg>chat</a>'
    site.token_lifetime = 60
    page = visit("ann", clock=True)
    hide_tab(page)
    sleep(page, site, HOUR)
    page.evaluate("delete document.visibilityState")
    with page.context.expect_page() as opened:
        page.click("#chat", **({"button": "middle"} if click == "middle" else {"modifiers": ["Control"]}))
    opened.value.wait_for_url("**/chat?*")
    assert "n=2" in opened.value.url
    assert page.url == site.url + "/"


SUBMITS = "_giosg._e.filter((call) => call[1] === 'submit').length"


def test_giosg_visitor_data_is_submitted_again_once_the_choice_is_stored(visit: Visit, site: Site) -> None:
    site.head = script(
        "window.giosgTCApi = {addEventListener: (type, listener) => { window[type] = listener; },"
        "  setVisitorConsent: () => new Promise((resolve) => { window.storeChoice = resolve; })};"
    )
    page = visit("ann")
    assert page.evaluate(SUBMITS) == 1
    page.evaluate("giosgTCApi.setVisitorConsent({vendor: true}); 0")
    assert page.evaluate(SUBMITS) == 1
    page.evaluate("storeChoice()")
    assert page.evaluate(SUBMITS) == 2
    page.evaluate("tcChange()")
    assert page.evaluate(SUBMITS) == 3


def test_giosg_visitor_data_is_submitted_again_after_a_choice_in_the_consent_framework(
    visit: Visit, site: Site
) -> None:
    site.head = script("window.__tcfapi = (command, version, listener) => { window.notify = listener; };")
    page = visit("ann")
    page.evaluate("notify({eventStatus: 'cmpuishown'})")
    assert page.evaluate(SUBMITS) == 1
    page.evaluate("notify({eventStatus: 'useractioncomplete'})")
    assert page.evaluate(SUBMITS) == 2


def test_giosg_a_consent_framework_that_throws_does_no_harm(visit: Visit, site: Site) -> None:
    site.head = script("window.__tcfapi = () => { throw new Error('not ready'); };")
    site.body = '<a id="chat" data-widgetmw-giosg>chat</a><script src="/other.js"></script>'
    site.pages["/other.js"] = lambda user: Response(200, b"", {"Content-Type": "text/javascript"})
    page = visit("ann")
    assert page.evaluate(SUBMITS) == 1
    assert page.get_attribute("#chat", "href")


def test_giosg_a_marked_link_keeps_the_pages_url_for_anonymous_visitors(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    site.body = '<a id="chat" data-widgetmw-giosg href="/contact">chat</a>'
    page = visit(None, clock=True)
    pass_time(page, site, 10)
    assert page.get_attribute("#chat", "href") == "/contact"
