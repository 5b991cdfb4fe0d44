"""Makes our own JavaScript smaller, by its tokens: no comments, no needless space, short names for local variables.

This is no minifier for any script. It relies on how the files of this package are written: comments have lines of
their own, every statement ends in a semicolon, there are no template literals, and no variable has the name of a
global that is used. A name is shortened everywhere or, where it is a property's name as well, nowhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    (?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?:(?<=\()/(?![*/])(?:[^/\\\n\[]|\\.|\[[^\]\n]*\])+/[a-z]*)
    |(?:[A-Za-z_$][\w$]*)
    |(?:\d[\w.]*)
    |(?:\?\.(?!\d)|=>|\.\.\.|[^\s\w$"'])
    """,
    re.VERBOSE,
)
_WORD: Final = re.compile(r"[\w$]")
_SHORTER: Final = {"const": "let", "true": "!0", "false": "!1", "undefined": "void 0"}
_LONE: Final = re.compile(r"\((\w+)\)=>")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KEPT: Final = frozenset({"if", "in", "do", "of", "as", "it"})


def squeeze(text: str) -> str:
    """Returns the script in fewer bytes, in one line."""
    lines = (line.strip() for line in text.splitlines())
    source = "\n".join(line for line in lines if not line.startswith("//"))
    return _join(_shorten(_TOKEN.findall(source)))


def _join(tokens: list[str]) -> str:
    text = ""
    for token in tokens:
        token = _SHORTER.get(token, token)
        if token == "}" and text[-1] in ",;" or token in ")]" and text[-1] == ",":
            text = text[:-1]
        apart = _WORD.match(text[-1:]) and _WORD.match(token)
        text += f" {token}" if apart else token
    return _LONE.sub(r"\1=>", text)


def _shorten(tokens: list[str]) -> list[str]:
    free = {name for name in _variables(tokens) if name.isidentifier()} - set(_properties(tokens))
    taken = set(tokens)
    names = Counter(token for token in tokens if token in free)
    short = dict(zip((name for name, _ in names.most_common()), _names(taken), strict=False))
    return [short.get(token, token) for token in tokens]


def _names(taken: set[str]) -> Iterator[str]:
    for length in (1, 2):
        for letters in product(_LETTERS, repeat=length):
            name = "".join(letters)
            if name not in taken and name not in _KEPT:
                yield name


def _variables(tokens: list[str]) -> Iterator[str]:
    """Finds what is declared by const or let, or is a parameter of an arrow function."""
    for place, token in enumerate(tokens):
        if token in ("const", "let"):
            yield tokens[place + 1]
        if token == "=>":
            before = place - 1
            if tokens[before] == ")":
                while tokens[before] != "(":
                    yield tokens[before]
                    before -= 1
            else:
                yield tokens[before]


def _properties(tokens: list[str]) -> Iterator[str]:
    """Finds names after a dot, keys of literals, shorthand members and methods."""
    opened: list[str] = []
    for place, (before, token, after) in enumerate(zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False)):
        if token in "([{":
            opened.append(token)
        elif token in ")]}":
            opened.pop()
        elif before in (".", "?."):
            yield token
        elif before in "{," and opened[-1:] == ["{"] and (after in ":,}" or _is_method(tokens, place)):
            yield token


def _is_method(tokens: list[str], place: int) -> bool:
    """Whether the name here is followed by parameters and a body."""
    end = place + 1
    if tokens[end] != "(":
        return False
    while tokens[end] != ")":
        end += 1
    return tokens[end + 1] == "{"
