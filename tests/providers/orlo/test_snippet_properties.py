"""Properties of :func:`as_function` over generated scripts, judged by node."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import require
from tests.growth import assert_linear
from tests.providers.orlo.node import Node
from widgetmw.providers.orlo.snippet import as_function

NAMES = ("JWT_TOKEN", "WIDGET_ID")
VALUES = ("eyJhbGciOi.eyJ1-_8.c2ln", "w-42")


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    running = Node(require("node"))
    yield running
    running.close()


def turned(text: str) -> tuple[str, str]:
    """Returns the function, or the reason why there is none."""
    try:
        return as_function(text), ""
    except ValueError as error:
        return "", str(error)


CHARS = st.sampled_from([*"abc $<>/!-{}()[]*=.é漢😀\u2028", *NAMES, "</script", "<!--", "-->", "//", "/*"])
ESCAPES = st.sampled_from(
    [*map("\\{}".format, "n\\'\"`<é$0"), "\\x41", "\\u0042", "\\u{1F600}", "\\\n", "\\\r\n"],
)
INSIDE = st.lists(st.one_of(CHARS, ESCAPES), max_size=8).map("".join)
GAP = st.sampled_from(["", " ", "\n", "/* JWT_TOKEN ' */", "// ` JWT_TOKEN\n", "/*\n*/", "\u00a0", "\r\n"])
REGEX = st.sampled_from(["/[/'\"`]/.source", "/e<\\/script/.source", "/é[^ü]/.test('éa')", "/[</script]/.test('<')"])
NUMBER = st.sampled_from(["0", "1.5", "0x1F", ".5", "1e3", "7 / 2", "[8][0] / 4"])


def template(parts: list[tuple[str, str]], last: str) -> str:
    """Returns a template literal of texts, each with an expression behind it, and a last text."""
    texts = [*(text.replace("${", "$ {").rstrip("$") for text, _ in parts), last.replace("${", "$ {")]
    return (
        "`" + "".join(f"{text}${{{inner}}}" for text, (_, inner) in zip(texts, parts, strict=False)) + texts[-1] + "`"
    )


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Makes larger expressions."""
    return st.one_of(
        st.builds(template, st.lists(st.tuples(INSIDE, inner), max_size=2), INSIDE),
        st.builds("({}{}+{}{})".format, inner, GAP, GAP, inner),
        st.builds("[{},{}{}]".format, inner, GAP, inner),
        st.builds("{{a:{},'b c'{}:{}}}".format, inner, GAP, inner),
        st.builds("({} ? {}:{}{})".format, inner, inner, GAP, inner),
        st.builds("(x =>{}{})({})".format, st.sampled_from(["", " "]), inner, inner),
        st.builds("(function(y) {{{}return y{}}})({})".format, GAP, GAP, inner),
    )


SMALL = st.one_of(INSIDE.map("'{}'".format), INSIDE.map('"{}"'.format), NUMBER, REGEX)
EXPRESSION = st.recursive(SMALL, grown, max_leaves=6)
STATEMENT = st.one_of(
    st.builds("out.push({}{}{});".format, GAP, EXPRESSION, GAP),
    st.builds("out.push({})\n".format, EXPRESSION),
    st.builds("if (out.length{}) {{ out.push({}) }} else /x/.test({});".format, GAP, EXPRESSION, EXPRESSION),
    st.builds("var v = {}, w = v{}\nout.push(v, w)\n".format, EXPRESSION, GAP),
    st.builds("out.push(h({}));function h(a) {{ return [a,{}] }}\n".format, EXPRESSION, EXPRESSION),
    st.builds("{{{}{}}}".format, EXPRESSION, GAP),
)
SCRIPT = st.lists(STATEMENT, min_size=1, max_size=4).map("\n".join)


@given(SCRIPT)
def test_parameters_do_what_substituted_text_does(node: Node, text: str) -> None:
    substituted = text
    for name, value in zip(NAMES, VALUES, strict=True):
        substituted = substituted.replace(name, value)
    wanted = node.ask([substituted])
    source, reason = turned(text)
    if not source:
        assert "error" in wanted, reason
        return
    assert node.ask([f"({source})({json.dumps(VALUES)[1:-1]})"]) == wanted


SIGNS = "{}()[]`'\"/\\;,:=<>+-?.!*\n$#@x1 é\u2028\0\ud800"
MARKS = [
    "${",
    "/*",
    "*/",
    "//",
    "<!--",
    "-->",
    "</script>",
    "<script>",
    "=>",
    "\\u0061",
    *NAMES,
    "'JWT_TOKEN'",
    "if(a)",
]
WORDS = [
    "return ",
    "var ",
    "function ",
    "async ",
    "await ",
    "a",
    "class ",
    "for(",
    "of ",
    "in ",
    "import ",
    "case ",
    "yield ",
]
SOUP = st.lists(st.sampled_from([*SIGNS, *MARKS, *WORDS]), max_size=12).map("".join)


@given(st.one_of(SOUP, st.text(max_size=40)))
def test_any_text_is_turned_into_plain_ascii_or_refused(text: str) -> None:
    source, reason = turned(text)
    if source:
        assert source.isascii()
        assert source.startswith("function(JWT_TOKEN,WIDGET_ID){")
        assert not re.search("</script|<!--|\\r|\0", source, re.IGNORECASE)
    else:
        assert reason.startswith(("cannot be used: ", "must "))


LONG = {
    "calls": "f(",
    "templates": "`${",
    "slashes": "/",
    "lines": "a\n",
    "declarations": "var a,\n",
    "functions": "function f(){}\n",
    "backslashes": "'\\\\",
    "classes": "/[",
    "attributes": "<script a ",
    "comments": "<!--",
    "stars": "/*",
    "placeholders": "'JWT_TOKEN'\n",
    "a name": "x",
    "a number": "1",
    "dollars": "`$",
    "questions": "a?",
    "elements": "<script async src=/a></script>",
}


@pytest.mark.parametrize("name", LONG)
def test_long_texts_take_linear_time(name: str) -> None:
    assert_linear(turned, lambda count: LONG[name] * count, 32_000 // len(LONG[name]))
