"""The script that ``widgetmw new-provider`` writes."""

from __future__ import annotations

from pathlib import Path

from tests.browser.conftest import Visit
from tests.browser.site import Response, Site
from widgetmw.cli import main

WIDGET = b"""
window.calls = [];
window.acmeWidget = { identify: (...call) => calls.push(call), reset: () => calls.push("reset") };
"""


def test_it_hands_each_token_to_a_widget_that_loads_late_and_cleans_up(
    visit: Visit, site: Site, tmp_path: Path
) -> None:
    assert main(["new-provider", "acme", "--out", str(tmp_path)]) == 0
    (script,) = tmp_path.rglob("*.js")
    site.vendors = ("acme",)
    site.vendor_scripts = {"acme": script.read_text(encoding="utf-8")}
    site.pages["/widget.js"] = lambda user: Response(200, WIDGET, {"Content-Type": "text/javascript"})
    page = visit("ann")
    token = page.evaluate("widgetmw.get('acme').token")
    page.add_script_tag(url="/widget.js")
    page.wait_for_function("calls.length")
    site.clear_token_cache()
    fresh = page.evaluate("widgetmw.refresh('acme').then((token) => token.token)")
    page.evaluate("widgetmw.signOut()")
    page.wait_for_function("calls.at(-1) === 'reset'")
    assert page.evaluate("calls") == [[token], [fresh], "reset"]
