"""Rewrites a pasted script so that it can stand in a function whose parameters are the placeholders.

The lexer knows just enough JavaScript to find placeholders and top-level declarations. It does not validate: the
result gets a script element or file of its own, where a syntax error stops nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

_BREAK = r"\n\r\u2028\u2029"
_TOKEN = re.compile(
    rf"""
    (?P<space>[^\S\n\r]+ | [\n\r\ufeff]+ | (?://|<!--|^[ \t]*-->)[^{_BREAK}]*+ | /\*[\s\S]*?\*/)
    | (?P<string>'(?:[^'\\\n\r]|\\(?:\r\n|[\s\S]))*+' | "(?:[^"\\\n\r]|\\(?:\r\n|[\s\S]))*+")
    | (?P<number>0[xXoObB]\w++ | (?:[0-9][0-9_]*+(?:\.[0-9_]*+)? | \.[0-9][0-9_]*+)(?:[eE][+-]?[0-9_]++)?n?)
    | (?P<name>(?:[^\W\d]|\$)[\w$\u200c\u200d]*+)
    | (?P<other>=>|\+\+|--|\?\.(?![0-9])|[\s\S])
    """,
    re.VERBOSE | re.MULTILINE,
)
_CHUNK = re.compile(r"[`}](?:[^`\\$]|\\[\s\S]|\$(?!\{))*+(?:`|\$\{)")  # of a template, up to a substitution
_REGEX = re.compile(rf"/(?:[^/\\\[{_BREAK}]|\\[^{_BREAK}]|\[(?:[^\]\\{_BREAK}]|\\[^{_BREAK}])*+\])++/\w*+")
# after a name; the line may not end before "++"
_ASSIGNMENT = re.compile(r"\s*(?:\*\*|<<|>>>?|&&|\|\||\?\?|[-+*/%&|^])?=(?![=>])|[ \t]*(?:\+\+|--)")

_CONDITIONS = {"if", "for", "while", "with", "switch", "catch"}  # a statement follows the parenthesis
_DECLARATIONS = {"var", "let", "const", "function", "class"}
_OPERATORS = {"return", "typeof", "instanceof", "in", "new", "delete", "void", "throw", "case", "await", "yield"}
# an operand or a statement follows these words, never an operator
_PREFIXES = _CONDITIONS | _DECLARATIONS | _OPERATORS | {"do", "else", "try", "finally"}
_CLOSERS = {"(": ")", "[": "]", "{": "}", "${": "}"}


@dataclass(slots=True)
class _Bracket:
    text: str
    ends_operand: bool = False  # whether an operand ends at the closing bracket
    in_function: bool = False
    is_condition: bool = False
    has_parameters: bool = False  # whether it holds the parameters of a function or of a catch
    is_tagged: bool = False  # whether it is a substitution in a tagged template
    questions: int = 0  # question marks that wait for their colon


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    gap: str  # white space that replaces the white space and comments before the token
    after_operand: bool
    starts_statement: bool
    depth: int
    around: _Bracket
    is_member: bool  # whether it is the name of a property, after a dot
    at: int  # where it starts in the script


class Script:
    """One script, rewritten.

    Args:
        text: the script.
        placeholders: the names of the parameters.

    Attributes:
        code: its statements, as ASCII text; empty if there are none.
        variables: names that ``var`` declares at its top level, as they stand in the code.
        functions: names of its top-level functions.
        is_strict: whether it begins with ``'use strict'``.

    Raises:
        ValueError: the text cannot be split into tokens, or no value can replace a placeholder.
    """

    def __init__(self, text: str, placeholders: Sequence[str]) -> None:
        self._placeholders = placeholders
        self.variables: list[str] = []
        self.functions: list[str] = []
        lexer = _Lexer(text)
        tokens = [*lexer.tokens(), *[_Token("end", "", "", False, True, 0, _Bracket(""), False, len(text))] * 2]
        for at, token in enumerate(tokens[:-2]):
            if name := self._unreplaceable(text, token, tokens[at - 1], tokens[at + 1]):
                lexer.fail(f"{name} where no value can replace it", token.at)
        first, second = tokens[:2]
        self.is_strict = first.text[1:-1] == "use strict" and (second.text == ";" or second.starts_statement)
        dropped = self._declarations(tokens)
        self.code = "".join(
            token.gap if at in dropped else self._render(token, tokens[at - 1], tokens[at + 1])
            for at, token in enumerate(tokens[:-2])
        ).strip()

    def _unreplaceable(self, text: str, token: _Token, before: _Token, after: _Token) -> str:
        """Returns the placeholder in the token that no value can replace, or an empty string.

        The tokens beside it decide. So a few uses that make no sense are refused, too, such as a call.
        """
        found = [name for name in self._placeholders if name in token.text]
        if not found or token.kind == "regex":
            return "".join(found[:1])
        if token.kind != "name":
            is_tagged = token.after_operand if token.text[0] == "`" else token.around.is_tagged
            if token.kind == "template" and is_tagged:
                return found[0]
            escapes = re.findall(rf"\\(?:({'|'.join(map(re.escape, found))})|[\s\S])", token.text)
            return next(filter(None, escapes), "")
        is_first = before.text in ("{", ",")  # or the next one in a list
        is_last = after.text in (":", ",", "}", ";") or after.starts_statement
        is_name = token.is_member or before.text == "#" or before.text in _DECLARATIONS or after.text in ("(", "=>")
        is_item = is_first and is_last and token.around.text in ("", "{")
        is_parameter = token.around.has_parameters and before.text in ("(", ",")
        is_assigned = _ASSIGNMENT.match(text, token.at + len(token.text))
        is_refused = is_name or is_item or is_parameter or is_assigned
        return token.text if token.text in found and is_refused else ""

    def _declarations(self, tokens: list[_Token]) -> set[int]:
        """Collects top-level declarations; returns where a ``var`` is dropped, since its names become globals."""
        dropped = set()
        depth = -1  # of the var declaration that is being read
        for at, token in enumerate(tokens[:-2]):
            name = tokens[at + 2] if tokens[at + 1].text == "*" else tokens[at + 1]
            word = token.text if token.kind == "name" and name.kind == "name" and not token.is_member else ""
            if token.depth < depth or (token.depth == depth and (token.text == ";" or token.starts_statement)):
                depth = -1
            if word == "var" and not token.around.in_function:
                dropped.add(at)
                depth = token.depth
            if token.depth == depth and name.kind == "name" and (word == "var" or token.text == ","):
                self.variables.append(_ascii_name(name.text))
            if word == "function" and token.starts_statement and not token.depth:
                self.functions.append(_ascii_name(name.text))
        return dropped

    def _render(self, token: _Token, before: _Token, after: _Token) -> str:
        if token.kind == "name":
            return token.gap + _ascii_name(token.text)
        if token.kind == "template":
            return token.gap + _rewritten(token.text, self._placeholders, "${{{}}}")
        if token.kind != "string" or not any(name in token.text for name in self._placeholders):
            return token.gap + _rewritten(token.text, (), "")
        code = _rewritten(token.text, self._placeholders, f"{token.text[0]}+{{}}+{token.text[0]}")
        if before.text in ("{", ",") and after.text == ":":
            return f"{token.gap}[{code}]"  # the name of a property
        # without the semicolon, a parenthesis at the start of a line would call what ends the line before
        apart = ";" if token.gap == "\n" and token.after_operand else ""
        return f"{token.gap}{apart}({code})"


class _Lexer:
    """Splits a script into tokens."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._stack = [_Bracket("")]
        self._closed = self._stack[0]  # what the last closing bracket closed
        self._last = _Token("start", ";", "", False, True, 0, self._closed, False, 0)
        self._is_operand = False  # whether an operand ends with the last token
        self._function: bool | None = None  # whether the function whose parameters follow is an operand

    def tokens(self) -> Iterator[_Token]:
        gap = ""
        while match := _TOKEN.match(self._text, self._at):
            if match.lastgroup == "space":
                gap = "\n" if gap == "\n" or re.search(f"[{_BREAK}]", match[0]) else " "
                self._at = match.end()
            else:
                self._last = self._next(str(match.lastgroup), match[0], gap)
                yield self._last
                gap = ""
        if len(self._stack) > 1:
            self.fail("a bracket that is never closed")

    def fail(self, problem: str, at: int | None = None) -> NoReturn:
        line = len(re.split(r"\r\n|[\n\r]", self._text[: self._at if at is None else at]))
        raise ValueError(f"cannot be used: {problem}, in line {line}")

    def _next(self, kind: str, text: str, gap: str) -> _Token:
        around, after_operand = self._stack[-1], self._is_operand
        if self._text.startswith("/*", self._at):
            self.fail("a comment that is never closed")
        if text == "/" and not after_operand:
            kind, text, gap = "regex", self._match(_REGEX, "a regular expression that is never closed"), gap or " "
        elif text == "`" or (text == "}" and around.text == "${"):
            kind, text = "template", self._match(_CHUNK, "a template that is never closed")
        elif text in ("'", '"'):
            self.fail("a string that is never closed")
        is_member = kind == "name" and self._last.text in (".", "?.")
        starts = kind != "other" and not is_member and self._starts_statement(gap == "\n")
        if text == "function" and self._last.text == "async":
            starts = self._last.starts_statement
        depth = len(self._stack) - 1
        token = _Token(kind, text, gap, after_operand, starts, depth, around, is_member, self._at)
        self._is_operand = self._advance(token, around)
        self._at += len(text)
        return token

    def _match(self, pattern: re.Pattern[str], problem: str) -> str:
        match = pattern.match(self._text, self._at)
        return match[0] if match else self.fail(problem)

    def _starts_statement(self, on_new_line: bool) -> bool:
        last = self._last
        if self._is_operand:
            return on_new_line
        if last.text == ":":
            return not (self._stack[-1].ends_operand or self._stack[-1].questions)
        return last.text in (";", "{", "}", "else", "do") or (last.text == ")" and self._closed.is_condition)

    def _advance(self, token: _Token, around: _Bracket) -> bool:
        """Updates the brackets; returns whether an operand ends with the token."""
        text = token.text
        if token.kind == "template":
            if text[0] == "}":
                self._stack.pop()
            if text.endswith("${"):
                is_tagged = token.after_operand if text[0] == "`" else around.is_tagged
                self._stack.append(_Bracket("${", in_function=around.in_function, is_tagged=is_tagged))
            return text.endswith("`")
        if token.kind == "name":
            if text == "function" and not token.is_member:
                self._function = not token.starts_statement
            is_of = text == "of" and around.is_condition and token.after_operand
            return token.is_member or not (text in _PREFIXES or is_of)
        if text in _CLOSERS:
            self._stack.append(self._opened(text, around))
        elif text in _CLOSERS.values():
            if _CLOSERS.get(around.text) != text:
                self.fail("a bracket that closes none")
            self._closed = self._stack.pop()
            return self._closed.ends_operand
        elif text == "=>" and self._last.text == ")":
            self._closed.has_parameters = True
        elif text == "?":
            around.questions += 1
        elif text == ":":
            around.questions = max(0, around.questions - 1)
        return token.kind != "other" or text in ("++", "--")

    def _opened(self, text: str, around: _Bracket) -> _Bracket:
        last = self._last
        bracket = _Bracket(text, ends_operand=True, in_function=around.in_function)
        if text == "(":
            bracket.is_condition = last.text in _CONDITIONS and not last.is_member
            bracket.has_parameters = last.text == "catch" and not last.is_member
            bracket.ends_operand = not bracket.is_condition
            if self._function is not None:
                bracket.ends_operand, self._function = self._function, None
        elif text == "{" and (last.text in ("=>", "static") or (last.text == ")" and not self._closed.is_condition)):
            bracket.in_function = True
            self._closed.has_parameters |= last.text == ")"
            bracket.ends_operand = last.text == ")" and self._closed.ends_operand
        elif text == "{":
            is_block = self._is_operand or last.text in ("try", "finally") or self._starts_statement(False)
            bracket.ends_operand = not is_block
        return bracket


def _ascii_name(text: str) -> str:
    return "".join(char if char < "\x80" else f"\\u{{{ord(char):x}}}" for char in text)


def _rewritten(text: str, placeholders: Sequence[str], template: str) -> str:
    """Returns a literal as ASCII, with each placeholder replaced by the template's expression."""
    names = "|".join(map(re.escape, placeholders)) or r"(?!)"

    def rewrite(match: re.Match[str]) -> str:
        found = match[0]
        if found in placeholders:
            return template.format(found)
        if found[0] == "\\":
            if found[1] in "\n\r\u2028\u2029":
                return "\\\n"  # dropping it would join "$" and "{", or "\\0" and "1"
            if found[1] != "<" and found.isascii():
                return found
            found = found[1:]
        return {"<": "\\x3C", "\r": "\n", "\r\n": "\n"}.get(found) or json.dumps(found)[1:-1]

    return re.sub(rf"\\(?:\r\n|[\s\S])|{names}|\r\n?|<(?=/(?i:script)|!--)|[^\x00-\x7f]", rewrite, text)
