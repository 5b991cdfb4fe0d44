"""JavaScript literals with placeholders in, the same values as plain ASCII out, each placeholder as a parameter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from widgetmw.core.script_grammar import ScriptError, Token

_ESCAPE = re.compile(r"\\(?:\r\n|[\s\S]|$)|\r\n|[<\n\r]|[^\x00-\x7f]")
_UNICODE = re.compile(r"[0-9a-fA-F]{4}|\{0*+(?:10[0-9a-fA-F]{4}|[0-9a-fA-F]{1,5})\}")
_BYTE = re.compile(r"[0-9a-fA-F]{2}")
_BREAKS = frozenset({"\n", "\r", "\r\n", "\u2028", "\u2029"})
_MARKUP = re.compile(r"</script|<!--", re.IGNORECASE)
_REGEX = re.compile(r"\\?</(?=script)|\\?[^\x00-\x7f]", re.IGNORECASE)


def ascii_escape(char: str) -> str:
    r"""Returns a character as ``\uXXXX``, in two halves where it needs two."""
    return json.dumps(char)[1:-1]


class Literals:
    """Rewrites literals for one set of placeholders.

    Args:
        names: the placeholders; each stands for the parameter of its name.
    """

    def __init__(self, names: Sequence[str]) -> None:
        longest_first = sorted(names, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def held_by(self, token: Token) -> bool:
        """Whether there is a placeholder in its text."""
        return self._pattern.search(token.text) is not None

    def value(self, text: str) -> str:
        """Returns an expression for a text that is not from a script, such as an attribute's value."""
        pieces = [piece if named else json.dumps(piece).replace("<", "\\x3C") for named, piece in self._pieces(text)]
        return "+".join(pieces)

    def string(self, token: Token) -> str:
        """Returns an expression for a string literal."""
        quote = token.text[0]
        pieces = [
            piece if named else f"{quote}{_escaped(piece, token.at + 1, octal=True)}{quote}"
            for named, piece in self._pieces(token.text[1:-1], token.at + 1)
        ]
        return pieces[0] if not self.held_by(token) else f"({'+'.join(pieces)})"

    def template(self, token: Token) -> str:
        """Returns a chunk of a template literal."""
        if token.tagged:
            return self._raw(token)
        tail = 1 if token.text.endswith("`") else 2
        pieces = [
            f"${{{piece}}}" if named else _escaped(piece, token.at + 1, octal=False)
            for named, piece in self._pieces(token.text[1:-tail], token.at + 1, bare=True)
        ]
        return f"{token.text[0]}{''.join(pieces)}{token.text[-tail:]}"

    def _raw(self, token: Token) -> str:
        # The function in front of it sees how it was written, so it can only stay as it is.
        if self.held_by(token) or not token.text.isascii() or _MARKUP.search(token.text):
            raise ScriptError("a tagged template that would have to be rewritten", token.at)
        return token.text.replace("\r\n", "\n").replace("\r", "\n")

    def regex(self, token: Token) -> str:
        """Returns a regular expression literal."""
        if self.held_by(token):
            raise ScriptError("a placeholder in a regular expression", token.at)
        if "<!--" in token.text:
            raise ScriptError("an HTML comment in a regular expression", token.at)
        return _REGEX.sub(_regex_escape, token.text)

    def _pieces(self, text: str, at: int = 0, *, bare: bool = False) -> Iterator[tuple[bool, str]]:
        """Yields the text between placeholders and the placeholders; no empty text unless an expression needs it."""
        start = 0
        matches = list(self._pattern.finditer(text))
        whole = len(matches) == 1 and matches[0][0] == text
        for match in matches:
            before = text[start : match.start()]
            if (len(before) - len(before.rstrip("\\"))) % 2 and at:
                raise ScriptError("a backslash in front of a placeholder", at + match.start())
            if before or not (start or whole or bare):
                yield False, before
            yield True, match[0]
            start = match.end()
        if start < len(text) or not matches:
            yield False, text[start:]


def _regex_escape(match: re.Match[str]) -> str:
    text = match[0].removeprefix("\\")
    return "\\x3C/" if text == "</" else ascii_escape(text)


def _escaped(text: str, at: int, *, octal: bool) -> str:
    """Rewrites the inside of a string (``octal``: has the old number escapes) or of an untagged template."""

    def rewrite(match: re.Match[str]) -> str:
        found = match[0]
        if found[0] != "\\":
            return "\\x3C" if found == "<" else "\\n" if found in _BREAKS and found.isascii() else ascii_escape(found)
        escaped = found[1:]
        if escaped in _BREAKS:
            return "\\\n"  # left out, it would bring together "$" and "{", or "\\0" and "1"
        if escaped == "<" or not escaped.isascii():
            return "\\x3C" if escaped == "<" else ascii_escape(escaped)
        if not _well_formed(escaped, text, match.end(), octal):
            raise ScriptError("a malformed escape", at + match.start())
        return found

    return _ESCAPE.sub(rewrite, text)


def _well_formed(escaped: str, text: str, end: int, octal: bool) -> bool:
    if escaped in ("u", "x"):
        return (_UNICODE if escaped == "u" else _BYTE).match(text, end) is not None
    if escaped.isdecimal() and not octal:
        return escaped == "0" and not text[end : end + 1].isdecimal()
    return escaped != ""
