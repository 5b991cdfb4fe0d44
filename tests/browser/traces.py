"""What there is of a person in a page and in storage, before and after."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.browser import standins
from tests.browser.standins import script

STORED = {
    "hissuno_chat_p-1_abc": "hello",
    "hissuno_sessions_p-1_ann": "[1]",
    "hissuno_chat_p-2_abc": "another project",
    "hissuno_sessions_p-2_ann": "another project",
    "theme": "dark",
}
KEPT = {name: STORED[name] for name in ("hissuno_chat_p-2_abc", "hissuno_sessions_p-2_ann", "theme")}
CLOSED = [["visitor", "removeAll"], ["chat", "close", {"all": True, "hide": True, "clearHistory": True}]]

#: A page's head and body: a config of its own, a widget with an open conversation, a link.
CONNECTED = (
    script("window.DG_CHAT_WIDGET_CONFIG = {theme: 'dark'};" + standins.DIGITALGENIUS_EMBEDDED),
    '<a id="chat" data-widgetmw-giosg>chat</a>',
)


def converse(page: Page) -> None:
    page.evaluate("(stored) => Object.assign(localStorage, stored)", STORED)


def traces(page: Page) -> dict[str, Any]:
    """What there is of a person in a page and its storage."""
    found: dict[str, Any] = page.evaluate(
        """() => ({
          tokens: ["digitalgenius", "hissuno", "orlo", "giosg"].filter((name) => widgetmw.get(name)).length,
          metadata: DG_CHAT_WIDGET_CONFIG.metadata ?? {},
          resets: vendor.resets,
          hissuno: window.HISSUNO_WIDGET_CONFIG ?? null,
          giosg: (window._giosg?._e ?? []).map((call) => [...call]).filter((call) => call[1] !== "submit"),
          link: document.getElementById("chat").getAttribute("href"),
          cookie: document.cookie.includes("widgetmw"),
          storage: {...localStorage},
          events: seen.signedout,
        })"""
    )
    return found


NOTHING = {
    "tokens": 0,
    "metadata": {},
    "resets": 1,
    "hissuno": None,
    "giosg": CLOSED,
    "link": None,
    "cookie": False,
    "storage": KEPT,
    "events": 1,
}
