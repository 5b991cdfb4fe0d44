"""Where our bytes may go in a page whose encoding nothing but its own markup tells.

Browsers look for the encoding's name in the first 1,024 bytes, and they read them in two ways: Gecko with the HTML
Standard's "prescan a byte stream", which does not know what a script or a title is, Blink and WebKit with their
tokenizer. A long span before the declaration would push it out of their sight, so ours goes after it. Where that is
not possible without a script, a policy or the end of the head in between, or where the two ways disagree, the page is
left alone.

Source: https://html.spec.whatwg.org/multipage/parsing.html, 13.2.3.2; https://encoding.spec.whatwg.org/, 4.2 (labels).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

PENDING: Final = -1
REFUSED: Final = -2
PRESCAN: Final = 1024
WINDOW: Final = 1536  # a tag that begins within the prescan is followed to here

_ATTRIBUTE: Final = (
    rb"[\t\n\f\r /]*+([^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rb"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\f\r >\"'][^\t\n\f\r >]*+)|(?=>))"
    rb"|(?![\t\n\f\r ]*+=))"
)
_REST: Final = rb"(?:" + _ATTRIBUTE.replace(rb"([^", rb"(?:[^") + rb")*+[\t\n\f\r /]*+>"
_attribute = re.compile(_ATTRIBUTE)
_rest = re.compile(_REST)
_token = re.compile(
    rb"[\t\n\f\r ]++"
    rb"|<!--(?:-?>|(?s:.*?)--!?>)"
    rb"|<(?:[!?](?!--)|/[^a-zA-Z>])[^>]*+>|</>"
    rb"|<(/?[a-zA-Z][^\t\n\f\r />]*+)" + _REST,
)
_any_meta = re.compile(rb"<meta[\t\n\f\r /]", re.IGNORECASE)
_prescan = re.compile(rb"<(?:(!--)|(meta[\t\n\f\r /])|(/?[a-z][^\t\n\f\r >]*+)|[!/?])", re.IGNORECASE)
_content = re.compile(
    rb"charset[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\f\r ;\"'][^\t\n\f\r ;]*+))",
    re.IGNORECASE,
)
_xml = re.compile(rb"<\?xml[^>]*?encoding[\0-\x20]*+=[\0-\x20]*+[\"']([^\"'>]*+)")

_CROSSED: Final = frozenset((b"base", b"basefont", b"bgsound", b"head", b"html", b"link", b"meta"))
_RAW: Final = {
    name: re.compile(rb"</" + name + rb"(?=[\t\n\f\r />])", re.IGNORECASE) for name in (b"noframes", b"style", b"title")
}
_IMPLY: Final = frozenset((b"/body", b"/br", b"/head", b"/html"))
# the labels that certainly name an encoding; after any other one the search goes on, as it does after a wrong one
_KNOWN: Final = frozenset(
    b"ascii big5 cp1252 euc-jp euc-kr gb18030 gb2312 gbk iso-8859-1 iso-8859-15 iso-8859-2 koi8-r latin1 shift_jis sjis "
    b"us-ascii utf-16 utf-16be utf-16le utf-8 utf8 windows-1250 windows-1251 windows-1252 x-user-defined".split()
)
_STATEFUL: Final = re.compile(rb"2022|utf-?7|hz-gb|replacement")  # in these, ASCII bytes may be other characters


class _Meta(NamedTuple):
    start: int
    end: int
    label: bytes


class Declaration:
    """The encoding that a page's markup declares, as far as our place depends on it.

    One for each page without a charset in its Content-Type.
    """

    __slots__ = ("_at", "_found", "_page", "_sure")

    def __init__(self) -> None:
        self._page = b""
        self._at = PENDING
        self._found: list[_Meta] = []
        self._sure = False

    def feed(self, data: bytes) -> None:
        """Takes the next piece of the page."""
        if len(self._page) < WINDOW:
            self._page += data[: WINDOW - len(self._page)]

    def place(self, head: int, ended: bool) -> tuple[int, str | None]:
        """Finds where our span goes.

        Args:
            head: where the head starts; it may lie behind the bytes that count here.
            ended: there are no more bytes in this page.

        Returns:
            the offset and ``None``; ``PENDING`` and ``None`` while more bytes can change it; ``REFUSED`` and a reason.
        """
        page = self._page
        if page.startswith(b"\xef\xbb\xbf"):
            return head, None
        if not self._sure:
            self._read_head(head)
            if self._sure and _prescanned(page[: self._at]) == self._found:
                return _judge(self._found, self._at)
        if len(page) < WINDOW and not ended:
            return PENDING, None
        if b"\x1b" in page[:PRESCAN] or _stateful_xml(page):
            return REFUSED, "encoding"
        hidden = [] if self._sure else list(_metas(page, self._at))
        seen = _prescanned(page)
        if hidden or (seen and seen != self._found):
            return _judge(hidden + seen, REFUSED)
        return _judge(self._found, self._found[-1].end if self._found else head)

    def _read_head(self, head: int) -> None:
        """Reads head content as the tree builder does, up to what our script has to come before.

        What it finds are the metas that name a charset, up to the first that certainly does.
        """
        page = self._page
        at = max(self._at, head)
        while at < PRESCAN and not self._sure and (token := _token.match(page, at)):
            after = token.end()
            if token[1]:
                name, facts = token[1].lower(), dict(_attributes(page, token.end(1)))
                closing = _RAW[name].search(page, after) if name in _RAW else token
                if closing is None or not _crossable(name, facts):
                    break
                if name == b"meta" and (label := _label(facts)):
                    self._found.append(_Meta(at, after, label))
                    self._sure = label in _KNOWN
                after = closing.start() if name in _RAW else after
            at = after
        self._at = at


def _judge(metas: list[_Meta], offset: int) -> tuple[int, str | None]:
    if any(_STATEFUL.search(meta.label) for meta in metas):
        return REFUSED, "encoding"
    return (offset, None) if offset != REFUSED else (REFUSED, "charset_late")


def _stateful_xml(page: bytes) -> bool:
    found = _xml.match(page)
    return found is not None and _STATEFUL.search(found[1].lower()) is not None


def _crossable(name: bytes, facts: dict[bytes, bytes]) -> bool:
    """Whether our script may come after this tag: it runs nothing, sets no policy and stays in the head."""
    if name.startswith(b"/"):
        return name not in _IMPLY
    if any(attribute.startswith(b"on") for attribute in facts):
        return False
    if name == b"meta":
        pragma = facts.get(b"http-equiv", b"").lower()
        return b"security" not in pragma and b"&" not in pragma
    if name == b"base":
        return not re.search(rb":|^\s*[/\\]{2}|&", facts.get(b"href", b""))
    return name in _CROSSED or name in _RAW


def _prescanned(page: bytes) -> list[_Meta]:
    """Reads the first bytes as the HTML Standard's prescan does; where it aborts, what was found so far stands."""
    found: list[_Meta] = []
    at = 0
    while (token := _prescan.search(page, at)) and token.start() < PRESCAN:
        comment, meta, tag = token.groups()
        if comment:
            end = page.find(b"-->", token.start() + 2) + 3
            at = end if end > 2 else len(page)
        elif meta or tag:
            rest = _rest.match(page, token.end() - bool(meta))
            if rest is None:
                break
            at = rest.end()
            if meta and (label := _label(dict(_attributes(page, token.end() - 1)))):
                found.append(_Meta(token.start(), at, label))
                if label in _KNOWN:
                    break
        else:
            at = page.find(b">", token.end()) + 1 or len(page)
    return found


def _metas(page: bytes, start: int) -> Iterator[_Meta]:
    """Metas in the prescan's reach that may name a charset, whatever they stand in."""
    at = start
    while at < PRESCAN and (tag := _any_meta.search(page, at, PRESCAN + 5)):
        rest = _rest.match(page, tag.end() - 1)
        at = rest.end() if rest else len(page)
        if rest and not _any_meta.search(page, tag.end(), at):
            label = _label(dict(_attributes(page, tag.end() - 1)))
        else:
            label = b"charset" if b"charset" in page[tag.start() : at].lower() else b""
        if label:
            yield _Meta(tag.start(), at, label)


def _attributes(page: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    found = []
    while attribute := _attribute.match(page, at):
        found.append((attribute[1].lower(), attribute[2] or attribute[3] or attribute[4] or b""))
        at = attribute.end()
    return reversed(found)  # so that a dict keeps the first of equal names, as parsers do


def _label(facts: dict[bytes, bytes]) -> bytes:
    """The charset that a meta's attributes name, in lower case; empty for none."""
    if label := facts.get(b"charset", b"").strip(b"\t\n\f\r ").lower():
        return label
    pragma, content = facts.get(b"http-equiv", b"").lower(), facts.get(b"content", b"")
    if pragma != b"content-type" and b"&" not in pragma:
        return b""
    found = _content.search(content)
    if found is None:
        return b"&" if b"&" in content else b""
    return (found[1] or found[2] or found[3] or b"").strip(b"\t\n\f\r ").lower()
