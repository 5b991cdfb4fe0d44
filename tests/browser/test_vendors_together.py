"""All vendors in one page: one renewal serves them all, and a fault of one leaves the others untouched."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Visit, sign_out
from tests.browser.simulation import MINUTE, pass_time
from tests.browser.site import ON_REQUEST, Form, Site
from widgetmw.providers import ORDER

IN_PAGE = [name for name in ORDER if name not in ON_REQUEST]
TOKENS = "(names) => Object.fromEntries(names.map((name) => [name, widgetmw.get(name)?.token]))"
#: Widgets whose every method throws.
BROKEN_WIDGETS = """
const fail = () => { throw Error("this widget is broken"); };
const widget = new Proxy(fail, {get: (_, name) => name === "then" || typeof name === "symbol" ? undefined : fail});
for (const name of ["dgchat", "_giosg", "Intercom", "zE", "$chatwoot", "$crisp", "Beacon", "Tawk_API", "FrontChat"])
  window[name] = widget;
"""


@pytest.fixture(autouse=True)
def all_vendors(site: Site) -> None:
    site.vendors = ORDER
    for vendor in ("chatwoot", "crisp", "helpscout", "tawk", "front"):
        site.token_fields[vendor] = lambda user: {
            "identifier": user,
            "userId": user,
            "email": f"{user}@shop.example",
            "name": user,
        }


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_one_renewal_serves_all_vendors(visit: Visit, site: Site, form: Form) -> None:
    site.form = form
    page = visit("ann", clock=True)
    before = page.evaluate(TOKENS, IN_PAGE)
    assert None not in before.values()
    pass_time(page, site, 60 * MINUTE, step=30)
    after = page.evaluate(TOKENS, list(ORDER))
    assert len(site.token_requests) == 1
    assert after == {name: token["token"] for name, token in site.tokens("ann", relative=False).items()}
    assert all(after[name] != before[name] for name in IN_PAGE)


def test_a_sign_out_reaches_all_vendors(visit: Visit, site: Site) -> None:
    page = visit("ann")
    sign_out(page.context)
    page.evaluate("widgetmw.refresh('orlo').catch(() => 0)")
    page.wait_for_function("seen.signedout == 1")
    assert set(page.evaluate(TOKENS, list(ORDER)).values()) == {None}


def test_widgets_that_throw_leave_the_tokens_of_the_others_alone(visit: Visit, site: Site) -> None:
    site.head = f"<script>{BROKEN_WIDGETS}</script>"
    page = visit("ann")
    site.clear_token_cache()
    token = page.evaluate("widgetmw.refresh('jwt').then(({ token }) => token)")
    assert token == site.tokens("ann", relative=False)["jwt"]["token"]
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.widgetToken") == site.tokens("ann", relative=False)["hissuno"]["token"]
