"""JavaScript text in, tokens out: enough to tell literals, comments, regular expressions and bodies apart.

Where the text alone does not say what a browser would see, it is refused rather than guessed. Many other mistakes
are found too, but this is no parser: what passes may still be no program. Linear time, no recursion.
"""

from __future__ import annotations

import re
from typing import NoReturn

from widgetmw.core import script_grammar as grammar
from widgetmw.core.script_grammar import Bracket, Kind, ScriptError, Token


def tokens(text: str, start: int, end: int) -> list[Token]:
    """Reads a classic script.

    Args:
        text: what the script is a part of.
        start: index of the script's first character.
        end: index after its last one.

    Raises:
        ScriptError: it is no script, or its reading is in doubt.
    """
    return _Tokenizer(text, start, end).read()


class _Tokenizer:
    def __init__(self, text: str, start: int, end: int) -> None:
        self.text, self.pos, self.end = text, start, end
        self.found: list[Token] = []
        self.last: Token | None = None
        self.stack = [Bracket("", "program", start)]
        self.closed = self.stack[0]  # what the last closing bracket closed
        self.line = True

    def fail(self, problem: str, at: int | None = None) -> NoReturn:
        raise ScriptError(problem, self.pos if at is None else at)

    def read(self) -> list[Token]:
        while self._skip():
            self._next(self.text[self.pos])
        if len(self.stack) > 1:
            self.fail("a bracket that is never closed", self.stack[-1].at)
        self._complete()
        return self.found

    # white space and comments

    def _skip(self) -> bool:
        """Passes over what is no token; false at the end."""
        self.line = not self.found
        while self.pos < self.end:
            if match := grammar.BLANK.match(self.text, self.pos, self.end):
                self.pos = match.end()
            elif match := grammar.BREAK.match(self.text, self.pos, self.end):
                self.pos, self.line = match.end(), True
            elif match := grammar.LINE_COMMENT.match(self.text, self.pos, self.end):
                self.pos = match.end()
            elif self.text.startswith("/*", self.pos, self.end):
                self._block_comment()
            else:
                self._no_html_comment()
                return True
        return False

    def _block_comment(self) -> None:
        close = self.text.find("*/", self.pos + 2, self.end)
        if close < 0:
            self.fail("a comment that is never closed")
        self.line = self.line or bool(grammar.BREAK.search(self.text, self.pos, close))
        self.pos = close + 2

    def _no_html_comment(self) -> None:
        # browsers take both for comments in classic scripts, and HTML takes the first for much more
        if self.text.startswith("<!--", self.pos, self.end):
            self.fail("an HTML comment inside the script")
        if self.line and self.text.startswith("-->", self.pos, self.end):
            self.fail("the end of an HTML comment inside the script")

    # one token

    def _next(self, char: str) -> None:
        self._behind_dot(char)
        if char in "\"'":
            self._operand("string", self._match(grammar.STRING, "a string that is never closed")[0])
        elif char == "`":
            self._template(self.last is not None and self.last.ends)
        elif char == "}" and self.stack[-1].kind == "substitution":
            self._complete()
            self._template(self.stack.pop().tagged)
        elif char == "#":
            self._private()
        elif char.isdecimal() or (char == "." and self.text[self.pos + 1 : self.pos + 2].isdecimal()):
            self._number()
        elif char == "/" and not self._divides():
            self._operand("regex", self._match(grammar.REGEX, "a regular expression that is never closed")[0])
        elif match := grammar.NAME.match(self.text, self.pos, self.end):
            self._name(match[0])
        else:
            self._punctuator(self._match(grammar.PUNCTUATOR, "a character that has no meaning here")[0])

    def _match(self, pattern: re.Pattern[str], problem: str) -> re.Match[str]:
        match = pattern.match(self.text, self.pos, self.end)
        if match is None:
            self.fail(problem)
        return match

    def _add(self, kind: Kind, text: str, *, ends: bool) -> Token:
        around = self.stack[-1]
        depth = len(self.stack) - 1
        self.last = Token(kind, text, self.pos, self.line, around.kind, depth, around.functions, ends)
        self.found.append(self.last)
        self.pos += len(text)
        return self.last

    # what the tokens before say about the next

    def _word(self) -> str:
        """Returns the last token if it is a word of the language, or may be one."""
        return self.last.text if self.last is not None and self.last.kind == "name" and not self.last.member else ""

    def _ended(self) -> bool:
        return self.last is not None and self.last.ends

    def _after(self, *texts: str) -> bool:
        return self.last is not None and self.last.text in texts

    def _behind_dot(self, char: str) -> None:
        if not self._after(".", "?.") or char == "#" or grammar.NAME.match(self.text, self.pos, self.end):
            return
        if not (self._after("?.") and char in "(["):
            self.fail("a dot without a name behind it")

    def _complete(self) -> None:
        last = self.last
        if last is not None and last.kind == "punctuator" and not last.ends and last.text not in grammar.PAUSES:
            self.fail("an operator where a value is missing", last.at)

    def _divides(self) -> bool:
        unclear = self._word() in grammar.CONTEXTUAL or self._word() == "let"
        if unclear or (self._after("}") and self.closed.kind == "arrow"):
            self.fail("a slash that may divide or may start a regular expression; parentheses would make it clear")
        return self._ended()

    def _new_statement(self) -> bool:
        """Whether a statement starts with the token that comes now, if that can start one."""
        last = self.last
        if self.stack[-1].kind not in grammar.STATEMENT_LISTS:
            return False
        if last is None or last.text in (";", "{"):
            return True
        if self._word() in grammar.BEFORE_STATEMENT[self.line]:
            return True
        if last.text == ":":
            return last.starts
        if not last.ends:
            return last.text == "}" or (last.text == ")" and self.closed.kind == "condition")
        return self.line and self._word() != "await"

    def _key(self, *, after_line: bool = False) -> bool:
        """Whether the name of a member stands here; ``after_line``: of a kind that ends a field in the line before."""
        around = self.stack[-1]
        if after_line and around.kind == "class" and self.line and self._ended():
            around.value = False
        return around.kind in grammar.MEMBERS and not around.value

    # literals and names

    def _operand(self, kind: Kind, text: str) -> None:
        starts, key = self._new_statement(), self._key(after_line=True)
        if self._ended() and not (starts or key or self._word() in grammar.CONTEXTUAL):
            self.fail(f"a {kind} where an operator is missing")
        token = self._add(kind, text, ends=True)
        token.starts, token.member = starts, key

    def _number(self) -> None:
        match = self._match(grammar.NUMBER, "a malformed number")
        if grammar.NAME.match(self.text, match.end(), self.end):
            self.fail("a malformed number")
        self._operand("number", match[0])

    def _private(self) -> None:
        match = grammar.NAME.match(self.text, self.pos + 1, self.end)
        if match is None:
            self.fail("a character that has no meaning here")
        key = self._key(after_line=True)
        self._add("private", "#" + match[0], ends=True).member = key

    def _template(self, tagged: bool) -> None:
        match = grammar.CHUNK.match(self.text, self.pos + 1, self.end)
        if match is None:
            self.fail("a template that is never closed")
        at = match.end() - 2
        token = self._add("template", self.text[self.pos : match.end()], ends=match[1] == "`")
        token.tagged = tagged
        if match[1] == "${":
            functions = self.stack[-1].functions
            self.stack.append(Bracket("${", "substitution", at, functions=functions, tagged=tagged))

    def _name(self, text: str) -> None:
        if not (text.isascii() or text.replace("$", "_").isidentifier()):
            self.fail("a character that has no meaning here")
        operator = text in ("in", "instanceof")
        starts = self._new_statement() and not operator
        dotted = self._after(".", "?.")
        member = dotted or self._key(after_line=not operator)
        if not member:
            self._check_word(text, starts)
        token = self._add("name", text, ends=member or text not in grammar.NO_VALUES)
        token.starts, token.member = starts and not member, member
        around = self.stack[-1]
        token.declares = around.kind == "program" and around.pending == ("function", True) and text != "function"

    def _check_word(self, text: str, starts: bool) -> None:
        around = self.stack[-1]
        around.asynchronous = text == "async" or (around.asynchronous and not starts)
        if text == "export" or (text == "import" and not grammar.CALL.match(self.text, self.pos + 6, self.end)):
            self.fail(f"an {text} statement: a module cannot be turned, only a classic script")
        if text == "await" and not around.functions and not any(each.asynchronous for each in self.stack):
            self.fail("await outside of an async function")
        if text in ("function", "class"):
            behind_async = self._after("async") and self.last is not None and self.last.starts and not self.line
            around.pending = (text, starts or behind_async)
        elif text not in ("in", "instanceof", "of") and not starts:
            self._check_place(text, around)

    def _check_place(self, text: str, around: Bracket) -> None:
        if self._ended() and not around.pending and self._word() not in grammar.PREFIXES:
            self.fail("a name where an operator is missing")
        if text in grammar.ONLY_STATEMENTS and not (around.kind == "condition" and self._after("(", "await")):
            self.fail("a statement where a value is missing")

    # brackets and operators

    def _punctuator(self, text: str) -> None:
        if text in "([{":
            self._open(text)
        elif text in ")]}":
            self._close(text)
        else:
            self._operator(text)

    def _operator(self, text: str) -> None:
        around = self.stack[-1]
        if text in grammar.PAUSES:
            self._complete()
        elif text not in grammar.UNARY and not self._ended() and not self._needs_no_value(text):
            self.fail("an operator where a value is missing")
        label = text == ":" and not around.choices
        if text == "?":
            around.choices += 1
        elif text == ":" and around.choices:
            around.choices -= 1
        if text in ("=", "...") or label:
            around.value = True
        elif text in (",", ";"):
            around.value = False
        if text == ";":
            around.choices, around.pending, around.asynchronous = 0, None, False
        postfix = text in ("++", "--") and self._ended() and not self.line
        self._add("punctuator", text, ends=postfix).starts = label and around.kind in grammar.STATEMENT_LISTS

    def _needs_no_value(self, text: str) -> bool:
        if text == ".":
            return self._word() in ("new", "import")
        return text == "*" and (self._word() == "function" or self._key())

    def _open(self, text: str) -> None:
        around = self.stack[-1]
        starts = self._new_statement() and not (text != "{" and self._ended())
        kind, ends = ("index", True) if text == "[" else self._parenthesis() if text == "(" else self._brace()
        inner = kind in grammar.BODIES or kind in ("parameters", "class")
        bracket = Bracket(text, kind, self.pos, ends, around.functions + inner)
        self._add("punctuator", text, ends=False).starts = starts
        self.stack.append(bracket)

    def _parenthesis(self) -> tuple[str, bool]:
        around = self.stack[-1]
        if around.pending and around.pending[0] == "function":
            statement, around.pending = around.pending[1], None
            return "parameters", not statement
        if self._key():
            return "parameters", False
        loop = self._word() == "await" and len(self.found) > 1 and self.found[-2].text == "for"
        return ("condition", False) if loop or self._word() in grammar.CONDITIONS else ("paren", True)

    def _brace(self) -> tuple[str, bool]:
        around = self.stack[-1]
        if around.pending and around.pending[0] == "class" and not self._after("extends"):
            statement, around.pending = around.pending[1], None
            return "class", not statement
        if self._after(")") and self.closed.kind == "parameters":
            return "body", self.closed.ends
        if self._after("=>"):
            return "arrow", True
        if self._after("static") and around.kind == "class":
            return "body", False
        if self._word() in ("try", "finally", "catch") or self._new_statement():
            return "block", False
        if self._ended() and self._word() not in grammar.CONTEXTUAL:
            self.fail("a brace where an operator is missing")
        return "object", True

    def _close(self, text: str) -> None:
        bracket = self.stack[-1]
        if bracket.opener != grammar.OPENERS[text]:
            self.fail("a bracket that closes none")
        self._complete()
        self.closed = self.stack.pop()
        self._add("punctuator", text, ends=bracket.ends and bracket.kind != "parameters")
        if bracket.kind == "body" and not bracket.ends and self.stack[-1].kind == "class":
            self.stack[-1].value = False  # after a method comes the next member
