"""One browser with several tabs, users and apps: what is cleaned up, by which tab, and only once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import Tab, Visit, sign_in, sign_out
from tests.browser.fake_vendors import DIGITALGENIUS, GIOSG, GIOSG_LOADED, GIOSG_TAG, script
from tests.browser.simulation import (
    MINUTE,
    max_requests_per_minute,
    pass_time,
    wait_for_lock_release,
    wait_for_requests,
    wait_until,
)
from tests.browser.site import CHANNEL, KEY, Site, json_response
from tests.browser.user_data import GIOSG_CLEANUP, WIDGET_PAGE, store_conversations
from tests.combinations import ALL

Profile = Callable[..., BrowserContext]
PENDING_LOGOUTS = f"{KEY}:pending"
OTHER_APP = {"url": "/two/_widgetmw/token", "key": "widgetmw_two"}
# The runtime's channel is older, so it gets each message first.
RECORD_MESSAGES = f"""
window.messages = [];
new BroadcastChannel("{CHANNEL}").onmessage = ({{data}}) => messages.push(data.type);
0
"""
CALLS = "_giosg._e.map((call) => [...call].slice(0, 3))"


def signed_out(profile: Profile, site: Site) -> tuple[BrowserContext, Page]:
    """Returns a profile and its page, on which the sign-out of ann has been confirmed."""
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)
    sign_out(context)
    page.goto(site.url)
    pass_time(page, site, 6, step=0.5)
    return context, page


# --- a clean-up that waits for a vendor -----------------------------------------------------------


def test_a_clean_up_without_giosgs_script_runs_on_the_next_page_with_it(profile: Profile, site: Site) -> None:
    site.vendors = ("giosg",)
    context, page = signed_out(profile, site)
    assert page.evaluate(f"[document.cookie, localStorage['{PENDING_LOGOUTS}']]") == [f"{KEY}=1", "giosg"]
    site.head = script(GIOSG_LOADED)
    sign_in(context, site, "bob")
    page.goto(site.url)
    submit = ["visitor", "submit", page.evaluate("widgetmw.get('giosg').token"), "HS256"]
    assert page.evaluate("_giosg.calls") == [*GIOSG_CLEANUP, submit]
    page.goto(site.url)
    assert page.evaluate("_giosg.calls") == [submit]


def test_a_clean_up_that_giosgs_script_has_run_is_not_repeated(profile: Profile, site: Site) -> None:
    site.vendors = ("giosg",)
    context = profile("ann", clock=True)
    held: list[Any] = []
    context.route("https://service.giosg.com/**", lambda route: held.append(route))
    page = context.new_page()
    page.goto(site.url)
    sign_out(context)
    site.head = script(GIOSG_TAG) + script("", src="https://service.giosg.com/live2/org-1", **{"async": ""})
    page.goto(site.url, wait_until="commit")
    page.wait_for_function("seen.requests")  # the runtime has started
    pass_time(page, site, 6, step=0.5)
    assert page.evaluate(CALLS) == GIOSG_CLEANUP
    assert page.evaluate(f"localStorage['{PENDING_LOGOUTS}']") == "giosg"
    held.pop().fulfill(body=GIOSG.replace("CONSENT", "true"))
    page.wait_for_function(f"!localStorage['{PENDING_LOGOUTS}']")
    assert page.evaluate("vendor.calls") == GIOSG_CLEANUP
    site.head = script(GIOSG_TAG)
    sign_in(context, site, "bob")
    page.goto(site.url)
    assert len(page.evaluate(CALLS)) == 1


def test_a_clean_up_left_in_the_queue_of_giosgs_tag_stays_pending(tab: Tab, site: Site) -> None:
    site.vendors = ("giosg",)
    site.head = script(GIOSG_TAG)
    page = tab("ann")
    page.goto(site.url)
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate(CALLS) == GIOSG_CLEANUP
    sign_in(page.context, site, "bob")
    page.goto(site.url)
    assert page.evaluate(CALLS)[:2] == GIOSG_CLEANUP


def test_a_page_without_a_vendor_leaves_its_clean_up_to_a_later_page(profile: Profile, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    context, page = signed_out(profile, site)
    sign_in(context, site, "bob")
    site.vendors = ("orlo",)
    page.goto(site.url + "/without")
    site.vendors = ("digitalgenius",)
    site.head, _ = WIDGET_PAGE
    page.goto(site.url)
    assert page.evaluate(f"[vendor.resets, localStorage['{PENDING_LOGOUTS}']]") == [1, None]


def test_a_clean_up_that_another_tab_finishes_while_a_page_starts_is_not_repeated(profile: Profile, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    context, page = signed_out(profile, site)
    sign_in(context, site, "bob")
    page.goto(site.url)
    assert page.evaluate(f"localStorage['{PENDING_LOGOUTS}']") == "digitalgenius"
    other_tab = f"""
    const {{getItem}} = Storage.prototype;
    Storage.prototype.getItem = function (name) {{
      const value = getItem.call(this, name);
      if (name === "{PENDING_LOGOUTS}") this.removeItem(name);
      return value;
    }};
    """
    site.head = script(other_tab + DIGITALGENIUS)
    page.goto(site.url)
    page.evaluate("embedWidget()")
    assert page.evaluate(f"[vendor.resets, localStorage['{PENDING_LOGOUTS}']]") == [0, None]


def test_a_clean_up_that_a_widget_not_yet_embedded_refuses_stays_pending(profile: Profile, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    context, page = signed_out(profile, site)
    own = "Object.defineProperty(window, 'DG_CHAT_WIDGET_CONFIG', {value: {theme: 'dark'}, configurable: false});"
    site.head = script(own + DIGITALGENIUS)
    sign_in(context, site, "bob")
    page.goto(site.url)
    assert page.evaluate(f"localStorage['{PENDING_LOGOUTS}']") == "digitalgenius"
    page.evaluate("embedWidget()")
    pass_time(page, site, 3, step=0.5)
    assert page.evaluate(f"[vendor.resets, vendor.messages.length, localStorage['{PENDING_LOGOUTS}']]") == [1, 1, None]


@pytest.mark.parametrize("missing", ["", "BroadcastChannel"])
def test_a_clean_up_that_another_tab_with_the_widget_has_done_is_not_repeated(
    profile: Profile, site: Site, missing: str
) -> None:
    site.vendors = ("digitalgenius",)
    context = profile("ann")
    if missing:
        context.add_init_script(f"delete window.{missing};")
    without, chat = context.new_page(), context.new_page()
    without.goto(site.url)
    site.head, _ = WIDGET_PAGE
    chat.goto(site.url)
    without.evaluate("widgetmw.signOut()")
    chat.wait_for_function("seen.signedout")
    assert chat.evaluate("vendor.resets") == 1
    chat.wait_for_function(f"!('{PENDING_LOGOUTS}' in localStorage)")
    sign_in(context, site, "bob")
    chat.evaluate("widgetmw.refresh('digitalgenius')")
    chat.evaluate("localStorage.dg_session = 'with bob'")
    chat.reload()
    assert chat.evaluate("[vendor.resets, localStorage.dg_session]") == [0, "with bob"]
    site.head = ""
    without.reload()
    without.evaluate("widgetmw.signOut()")
    chat.wait_for_function("seen.signedout")
    assert chat.evaluate("[vendor.resets, localStorage.dg_session]") == [1, None]


def test_a_tab_that_is_about_to_note_a_clean_up_takes_over_the_next_one(profile: Profile, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    context = profile("ann", clock=True)
    without, chat = context.new_page(), context.new_page()
    without.goto(site.url)
    site.head, _ = WIDGET_PAGE
    chat.goto(site.url)
    without.evaluate("widgetmw.signOut()")
    chat.wait_for_function("seen.signedout")
    site.head = ""
    for user in ("bob", "cid"):  # before the tab notes that it has finished
        site.clock_offset += 0.2
        sign_in(context, site, user)
        without.goto(site.url)
    assert without.evaluate(f"localStorage['{PENDING_LOGOUTS}']") == "digitalgenius"
    chat.wait_for_function("seen.signedout === 2")
    pass_time(chat, site, 1, step=0.5)
    assert chat.evaluate(f"[vendor.resets, localStorage['{PENDING_LOGOUTS}']]") == [2, None]
    site.head, _ = WIDGET_PAGE
    without.goto(site.url)
    assert without.evaluate("vendor.resets") == 0


# --- a full storage -------------------------------------------------------------------------------

FILL_STORAGE = """() => {
  let text = "x".repeat(1 << 20);
  for (let number = 0; text; number++) {
    try { localStorage["fill" + number] = text; } catch { text = text.slice(0, text.length >> 1); }
  }
  try { for (;;) localStorage.fill0 += "x"; } catch {}
}"""
WIDGET = script(DIGITALGENIUS + "embedWidget();")  # stores nothing


def test_a_clean_up_that_a_full_storage_cannot_note_runs_later(tab: Tab, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    page = tab("ann")
    page.goto(site.url)
    page.evaluate(FILL_STORAGE)
    # Again by a listener: a user who cannot be forgotten must not cause a loop.
    page.evaluate("addEventListener('widgetmw:signedout', () => setTimeout(() => widgetmw.signOut()))")
    page.evaluate("widgetmw.signOut()")
    sign_out(page.context)
    page.wait_for_timeout(200)
    assert page.evaluate("[seen.signedout, document.cookie]") == [1, f"{KEY}=1"]
    site.head = WIDGET
    sign_in(page.context, site, "bob")
    for resets in (1, 0):
        page.goto(site.url)
        assert page.evaluate("vendor.resets") == resets


def test_a_change_of_user_with_a_full_storage_cleans_up_once(tab: Tab, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    page = tab("ann")
    page.goto(site.url)
    page.evaluate(FILL_STORAGE)
    site.head = WIDGET
    for user, resets in [("bob", 1), ("bob", 0), ("carol", 1), ("carol", 0)]:
        sign_in(page.context, site, user)
        page.goto(site.url)
        assert page.evaluate("vendor.resets") == resets


def test_a_clean_up_whose_promise_the_widget_rejects_stays_pending(visit: Visit, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    site.head = script(
        DIGITALGENIUS.replace("resetChat: () => {", "resetChat: async () => { throw new Error('offline');")
        + "embedWidget();"
    )
    page = visit("ann")
    page.evaluate("widgetmw.signOut()")
    wait_for_requests(page)
    assert page.evaluate(f"localStorage['{PENDING_LOGOUTS}']") == "digitalgenius"
    site.head = script(DIGITALGENIUS + "embedWidget();")
    sign_in(page.context, site, "bob")
    page.goto(site.url)
    page.wait_for_function(f"!localStorage['{PENDING_LOGOUTS}']")
    assert page.evaluate("vendor.resets") == 1


# --- tabs that learn of a sign-out late -----------------------------------------------------------


def leave_page(page: Page, site: Site) -> None:
    page.goto(site.url + "/chat")


def go_back(page: Page) -> None:
    page.evaluate("setTimeout(() => history.back())")
    page.wait_for_function("window.persisted")


def test_a_tab_that_learns_late_of_a_sign_out_keeps_the_next_users_data(
    bfcache_context: BrowserContext, site: Site
) -> None:
    old, new = bfcache_context.new_page(), bfcache_context.new_page()
    old.goto(site.url)
    leave_page(old, site)
    sign_in(bfcache_context, site, "bob")
    new.goto(site.url)
    new.evaluate(
        "Object.assign(localStorage, {'hissuno_chat_p-1_b': 'bob', 'hissuno_sessions_p-1_bob': '[2]', dg_session: 'b'})"
    )
    go_back(old)
    old.wait_for_function("seen.signedout")
    assert old.evaluate("window.HISSUNO_WIDGET_CONFIG?.userId") in (None, "bob")
    kept = old.evaluate("['hissuno_chat_p-1_b', 'hissuno_sessions_p-1_bob', 'dg_session'].map((k) => localStorage[k])")
    assert kept == ["bob", "[2]", "b"]
    pending = new.evaluate(f"localStorage['{PENDING_LOGOUTS}']")
    leave_page(old, site)
    assert new.evaluate(f"localStorage['{PENDING_LOGOUTS}']") == pending


def test_storage_cleared_by_the_page_is_not_a_sign_out(bfcache_context: BrowserContext, site: Site) -> None:
    page = bfcache_context.new_page()
    page.goto(site.url)
    page.evaluate("localStorage.clear()")
    leave_page(page, site)
    go_back(page)
    wait_until(page, lambda: site.token_requests)
    wait_for_requests(page)
    assert page.evaluate("[seen.signedout, widgetmw.get('orlo').provider]") == [0, "orlo"]
    assert len(site.token_requests) == 1


def test_a_response_that_arrives_after_the_next_sign_in_does_not_reach_that_users_tab(
    profile: Profile, site: Site
) -> None:
    context = profile("ann")
    slow, new = context.new_page(), context.new_page()
    slow.goto(site.url)
    held: list[Any] = []
    slow.route("**/_widgetmw/token", lambda route: held.append(route))
    slow.evaluate("void widgetmw.refresh('orlo')")
    wait_until(slow, lambda: held)
    tokens = {"user": "hash-of-ann", "now": site.now(), "tokens": site.tokens("ann", relative=True)}
    # The site signs out by itself, and deletes everything.
    new.goto(site.url + "/chat")
    new.evaluate("localStorage.clear()")
    context.clear_cookies()
    new.wait_for_timeout(500)
    sign_in(context, site, "bob")
    new.goto(site.url)
    new.evaluate(RECORD_MESSAGES)
    held[0].fulfill(json=tokens)
    new.wait_for_function("messages.includes('tokens')")
    assert new.evaluate("[HISSUNO_WIDGET_CONFIG.userId, seen.signedout]") == ["bob", 0]


def test_a_restored_page_sees_the_next_user_although_the_storage_was_cleared(
    bfcache_context: BrowserContext, site: Site
) -> None:
    old, new = bfcache_context.new_page(), bfcache_context.new_page()
    old.goto(site.url)
    leave_page(old, site)
    new.goto(site.url + "/chat")
    new.evaluate("localStorage.clear()")
    sign_in(bfcache_context, site, "bob")
    new.goto(site.url)
    site.endpoint_override = lambda user: json_response(503, {})
    bob = [KEY, new.evaluate("(key) => localStorage[key]", KEY)]
    go_back(old)
    # a busy browser shows a restored page what another tab has stored only after the event
    old.wait_for_function("([name, value]) => localStorage[name] === value", arg=bob)
    old.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    old.wait_for_function("seen.signedout")
    assert old.evaluate("[widgetmw.get('orlo'), window.HISSUNO_WIDGET_CONFIG]") == [None, None]


def test_an_anonymous_page_restored_after_a_sign_in_requests_tokens(
    bfcache_context: BrowserContext, site: Site
) -> None:
    site.delivery = "fetch"
    sign_out(bfcache_context)
    page = bfcache_context.new_page()
    page.goto(site.url)
    wait_until(page, lambda: site.token_requests)
    wait_for_requests(page)
    wait_for_lock_release(page)
    leave_page(page, site)
    sign_in(bfcache_context, site, "ann")
    other = bfcache_context.new_page()
    other.goto(site.url)
    other.wait_for_function("widgetmw.get('orlo')")
    go_back(page)
    page.wait_for_function("widgetmw.get('orlo')")


def test_a_page_of_another_user_keeps_that_users_list_of_chats(tab: Tab, site: Site) -> None:
    page = tab("ann")
    page.goto(site.url)
    store_conversations(page)
    page.evaluate("localStorage['hissuno_sessions_p-1_bob'] = '[2]'")
    sign_in(page.context, site, "bob")
    page.goto(site.url)
    found = page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('hissuno_sessions_p-1'))")
    assert found == ["hissuno_sessions_p-1_bob"]


# --- two apps on one host -------------------------------------------------------------------------


def test_an_anonymous_page_of_one_app_does_not_clean_up_for_the_other(profile: Profile, site: Site) -> None:
    site.head, site.body = WIDGET_PAGE
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)
    store_conversations(page)
    site.data_overrides = OTHER_APP
    other = context.new_page()
    sign_out(context)
    other.goto(site.url + "/two/")
    assert other.evaluate("[window.widgetmw, document.cookie]") == [None, f"{KEY}=1"]
    assert page.evaluate("[seen.signedout, localStorage['hissuno_sessions_p-1_ann']]") == [0, "[1]"]
    site.data_overrides = {}
    page.goto(site.url)
    pass_time(page, site, 6, step=0.5)
    assert page.evaluate("[seen.signedout, document.cookie]") == [1, ""]


# --- a failing endpoint and many tabs -------------------------------------------------------------


def use_all_tabs(pages: list[Page], site: Site, seconds: float, step: float) -> None:
    for number in range(round(seconds / step)):
        site.clock_offset += step
        pages[0].context.clock.run_for(round(step * 1000))
        for page in pages:
            page.evaluate("document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")
            if number % 3 == 0:
                page.evaluate("void widgetmw.refresh('orlo')")
        for page in pages:
            wait_for_requests(page)


FAULTS: dict[str, Callable[[str | None], Any]] = {
    "unavailable": lambda user: json_response(503, {"error": "token_unavailable"}),
    "expired": lambda user: json_response(
        200,
        {
            "user": f"hash-of-{user}",
            "tokens": {"orlo": {"token": "x", "expires_at": 5, "refresh_at": 4, "expires_in": 0, "refresh_in": 0}},
        },
    ),
}


@pytest.mark.parametrize("fault", FAULTS if ALL else ["expired"])  # one tab makes requests under many other faults
def test_all_tabs_together_make_fewer_than_ten_requests_a_minute(profile: Profile, site: Site, fault: str) -> None:
    site.token_lifetime = 20
    context = profile("ann", clock=True)
    pages = [context.new_page() for _ in range(4)]
    for page in pages:
        page.goto(site.url)
    site.endpoint_override = FAULTS[fault]
    use_all_tabs(pages, site, 1.5 * MINUTE, step=4)
    assert len(site.token_requests) >= 3
    assert max_requests_per_minute(site.token_requests) < 10


def test_a_flickering_session_causes_fewer_than_ten_requests_a_minute(visit: Visit, site: Site) -> None:
    site.token_lifetime = 5
    page = visit("ann", clock=True)
    turn = iter(range(10_000))
    site.endpoint_override = lambda user: (
        json_response(401, {"error": "not_authenticated"}) if next(turn) % 2 == 0 else None
    )
    for number in range(200):
        site.clock_offset += 0.5
        page.context.clock.run_for(500)
        page.mouse.move(number % 50, 10)
        wait_for_requests(page)
    assert len(site.token_requests) >= 6
    assert max_requests_per_minute(site.token_requests) < 10
    assert page.evaluate("seen.signedout") == 0


def test_all_anonymous_tabs_together_make_fewer_than_ten_requests_a_minute(profile: Profile, site: Site) -> None:
    site.delivery = "fetch"
    context = profile(clock=True)
    pages = [context.new_page() for _ in range(4)]
    for page in pages:
        page.goto(site.url)
        wait_for_requests(page)
    site.token_requests.clear()
    use_all_tabs(pages, site, 1.5 * MINUTE, step=2)
    assert max_requests_per_minute(site.token_requests) < 10
