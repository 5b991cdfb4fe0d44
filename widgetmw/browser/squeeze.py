"""Makes our own JavaScript smaller, by its tokens: no comments, no needless space, short names for local variables.

This is no minifier for any script. It relies on how the files of this package are written: comments have lines of
their own, every statement ends in a semicolon, each declaration names one variable or pattern, and there are no
template literals, labels or named functions.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'  # a string
    | (?<=\() / (?:[^/\\\n]|\\.)+ / [a-z]*      # a regular expression, as an argument
    | [A-Za-z_$][\w$]*                          # a name
    | \d[\w.]*                                  # a number
    | \?\. | => | \.\.\. | [^\s\w$"']           # a mark
    """,
    re.VERBOSE,
)
_WORD: Final = re.compile(r"[\w$]")
_LONE: Final = re.compile(r"(?<![\w$])\((\w+)\)=>")
_ZEROS: Final = re.compile(r"^([1-9]\d*?)(0{3,})$")
_SHORTER: Final = {"const": "let", "true": "!0", "false": "!1", "undefined": "void 0", "Infinity": "1/0"}
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KEPT: Final = frozenset({"as", "do", "if", "in", "of"})


def squeeze(text: str) -> str:
    """Returns the script in fewer bytes, in one line."""
    lines = (line.strip() for line in text.splitlines())
    source = "\n".join(line for line in lines if not line.startswith("//"))
    words = [_SHORTER.get(word) or _ZEROS.sub(_power, word) for word in _shorten(_TOKEN.findall(source))]
    return _join(_one_let(words))


def _power(number: re.Match[str]) -> str:
    return f"{number[1]}e{len(number[2])}"


def _join(words: Iterable[str]) -> str:
    text = ""
    for word in words:
        needless = ",;" if word == "}" else "," if word in ")]" else ""
        text = text.removesuffix(text[-1:] if text[-1:] in tuple(needless) else "")
        apart = _WORD.match(text[-1:]) and _WORD.match(word)
        text += f" {word}" if apart else word
    return _LONE.sub(r"\1=>", text)


def _one_let(words: list[str]) -> Iterator[str]:
    """Joins declarations that follow each other in a block."""
    declares = [False]
    before = ";"
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word in "([{":
            declares.append(False)
        elif word in ")]}":
            declares.pop()
        joined = word == ";" and declares[-1] and after == "let"
        if word == "let" and before == ",;":
            before = ","
            continue
        if word == ";" and not joined:
            declares[-1] = False
        elif word == "let" and before in ";{}":
            declares[-1] = True
        before = ",;" if joined else word
        yield "," if joined else word


# --- names ----------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Variable:
    """A name within its scope, which is the words from ``start`` to ``end``."""

    name: str
    start: int
    end: int
    places: list[int] = field(default_factory=list)

    def clashes(self, other: _Variable) -> bool:
        """Whether one of the two would hide the other from a place where it is used."""
        return (self.start, self.end) == (other.start, other.end) or self._seen(other) or other._seen(self)

    def _seen(self, other: _Variable) -> bool:
        first = bisect_left(self.places, other.start)
        return first < len(self.places) and self.places[first] <= other.end


def _shorten(words: list[str]) -> list[str]:
    brackets = _brackets(words)
    variables = list(_variables(words, brackets))
    keys, shorthands = _keys(words)
    unbound = _bind(words, variables, keys)
    result = list(words)
    chosen: dict[str, list[_Variable]] = {}
    for variable in sorted(variables, key=lambda each: -len(each.places)):
        for short in _names(unbound):
            if not any(variable.clashes(other) for other in chosen.get(short, ())):
                break
        chosen.setdefault(short, []).append(variable)
        for place in variable.places:
            result[place] = f"{words[place]}:{short}" if place in shorthands else short
    return result


def _names(taken: set[str]) -> Iterator[str]:
    for length in (1, 2):
        for letters in product(_LETTERS, repeat=length):
            name = "".join(letters)
            if name not in taken:
                yield name


def _bind(words: list[str], variables: Sequence[_Variable], keys: set[int]) -> set[str]:
    """Gives each variable the places of its name; returns the names that are nobody's."""
    by_name: dict[str, list[_Variable]] = {}
    for variable in variables:
        by_name.setdefault(variable.name, []).append(variable)
    unbound = set(_KEPT)
    for place, word in enumerate(words):
        if place in keys:
            continue
        around = [each for each in by_name.get(word, ()) if each.start <= place <= each.end]
        if around:
            min(around, key=lambda each: each.end - each.start).places.append(place)
        else:
            unbound.add(word)
    return unbound


def _brackets(words: list[str]) -> dict[int, int]:
    """Returns for each bracket the place of its other half."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for place, word in enumerate(words):
        if word in "([{":
            opened.append(place)
        elif word in ")]}":
            pairs[place] = opened.pop()
            pairs[pairs[place]] = place
    return pairs


def _variables(words: list[str], brackets: dict[int, int]) -> Iterator[_Variable]:
    """Finds what is declared by const or let, or is a parameter."""
    blocks = [-1]
    for place, word in enumerate(words):
        before, after = words[place - 1], words[(place + 1) % len(words)]
        if word == "{" or (word == "(" and before == "for"):
            blocks.append(place)
        elif brackets.get(place) == blocks[-1]:
            blocks.pop()
        if word in ("const", "let"):
            names = _pattern(words, place + 1, brackets.get(place + 1, place + 1))
            start, end = _block(words, brackets, blocks[-1])
        elif word == "=>":
            start = brackets[place - 1] if before == ")" else place - 1
            names = _pattern(words, start, place - 1)
            end = _body(words, brackets, place + 1)
        elif word == ")" and after == "{" and words[brackets[place] - 1] not in ("if", "for", "while"):
            start = brackets[place]
            names = _pattern(words, start, place)
            end = brackets[place + 1]
        else:
            continue
        for name in names:
            yield _Variable(name, start, end)


def _pattern(words: list[str], first: int, last: int) -> list[str]:
    """Finds what a name, a pattern or a list of parameters binds; a name with a colon after it is a key."""
    pattern = range(first, last + 1)
    return [words[each] for each in pattern if words[each].isidentifier() and words[each + 1] != ":"]


def _block(words: list[str], brackets: dict[int, int], opened: int) -> tuple[int, int]:
    if opened < 0:
        return 0, len(words)
    end = brackets[opened]
    return opened, _body(words, brackets, end + 1) if words[opened] == "(" else end


def _body(words: list[str], brackets: dict[int, int], place: int) -> int:
    """Returns the end of the block, statement or expression that begins at a place."""
    if words[place] == "{":
        return brackets[place]
    while words[place] not in (",", ";", ")", "]", "}"):
        place = brackets.get(place, place) + 1
    return place


def _keys(words: list[str]) -> tuple[set[int], set[int]]:
    """Finds the names of properties: those that are only that, and those which are a variable's name as well."""
    keys, shorthands = set(), set()
    opened: list[str] = []
    for place, word in enumerate(words):
        before, after = words[place - 1], words[(place + 1) % len(words)]
        if word in "([{":
            opened.append(word)
        elif word in ")]}":
            opened.pop()
        if before in (".", "?."):
            keys.add(place)
        elif before in "{," and opened[-1:] == ["{"]:
            if after == ":" or _is_method(words, place):
                keys.add(place)
            elif after in ",}":
                shorthands.add(place)
    return keys, shorthands


def _is_method(words: list[str], place: int) -> bool:
    """Whether the name here is followed by parameters and a body."""
    end = place + 1
    if words[end] != "(":
        return False
    while words[end] != ")":
        end += 1
    return words[end + 1] == "{"
