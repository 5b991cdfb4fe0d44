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
        self.stack = [Bracket("", "program", start)]
        self.closed = self.stack[0]  # the bracket that the last token closed, if it did
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

    def _skip(self) -> bool:
        """Passes over white space and comments; false at the end."""
        self.line = not self.found
        while self.pos < self.end:
            if match := _BLANK.match(self.text, self.pos, self.end):
                self.pos = match.end()
            elif match := _BREAK.match(self.text, self.pos, self.end):
                self.pos, self.line = match.end(), True
            elif self.text.startswith("//", self.pos, self.end):
                self.pos = self._match(_LINE_COMMENT, "").end()
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
        self.line = self.line or bool(_BREAK.search(self.text, self.pos, close))
        self.pos = close + 2

    def _no_html_comment(self) -> None:
        if self.text.startswith("<!--", self.pos, self.end):
            self.fail("an HTML comment inside the script")
        if self.line and self.text.startswith("-->", self.pos, self.end):
            self.fail("the end of an HTML comment inside the script")

    def _match(self, pattern: re.Pattern[str], problem: str) -> re.Match[str]:
        match = pattern.match(self.text, self.pos, self.end)
        if match is None:
            self.fail(problem)
        return match

    def _continues(self, char: str, optional: bool) -> bool:
        return char == "#" or (optional and char in "([") or bool(_NAME.match(self.text, self.pos, self.end))

    def _complete(self) -> None:
        last = self._last()
        if last is not None and last.kind == "punctuator" and not last.ends and last.text not in _PAUSES:
            self.fail("an operator where a value is missing", last.at)

    def _next(self, char: str) -> None:
        last = self._last()
        if last is not None and last.text in (".", "?.") and not self._continues(char, last.text == "?."):
            self.fail("a dot without a name behind it", last.at)
        if char in "\"'":
            self._operand("string", self._match(_STRING, "a string that is never closed")[0])
        elif char == "`":
            self._template(self._ended())
        elif char == "}" and self.stack[-1].kind == "substitution":
            self._template(self.stack.pop().tagged)
        elif char == "#":
            self._private()
        elif char.isdecimal() or (char == "." and self.text[self.pos + 1 : self.pos + 2].isdecimal()):
            self._number()
        elif char == "/" and not self._divides():
            self._operand("regex", self._match(_REGEX, "a regular expression that is never closed")[0])
        elif match := _NAME.match(self.text, self.pos, self.end):
            self._name(match[0])
        else:
            self._punctuator(self._match(_PUNCTUATOR, "a character that has no meaning here")[0])

    # what came before

    def _last(self) -> Token | None:
        return self.found[-1] if self.found else None

    def _ended(self) -> bool:
        last = self._last()
        return last is not None and last.ends

    def _divides(self) -> bool:
        last = self._last()
        if last is None:
            return False
        unclear = _contextual(last)
        if unclear or (last.text == "}" and self.closed.kind == "arrow"):
            self.fail("a slash that may divide or may start a regular expression; parentheses would make it clear")
        return last.ends

    def _new_statement(self) -> bool:
        """Whether a statement starts at the token that comes now, if that can start one."""
        last, around = self._last(), self.stack[-1]
        if around.kind not in _STATEMENT_LISTS:
            return False
        if last is None or last.text in (";", "{"):
            return True
        if last.kind == "name":
            return (not last.member and last.text in _BEFORE_STATEMENT[self.line]) or (last.ends and self.line)
        if last.text == ")":
            return self.closed.kind == "condition" or self.line
        if last.text == ":":
            return last.starts  # as noted for labels and cases
        return (last.text == "}" and not last.ends) or (last.ends and self.line)

    # one kind of token each

    def _add(self, kind: Kind, text: str, *, ends: bool) -> Token:
        around = self.stack[-1]
        token = Token(kind, text, self.pos, self.line, around.kind, len(self.stack) - 1, around.functions, ends=ends)
        self.found.append(token)
        self.pos += len(text)
        return token

    def _key(self) -> bool:
        """Whether a member's name stands here."""
        around = self.stack[-1]
        if around.kind == "class" and around.value and self.line and self._ended():
            around.value = False  # a field without a semicolon
        return around.kind in _MEMBERS and not around.value

    def _operand(self, kind: Kind, text: str) -> None:
        starts, key = self._new_statement(), self._key()
        if self._ended() and not (starts or key):
            self.fail(f"a {kind} where an operator is missing")
        token = self._add(kind, text, ends=True)
        token.starts, token.member = starts, key

    def _number(self) -> None:
        match = self._match(_NUMBER, "a malformed number")
        if _NAME.match(self.text, match.end(), self.end):
            self.fail("a malformed number")
        self._operand("number", match[0])

    def _private(self) -> None:
        match = _NAME.match(self.text, self.pos + 1, self.end)
        if match is None:
            self.fail("a character that has no meaning here")
        key = self._key()
        self._add("private", "#" + match[0], ends=True).member = key

    def _template(self, tagged: bool) -> None:
        start = self.pos
        match = _CHUNK.match(self.text, start + 1, self.end)
        if match is None:
            self.fail("a template that is never closed")
        starts = self._new_statement() and not tagged
        token = self._add("template", self.text[start : match.end()], ends=match[1] == "`")
        token.tagged, token.starts = tagged, starts
        if match[1] == "${":
            functions = self.stack[-1].functions
            self.stack.append(Bracket("${", "substitution", match.end() - 2, functions=functions, tagged=tagged))

    def _name(self, text: str) -> None:
        last, around = self._last(), self.stack[-1]
        if not (text.isascii() or text.replace("$", "_").isidentifier()):
            self.fail("a character that has no meaning here")
        starts = self._new_statement() and text not in ("in", "instanceof")
        dotted = last is not None and last.text in (".", "?.")
        member = dotted or self._key()
        if not member:
            self._keyword(text, starts)
        token = self._add("name", text, ends=member or text not in _OPERATORS | _STATEMENTS)
        token.starts, token.member = starts and not dotted, member
        if text == "async" and not dotted:
            around.asynchronous = True

    def _keyword(self, text: str, starts: bool) -> None:
        around = self.stack[-1]
        if starts:
            around.asynchronous = False
        if text == "export":
            self.fail("an export statement: only classic scripts can be turned, not modules")
        if text == "import" and not _CALL.match(self.text, self.pos + 6, self.end):
            self.fail("an import statement: only classic scripts can be turned, not modules")
        if text == "await" and not around.functions and not any(each.asynchronous for each in self.stack):
            self.fail("await outside of an async function")
        if text in ("function", "class"):
            last = self._last()
            after_async = last is not None and last.text == "async" and last.starts
            around.pending = (text, starts or (after_async and not self.line))
        elif text not in ("in", "instanceof", "of") and self._juxtaposed() and not starts:
            self.fail("a name where an operator is missing")
        elif text in _ONLY_STATEMENTS and not starts and around.kind != "condition":
            self.fail("a statement where a value is missing")

    def _juxtaposed(self) -> bool:
        last, around = self._last(), self.stack[-1]
        if last is None or not last.ends or around.pending:
            return False
        return not (last.kind == "name" and last.text in ("async", "await", "yield", "of", "get", "set", "static"))

    # brackets and operators

    def _punctuator(self, text: str) -> None:
        if text in "([{":
            self._open(text)
        elif text in ")]}":
            self._close(text)
        else:
            self._operator(text)

    def _operator(self, text: str) -> None:
        around, starts = self.stack[-1], False
        if text in (",", ":", ";"):
            self._complete()
        elif text not in _PREFIXES and not self._ended() and not self._exempt(text):
            self.fail("an operator where a value is missing")
        if text == "?":
            around.ternaries += 1
        elif text == ":" and around.ternaries:
            around.ternaries -= 1
        elif text == ":":
            around.value, starts = True, around.kind in _STATEMENT_LISTS
        elif text in ("=", "..."):
            around.value = True
        elif text in (",", ";"):
            around.value = False
        if text == ";":
            around.ternaries, around.pending, around.asynchronous = 0, None, False
        postfix = text in ("++", "--") and self._ended() and not self.line
        self._add("punctuator", text, ends=postfix).starts = starts

    def _exempt(self, text: str) -> bool:
        last, around = self._last(), self.stack[-1]
        if text == ".":
            return last is not None and last.text in ("new", "import")
        return text == "*" and ((last is not None and last.text == "function") or around.kind in _MEMBERS)

    def _open(self, text: str) -> None:
        around = self.stack[-1]
        starts = self._new_statement() and not (text != "{" and self._ended())
        kind, ends = {"(": self._parenthesis, "[": self._index, "{": self._brace}[text]()
        inner = kind in _BODIES or kind in ("parameters", "class")
        bracket = Bracket(text, kind, self.pos, ends, around.functions + inner)
        self._add("punctuator", text, ends=False).starts = starts
        self.stack.append(bracket)

    def _index(self) -> tuple[str, bool]:
        self._key()
        return "index", True

    def _parenthesis(self) -> tuple[str, bool]:
        last, around = self._last(), self.stack[-1]
        if around.pending and around.pending[0] == "function":
            statement, around.pending = around.pending[1], None
            return "parameters", not statement
        if self._key():
            return "parameters", False
        word = last.text if last is not None and last.kind == "name" and not last.member else ""
        if word == "await" and len(self.found) > 1 and self.found[-2].text == "for":
            word = "for"
        return ("condition", False) if word in _CONDITIONS else ("paren", True)

    def _brace(self) -> tuple[str, bool]:
        last, around = self._last(), self.stack[-1]
        if around.pending and around.pending[0] == "class" and not (last and last.text == "extends"):
            statement, around.pending = around.pending[1], None
            return "class", not statement
        if last is not None and last.text == ")" and self.closed.kind == "parameters":
            return "body", self.closed.ends
        if last is not None and last.text == "=>":
            return "arrow", True
        if last is not None and last.text == "static" and around.kind == "class":
            return "body", False
        word = last.text if last is not None and last.kind == "name" and not last.member else ""
        if word in ("try", "finally", "catch") or self._new_statement():
            return "block", False
        if last is not None and last.ends and not _contextual(last):
            self.fail("a brace where an operator is missing")
        return "object", True

    def _close(self, text: str) -> None:
        bracket = self.stack[-1]
        if bracket.opener != _CLOSERS[text]:
            self.fail("a bracket that closes none")
        self._complete()
        self.closed = self.stack.pop()
        self._add("punctuator", text, ends=bracket.ends and bracket.kind != "parameters")
        around = self.stack[-1]
        if around.kind == "class" and bracket.kind == "body":
            around.value = False


def _contextual(token: Token) -> bool:
    return token.kind == "name" and not token.member and token.text in _CONTEXTUAL
