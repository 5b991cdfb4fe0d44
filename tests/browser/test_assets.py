"""The scripts as text: size, what they may not contain, and the squeeze."""

from __future__ import annotations

import gzip
import re

import pytest

from tests.browser.site import VENDORS
from widgetmw.browser import assets
from widgetmw.browser.squeeze import squeeze

KILOBYTE = 1024


def gzipped(text: bytes) -> int:
    return len(gzip.compress(text, 6))


def test_core_is_at_most_four_kilobytes_gzipped() -> None:
    assert gzipped(assets.runtime([])) <= 4 * KILOBYTE


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_adds_at_most_one_kilobyte_gzipped(vendor: str) -> None:
    assert gzipped(assets.runtime([vendor])) - gzipped(assets.runtime([])) <= KILOBYTE


def test_what_stands_in_every_page_is_at_most_one_and_a_half_kilobytes_gzipped() -> None:
    assert gzipped(assets.boot(VENDORS)) <= 1.5 * KILOBYTE


@pytest.mark.parametrize("text", [assets.boot(VENDORS), assets.runtime(VENDORS)], ids=["boot", "runtime"])
def test_scripts_hold_nothing_that_a_page_could_stumble_over(text: bytes) -> None:
    assert text.isascii()
    assert not re.search(rb"</script|<!--|-->|<meta|\]\]>", text, re.IGNORECASE)


@pytest.mark.parametrize("text", [assets.boot(VENDORS), assets.runtime(VENDORS)], ids=["boot", "runtime"])
def test_scripts_use_no_html_sink_and_no_eval(text: bytes) -> None:
    sinks = rb"\beval\(|new Function|\w(inner|outer)HTML|insertAdjacentHTML|document\.write|setAttribute\(.on|unload"
    assert not re.search(sinks, text)


def test_a_vendor_that_is_not_active_leaves_no_trace() -> None:
    text = assets.runtime(["orlo"]) + assets.boot(["orlo"])
    assert not re.search(rb"giosg|hissuno|DG_|digitalgenius", text, re.IGNORECASE)


def test_the_core_names_no_vendor() -> None:
    assert not re.search(rb"giosg|hissuno|orlo|DG_|digitalgenius", assets.runtime([]), re.IGNORECASE)


def test_an_unknown_vendor_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        assets.boot(["anonymous"])


def test_operator_functions_run_outside_our_scope() -> None:
    snippet = assets.snippets({"orlo": {"data": "function(JWT_TOKEN){ send(JWT_TOKEN) }"}, "giosg": {}})
    assert snippet == 'widgetmw_snippets = {"orlo":{"data":function(JWT_TOKEN){ send(JWT_TOKEN) }}};\n'
    assert assets.runtime(["orlo"], snippet).startswith(snippet.encode())
    assert assets.snippets({"orlo": {}}) == ""


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("// why\nconst total = 1;\nsend(total);", "let a=1;send(a);"),
        ("const name = 1;\nsend({ name });\nsend(name);", "let a=1;send({name:a});send(a);"),
        ("const name = 1;\nsend(it.name, name);", "let a=1;send(it.name,a);"),
        ("const make = (size) => {\n  return { size: 2, kind() {} };\n};", "let a=b=>{return{size:2,kind(){}}};"),
        ("const run = async (job) => {\n  await job();\n};", "let b=async(a)=>{await a()};"),
        ("const seen = [\n  1,\n  2,\n];", "let a=[1,2];"),
        ('send("a  // b");\nsend(/[ "]/g);', 'send("a  // b");send(/[ "]/g);'),
        ("send(typeof x === 'y' ? true : undefined);", "send(typeof x==='y'?!0:void 0);"),
        ("const a = 1;\nconst total = a;", "let a=1,b=a;"),
        (
            "let one;\nsend(one);\nlet two = 2;\nlet three = () => {\n  let four;\n};",
            "let a;send(a);let b=2,c=()=>{let d};",
        ),
        (
            "if (it) {\n  go();\n}\nlet one;\nfor (let two = 0; two < 3; two++) go(two);",
            "if(it){go()}let b;for(let a=0;a<3;a++)go(a);",
        ),
    ],
)
def test_squeeze_keeps_the_meaning(long: str, short: str) -> None:
    assert squeeze(long) == short
