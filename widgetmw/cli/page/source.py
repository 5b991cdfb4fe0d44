"""What the source of a page holds: its scripts and ours, and its policies."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from widgetmw.core.script_tags import find_data


@dataclass
class Script:
    """A script element: its attributes by name in lower case, and its code, which is empty if it is linked."""

    attributes: dict[str, str]
    text: str = ""

    @property
    def url(self) -> str:
        """The URL in its ``src``, or an empty string."""
        return self.attributes.get("src", "")

    @property
    def is_data(self) -> bool:
        """Whether it is a data block, which no policy blocks."""
        return self.attributes.get("type", "").strip().lower() == "application/json"


class PageSource(HTMLParser):
    """Reads a page. What is inside a comment, a textarea or a title is not a script.

    Attributes:
        own_scripts: the script elements that the middleware has inserted, in their order.
        other_scripts: those of the page itself.
        meta_policies: the Content-Security-Policies in meta tags.
        has_password_field: whether one can sign in here.
    """

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.own_scripts: list[Script] = []
        self.other_scripts: list[Script] = []
        self.meta_policies: list[str] = []
        self.has_password_field: bool = False
        self._inside = ""
        self._script = Script({})
        try:
            # Our script is ASCII, and so is everything else that matters here, whatever the page's encoding.
            # No close(): what is left is not complete, so browsers ignore it, and reading it may take quadratic time.
            self.feed(html.decode("utf-8", "replace"))
        except AssertionError:
            pass  # html.parser gives up; what came before counts

    def data(self) -> dict[str, Any]:
        """Returns the data of our script; empty if there is none."""
        return next((data for script in self.own_scripts for data in find_data(script.text)), {})

    def parse_html_declaration(self, i: int) -> int:
        """Reads ``<![endif]>`` and the like as browsers do; html.parser would give up on some of them."""
        if self.rawdata.startswith("<![", i):
            return self.parse_bogus_comment(i)
        return super().parse_html_declaration(i)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._inside in ("textarea", "title"):
            return
        attributes: dict[str, str] = {}
        for name, value in attrs:
            attributes.setdefault(name, value or "")
        self._inside = tag if tag in ("script", "textarea", "title") else ""
        if tag == "script":
            self._script = Script(attributes)
            (self.own_scripts if "data-widgetmw" in attributes else self.other_scripts).append(self._script)
        elif tag == "meta" and attributes.get("http-equiv", "").lower() == "content-security-policy":
            self.meta_policies.append(attributes.get("content", ""))
        elif tag == "input" and attributes.get("type", "").lower() == "password":
            self.has_password_field = True

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self._script.text += data
