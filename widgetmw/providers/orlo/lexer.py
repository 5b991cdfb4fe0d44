"""Rewrites a pasted script so that it can stand in a function whose parameters are the placeholders.

The lexer knows just enough JavaScript to find placeholders and top-level declarations. It does not validate: the
result gets a script element or file of its own, where a syntax error stops nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from widgetmw.providers.orlo.orlo import PLACEHOLDERS

_BREAK = r"\n\r\u2028\u2029"
_TOKEN = re.compile(
    rf"""
    (?P<space>\s+ | (?://|<!--|^-->)[^{_BREAK}]*+ | /\*[\s\S]*?\*/)
    | (?P<string>'(?:[^'\\\n\r]|\\(?:\r\n|[\s\S]))*+' | "(?:[^"\\\n\r]|\\(?:\r\n|[\s\S]))*+")
    | (?P<word>[0-9][\w.]*+ | [\w$\u200c\u200d]++)
    | (?P<other>=>|\+\+|--|\?\.(?![0-9])|/\*|[\s\S])
    """,
    re.VERBOSE | re.MULTILINE,
)
_CHUNK = re.compile(r"[`}](?:[^`\\$]|\\[\s\S]|\$(?!\{))*+(?:`|\$\{)")  # of a template, up to a substitution
_REGEX = re.compile(rf"/(?:[^/\\\[{_BREAK}]|\\[^{_BREAK}]|\[(?:[^\]\\{_BREAK}]|\\[^{_BREAK}])*+\])++/\w*+")
_PLACEHOLDER = re.compile(rf"\\({'|'.join(PLACEHOLDERS)})|\\[\s\S]|({'|'.join(PLACEHOLDERS)})")
_UNSAFE = re.compile(r"\\(?:\r\n|[\s\S])|\r\n?|<(?=/?script|!--)|[^\x00-\x7f]", re.IGNORECASE)

# what may follow a word
_NAME = re.compile(r"[\s*]*([\w$]+)")
_COLON = re.compile(r"\s*:")
_CALL_OR_ASSIGNMENT = re.compile(r"\s*(?:\(|(?:\*\*|<<|>>>?|&&|\|\||\?\?|[-+*/%&|^])?=(?!=))|[ \t]*(?:\+\+|--)")
_BRACKET_ON_NEW_LINE = re.compile(r"[ \t]*[\n\r]\s*[(\[`]")

_CONDITIONS = {"if", "for", "while", "with", "switch", "catch"}  # a statement follows the parenthesis
_DECLARATIONS = {"var", "let", "const", "function", "class"}
_BINARY = {"in", "instanceof", "of"}
_UNARY = {"return", "typeof", "new", "delete", "void", "throw", "case", "await", "yield"}
# an operand or a statement follows these words, never an operator
_PREFIXES = _CONDITIONS | _DECLARATIONS | _BINARY | _UNARY | {"do", "else", "try", "finally"}
_CLOSERS = {"(": ")", "[": "]", "{": "}"}


@dataclass(slots=True)
class _Bracket:
    text: str
    in_function: bool = False
    is_condition: bool = False
    in_var: bool = False  # whether a list of var declarations is being read in it


class Script:
    """One script, rewritten.

    Attributes:
        code: its statements; empty if there are none.
        variables: names that ``var`` declares at its top level.
        functions: names of its top-level functions.

    Raises:
        ValueError: the text cannot be split into tokens, or no value can replace a placeholder.
    """

    def __init__(self, text: str) -> None:
        self.variables: list[str] = []
        self.functions: list[str] = []
        self._text = text
        self._at = 0
        self._last = ""
        self._is_operand = False  # whether an operand ends with the last token
        self._stack = [_Bracket("")]
        self._closed = self._stack[0]  # what the last closing bracket closed
        self.code: str = "".join(self._rewritten()).strip()
        if len(self._stack) > 1:
            self._fail("a bracket that is never closed")

    def _fail(self, problem: str) -> NoReturn:
        line = len(re.split(r"\r\n|[\n\r]", self._text[: self._at]))
        raise ValueError(f"cannot be used: {problem}, in line {line}")

    def _rewritten(self) -> Iterator[str]:
        while match := _TOKEN.match(self._text, self._at):
            kind, text = match.lastgroup, match[0]
            if text == "/" and not self._is_operand:
                kind, text = "regex", self._match(_REGEX, "a regular expression")
            elif text == "`" or (text == "}" and self._stack[-1].text == "${"):
                kind, text = "template", self._match(_CHUNK, "a template")
            elif text in ("'", '"', "/*"):
                self._fail(f"a {'comment' if text == '/*' else 'string'} that is never closed")
            if self._last == "<" and kind in ("word", "regex"):
                yield " "  # "a<script" and "a</script/" would open and end a script element
            if kind == "space":
                yield "\n" if re.search(f"[{_BREAK}]", text) else " "
            elif kind == "word":
                yield self._word(text)
            elif kind == "other":
                yield self._punctuation(text)
            else:
                yield self._literal(text, str(kind))
            self._at += len(text)

    def _match(self, pattern: re.Pattern[str], title: str) -> str:
        match = pattern.match(self._text, self._at)
        return match[0] if match else self._fail(f"{title} that is never closed")

    def _word(self, text: str) -> str:
        around, last, end = self._stack[-1], self._last, self._at + len(text)
        is_member = last in (".", "?.", "#")
        if text == "async" and not is_member:
            return text  # "function" has the same meaning after it
        if text in PLACEHOLDERS:
            is_key = last in ("{", ",") and _COLON.match(self._text, end)
            if is_member or is_key or last in _DECLARATIONS or _CALL_OR_ASSIGNMENT.match(self._text, end):
                self._fail(f"{text} where no value can replace it")
        code, is_prefix, name = text, text in _PREFIXES and not is_member, _NAME.match(self._text, end)
        if text in ("let", "const") or (self._is_operand and text not in _BINARY):
            around.in_var = False  # a new statement begins
        if around.in_var and last in ("var", ","):
            self.variables.append(text)
            # without the "var", the bracket would go on with the statement
            code += ";" if _BRACKET_ON_NEW_LINE.match(self._text, end) else ""
        elif text == "var" and is_prefix and name and not around.in_function:
            around.in_var, code = True, ""  # its names become globals
        elif text == "function" and name and len(self._stack) == 1 and (self._is_operand or last in ("", ";", "}")):
            self.functions.append(name[1])
        self._last, self._is_operand = "" if is_member else text, not is_prefix  # ".catch" is no keyword
        return code

    def _punctuation(self, text: str) -> str:
        around, last = self._stack[-1], self._last
        if text in _CLOSERS:
            is_body = text == "{" and (last in ("=>", "static") or (last == ")" and not self._closed.is_condition))
            self._stack.append(_Bracket(text, around.in_function or is_body, text == "(" and last in _CONDITIONS))
        elif text in _CLOSERS.values():
            if _CLOSERS.get(around.text) != text:
                self._fail("a bracket that closes none")
            self._closed = self._stack.pop()
        elif text == ";":
            around.in_var = False
        if text not in ("++", "--"):
            self._is_operand = text == "]" or (text == ")" and not self._closed.is_condition)
        self._last = text
        return text

    def _literal(self, text: str, kind: str) -> str:
        quote, end = text[0], self._at + len(text)
        template = "${{{}}}" if kind == "template" else f"{quote}.concat({{}},{quote}"

        def value(match: re.Match[str]) -> str:
            if match[1] or (match[2] and kind == "regex"):
                self._fail(f"{match[1] or match[2]} where no value can replace it")
            return template.format(match[2]) if match[2] else match[0]

        code = _PLACEHOLDER.sub(value, text)
        if kind == "string" and code != text:
            code += ")" * sum(map(text.count, PLACEHOLDERS))
            if self._last in ("{", ",") and _COLON.match(self._text, end):
                code = f"[{code}]"  # the name of a property
        if kind == "template" and quote == "}":
            self._stack.pop()
        if kind == "template" and text.endswith("${"):
            self._stack.append(_Bracket("${", self._stack[-1].in_function))
        self._last, self._is_operand = text, not text.endswith("${")
        return code


def as_ascii(code: str) -> str:
    """Returns code as ASCII that neither opens nor ends a script element or an HTML comment."""

    def escaped(match: re.Match[str]) -> str:
        found = match[0]
        if found[0] == "\\":
            if found[1] in "\n\r\u2028\u2029":
                return "\\\n"  # dropping it would join "$" and "{", or "\\0" and "1"
            if found[1] != "<" and found.isascii():
                return found
            found = found[1:]
        return {"<": "\\x3C", "\r": "\n", "\r\n": "\n"}.get(found) or json.dumps(found)[1:-1]

    return _UNSAFE.sub(escaped, code)
