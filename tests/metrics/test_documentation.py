"""The Python in docs/metrics.md runs as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from flask import Flask

from tests.generated import ROOT
from widgetmw import User, testing
from widgetmw.flask import Widget

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/metrics.md").read_text(encoding="utf-8"), re.DOTALL)


def shop() -> Flask:
    app = Flask("shop")
    app.add_url_rule("/", "page", lambda: "<!doctype html><html><head><title>Shop</title></head></html>")
    Widget(app, user=lambda: User("ada"), settings=testing.settings("hissuno", WIDGETMW_METRICS="prometheus"))
    return app


def test_prometheus_can_scrape_a_flask_app() -> None:
    app = shop()
    exec(BLOCKS[0], {"app": app})
    app.test_client().get("/")
    text = app.test_client().get("/metrics/").text
    assert re.search(r'widgetmw_pages_total\{outcome="injected"\} [1-9]', text)


def test_a_function_gets_the_events_as_tags() -> None:
    sent: list[tuple[str, list[str]]] = []
    increment: Callable[..., None] = lambda name, tags: sent.append((name, tags))  # noqa: E731
    names: dict[str, Any] = {"statsd": SimpleNamespace(increment=increment)}
    exec(BLOCKS[1], names)
    shop().test_client().get("/")
    names["stop"]()
    assert ("widgetmw.pages", ["outcome:injected"]) in sent
    assert ("widgetmw.tokens_minted", ["provider:hissuno"]) in sent
    assert len(BLOCKS) == 2
