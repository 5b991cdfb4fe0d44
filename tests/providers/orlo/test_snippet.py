"""Pasted scripts become functions that do what the scripts do in a page, judged by node."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.conftest import require
from tests.providers.orlo.node import Node
from widgetmw.providers.orlo.snippet import as_function

NAMES = ("JWT_TOKEN", "WIDGET_ID")
TOKEN, WIDGET = "eyJhbGciOi.eyJ1-_8.c2ln", "w-42"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    running = Node(require("node"))
    yield running
    running.close()


def call(text: str, token: object = TOKEN, widget: object = WIDGET) -> str:
    """Returns a program that makes the function and calls it as a method, as the runtime does."""
    source = as_function(text)
    assert source.isascii()
    assert source.startswith("function(JWT_TOKEN,WIDGET_ID){")
    assert "</script" not in source.lower()
    assert "<!--" not in source
    assert "\r" not in source  # HTML would make another line break of it, and the hash in the policy wrong
    return f"snippets={{data:{source},after:1}};snippets.data({json.dumps(token)},{json.dumps(widget)});"


# what a script does: {script: what it has put out}
WORKS = {
    # placeholders
    "out.push(JWT_TOKEN, WIDGET_ID)": [TOKEN, WIDGET],
    'out.push("JWT_TOKEN")': [TOKEN],
    "out.push('a JWT_TOKEN b', 'WIDGET_ID/JWT_TOKEN')": [f"a {TOKEN} b", f"{WIDGET}/{TOKEN}"],
    "out.push('JWT_TOKENWIDGET_ID')": [TOKEN + WIDGET],
    "out.push('Bearer JWT_TOKEN'.length)": [len("Bearer " + TOKEN)],
    "out.push(`JWT_TOKEN`, `a JWT_TOKEN${'WIDGET_ID' + `(${JWT_TOKEN})`}`)": [TOKEN, f"a {TOKEN}{WIDGET}({TOKEN})"],
    "out.push(`$JWT_TOKEN \\${JWT_TOKEN}`)": [f"${TOKEN} ${{{TOKEN}}}"],
    "out.push({token: 'JWT_TOKEN', 'id': \"WIDGET_ID\"})": [{"token": TOKEN, "id": WIDGET}],
    "out.push(typeof'JWT_TOKEN', 'JWT_TOKEN'in{}, true?'JWT_TOKEN':1)": ["string", False, TOKEN],
    "switch(JWT_TOKEN){case'JWT_TOKEN':out.push(1)}": [1],
    "function id(a){return'JWT_TOKEN'+a} out.push(id(1))": [TOKEN + "1"],
    "out.push(1)\n'JWT_TOKEN'.length\n\"JWT_TOKEN\"": [1],
    "if (true)\n'JWT_TOKEN'.length; else out.push(1)\nout.push(2)": [2],
    "out.push(()=>1)\n'JWT_TOKEN'": [None],
    "const MY_JWT_TOKEN = 1; out.push(MY_JWT_TOKEN)": [1],
    "out.push('\\\\JWT_TOKEN')": ["\\" + TOKEN],
    "/* JWT_TOKEN */ out.push(1) // JWT_TOKEN": [1],
    "function f(a, b, c) { return [b, c] } out.push(f(1, JWT_TOKEN, WIDGET_ID), f(0,JWT_TOKEN))": [
        [TOKEN, WIDGET], [TOKEN, None],
    ],
    "out.push(out ? JWT_TOKEN : 1, {token: JWT_TOKEN, id: WIDGET_ID}, [JWT_TOKEN], [1, WIDGET_ID,])": [
        TOKEN, {"token": TOKEN, "id": WIDGET}, [TOKEN], [1, WIDGET],
    ],
    "const f = () => { return JWT_TOKEN }, g = (a = WIDGET_ID) => a; out.push(f(), g(), (() => JWT_TOKEN)())": [
        TOKEN, WIDGET, TOKEN,
    ],
    "if (JWT_TOKEN) { out.push(JWT_TOKEN == 'JWT_TOKEN', JWT_TOKEN === 1, JWT_TOKEN >= '', JWT_TOKEN.length) }": [
        True, False, True, len(TOKEN),
    ],
    "switch (WIDGET_ID) { case WIDGET_ID: out.push(`${JWT_TOKEN}`, `${1, JWT_TOKEN}`, {[WIDGET_ID]: 1}) }": [
        TOKEN, TOKEN, {WIDGET: 1},
    ],
    "const o = {}; o[WIDGET_ID] = JWT_TOKEN; o.a = o.b = JWT_TOKEN\nout.push(o)": [
        {WIDGET: TOKEN, "a": TOKEN, "b": TOKEN},
    ],
    "Promise.reject().catch(JWT_TOKEN).catch(() => {}); out.push(String.raw`\\n${JWT_TOKEN}`)": ["\\n" + TOKEN],
    "out.push(/x/.test(JWT_TOKEN), '\\nJWT_TOKEN', `\\\\WIDGET_ID`)": [False, "\n" + TOKEN, "\\" + WIDGET],
    # a placeholder is a variable, which a parameter or another declaration may hide
    "out.push({JWT_TOKEN}, {a: 1, JWT_TOKEN})": [{"JWT_TOKEN": TOKEN}, {"a": 1, "JWT_TOKEN": TOKEN}],
    "out.push(((JWT_TOKEN) => JWT_TOKEN)(1), (function (a, JWT_TOKEN) { return JWT_TOKEN })(1, 2), JWT_TOKEN)": [
        1, 2, TOKEN,
    ],
    "(() => { const a = 1, {JWT_TOKEN} = {[`JWT_${'TOKEN'}`]: 2}; out.push(JWT_TOKEN) })(); out.push(JWT_TOKEN)": [
        2, TOKEN,
    ],
    "try { throw 1 } catch (JWT_TOKEN) { out.push(JWT_TOKEN) } out.push(JWT_TOKEN)": [1, TOKEN],
    "out.push(((texts, value) => [texts.length, value])`a JWT_TOKEN`)": [[2, TOKEN]],
    # literals
    "out.push('\\x41\\u0042\\u{43}\\u{01F600}\\n\\'\\\"\\0')": ["ABC😀\n'\"\0"],
    "out.push('\\é\\<\\q', 'a\\\nb', 'a\\\r\nb', `a\\\nb`)": ["é<q", "ab", "ab", "ab"],
    "out.push('é 漢 😀 \u2028', `é\u2029`, {é: 1}.é)": ["é 漢 😀 \u2028", "é\u2029", 1],
    "out.push(`$\\\n{`, '\\0\\\r\n1', `$\\\u2028{`, 'a\\\rb')": ["${", "\x001", "${", "ab"],
    "const naïve = 1, 名 = 2; out.push(naïve + 名)": [3],
    "out.push(`a\r\nb\rc`, '\\101')": ["a\nb\nc", "A"],
    "out.push('</script><!--', `</SCRIPT>`, /<\\/script/.source, /[</script]/.source)": [
        "</script><!--", "</SCRIPT>", "<\\/script", "[\\x3C/script]",
    ],
    "out.push(/é/.test('é'), /[^ü]\\é/.test('xé'), /[/\\]'\"]/g.flags, /`/.test('`'))": [True, True, "g", True],
    "out.push(String.raw`a\\n${1}\nb`)": ["a\\n1\nb"],
    "out.push(0x1F, 1e3, .5, 1., 1_000, 0b11, 0o17, 017, 1..toFixed())": [31, 1000, 0.5, 1, 1000, 3, 15, 15, "1"],
    # slashes
    "let a = 4, g = 2; out.push(a / 2 / g, a++ / 2, (a) / 5, [6][0] / 3)": [1, 2, 1, 2],
    "if (true) /a/.test('a') && out.push(1)\n{} /b/.test('b') && out.push(2)": [1, 2],
    "function f() {} /x/.exec('x') && out.push(1)\nout.push(({valueOf: () => 6}) / 2)": [1, 3],
    "out.push(function(){ return 8 }() / 2, ({return: 6}).return / 3)": [4, 2],
    "const t = x => /=/.test(x); out.push(t('='), t('-') ? 1 : /:/.source)": [True, ":"],
    "out.push(1 </script/.source.length)": [True],
    "out.push(`${/}/.source}${({})/1}`)": ["}NaN"],
    "for (const s of [/o/.source, 'p']) out.push(s); while (false) /x/; do /y/\nwhile (false)": ["o", "p"],
    "class A { b = 1 / 2; static c = /c/.source; d() { return 1 } get e() { return this.b } 'f' = 2; [1] = 3\n"
    "#g = 4 }\n"
    "out.push(new A().e, A.c)": [0.5, "c"],
    "class A { a = function(){ return 6 }.call(this) / 2\n b = f\n(4) / 2 / 1\n c() {} }\n"
    "function f(x) { return x }\nout.push(new A().a, new A().b)": [3, 2],
    "label: for (;;) { break label }\nout.push(true ? {a: 1} : {})": [{"a": 1}],
    "out.push(1)\n++out.length\nout.push(3)": [1, None, 3],
    "let i = 3; while (i --> 0) out.push(i)": [2, 1, 0],
    "out.push({'a JWT_TOKEN': 1, 'b': 2})": [{f"a {TOKEN}": 1, "b": 2}],
    "out.push('</div>', 1 < 2)": ["</div>", True],
    "var scripts = [1, 2]; for (var i = 0; i<scripts.length; i++) out.push(i, '<script>', 1<<scripts[0])": [
        0, "<script>", 2, 1, "<script>", 2,
    ],
    "out.push(1) <!-- old comment\n--> the end of it\nout.push(2)": [1, 2],
    # ends and beginnings
    "out.push(1) // the end": [1],
    "out.push(1) /* the end */": [1],
    "\ufeff out.push(1)\u2028out.push(2)\u00a0;": [1, 2],
    "out.push(1);return;out.push(2)": [1],
    "'use strict'; out.push(this === window, (function(){ return this })() === undefined)": [True, True],
    "out.push(this === window, (() => this === window)(), (function(){ return this })() === window)": [
        True, True, True,
    ],
    "out.push(1)\r\n\r\nout.push(2)\rout.push(3)": [1, 2, 3],
    "(async x => await x)(1); async function f() { await 1 } out.push(1)": [1],
    "async function* g() { yield 1; yield {a: 1}; for await (const x of []) /x/.test(x) }\nout.push(typeof g)": [
        "function",
    ],
    "import('about:nothing').catch(() => {}); out.push(1)": [1],
    "const {a, b: [c] = [2], ...d} = {a: 1, e: 3}; out.push(a, c, d)": [1, 2, {"e": 3}],
    "out.push(((a, b = {}) => { return a })(1), [,1].length, a?.5:1); var a": [1, 2, 1],
    "with ({z: 1}) out.push(z)": [1],
    "try { throw 1 } catch { out.push(1) } finally { out.push(2) }": [1, 2],
    "try { throw {m: 1} } catch ({m}) { out.push(m) }": [1],
    "switch (1) { case 0: case 1: { out.push(1) } default: out.push(2) }": [1, 2],
    "var f = new Function('return 1'), o = {get a() { return 1 }, async b() {}, *c() {}, ['d']() {}, if: 2}\n"
    "out.push(o.a, o.if, new.target === undefined)": [1, 2, True],
    # globals
    "out.push(window.x, x); var x = 1; out.push(window.x)": [None, None, 1],
    "out.push(typeof window.f, window.f === f); function f() {}": ["function", True],
    "async function g() {}\nfunction* h() {}\nout.push(typeof window.g, typeof window.h)": ["function", "function"],
    "Promise.resolve().catch(f)\nfunction f() {}\nout.push(typeof window.f)": ["function"],
    "var a = 1, b = [1, 2], c; out.push(window.a, window.b, 'c' in window)": [1, [1, 2], True],
    "for (var i = 0, n = 2; i < n; i++) out.push(i); out.push(window.i, window.n)": [0, 1, 2, 2],
    "for (var k in {p: 1}) out.push(k); for (var v of ['q']) out.push(window.v)": ["p", "q"],
    "if (true) { var deep = 1 } else var other\nout.push(window.deep, 'other' in window)": [1, True],
    "(function(){ var own = 1 })(); (() => { var own = 1 })(); ({m() { var own = 1 }}).m()\n"
    "class C { static { var own = 1 } }\n"
    "out.push('own' in window)": [False],
    "let l = 1; const c = 1; class K {} out.push('l' in window, 'c' in window, 'K' in window)": [False, False, False],
    "out.push(1)\nvar y = 2\n, z = 3\nvar q = y ? 4 : 5\nout.push(window.z, window.q)": [1, 3, 4],
    "var {p} = {p: 1}; out.push(p)": [1],
    "implicit = 1; out.push(window.implicit)": [1],
    "var x\n(function(){ out.push(x) })()\nvar y, z\n[1].forEach(a => out.push(a, 'z' in window))": [None, 1, True],
    "const f = async function f() {}, g = function g() {}; out.push('f' in window, 'g' in window)": [False, False],
    "var f = function () {}\nlet a = 1, b = 2; out.push('b' in window)": [False],
    "var a = 1, // the first\n  b = function () { var own = 1; return own }, /* the last */ c\n"
    "out.push(window.b(), 'c' in window)": [1, True],
    "var é = 1; function ü() {} out.push(window['é'], typeof window['ü'])": [1, "function"],
    "var later = () => { later2 = 5 }, later2 = 1; later(); out.push(window.later2)": [5],
}  # fmt: skip


@pytest.mark.parametrize("text", WORKS)
def test_script_does_what_it_does_in_a_page(node: Node, text: str) -> None:
    assert node.value([call(text)]) == WORKS[text]


REFUSED = {
    "": "cannot be used: there is no script in it",
    " \n// nothing\n/* at all */": "cannot be used: there is no script in it",
    "<script></script>": "cannot be used: there is no script in it",
    "<!-- only a comment -->": "cannot be used: there is no script in it",
    "out.push(1)\0": "cannot be used: there is a NUL character in the script",
    # what cannot be split into tokens
    "f(1": "cannot be used: a bracket that is never closed, in line 1",
    "f(`a${": "cannot be used: a bracket that is never closed, in line 1",
    "f(1]": "cannot be used: a bracket that closes none, in line 1",
    "\n}); evil(); ({": "cannot be used: a bracket that closes none, in line 2",
    "} function x() {": "cannot be used: a bracket that closes none, in line 1",
    "a\r\nb\rc\n  f('a\nb')": "cannot be used: a string that is never closed, in line 4",
    "f(`a": "cannot be used: a template that is never closed, in line 1",
    "x = /a": "cannot be used: a regular expression that is never closed, in line 1",
    "f()</script>": "cannot be used: a regular expression that is never closed, in line 1",
    "f() /* a": "cannot be used: a comment that is never closed, in line 1",
    # markup
    "<div id=x></div>": "must not hold HTML elements other than script",
    "<script>f()</script>\n<link rel=x>": "must not hold HTML elements other than script",
    "<scripty>f()</scripty>": "must not hold HTML elements other than script",
    "<script>f()</script> f()": "must not hold text outside of the script elements",
    "<script>f()": "cannot be used: a script element is never closed",
    "<script type=module>f()</script>": "must hold classic scripts only, no modules and no data",
    "<script type=application/json>{}</script>": "must hold classic scripts only, no modules and no data",
    "<script nomodule src=/x></script>": "must hold classic scripts only, no modules and no data",
    "<script src=/x onload='f(\"JWT_TOKEN\")'></script>": "must not hold event handlers in tags",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        as_function(text)
    assert str(caught.value) == REFUSED[text]


UNREPLACEABLE = [
    # names of properties
    "f({JWT_TOKEN: 1})",
    "f({a: 1, JWT_TOKEN: 1})",
    "f({JWT_TOKEN() {}})",
    "f({get JWT_TOKEN() {}})",
    "class A { a() {} *JWT_TOKEN() {} }",
    "class A { static JWT_TOKEN = 1 }",
    "class A { #JWT_TOKEN }",
    "o.JWT_TOKEN",
    "o?.JWT_TOKEN",
    "o\n.JWT_TOKEN()",
    # literals
    "f('\\JWT_TOKEN')",
    'f("a \\\\\\JWT_TOKEN")',
    "f(`\\JWT_TOKEN`)",
    "f(`${1}\\JWT_TOKEN`)",
    "f(/JWT_TOKEN/)",
    "f(/[aJWT_TOKEN]/g)",
    # declarations and assignments
    "var JWT_TOKEN",
    "let JWT_TOKEN = 1",
    "function JWT_TOKEN() {}",
    "function* JWT_TOKEN() {}",
    "class JWT_TOKEN {}",
    "JWT_TOKEN = 1",
    "JWT_TOKEN += 1",
    "JWT_TOKEN ||= 1",
    "JWT_TOKEN++",
    "f(JWT_TOKEN => 1)",
]


@pytest.mark.parametrize("text", UNREPLACEABLE)
def test_a_placeholder_that_no_value_can_replace_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        as_function(f"f(JWT_TOKEN)\n;{text}")
    line = 2 + text.count("\n", 0, text.index("JWT_TOKEN"))
    assert str(caught.value) == f"cannot be used: JWT_TOKEN where no value can replace it, in line {line}"


@pytest.mark.parametrize("text", ["f() g()", "a = ;", "import x from 'y'", "await f()", "f(3px)", "f(a × b)"])
def test_a_syntax_error_is_left_to_the_browser(node: Node, text: str) -> None:
    assert node.ask([call(text)])["error"] == "SyntaxError"


# pasted markup


def test_inline_elements_run_one_after_the_other_and_share_their_names(node: Node) -> None:
    text = """<!-- Orlo --> <script type="text/javascript" nonce=x>const a = 'JWT_TOKEN'</script>
    <SCRIPT
      data-x='>' >out.push(a); // no line end</SCRIPT >
    <script>var q = q || []; q.push(1); out.push(window.q)</script>"""
    assert node.value([call(text)]) == [TOKEN, [1]]


def test_strict_only_where_all_of_them_are(node: Node) -> None:
    strict = "<script>'use strict'; out.push((function(){ return this })() === undefined)</script>"
    assert node.value([call(strict)]) == [True]
    assert node.value([call(strict + "<script>implicit = 1; out.push(2)</script>")]) == [False, 2]
    assert node.value([call("'use strict'.length; out.push((function(){ return this })() === undefined)")]) == [False]


def test_an_external_element_is_added_by_script(node: Node) -> None:
    source = "https://chat.example/e.js?a=1&amp;w=WIDGET_ID"
    text = f"<script async src='{source}' id=orlo data-token=JWT_TOKEN crossorigin></script>"
    (element,) = node.value([call(text)], "added")
    assert element["async"] is True
    assert element["attributes"] == {
        "src": f"https://chat.example/e.js?a=1&w={WIDGET}",
        "id": "orlo",
        "data-token": TOKEN,
        "crossorigin": "",
    }


def test_scripts_after_a_blocking_element_wait_for_it(node: Node) -> None:
    text = (
        "<script>var first = 1; out.push('before')</script><script src=/a.js></script>"
        "<script>out.push('JWT_TOKEN', first); var second = 2</script>"
        "<script src=/b.js></script><script>out.push(this === window, second)</script>"
    )
    read = "[out, added.map(e => [e.attributes.src, e.async])]"
    assert node.value([call(text)], read) == [["before"], [["/a.js", False]]]
    assert node.value([call(text), "added[0].onload()"], read) == [
        ["before", TOKEN, 1],
        [["/a.js", False], ["/b.js", False]],
    ]
    # a page goes on after a script that could not be loaded, too
    assert node.value([call(text), "added[0].onerror();added[1].onload()"]) == ["before", TOKEN, 1, True, 2]


def test_scripts_after_an_async_or_deferred_element_do_not_wait(node: Node) -> None:
    for word in ("async", "defer"):
        text = f"<script {word} src=/a.js>ignored(</script><script>out.push(added.length)</script>"
        assert node.value([call(text)]) == [1]


def test_markup_in_attributes_stays_text(node: Node) -> None:
    text = "<script src='/x?&lt;/script&gt;&lt;!--\\&quot;é'></script>"
    (element,) = node.value([call(text)], "added")
    assert element["attributes"]["src"] == '/x?</script><!--\\"é'


# running again


def test_a_second_run_finds_the_globals_of_the_first(node: Node) -> None:
    text = "var queue = queue || []; queue.push('JWT_TOKEN'); let own = 1; const fixed = 2; class Own {}"
    again = f"snippets.data({json.dumps('second')},1)"
    assert node.value([call(text), again], "queue") == [TOKEN, "second"]


def test_a_global_that_somebody_else_replaced_is_kept(node: Node) -> None:
    text = "var api = api || {calls: []}; api.calls.push('JWT_TOKEN')"
    replaced = "window.api={calls:['vendor']}"
    assert node.value([replaced, call(text)], "api.calls") == ["vendor", TOKEN]


def test_values_are_never_program_text(node: Node) -> None:
    value = "'\"`${out.push(666)}</script><!--\\\n\u2028 😀"
    text = "out.push('JWT_TOKEN', \"(JWT_TOKEN)\", `[JWT_TOKEN]`, JWT_TOKEN)"
    assert node.value([call(text, value)]) == [value, f"({value})", f"[{value}]", value]


def test_it_can_stand_in_an_object_beside_others(node: Node) -> None:
    source = as_function("out.push('JWT_TOKEN') // end")
    assert node.value([f"x={{a:{source},b:{source}}};x.a('1');x.b('2')"]) == ["1", "2"]
