"""What a page's scripts see: the vendors' globals and `window.widgetmw`, before the first script runs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Visit
from tests.browser.fake_vendors import script
from tests.browser.site import Form, Site

FORMS = ("inline", "bundled", "external")
FIRST_SCRIPT = script(
    "window.first = {config: structuredClone({...DG_CHAT_WIDGET_CONFIG, callbacks: 0}), hissuno: HISSUNO_WIDGET_CONFIG,"
    " orlo: widgetmw.get('orlo'), api: Object.keys(widgetmw).filter((name) => name !== '_')};"
)


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest, site: Site) -> Form:
    site.form = request.param
    return site.form


def test_configs_are_set_before_the_first_script_of_the_page(visit: Visit, site: Site, form: Form) -> None:
    site.head = FIRST_SCRIPT
    first = visit("ann").evaluate("first")
    tokens = site.tokens("ann", relative=False)
    assert first["config"] == {
        "widgetId": "w-1",
        "env": "eu",
        "metadata": {"auth_token": tokens["digitalgenius"]["token"]},
        "callbacks": 0,
    }
    assert first["hissuno"] == {
        "projectId": "p-1",
        "apiUrl": "https://hissuno.invalid/chat",
        "widgetToken": tokens["hissuno"]["token"],
        "userId": "ann",
        "userMetadata": {"name": "ann ☃"},
    }
    assert first["orlo"]["token"] == tokens["orlo"]["token"]
    assert sorted(first["api"]) == [*("get", "getToken", "refresh", "setRequestHeaders", "signOut", "subscribe")]


def test_get_returns_one_frozen_object_with_the_expiry_in_the_browsers_time(visit: Visit, site: Site) -> None:
    site.skew = 86_400
    site.head = script("window.early = widgetmw.get('giosg');")
    page = visit("ann")
    assert page.evaluate("widgetmw.get('giosg') === early && Object.isFrozen(early)")
    assert page.evaluate("(early.expiresAt - Date.now()) / 1000") == pytest.approx(3600, abs=5)
    assert page.evaluate("early.url").startswith(site.url + "/chat?exp=")
    assert page.evaluate("[widgetmw.get('anonymous'), widgetmw.get('constructor')]") == [None, None]


def test_calls_before_the_runtime_has_loaded_wait_for_it(visit: Visit, site: Site, form: Form) -> None:
    site.head = script(
        "window.calls = 0; widgetmw.subscribe('orlo', () => calls++);"
        "window.fresh = widgetmw.refresh('orlo'); window.out = fresh.then(() => widgetmw.signOut());"
    )
    page = visit("ann")
    assert page.evaluate("fresh.then((token) => token.provider)") == "orlo"
    page.evaluate("out")
    assert page.evaluate("[calls, widgetmw.get('orlo'), seen.signedout]") == [1, None, 1]


def test_an_anonymous_page_has_no_globals_of_ours(visit: Visit) -> None:
    page = visit(None)
    assert page.evaluate("[window.widgetmw, window.DG_CHAT_WIDGET_CONFIG, document.scripts.length]") == [None, None, 0]


def test_a_listener_that_throws_does_not_stop_the_others(ann_page: Page, site: Site) -> None:
    page = ann_page
    page.evaluate(
        "window.calls = 0; window.onerror = () => true;"
        "widgetmw.subscribe('orlo', () => { throw new Error('mine'); }); widgetmw.subscribe('orlo', () => calls++); 0"
    )
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('orlo')")
    assert page.evaluate("calls") == 1


@pytest.fixture
def ann_page(visit: Visit) -> Page:
    return visit("ann")


def test_a_listener_is_called_after_each_change_until_it_unsubscribes(ann_page: Page, site: Site) -> None:
    page = ann_page
    page.evaluate(
        "window.calls = [0, 0]; const add = (i) => widgetmw.subscribe('hissuno', () => calls[i]++);"
        "window.unsubscribe = add(0); add(1); 0"
    )
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('hissuno')")
    page.evaluate("unsubscribe()")
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('hissuno')")
    # The server returns the same token again: no change.
    page.evaluate("widgetmw.refresh('hissuno')")
    assert page.evaluate("calls") == [1, 2]


def test_a_token_event_carries_provider_token_and_expiry(ann_page: Page, site: Site) -> None:
    site.clear_token_cache()
    fresh = ann_page.evaluate("widgetmw.refresh('orlo')")
    events = ann_page.evaluate("seen.tokens")
    assert [event["provider"] for event in events] == list(site.vendors)
    assert events[2] == {"provider": "orlo", "token": fresh["token"], "expiresAt": fresh["expiresAt"]}
    assert events[2]["expiresAt"] == pytest.approx(1000 * site.now() + 3_600_000, abs=5000)
