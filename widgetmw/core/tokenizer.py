"""What may stand before a page's head, as an automaton over the states of the HTML Standard's tokenizer.

Everything that the tree builder passes over before the head is a regular language: white space, comments, doctypes,
stray end tags, ``<html …>``. One row per state, and one step per byte, makes the scanner resumable at any byte, linear
on any input and the same for every way of cutting a page, without keeping a byte of it.

Rows come in three regions, by what was seen so far:

* ``page``: a doctype or an html tag. Whatever else comes starts the head, and our place is before it.
* ``open``: nothing but white space, comments and stray end tags. It may be a page or a fragment.
* ``head``: head content without a tag that only a page has. Our place is remembered; what decides is whether a
  doctype, html, head or body tag follows before anything that a fragment may hold as well.

Source: https://html.spec.whatwg.org/multipage/parsing.html, 13.2.5 (tokenization), 13.2.6.4.1 to 13.2.6.4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any, Final, TypeAlias

_SPACE: Final = "\t\n\f\r "
_ALPHABET: Final = ("", "\0", " ", *"<>/!?-=\"'", *ascii_lowercase, *"\xef\xbb\xbf\xfe\xff")
_CODE: Final = {character: code for code, character in enumerate(_ALPHABET)}
_WIDTH: Final = len(_ALPHABET) + 1  # the last code is any other byte
END: Final = _CODE[""]
CODES: Final = bytes(
    _CODE[" "] if chr(byte) in _SPACE else _CODE.get(chr(byte).lower() if byte < 128 else chr(byte), _WIDTH - 1)
    for byte in range(256)
)

_VOID: Final = ("base", "basefont", "bgsound", "link", "meta")
_RAW: Final = ("noframes", "noscript", "style", "title")
_IMPLY: Final = ("body", "br", "head", "html")  # end tags that start the head; any other is passed over

Row: TypeAlias = list[Any]  # by code: the next row, or a Stop


@dataclass(frozen=True, slots=True)
class Stop:
    """Where the automaton cannot go on alone.

    Attributes:
        back: bytes from our place to here; ``None``: the place was named by an earlier stop.
        reason: why there is no place for us, or ``None``.
        then: the row to go on with, where it is not decided yet whether this is a page.
    """

    back: int | None = None
    reason: str | None = None
    then: Row | None = None


_Target: TypeAlias = "str | Stop | tuple[int, str]"  # a tuple: remember the place so far back, go on in that state
_Rule: TypeAlias = Mapping[str, _Target]

_IS_PAGE: Final = Stop()
_FRAGMENT: Final = Stop(reason="fragment")
_NO_HEAD: Final = Stop(reason="head_not_found")
_NUL: Final = Stop(reason="nul")
_ENCODING: Final = Stop(reason="encoding")


class _Region:
    """Writes the states of one region into the table."""

    def __init__(self, table: dict[str, list[_Target]], name: str, end: Stop, nul: Stop | None) -> None:
        self.table, self.name, self.end, self.nul = table, name, end, nul

    def state(self, name: str, base: _Target | list[_Target], rule: _Rule) -> str:
        """Adds a state: as ``base`` (another state's row, or one target for all) with the changes of ``rule``."""
        row = list(base) if isinstance(base, list) else [base] * _WIDTH
        row[END] = self.end
        if self.nul is not None:
            row[_CODE["\0"]] = self.nul
        for characters, target in rule.items():
            for character in characters or [""]:
                row[_CODE[character]] = target
        self.table[self.name + name] = row
        return self.name + name

    def attributes(self, tag: str, done: _Target) -> _Rule:
        """Adds the states of a tag after its name; returns what ends the name."""
        before, name, after, value = (f"{self.name}{tag} {part}" for part in ("before", "name", "after", "value"))
        double, single, bare = (f"{self.name}{tag} {part}" for part in ("double", "single", "bare"))
        self.state(f"{tag} before", name, {" /": before, ">": done})
        self.state(f"{tag} name", name, {" ": after, "/": before, "=": value, ">": done})
        self.state(f"{tag} after", name, {" ": after, "/": before, "=": value, ">": done})
        self.state(f"{tag} value", bare, {" ": value, '"': double, "'": single, ">": done})
        self.state(f"{tag} double", double, {'"': before})
        self.state(f"{tag} single", single, {"'": before})
        self.state(f"{tag} bare", bare, {" ": before, ">": done})
        return {" /": before, ">": done}

    def words(self, root: str, words: Mapping[str, _Rule], other: Callable[[int], list[_Target]]) -> None:
        """Adds a state per beginning of a word, reached from state ``root``.

        Args:
            root: name of a state of this region.
            words: what may follow each word.
            other: by the number of letters read, where anything else leads.
        """
        beginnings = {word[:length] for word in words for length in range(1, len(word) + 1)}
        for begun in beginnings:
            longer = {x: f"{self.name}{root}{begun}{x}" for x in ascii_lowercase if begun + x in beginnings}
            self.state(root + begun, other(len(begun)), longer | dict(words.get(begun, {})))
            if len(begun) == 1:
                self.table[self.name + root][_CODE[begun]] = f"{self.name}{root}{begun}"

    def markup(self, doctype: _Target) -> None:
        """Adds comments, doctypes and what the tokenizer makes comments of; they lead back to ``data``."""
        data, text, dash, close = (self.name + state for state in ("data", "<!--text", "<!--text-", "<!--text--"))
        bogus = self.state("bogus", self.name + "bogus", {">": data})
        self.state("<!", bogus, {"-": self.name + "<!-", ">": data})
        self.state("<!-", bogus, {"-": self.name + "<!--", ">": data})
        self.state("<!--", text, {"-": self.name + "<!---", ">": data})
        self.state("<!---", text, {"-": close, ">": data})
        self.state("<!--text", text, {"-": dash})
        self.state("<!--text-", text, {"-": close})
        self.state("<!--text--", text, {"-": close, "!": self.name + "<!--text--!", ">": data})
        self.state("<!--text--!", text, {"-": dash, ">": data})
        inside = self.state("doctype", self.name + "doctype", {">": doctype})
        self.words("<!", {"doctype": {">": doctype}}, lambda read: self.table[inside if read == 7 else bogus])

    def end_tags(self, implying: Callable[[str, _Rule], _Rule], end: Stop | None = None) -> None:
        """Adds end tags: those that start the head as ``implying`` says, others lead back to ``data``."""
        bogus, data, name = (self.name + state for state in ("bogus", "data", "end"))
        stray = self.attributes("end", data)
        self.state("end", name, stray)
        letters = {ascii_lowercase: name, ">": data}
        self.state("</", bogus, letters if end is None else letters | {"": end})
        self.words("</", {tag: implying(tag, stray) for tag in _IMPLY}, lambda _: self.table[name])


def _page(region: _Region) -> None:
    region.state("data", Stop(1), {" ": "page data", "<": "page <", "": Stop(0)})
    region.state("<", Stop(2), {"!": "page <!", "?": "page bogus", "/": "page </", "": Stop(1)})
    region.markup("page data")
    region.end_tags(lambda tag, stray: dict.fromkeys(stray, Stop(len(tag) + 3)), end=Stop(2))
    html, head = region.attributes("html", "page data"), region.attributes("head", Stop(0))
    region.words("<", {"html": html, "head": head}, lambda read: [Stop(read + 2)] * _WIDTH)


def _open(region: _Region, page: _Region) -> None:
    region.state("data", _FRAGMENT, {" ": "open data", "<": "open <"})
    region.state("<", _FRAGMENT, {"!": "open <!", "?": "open bogus", "/": "open </"})
    for letter in ascii_lowercase:
        begun = page.table["head <"][_CODE[letter]]
        region.table["open <"][_CODE[letter]] = (2, begun) if isinstance(begun, str) else begun
    region.markup("page data")
    after = {" /": "head end before", ">": "head data"}
    region.end_tags(lambda tag, _: {ends: (len(tag) + 3, state) for ends, state in after.items()})
    known = {
        tag: {" /": f"page {tag} before", ">": page.table[f"page {tag} before"][_CODE[">"]]} for tag in ("html", "head")
    }
    region.words("<", known, lambda _: [_FRAGMENT] * _WIDTH)
    region.state("start", region.table["open data"], {"\xef": "open bom", "\xfe": "open fe", "\xff": "open ff"})
    region.state("bom", _FRAGMENT, {"\xbb": "open bom2"})
    region.state("bom2", _FRAGMENT, {"\xbf": "open data"})
    region.state("fe", _FRAGMENT, {"\xff": _ENCODING})
    region.state("ff", _FRAGMENT, {"\xfe": _ENCODING})


def _head(region: _Region) -> None:
    region.state("data", _FRAGMENT, {" ": "head data", "<": "head <"})
    region.state("<", _FRAGMENT, {"!": "head <!", "?": "head bogus", "/": "head </"})
    region.markup(_IS_PAGE)
    region.end_tags(lambda _, stray: stray)
    names: dict[str, _Rule] = dict.fromkeys(("body", "head", "html"), {" />": _IS_PAGE})
    names |= dict.fromkeys(_VOID, region.attributes("void", "head data"))
    names |= {tag: region.attributes(tag, f"head {tag}") for tag in (*_RAW, "script")}
    region.words("<", names, lambda _: [_FRAGMENT] * _WIDTH)
    close = {" /": "head end before", ">": "head data"}
    for tag in _RAW:
        text = region.state(tag, f"head {tag}", {"<": f"head {tag}<"})
        region.state(f"{tag}<", region.table[text], {"/": f"head {tag}</"})
        region.state(f"{tag}</", region.table[text], {})
        region.words(f"{tag}</", {tag: close}, lambda _, text=text: region.table[text])
    _script(region, close)


def _script(region: _Region, close: _Rule) -> None:
    """Adds script content, where ``<!--`` hides an end tag that follows a second ``<script``."""
    for text, less in (("script", "script<"), ("hidden", "hidden<"), ("twice", "twice<")):
        region.state(text, f"head {text}", {"<": f"head {less}"})
        if text != "script":
            region.table[f"head {text}"][_CODE["-"]] = f"head {text}-"
            region.state(f"{text}-", region.table[f"head {text}"], {"-": f"head {text}--"})
            region.state(f"{text}--", region.table[f"head {text}"], {"-": f"head {text}--", ">": "head script"})
        region.state(less, region.table[f"head {text}"], {"/": f"head {text}</"})
        region.state(f"{text}</", region.table[f"head {text}"], {})
    region.table["head script<"][_CODE["!"]] = "head script<!"
    region.state("script<!", region.table["head script"], {"-": "head script<!-"})
    region.state("script<!-", region.table["head script"], {"-": "head hidden--"})
    region.words("script</", {"script": close}, lambda _: region.table["head script"])
    region.words("hidden</", {"script": close}, lambda _: region.table["head hidden"])
    region.words("hidden<", {"script": {" />": "head twice"}}, lambda _: region.table["head hidden"])
    region.words("twice</", {"script": {" />": "head hidden"}}, lambda _: region.table["head twice"])


def _link(table: Mapping[str, list[_Target]]) -> dict[str, Row]:
    """Replaces the names of states by their rows."""
    rows: dict[str, Row] = {name: [] for name in table}

    def linked(target: _Target) -> Row | Stop:
        if isinstance(target, tuple):
            return Stop(target[0], then=rows[target[1]])
        return rows[target] if isinstance(target, str) else target

    for name, row in rows.items():
        row.extend(map(linked, table[name]))
    return rows


def _build() -> Row:
    table: dict[str, list[_Target]] = {}
    page = _Region(table, "page ", end=_NO_HEAD, nul=_NUL)
    _page(page)
    _head(_Region(table, "head ", end=_FRAGMENT, nul=None))
    _open(_Region(table, "open ", end=_FRAGMENT, nul=_NUL), page)
    return _link(table)["open start"]


START: Final = _build()
