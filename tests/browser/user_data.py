"""What a page and its storage hold about a user, and what they should hold after a sign-out."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.browser import fake_vendors
from tests.browser.fake_vendors import GIOSG_LOADED, script
from tests.browser.site import KEY

#: Storage entries: ann's conversations with two Hissuno projects, and a setting of the page.
CONVERSATIONS = {
    "hissuno_chat_p-1_abc": "hello",
    "hissuno_sessions_p-1_ann": "[1]",
    "hissuno_chat_p-2_abc": "another project",
    "hissuno_sessions_p-2_ann": "another project",
    "theme": "dark",
}
#: The entries that a sign-out must not remove.
UNRELATED = {name: CONVERSATIONS[name] for name in ("hissuno_chat_p-2_abc", "hissuno_sessions_p-2_ann", "theme")}
#: The calls to giosg at a sign-out.
GIOSG_CLEANUP = [["visitor", "removeAll"], ["chat", "close", {"all": True, "hide": True, "clearHistory": True}]]

#: Head and body of a page with its own config, a widget with an open conversation, and a marked link.
WIDGET_PAGE = (
    script("window.DG_CHAT_WIDGET_CONFIG = {theme: 'dark'};" + fake_vendors.DIGITALGENIUS_EMBEDDED)
    + script(GIOSG_LOADED),
    '<a id="chat" data-widgetmw-giosg>chat</a>',
)


def store_conversations(page: Page) -> None:
    page.evaluate("(stored) => Object.assign(localStorage, stored)", CONVERSATIONS)


def user_data(page: Page) -> dict[str, Any]:
    """Returns what the page and its storage hold about a user."""
    found: dict[str, Any] = page.evaluate(
        """() => ({
          tokens: ["digitalgenius", "hissuno", "orlo", "giosg"].filter((name) => widgetmw.get(name)).length,
          metadata: DG_CHAT_WIDGET_CONFIG.metadata ?? {},
          resets: vendor.resets,
          hissuno: window.HISSUNO_WIDGET_CONFIG ?? null,
          giosg: (window._giosg?.calls ?? []).filter((call) => call[1] !== "submit"),
          link: document.getElementById("chat").getAttribute("href"),
          cookie: document.cookie.includes("widgetmw"),
          storage: {...localStorage},
          events: seen.signedout,
        })"""
    )
    found["storage"].pop(f"{KEY}:time", None)  # no data of a user
    return found


#: The result of ``user_data`` after a sign-out.
NO_USER_DATA = {
    "tokens": 0,
    "metadata": {},
    "resets": 1,
    "hissuno": None,
    "giosg": GIOSG_CLEANUP,
    "link": None,
    "cookie": False,
    "storage": UNRELATED,
    "events": 1,
}
