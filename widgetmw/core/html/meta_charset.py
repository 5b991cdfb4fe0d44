"""Finds the insertion offset in a page whose encoding only its own markup declares.

Browsers look for the encoding's name in the first 1,024 bytes, and they read them in two ways: with the HTML Standard's
"prescan a byte stream", which does not know what a script or a title is, and (Blink, WebKit) with the tokenizer. A long
script before the declaration would push it past those bytes, so ours goes after it. If a script, a policy or the end of
the head would come in between, or if the two ways disagree, the page is skipped.

If nothing declares the encoding and the first 1,536 bytes are not ASCII, the page is skipped: browsers guess the
encoding from such bytes, and Chromium's guess was seen to change after ASCII was inserted before them. Later bytes are
not checked.

Source: https://html.spec.whatwg.org/multipage/parsing.html, 13.2.3.2; https://encoding.spec.whatwg.org/, 4.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from widgetmw.core.reasons import SkipReason

PENDING: Final = -1
"""The insertion offset depends on bytes that have not arrived yet."""
NO_OFFSET: Final = -2
"""The page has no insertion offset."""
PRESCAN: Final = 1024
"""Bytes in which browsers look for a declaration."""
WINDOW: Final = 1536
"""Bytes that are kept, so that a tag that begins within the prescan can be read to its end."""

_BOM: Final = b"\xef\xbb\xbf"
_SPACES: Final = rb"[\t\n\f\r ]*+"
_ATTRIBUTE: Final = (
    rb"[\t\n\f\r /]*+([^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rb"(?:" + _SPACES + rb"=" + _SPACES + rb"(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\f\r >\"'][^\t\n\f\r >]*+)|(?=>))"
    rb"|(?!" + _SPACES + rb"=))"
)
_TAG_REST: Final = rb"(?:" + _ATTRIBUTE.replace(rb"([^", rb"(?:[^") + rb")*+[\t\n\f\r /]*+>"
_attribute = re.compile(_ATTRIBUTE)
_tag_rest = re.compile(_TAG_REST)
_token = re.compile(
    rb"[\t\n\f\r ]++"
    rb"|<!--(?:-?>|(?s:.*?)--!?>)"
    rb"|<(?:!(?!--)|\?|/[^a-zA-Z>])[^>]*+>|</>"
    rb"|<(/?[a-zA-Z][^\t\n\f\r />]*+)" + _TAG_REST
)
_prescan_token = re.compile(rb"<(?:(!--)|(meta[\t\n\f\r /])|(/?[a-z][^\t\n\f\r >]*+)|[!/?])", re.IGNORECASE)
_meta_start = re.compile(rb"<meta[\t\n\f\r /]", re.IGNORECASE)
_content_charset = re.compile(
    rb"charset" + _SPACES + rb"=" + _SPACES + rb"(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\f\r ;\"'][^\t\n\f\r ;]*+))",
    re.IGNORECASE,
)
_xml_encoding = re.compile(rb"<\?xml[^>]*?encoding[\0-\x20]*+=[\0-\x20]*+[\"']([^\"'>]*+)")
_other_origin = re.compile(rb"[:&]|[/\\]\s*+[/\\]")

_HEAD_TAGS: Final = frozenset((b"base", b"basefont", b"bgsound", b"head", b"html", b"link", b"meta"))
_TEXT_END: Final = {
    name: re.compile(rb"</" + name + rb"(?=[\t\n\f\r />])", re.IGNORECASE) for name in (b"noframes", b"style", b"title")
}
_ENDS_HEAD: Final = frozenset((b"/body", b"/br", b"/head", b"/html"))
# Labels of the Encoding Standard. After an unknown label the search goes on, as in browsers.
_KNOWN_LABEL: Final = re.compile(
    rb"utf-?8|unicode-1-1-utf-8|utf-16(?:le|be)?|(?:us-)?ascii|latin[1-6]|l[1-69]|x-user-defined|macintosh|mac"
    rb"|iso-8859-(?:1[013-6]?|[2-9])|iso8859-?(?:1[0134]?|15|[2-9])|iso_8859-(?:15|[1-9])"
    rb"|(?:x-cp|cp|windows-)125[0-8]|koi8(?:-[ru]|-ru)?|koi|(?:ibm|cp)?866|tis-620|windows-874|dos-874"
    rb"|gbk?|x-gbk|gb2312|gb_2312-80|gb18030|chinese|big5(?:-hkscs)?|cn-big5|x-x-big5"
    rb"|x-euc-jp|euc-(?:jp|kr)|shift[-_]jis|x-sjis|sjis|ms932|ms_kanji|windows-(?:31j|949)|korean"
    rb"|ks_c_5601-19(?:87|89)|ksc5601|cyrillic|greek8?|hebrew|arabic|logical|visual"
)
# In these encodings, ASCII bytes may mean other characters.
_NOT_ASCII_SUPERSET: Final = re.compile(rb"2022|utf-?7|hz-gb|replacement")


class _Meta(NamedTuple):
    """A meta tag that declares a charset: its offsets, and the label in lower case."""

    start: int
    end: int
    label: bytes


class MetaCharset:
    """The encoding that a page's markup declares, as far as the insertion offset depends on it.

    One for each page without a charset in its Content-Type.
    """

    def __init__(self) -> None:
        self._page = b""
        self._position = 0  # up to here the head has been read
        self._metas: list[_Meta] = []  # those that declare a charset, up to the first with a known label
        self._certain = False  # the last of them has a known label
        self._unread_tag = False  # a tag may have ended since the head was last read

    def feed(self, data: bytes) -> None:
        """Takes the next chunk of the page."""
        if len(self._page) < WINDOW:
            self._page += data[: WINDOW - len(self._page)]
            self._unread_tag |= b">" in data

    def find_offset(self, head: int, ended: bool) -> int | SkipReason:
        """Finds the insertion offset.

        Args:
            head: where the head starts; it may lie beyond the bytes that matter here.
            ended: whether the page has no more bytes.

        Returns:
            the offset, ``PENDING`` while more bytes can change it, or the reason to refuse the page.
        """
        page = self._page
        if page.startswith(_BOM):
            return head
        if self._read_head(head) and _prescan(page[: self._position]) == self._metas:
            return _checked(self._metas, self._position)
        if len(page) < WINDOW and not ended:
            return PENDING
        return self._find_late(head)

    def _find_late(self, head: int) -> int | SkipReason:
        """Finds the offset in a page that does not declare its charset before anything else."""
        page = self._page
        xml = match[1].lower() if (match := _xml_encoding.match(page)) else b""
        if b"\x1b" in page[:PRESCAN] or _NOT_ASCII_SUPERSET.search(xml):
            return SkipReason.ENCODING
        unread = [] if self._certain else list(_possible_metas(page, self._position))
        prescanned = _prescan(page)
        if unread or (prescanned and prescanned != self._metas):
            return _checked(unread + prescanned, SkipReason.CHARSET_LATE)
        if not (self._certain or _KNOWN_LABEL.fullmatch(xml) or page.isascii()):
            return SkipReason.CHARSET_MISSING
        return _checked(self._metas, self._metas[-1].end if self._metas else head)

    def _read_head(self, head: int) -> bool:
        """Reads head content as the tree builder does, up to what our script must come before.

        Returns whether a meta with a known label has now been found.
        """
        if self._certain or not self._unread_tag:
            return False
        self._unread_tag = False
        position = max(self._position, head)
        while position < PRESCAN and not self._certain and (token := _token.match(self._page, position)):
            after = token.end()
            if token[1]:
                name, attributes = token[1].lower(), read_attributes(self._page, token.end(1))
                closing = _TEXT_END[name].search(self._page, after) if name in _TEXT_END else None
                if not _may_precede_script(name, attributes) or (name in _TEXT_END and closing is None):
                    break
                if name == b"meta" and (label := _charset_label(attributes)):
                    self._metas.append(_Meta(position, after, label))
                    self._certain = _KNOWN_LABEL.fullmatch(label) is not None
                after = closing.start() if closing else after
            position = after
        self._position = position
        return self._certain


def is_charset_label(text: str) -> bool:
    """Whether browsers know a charset by this label, in lower case (Encoding Standard)."""
    return _KNOWN_LABEL.fullmatch(text.encode("ascii", "replace")) is not None


def _checked(metas: list[_Meta], result: int | SkipReason) -> int | SkipReason:
    """Returns the result, unless one of the encodings is not a superset of ASCII."""
    return SkipReason.ENCODING if any(_NOT_ASCII_SUPERSET.search(meta.label) for meta in metas) else result


def _may_precede_script(name: bytes, attributes: dict[bytes, bytes]) -> bool:
    """Whether our script may come after this tag: it runs nothing, forbids nothing and stays in the head."""
    if name.startswith(b"/"):
        return name not in _ENDS_HEAD
    if any(attribute.startswith(b"on") for attribute in attributes):
        return False
    if name == b"meta":
        pragma = attributes.get(b"http-equiv", b"").lower()
        return b"security" not in pragma and b"&" not in pragma
    if name == b"base":
        return not names_origin(attributes.get(b"href", b""))
    return name in _HEAD_TAGS or name in _TEXT_END


def _prescan(page: bytes) -> list[_Meta]:
    """Reads the first bytes as the HTML Standard's prescan does, up to the first meta with a known label."""
    metas: list[_Meta] = []
    position = 0
    while (token := _prescan_token.search(page, position)) and token.start() < PRESCAN:
        comment, meta, tag = token.groups()
        if comment:
            position = page.find(b"-->", token.start() + 2) + 3
            if position < 3:
                break
        elif meta or tag:
            rest = _tag_rest.match(page, token.end() - bool(meta))
            if rest is None:
                break
            position = rest.end()
            if meta and (label := _charset_label(read_attributes(page, token.end() - 1))):
                metas.append(_Meta(token.start(), position, label))
                if _KNOWN_LABEL.fullmatch(label):
                    break
        else:
            position = page.find(b">", token.end()) + 1 or len(page)
    return metas


def _possible_metas(page: bytes, start: int) -> Iterator[_Meta]:
    """Yields metas within the prescan that may declare a charset, whatever they are inside."""
    position = start
    while position < PRESCAN and (tag := _meta_start.search(page, position, PRESCAN + 5)):
        rest = _tag_rest.match(page, tag.end() - 1)
        position = rest.end() if rest else len(page)
        if rest and not _meta_start.search(page, tag.end(), position):
            label = _charset_label(read_attributes(page, tag.end() - 1))
        else:  # unfinished, or one inside the other
            label = b"" if rest and b"charset" not in page[tag.start() : position].lower() else b"&"
        if label:
            yield _Meta(tag.start(), position, label)


def names_origin(text: bytes) -> bool:
    """Whether the URL in an attribute may name an origin, and is not just a path. Returns ``True`` when unsure."""
    return _other_origin.search(text) is not None


def read_attributes(page: bytes, position: int) -> dict[bytes, bytes]:
    """Reads a tag's attributes. The first of two with the same name counts, as in parsers."""
    attributes: dict[bytes, bytes] = {}
    while match := _attribute.match(page, position):
        attributes.setdefault(match[1].lower(), match[2] or match[3] or match[4] or b"")
        position = match.end()
    return attributes


def _charset_label(attributes: dict[bytes, bytes]) -> bytes:
    """Returns the charset that a meta's attributes declare, in lower case.

    It is empty for none, and not a label (it holds ``&``) where browsers may read the attributes differently.
    """
    direct = attributes.get(b"charset", b"").strip(b"\t\n\f\r ").lower()
    pragma, content = attributes.get(b"http-equiv", b"").lower(), attributes.get(b"content", b"")
    if pragma != b"content-type" and b"&" not in pragma:
        return direct
    if match := _content_charset.search(content):
        in_content = (match[1] or match[2] or match[3] or b"").strip(b"\t\n\f\r ").lower()
    else:
        in_content = b"&" if b"&" in content else b""
    if b"charset" in attributes and in_content and in_content != direct:
        return direct + b"&" + in_content
    return in_content or direct
