"""What a page finds: globals before its first script, and the API at once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Visit
from tests.browser.site import Form, Site
from tests.browser.standins import script

FORMS = ("inline", "bundled", "external")
FIRST_SCRIPT = script(
    "window.first = {config: structuredClone({...DG_CHAT_WIDGET_CONFIG, callbacks: 0}), hissuno: HISSUNO_WIDGET_CONFIG,"
    " orlo: widgetmw.get('orlo'), api: Object.keys(widgetmw).filter((name) => name !== '_')};"
)


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest, site: Site) -> Form:
    site.form = request.param
    return site.form


def test_configs_stand_ready_before_the_first_script_of_the_page(visit: Visit, site: Site, form: Form) -> None:
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
    assert sorted(first["api"]) == ["get", "getToken", "refresh", "signOut", "subscribe"]


def test_get_returns_one_frozen_object_with_the_expiry_in_the_browsers_time(visit: Visit, site: Site) -> None:
    site.skew = 86_400
    site.head = script("window.early = widgetmw.get('giosg');")
    page = visit("ann")
    assert page.evaluate("widgetmw.get('giosg') === early && Object.isFrozen(early)")
    assert page.evaluate("(early.expiresAt - Date.now()) / 1000") == pytest.approx(3600, abs=5)
    assert page.evaluate("early.url").startswith(site.url + "/chat?exp=")
    assert page.evaluate("[widgetmw.get('anonymous'), widgetmw.get('constructor')]") == [None, None]


def test_calls_before_the_runtime_has_come_are_served_by_it(visit: Visit, site: Site, form: Form) -> None:
    site.head = script(
        "window.told = 0; widgetmw.subscribe('orlo', () => told++);"
        "window.fresh = widgetmw.refresh('orlo'); window.out = fresh.then(() => widgetmw.signOut());"
    )
    page = visit("ann")
    assert page.evaluate("fresh.then((token) => token.provider)") == "orlo"
    page.evaluate("out")
    assert page.evaluate("[told, widgetmw.get('orlo'), seen.signedout]") == [1, None, 1]


def test_an_anonymous_page_finds_nothing(visit: Visit) -> None:
    page = visit(None)
    assert page.evaluate("[window.widgetmw, window.DG_CHAT_WIDGET_CONFIG, document.scripts.length]") == [None, None, 0]


def test_a_listener_that_throws_harms_nobody(browser_page: Page, site: Site) -> None:
    page = browser_page
    page.evaluate(
        "window.told = 0; window.onerror = () => true;"
        "widgetmw.subscribe('orlo', () => { throw new Error('mine'); }); widgetmw.subscribe('orlo', () => told++); 0"
    )
    site.forget()
    page.evaluate("widgetmw.refresh('orlo')")
    assert page.evaluate("told") == 1


@pytest.fixture
def browser_page(visit: Visit) -> Page:
    return visit("ann")


def test_subscribe_calls_after_each_change_until_it_is_undone(browser_page: Page, site: Site) -> None:
    page = browser_page
    page.evaluate(
        "window.told = [0, 0]; const add = (i) => widgetmw.subscribe('hissuno', () => told[i]++);"
        "window.undo = add(0); add(1); 0"
    )
    site.forget()
    page.evaluate("widgetmw.refresh('hissuno')")
    page.evaluate("undo()")
    site.forget()
    page.evaluate("widgetmw.refresh('hissuno')")
    # the server gives the same token once more: no change
    page.evaluate("widgetmw.refresh('hissuno')")
    assert page.evaluate("told") == [1, 2]


def test_a_token_event_tells_provider_token_and_expiry(browser_page: Page, site: Site) -> None:
    site.forget()
    fresh = browser_page.evaluate("widgetmw.refresh('orlo')")
    events = browser_page.evaluate("seen.tokens")
    assert [event["provider"] for event in events] == list(site.vendors)
    assert events[2] == {"provider": "orlo", "token": fresh["token"], "expiresAt": fresh["expiresAt"]}
    assert events[2]["expiresAt"] == pytest.approx(1000 * site.now() + 3_600_000, abs=5000)
