"""Where our bytes may go in a page whose encoding only its own markup tells.

Browsers look for the encoding's name in the first 1,024 bytes, and they read them in two ways: the HTML Standard's
"prescan a byte stream", which does not know what a script or a title is, and (Blink, WebKit) with the tokenizer.
A long span before the declaration would push it out of their sight, so ours goes after it. Where a script, a policy
or the end of the head would come between, or where the two ways disagree, the page is left alone.

Where nothing names the encoding, browsers guess it from the bytes that are not ASCII. Chromium's guess was seen to
change with a span of ASCII bytes before them, so such a page is left alone too.

Source: https://html.spec.whatwg.org/multipage/parsing.html, 13.2.3.2; https://encoding.spec.whatwg.org/, 4.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from widgetmw.core.reasons import SkipReason

PENDING: Final = -1
REFUSED: Final = -2
PRESCAN: Final = 1024
WINDOW: Final = 1536  # a tag that begins within the prescan is followed to here

_BOM: Final = b"\xef\xbb\xbf"
_S: Final = rb"[\t\n\f\r ]*+"
_ATTRIBUTE: Final = (
    rb"[\t\n\f\r /]*+([^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rb"(?:" + _S + rb"=" + _S + rb"(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\f\r >\"'][^\t\n\f\r >]*+)|(?=>))"
    rb"|(?!" + _S + rb"=))"
)
_REST: Final = rb"(?:" + _ATTRIBUTE.replace(rb"([^", rb"(?:[^") + rb")*+[\t\n\f\r /]*+>"
_attribute = re.compile(_ATTRIBUTE)
_rest = re.compile(_REST)
_token = re.compile(
    rb"[\t\n\f\r ]++"
    rb"|<!--(?:-?>|(?s:.*?)--!?>)"
    rb"|<(?:!(?!--)|\?|/[^a-zA-Z>])[^>]*+>|</>"
    rb"|<(/?[a-zA-Z][^\t\n\f\r />]*+)" + _REST,
)
_prescan = re.compile(rb"<(?:(!--)|(meta[\t\n\f\r /])|(/?[a-z][^\t\n\f\r >]*+)|[!/?])", re.IGNORECASE)
_any_meta = re.compile(rb"<meta[\t\n\f\r /]", re.IGNORECASE)
_content = re.compile(
    rb"charset" + _S + rb"=" + _S + rb"(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\f\r ;\"'][^\t\n\f\r ;]*+))",
    re.IGNORECASE,
)
_xml = re.compile(rb"<\?xml[^>]*?encoding[\0-\x20]*+=[\0-\x20]*+[\"']([^\"'>]*+)")
_other_site = re.compile(rb":|&|\s*[/\\]\s*[/\\]")

_CROSSED: Final = frozenset((b"base", b"basefont", b"bgsound", b"head", b"html", b"link", b"meta"))
_RAW: Final = {
    name: re.compile(rb"</" + name + rb"(?=[\t\n\f\r />])", re.IGNORECASE) for name in (b"noframes", b"style", b"title")
}
_IMPLY: Final = frozenset((b"/body", b"/br", b"/head", b"/html"))
# labels of the Encoding Standard; after any other the search goes on, as browsers do after one they do not know
_KNOWN: Final = re.compile(
    rb"utf-?8|unicode-1-1-utf-8|utf-16(?:le|be)?|(?:us-)?ascii|latin[1-6]|l[1-69]|x-user-defined|macintosh|mac"
    rb"|iso-8859-(?:1[013-6]?|[2-9])|iso8859-?(?:1[0134]?|15|[2-9])|iso_8859-(?:15|[1-9])"
    rb"|(?:x-cp|cp|windows-)125[0-8]|koi8(?:-[ru]|-ru)?|koi|(?:ibm|cp)?866|tis-620|windows-874|dos-874"
    rb"|gbk?|x-gbk|gb2312|gb_2312-80|gb18030|chinese|big5(?:-hkscs)?|cn-big5|x-x-big5"
    rb"|x-euc-jp|euc-(?:jp|kr)|shift[-_]jis|x-sjis|sjis|ms932|ms_kanji|windows-(?:31j|949)|korean"
    rb"|ks_c_5601-19(?:87|89)|ksc5601|cyrillic|greek8?|hebrew|arabic|logical|visual"
)
# in these, ASCII bytes may stand for other characters
_STATEFUL: Final = re.compile(rb"2022|utf-?7|hz-gb|replacement")


class _Meta(NamedTuple):
    start: int
    end: int
    label: bytes


class Declaration:
    """The encoding that a page's markup declares, as far as our place depends on it.

    One for each page without a charset in its Content-Type.
    """

    __slots__ = ("_at", "_found", "_fresh", "_page", "_sure")

    def __init__(self) -> None:
        self._page = b""
        self._at = 0
        self._found: list[_Meta] = []  # metas that name a charset, up to the first that certainly does
        self._sure = False
        self._fresh = False  # a tag may have ended since the head was last read

    def feed(self, data: bytes) -> None:
        """Takes the next piece of the page."""
        if len(self._page) < WINDOW:
            self._page += data[: WINDOW - len(self._page)]
            self._fresh |= b">" in data

    def place(self, head: int, ended: bool) -> tuple[int, SkipReason | None]:
        """Finds where our span goes.

        Args:
            head: where the head starts; it may lie behind the bytes that count here.
            ended: the page has no more bytes.

        Returns:
            the offset and ``None``; ``PENDING`` and ``None`` while more bytes can change it; ``REFUSED`` and a reason.
        """
        page = self._page
        if page.startswith(_BOM):
            return head, None
        if self._read_head(head) and _prescanned(page[: self._at]) == self._found:
            return _judged(self._found, self._at)
        if len(page) < WINDOW and not ended:
            return PENDING, None
        return self._settled(head)

    def _settled(self, head: int) -> tuple[int, SkipReason | None]:
        """The answer for a page that does not name its charset at once."""
        page = self._page
        xml = found[1].lower() if (found := _xml.match(page)) else b""
        if b"\x1b" in page[:PRESCAN] or _STATEFUL.search(xml):
            return REFUSED, SkipReason.ENCODING
        hidden = [] if self._sure else list(_metas(page, self._at))
        seen = _prescanned(page)
        if hidden or (seen and seen != self._found):
            return _judged(hidden + seen, REFUSED)
        if not (self._sure or _KNOWN.fullmatch(xml) or page.isascii()):
            return REFUSED, SkipReason.CHARSET_MISSING
        return _judged(self._found, self._found[-1].end if self._found else head)

    def _read_head(self, head: int) -> bool:
        """Reads head content as the tree builder does, up to what our script has to come before.

        Returns:
            whether a meta that certainly names a charset has now been found.
        """
        if self._sure or not self._fresh:
            return False
        self._fresh = False
        at = max(self._at, head)
        while at < PRESCAN and not self._sure and (token := _token.match(self._page, at)):
            after = token.end()
            if token[1]:
                name, facts = token[1].lower(), dict(_attributes(self._page, token.end(1)))
                closing = _RAW[name].search(self._page, after) if name in _RAW else None
                if not _crossable(name, facts) or (name in _RAW and closing is None):
                    break
                if name == b"meta" and (label := _label(facts)):
                    self._found.append(_Meta(at, after, label))
                    self._sure = _KNOWN.fullmatch(label) is not None
                after = closing.start() if closing else after
            at = after
        self._at = at
        return self._sure


def is_label(text: str) -> bool:
    """Whether browsers know a charset by this name, in lower case (Encoding Standard)."""
    return _KNOWN.fullmatch(text.encode("ascii", "replace")) is not None


def _judged(metas: list[_Meta], offset: int) -> tuple[int, SkipReason | None]:
    if any(_STATEFUL.search(meta.label) for meta in metas):
        return REFUSED, SkipReason.ENCODING
    return (offset, None) if offset != REFUSED else (REFUSED, SkipReason.CHARSET_LATE)


def _crossable(name: bytes, facts: dict[bytes, bytes]) -> bool:
    """Whether our script may come after this tag: it runs nothing, forbids nothing and stays in the head."""
    if name.startswith(b"/"):
        return name not in _IMPLY
    if any(attribute.startswith(b"on") for attribute in facts):
        return False
    if name == b"meta":
        pragma = facts.get(b"http-equiv", b"").lower()
        return b"security" not in pragma and b"&" not in pragma
    if name == b"base":
        return not _other_site.search(facts.get(b"href", b""))
    return name in _CROSSED or name in _RAW


def _prescanned(page: bytes) -> list[_Meta]:
    """Reads the first bytes as the HTML Standard's prescan does, up to the first meta that certainly counts."""
    found: list[_Meta] = []
    at = 0
    while (token := _prescan.search(page, at)) and token.start() < PRESCAN:
        comment, meta, tag = token.groups()
        if comment:
            at = page.find(b"-->", token.start() + 2) + 3
            if at < 3:
                break
        elif meta or tag:
            rest = _rest.match(page, token.end() - bool(meta))
            if rest is None:
                break
            at = rest.end()
            if meta and (label := _label(dict(_attributes(page, token.end() - 1)))):
                found.append(_Meta(token.start(), at, label))
                if _KNOWN.fullmatch(label):
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
        else:  # unfinished, or one within the other
            label = b"" if rest and b"charset" not in page[tag.start() : at].lower() else b"&"
        if label:
            yield _Meta(tag.start(), at, label)


def _attributes(page: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    """Reads a tag's attributes, last one first: so a dict keeps the first of equal names, as parsers do."""
    found: list[tuple[bytes, bytes]] = []
    while attribute := _attribute.match(page, at):
        found.append((attribute[1].lower(), attribute[2] or attribute[3] or attribute[4] or b""))
        at = attribute.end()
    return reversed(found)


def _label(facts: dict[bytes, bytes]) -> bytes:
    """The charset that a meta's attributes name, in lower case; empty for none, no label where readers differ."""
    direct = facts.get(b"charset", b"").strip(b"\t\n\f\r ").lower()
    pragma, content = facts.get(b"http-equiv", b"").lower(), facts.get(b"content", b"")
    if pragma != b"content-type" and b"&" not in pragma:
        return direct
    if found := _content.search(content):
        inner = (found[1] or found[2] or found[3] or b"").strip(b"\t\n\f\r ").lower()
    else:
        inner = b"&" if b"&" in content else b""
    if b"charset" in facts and inner and inner != direct:
        return direct + b"&" + inner
    return inner or direct
