"""Makes our own JavaScript smaller, by its tokens: no comments, no needless space, short names for local variables.

This is no minifier for any script. It relies on how the files of this package are written: comments have lines of
their own, every statement ends in a semicolon, there are no template literals, and no variable has the name of a
global that is used. A name is shortened everywhere or, where it is a property's name as well, nowhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
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
_SHORTER: Final = {"const": "let", "true": "!0", "false": "!1", "undefined": "void 0"}
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KEPT: Final = frozenset({"as", "do", "if", "in", "of"})


def squeeze(text: str) -> str:
    """Returns the script in fewer bytes, in one line."""
    lines = (line.strip() for line in text.splitlines())
    source = "\n".join(line for line in lines if not line.startswith("//"))
    words = [_SHORTER.get(word, word) for word in _shorten(_TOKEN.findall(source))]
    return _join(_one_let(words))


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


def _shorten(words: list[str]) -> list[str]:
    free = {name for name in _variables(words) if name.isidentifier()} - set(_properties(words))
    names = Counter(word for word in words if word in free)
    short = dict(zip((name for name, _ in names.most_common()), _names({*words, *_KEPT}), strict=False))
    return [short.get(word, word) for word in words]


def _names(taken: set[str]) -> Iterator[str]:
    for length in (1, 2):
        for letters in product(_LETTERS, repeat=length):
            name = "".join(letters)
            if name not in taken:
                yield name


def _variables(words: list[str]) -> Iterator[str]:
    """Finds what is declared by const or let, or is a parameter of an arrow function."""
    for place, word in enumerate(words):
        if word in ("const", "let"):
            yield words[place + 1]
        elif word == "=>" and words[place - 1] == ")":
            yield from words[_opening(words, place - 1) : place]
        elif word == "=>":
            yield words[place - 1]


def _opening(words: list[str], place: int) -> int:
    while words[place] != "(":
        place -= 1
    return place


def _properties(words: list[str]) -> Iterator[str]:
    """Finds names after a dot, keys of literals, shorthand members and methods."""
    opened: list[str] = []
    for place, word in enumerate(words):
        before, after = words[place - 1], words[(place + 1) % len(words)]
        if word in "([{":
            opened.append(word)
        elif word in ")]}":
            opened.pop()
        if before in (".", "?."):
            yield word
        if before in "{," and opened[-1:] == ["{"] and (after in ":,}" or _is_method(words, place)):
            yield word


def _is_method(words: list[str], place: int) -> bool:
    """Whether the name here is followed by parameters and a body."""
    end = place + 1
    if words[end] != "(":
        return False
    while words[end] != ")":
        end += 1
    return words[end + 1] == "{"
