"""JavaScript that the operator pastes, with placeholders, turned into a function with the values as parameters.

A page's policy may forbid ``eval`` and inline scripts, and a token must never be spliced into program text. So the
text is read here, once, and becomes a part of the runtime.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from widgetmw.core.script_elements import External, Inline, script_elements
from widgetmw.core.script_grammar import DECLARATIONS, ScriptError, Token
from widgetmw.core.script_literal import Literals
from widgetmw.core.script_tokenizer import tokens

# makes a global before the first line, as a script's "var" does; an element with that id is no such global
_HOIST = "[{}].forEach(function(n){{Object.prototype.hasOwnProperty.call(window,n)||(window[n]=void 0)}});"
_ADD = '(function(s){{{}(document.head||document.documentElement).appendChild(s)}})(document.createElement("script"));'
_ASSIGNMENT = re.compile(r"=>|\+\+|--|(?![=!<>]=)\W+=|=")


def as_function(text: str, placeholders: Sequence[str]) -> str:
    """Turns a pasted script into the source of a function.

    A placeholder becomes the parameter of its name: as a value of its own, in a string and in a template. The text
    may come with its ``<script>`` tags; a tag with ``src`` becomes statements that add such an element, and where
    it has neither ``async`` nor ``defer``, the scripts after it wait for it as they would in a page.

    In the function the script finds what it would find in a page: ``this`` is the window, ``var`` and ``function``
    at its top level make globals (a ``var`` keeps a value that is already there, so that the script can run
    again), while ``let``, ``const`` and ``class`` stay its own. For that the result must stand outside of any
    function and of strict code, or names of the code around it would be taken for globals.

    Args:
        text: the script, or one or more script elements.
        placeholders: names that stand for values.

    Returns:
        ``function(<placeholders>){...}``: ASCII, balanced, without ``</script`` and ``<!--``, good in any place
        where a function expression is.

    Raises:
        ValueError: the text cannot be turned; says what is wrong and where, without any of the text.
    """
    try:
        return f"function({','.join(placeholders)}){{{_chain(text, tuple(placeholders))}}}"
    except ScriptError as error:
        raise ValueError(f"cannot be used: {error.problem}, {_place(text, error.at)}") from None


def _place(text: str, at: int) -> str:
    lines = re.split(r"\r\n|[\n\r]", text[:at])
    return f"in line {len(lines)}, column {len(lines[-1]) + 1}"


def _chain(text: str, placeholders: tuple[str, ...]) -> str:
    """Renders the scripts of the text; what follows one that blocks goes into that one's load handler."""
    runs: list[list[_Body | External]] = [[]]
    for element in script_elements(text):
        runs[-1].append(element if isinstance(element, External) else _Body(text, element, placeholders))
        if isinstance(element, External) and element.blocks:
            runs.append([])
    if not any(part.tokens if isinstance(part, _Body) else part for run in runs for part in run):
        raise ScriptError("there is no script in it", 0)
    code = ""
    for run in reversed(runs):
        if run:
            code = _scope(run, code, Literals(placeholders))
    return code


def _scope(run: list[_Body | External], rest: str, literals: Literals) -> str:
    """Renders scripts that run one after the other; ``rest`` waits for the last of them."""
    bodies = [part for part in run if isinstance(part, _Body)]
    code = "".join(
        part.code + ";\n" if isinstance(part, _Body) else _element(part, rest if part is run[-1] else "", literals)
        for part in run
    )
    names = list(dict.fromkeys(f'"{name}"' for body in bodies for name in body.variables))
    functions = "".join(f"window.{name}={name};" for body in bodies for name in body.functions)
    # A leading semicolon keeps a 'use strict' that not all of them have from working on all of them.
    strict = "'use strict';" if bodies and all(body.strict for body in bodies) else ";"
    hoisted = _HOIST.format(",".join(names)) if names else ""
    return f"(function(){{{strict}{hoisted}{functions}\n{code}}}).call(window);"


def _element(element: External, rest: str, literals: Literals) -> str:
    """Renders statements that add a script element."""
    lines = [
        f"s.setAttribute({json.dumps(name)},{literals.value(value)});"
        for name, value in element.attributes.items()
        if name not in ("async", "defer", "nonce")
    ]
    # an element made by script does not wait for others, unless it is told to keep its place among them
    lines.append(f"s.async={json.dumps('async' in element.attributes)};")
    if rest:
        lines.append(f"s.onload=s.onerror=function(){{{rest}}};")
    return _ADD.format("".join(lines)) + "\n"


class _Body:
    """One script, rewritten.

    Attributes:
        code: its statements.
        variables: names that ``var`` declares at its top level, as they stand in the code.
        functions: names of its top-level functions.
        strict: whether it begins with ``'use strict'``.
    """

    def __init__(self, text: str, element: Inline, placeholders: tuple[str, ...]) -> None:
        self.tokens = tokens(text, element.start, element.end)
        self.variables: list[str] = []
        self.functions: list[str] = []
        self._placeholders, self._literals = placeholders, Literals(placeholders)
        self.strict = self._begins_strict()
        self._dropped = self._declarations()
        self.code = "".join(self._rendered())

    def _begins_strict(self) -> bool:
        for token, _, after in self._neighbours():
            if token.kind == "string" and token.text[1:-1] == "use strict":
                return after is None or after.text == ";" or after.starts
            if token.kind != "string" and token.text != ";":
                return False
        return False

    def _neighbours(self) -> Iterator[tuple[Token, Token | None, Token | None]]:
        return zip(self.tokens, [None, *self.tokens], [*self.tokens[1:], None], strict=False)

    def _declarations(self) -> set[int]:
        """Notes what the script declares at its top level; returns where each ``var`` stands that is to go."""
        dropped: set[int] = set()
        depth = -1  # of the declaration that is being read
        for token, _, after in self._neighbours():
            word = token.text if token.kind == "name" and not (token.member or token.functions) else ""
            if token.depth < depth or (
                token.depth == depth and (token.starts or token.text == ";" or word in ("in", "of"))
            ):
                depth = -1
            if word == "var":
                dropped.add(token.at)
                depth = token.depth
            if token.depth == depth and (word == "var" or token.text == ","):
                self._variable(token, after)
            if token.declares:
                self.functions.append(_name(token.text))
        return dropped

    def _variable(self, token: Token, name: Token | None) -> None:
        if name is None or name.kind != "name":
            raise ScriptError("a top-level var that takes its names out of a pattern; const would do", token.at)
        self.variables.append(_name(name.text))

    def _rendered(self) -> Iterator[str]:
        for token, before, after in self._neighbours():
            if before is not None and token.line:
                yield "\n"
            elif before is not None and (token.at > before.at + len(before.text) or token.kind == "regex"):
                yield " "  # also keeps "<" and a regular expression apart
            if token.at not in self._dropped:
                yield self._token(token, before, after)

    def _token(self, token: Token, before: Token | None, after: Token | None) -> str:
        if token.kind == "template":
            return self._literals.template(token)
        if token.kind == "regex":
            return self._literals.regex(token)
        if token.kind == "string":
            return self._string(token, before)
        if token.kind in ("name", "private"):
            self._check_placeholder(token, before, after)
            return _name(token.text)
        return token.text

    def _string(self, token: Token, before: Token | None) -> str:
        if token.member and self._literals.held_by(token):
            raise ScriptError("a placeholder in the name of a property", token.at)
        # "(" at the start of a line would call what ends the line before
        apart = token.starts and before is not None and before.ends and self._literals.held_by(token)
        return (";" if apart else "") + self._literals.string(token)

    def _check_placeholder(self, token: Token, before: Token | None, after: Token | None) -> None:
        if token.text.removeprefix("#") not in self._placeholders:
            return
        if token.member or token.kind == "private":
            raise ScriptError("a placeholder as the name of a property", token.at)
        declared = before is not None and before.kind == "name" and before.text in DECLARATIONS
        if declared or token.within == "parameters" or (after is not None and _ASSIGNMENT.fullmatch(after.text)):
            raise ScriptError("a placeholder that is declared or assigned", token.at)


def _name(text: str) -> str:
    return "".join(char if char < "\x80" else f"\\u{{{ord(char):x}}}" for char in text)
