"""What a page may contain before its head, as an automaton over the states of the HTML Standard's tokenizer.

What the tree builder skips before the head is a regular language: white space, comments, doctypes, stray end tags,
``<html …>``. One row for each state and one step for each byte make the scanner resumable at any byte, linear on any
input, and independent of how a page is cut into chunks. It keeps no byte of the page.

The states belong to three regions, depending on what was seen so far:

* ``page``: a doctype or an html tag. Anything else starts the head, and the insertion offset is before it.
* ``open``: only white space, comments and stray end tags. It may become a page or a fragment.
* ``head``: head content, but nothing yet that only a page has. The insertion offset is stored. Whether this is a page
  depends on what comes first: a doctype, html, head or body tag, or something that a fragment may contain too.

Source: https://html.spec.whatwg.org/multipage/parsing.html, 13.2.5 (tokenization), 13.2.6.4.1 to 13.2.6.4.4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import ascii_lowercase as _LETTERS
from typing import Any, Final, TypeAlias

from widgetmw.core.reasons import SkipReason

# Capitals only where case matters: in &Tab; and &NewLine;.
_ALPHABET: Final = ("", "\0", " ", *"<>/!?-=\"'&#;0123456789", *_LETTERS, *"ABEILNTW", *"\xef\xbb\xbf\xfe\xff")
_CODE: Final = {character: code for code, character in enumerate(_ALPHABET)}
_OTHER: Final = len(_ALPHABET)
_WIDTH: Final = _OTHER + 1


def _code(byte: int) -> int:
    character = " " if byte in b"\t\n\f\r" else chr(byte)
    lower = bytes((byte,)).lower().decode("latin-1")  # changes ASCII only
    return _CODE.get(character, _CODE.get(lower, _OTHER))


def _columns(characters: str) -> list[int]:
    """Returns the columns of these characters; a lower-case letter includes its capital."""
    return [_CODE[case] for each in characters or [""] for case in {each, each.upper()} if case in _CODE]


CODES: Final = bytes(map(_code, range(256)))
"""Maps bytes to columns of a row, for ``bytes.translate``."""
END: Final = _CODE[""]
"""The column for the end of the page."""

Row: TypeAlias = list[Any]  # a Row or a Stop for each code; empty until its state is added


@dataclass(frozen=True, slots=True)
class Stop:
    """What the automaton has found.

    Attributes:
        back: bytes from the insertion offset to here; ``None`` if the stored offset is the result.
        reason: why the page is refused, or ``None``.
        then: the row to continue with, if the offset is only to be stored and the rest is not decided yet.
    """

    back: int | None = None
    reason: SkipReason | None = None
    then: Row | None = None


_Target: TypeAlias = "str | Row | Stop"  # a string names a state of the same region
_Rule: TypeAlias = Mapping[str, _Target]  # keys: characters; "" for the end of the page

_IS_PAGE: Final = Stop()
_FRAGMENT: Final = Stop(reason=SkipReason.FRAGMENT)
_NO_HEAD: Final = Stop(reason=SkipReason.HEAD_NOT_FOUND)
_NUL: Final = Stop(reason=SkipReason.NUL)
_ENCODING: Final = Stop(reason=SkipReason.ENCODING)

_VOID: Final = ("base", "basefont", "bgsound", "link", "meta")
_RAW: Final = ("noframes", "noscript", "style", "template", "title")
_CLOSING: Final[_Rule] = {" /": "end before", ">": "data"}
_END_TAGS: Final = ("body", "br", "head", "html")  # end tags that start the head; others are skipped


class _Region:
    """Writes the states of one region."""

    def __init__(self, end: Stop, nul: Stop | None = None) -> None:
        self.rows: defaultdict[str, Row] = defaultdict(list)
        self.end, self.nul = end, nul

    def state(self, name: str, base: _Target, rule: _Rule) -> None:
        """Adds a state: one target for every character, or a copy of a row, changed by ``rule``."""
        row = self.rows[name]
        row[:] = base if isinstance(base, list) else [self._resolve(base)] * _WIDTH
        row[END] = self.end
        if self.nul is not None:
            row[_CODE["\0"]] = self.nul
        self.change(name, rule)

    def change(self, name: str, rule: _Rule) -> None:
        for characters, target in rule.items():
            for column in _columns(characters):
                self.rows[name][column] = self._resolve(target)

    def _resolve(self, target: _Target) -> Row | Stop:
        return self.rows[target] if isinstance(target, str) else target

    def words(self, root: str, words: Mapping[str, _Rule], other: Callable[[int], _Target]) -> None:
        """Adds a state for each prefix of the words, which start in the state ``root``, with what may follow each word.

        ``other`` returns the base of a state, given the number of letters read.
        """
        prefixes = {word[:length] for word in words for length in range(1, len(word) + 1)}
        for read in sorted(prefixes):
            longer = {letter: root + read + letter for letter in _LETTERS if read + letter in prefixes}
            self.state(root + read, other(len(read)), {**longer, **words.get(read, {})})
            if len(read) == 1:
                self.change(root, {read: root + read})

    def attributes(self, tag: str, done: _Target) -> _Rule:
        """Adds the states between a tag's name and its ``>``, which leads to ``done``; returns what ends the name."""
        before, name, after, value = f"{tag} before", f"{tag} name", f"{tag} after", f"{tag} value"
        double, single, bare = f"{tag} double", f"{tag} single", f"{tag} bare"
        self.state(before, name, {" /": before, ">": done})
        self.state(name, name, {" ": after, "/": before, "=": value, ">": done})
        self.state(after, name, {" ": after, "/": before, "=": value, ">": done})
        self.state(value, bare, {" ": value, '"': double, "'": single, ">": done})
        self.state(double, double, {'"': before})
        self.state(single, single, {"'": before})
        self.state(bare, bare, {" ": before, ">": done})
        return {" /": self.rows[before], ">": self._resolve(done)}

    def markup(self, doctype: _Target) -> None:
        """Adds what begins with ``<!`` or ``<?``. All of it leads back to ``data``, except a doctype."""
        self.state("bogus", "bogus", {">": "data"})
        self.state("<!", "bogus", {"-": "<!-", ">": "data"})
        self.state("<!-", "bogus", {"-": "<!--", ">": "data"})
        self.state("<!--", "comment", {"-": "<!---", ">": "data"})
        self.state("<!---", "comment", {"-": "comment--", ">": "data"})
        self.state("comment", "comment", {"-": "comment-"})
        self.state("comment-", "comment", {"-": "comment--"})
        self.state("comment--", "comment", {"-": "comment--", "!": "comment--!", ">": "data"})
        self.state("comment--!", "comment", {"-": "comment-", ">": "data"})
        self.state("doctype", "doctype", {">": doctype})
        bogus, inside = self.rows["bogus"], self.rows["doctype"]
        self.words("<!", {"doctype": {}}, lambda read: inside if read == len("doctype") else bogus)

    def end_tags(self, after_name: Callable[[str, _Rule], _Rule]) -> None:
        """Adds end tags. ``after_name`` returns what follows one that starts the head; others lead to ``data``."""
        stray = self.attributes("end", "data")
        self.state("end", "end", stray)
        self.state("</", "bogus", {_LETTERS: "end", ">": "data"})
        self.words("</", {tag: after_name(tag, stray) for tag in _END_TAGS}, lambda _: self.rows["end"])


def _page(page: _Region) -> dict[str, _Rule]:
    """Adds the region ``page``; returns what follows the names of the tags that only a page has, by name."""
    known = {"html": page.attributes("html", "data"), "head": page.attributes("head", Stop(0))}
    page.state("data", Stop(1), {" ": "data", "<": "<", "&": Stop(1, then=page.rows["&"]), "": Stop(0)})
    page.state("<", Stop(2), {"!": "<!", "?": "bogus", "/": "</", "": Stop(1)})
    page.markup("data")
    page.end_tags(lambda tag, stray: {ends: Stop(len(tag) + 3) for ends in stray})
    page.change("</", {"": Stop(2)})
    page.words("<", known, lambda read: Stop(read + 2))
    _references(page)
    return known


def _references(page: _Region) -> None:
    """Adds character references. Those of white space are skipped; any other is text and starts the head."""
    for state, rule in {
        "&": {"#": "&#"},
        "&#": {"0": "&#0", "1": "&#1", "3": "&#3", "9": "&#9", "x": "&#x"},
        "&#0": {"0": "&#0", "1": "&#1", "3": "&#3", "9": "&#9"},
        "&#1": {"023": "&#9"},
        "&#3": {"2": "&#9"},
        "&#x": {"0": "&#x", "2": "&#x2", "9acd": "&#x9"},
        "&#x2": {"0": "&#x9"},
    }.items():
        page.state(state, _IS_PAGE, {**rule, "": _IS_PAGE})
    page.state("&#9", page.rows["data"], {"0123456789": _IS_PAGE, ";": "data", "": Stop(0)})
    page.state("&#x9", page.rows["data"], {"0123456789abcdef": _IS_PAGE, ";": "data", "": Stop(0)})
    for word in ("Tab", "NewLine"):
        for read, letter in enumerate(word):
            if read:
                page.state(f"&{word[:read]}", _IS_PAGE, {"": _IS_PAGE})
            page.rows[f"&{word[:read]}"][_CODE[letter]] = page.rows[f"&{word[: read + 1]}"]
        page.state(f"&{word}", _IS_PAGE, {";": "data", "": _IS_PAGE})


def _head(head: _Region) -> None:
    """Adds the region ``head``."""
    head.state("data", _FRAGMENT, {" ": "data", "<": "<"})
    head.state("<", _FRAGMENT, {"!": "<!", "?": "bogus", "/": "</"})
    head.markup(_IS_PAGE)
    head.end_tags(lambda _, stray: stray)
    names: dict[str, _Rule] = {tag: {" />": _IS_PAGE} for tag in ("body", "head", "html")}
    names |= {tag: head.attributes(tag, "data") for tag in _VOID}
    names |= {tag: head.attributes(tag, tag) for tag in (*_RAW, "script")}
    head.words("<", names, lambda _: _FRAGMENT)
    for tag in (*_RAW, "script"):
        _raw(head, tag, {}, {tag: _CLOSING})
    _script(head)


def _raw(head: _Region, text: str, rule: _Rule, ends: Mapping[str, _Rule]) -> None:
    """Adds text that only some end tags close; ``rule`` says which characters leave it otherwise."""
    head.state(text, text, {"<": f"{text}<", **rule})
    head.state(f"{text}<", head.rows[text], {"/": f"{text}</"})
    head.state(f"{text}</", head.rows[text], {})
    head.words(f"{text}</", ends, lambda _: head.rows[text])


def _script(head: _Region) -> None:
    """Adds comments in a script, where ``<!--`` followed by ``<script`` hides the next end tag."""
    head.change("script<", {"!": "script<!"})
    head.state("script<!", head.rows["script"], {"-": "script<!-"})
    head.state("script<!-", head.rows["script"], {"-": "escaped--"})
    ends: dict[str, _Rule] = {"escaped": _CLOSING, "twice": {" />": "escaped"}}
    for text, end in ends.items():
        _raw(head, text, {"-": f"{text}-"}, {"script": end})
        head.state(f"{text}-", head.rows[text], {"-": f"{text}--"})
        head.state(f"{text}--", head.rows[text], {"-": f"{text}--", ">": "script"})
    head.words("escaped<", {"script": {" />": "twice"}}, lambda _: head.rows["escaped"])


def _build() -> Row:
    """Writes all regions; returns the first state of ``open``, which recognizes byte-order marks."""
    page, head, start = _Region(_NO_HEAD, _NUL), _Region(_FRAGMENT), _Region(_FRAGMENT, _NUL)
    page_tags = _page(page)
    _head(head)
    start.state("data", _FRAGMENT, {" ": "data", "<": "<"})
    start.state("<", _FRAGMENT, {"!": "<!", "?": "bogus", "/": "</"})
    for letter in _LETTERS:
        target = head.rows["<"][_CODE[letter]]
        start.change("<", {letter: target if isinstance(target, Stop) else Stop(2, then=target)})
    start.markup(page.rows["data"])
    implied = {" /": head.rows["end before"], ">": head.rows["data"]}
    start.end_tags(lambda tag, _: {ends: Stop(len(tag) + 3, then=row) for ends, row in implied.items()})
    start.words("<", page_tags, lambda _: _FRAGMENT)
    start.state("start", start.rows["data"], {"\xef": "bom", "\xfe": "utf-16be", "\xff": "utf-16le"})
    start.state("bom", _FRAGMENT, {"\xbb": "bom end"})
    start.state("bom end", _FRAGMENT, {"\xbf": "data"})
    start.state("utf-16be", _FRAGMENT, {"\xff": _ENCODING})
    start.state("utf-16le", _FRAGMENT, {"\xfe": _ENCODING})
    return start.rows["start"]


START: Final = _build()
"""The row for a page's first byte."""
