"""The words, signs and literals of JavaScript, as far as reading a pasted script needs them.

Source: the lexical grammar of ECMAScript for classic scripts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["name", "private", "number", "string", "template", "regex", "punctuator"]

BLANK = re.compile(r"[\t\v\f \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\ufeff]+")
BREAK = re.compile(r"\r\n|[\n\r\u2028\u2029]")
LINE_COMMENT = re.compile(r"//[^\n\r\u2028\u2029]*+")
_LETTERS = (
    r"A-Za-z_$\x80-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff"
    r"\u3001-\ufefe\uff00-\U0010ffff"  # all but white space; what is no letter is sorted out later
)
NAME = re.compile(f"[{_LETTERS}][0-9{_LETTERS}]*+")
CALL = re.compile(r"[ \t]*\(")
NUMBER = re.compile(
    r"0[xX][0-9a-fA-F_]++n?|0[oO][0-7_]++n?|0[bB][01_]++n?"
    r"|(?:[0-9][0-9_]*+(?:\.[0-9_]*+)?|\.[0-9][0-9_]*+)(?:[eE][+-]?[0-9_]++)?n?"
)
STRING = re.compile(r"'(?:[^'\\\n\r]|\\(?:\r\n|[\s\S]))*+'|\"(?:[^\"\\\n\r]|\\(?:\r\n|[\s\S]))*+\"")
CHUNK = re.compile(r"(?:[^`\\$]|\\[\s\S]|\$(?!\{))*+(`|\$\{)")
REGEX = re.compile(
    r"/(?:[^/\\\[\n\r\u2028\u2029]|\\[^\n\r\u2028\u2029]|\[(?:[^\]\\\n\r\u2028\u2029]|\\[^\n\r\u2028\u2029])*+\])++/"
    r"[A-Za-z0-9_$]*+"
)
PUNCTUATOR = re.compile(
    r">>>=|\.\.\.|===|!==|\*\*=|<<=|>>=|>>>|&&=|\|\|=|\?\?=|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?![0-9])|\+\+|--|\+=|-="
    r"|\*=|/=|%=|&=|\|=|\^=|<<|>>|\*\*|[{}()\[\];,<>+\-*/%&|^!~?:=.]"
)

# words after which a value or a statement comes, never an operator
OPERATORS = frozenset({"return", "typeof", "instanceof", "in", "new", "delete", "void", "throw", "case", "do", "else"})
DECLARATIONS = frozenset({"var", "let", "const", "function", "class"})
CONDITIONS = frozenset({"if", "for", "while", "with", "switch", "catch"})  # with a parenthesis and a statement behind
OTHERS = frozenset({"try", "finally", "break", "continue", "debugger", "default"})
NO_VALUES = OPERATORS | DECLARATIONS | CONDITIONS | OTHERS

CONTEXTUAL = frozenset({"await", "yield", "of"})  # operators in some places, names in others
PREFIXES = frozenset({"async", "get", "set", "static"}) | CONTEXTUAL  # names that another name may follow
ONLY_STATEMENTS = frozenset(
    {"if", "for", "while", "switch", "try", "var", "const", "return", "throw", "break", "continue", "debugger"}
)
BEFORE_STATEMENT = {  # by whether a line break comes between
    False: frozenset({"else", "do"}),
    True: frozenset({"else", "do", "return", "break", "continue", "debugger"}),
}

UNARY = frozenset({"+", "-", "!", "~", "++", "--", "..."})
PAUSES = frozenset({"(", "[", "{", ")", "]", "}", ",", ":", ";"})  # all other signs want a value behind them
OPENERS = {")": "(", "]": "[", "}": "{"}

BODIES = frozenset({"body", "arrow"})
STATEMENT_LISTS = frozenset({"program", "block"}) | BODIES
MEMBERS = frozenset({"object", "class"})


class ScriptError(ValueError):
    """A script that cannot be read.

    Attributes:
        problem: what is wrong, without any of the script's text.
        at: index in the source.
    """

    def __init__(self, problem: str, at: int) -> None:
        self.problem, self.at = problem, at
        super().__init__(problem)


@dataclass(slots=True)
class Token:
    """A token and its surroundings.

    Attributes:
        text: as in the source; of a template's chunk with its delimiters.
        at: index in the source.
        line: whether a line break stands before it.
        within: kind of the innermost bracket around it.
        depth: how many brackets are around it.
        functions: how many bodies of functions and classes and lists of parameters are among them.
        starts: whether a statement starts here, or after a label's colon may start.
        ends: whether a value may end here.
        member: whether it is the name of a property: after a dot, or in front of a value in an object or class.
        tagged: a template's chunk that a function gets to see as it was written, as far as can be told.
        declares: whether it is the name of a function that the script's top level declares.
    """

    kind: Kind
    text: str
    at: int
    line: bool
    within: str
    depth: int
    functions: int
    ends: bool
    starts: bool = False
    member: bool = False
    tagged: bool = False
    declares: bool = False


@dataclass(slots=True)
class Bracket:
    """An open bracket and what is known of the text in it.

    Attributes:
        kind: ``program`` ``block`` ``body`` ``arrow`` ``object`` ``class`` for braces, ``condition``
            ``parameters`` ``paren`` for parentheses, ``index``, and ``substitution`` in a template.
        ends: whether a value ends where it is closed.
        functions: as in :class:`Token`, for the tokens in it.
        pending: ``function`` or ``class`` whose brackets are yet to come, and whether it stands as a statement.
        value: in an object or class, whether the name of the member is behind us.
        choices: question marks that wait for their colon.
        asynchronous: whether ``async`` was in the current statement.
        tagged: as in :class:`Token`, for the template that a substitution is in.
    """

    opener: str
    kind: str
    at: int
    ends: bool = True
    functions: int = 0
    pending: tuple[str, bool] | None = None
    value: bool = False
    choices: int = 0
    asynchronous: bool = False
    tagged: bool = False
