"""The built scripts as text: they are up to date, small, and contain nothing unsafe."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import pytest

from tests.browser.site import VENDORS
from tests.components import CACHE
from tests.conftest import require
from widgetmw.browser import assets
from widgetmw.providers import ORDER

BROWSER = Path(assets.__file__).parent
KILOBYTE = 1024
PAGE = assets.bootstrap(VENDORS)
TEXTS = {"page": assets.bootstrap(ORDER), "runtime": assets.runtime(ORDER), "bundled": assets.bundled(ORDER)}


def gzipped(text: bytes) -> int:
    return len(gzip.compress(text, 6))


def test_the_committed_bundles_are_up_to_date(tmp_path: Path) -> None:
    node = require("node")
    if not (CACHE / "node_modules" / "esbuild").exists():
        require("the npm package esbuild")
    subprocess.run([node, str(BROWSER / "build.mjs"), str(tmp_path / "dist")], check=True, timeout=100)
    built = {file.name: file.read_bytes() for file in (tmp_path / "dist").iterdir()}
    assert {file.name: file.read_bytes() for file in (BROWSER / "dist").iterdir()} == built, "run `make assets`"


def test_the_core_is_at_most_six_kilobytes_gzipped() -> None:
    assert gzipped(assets.runtime([])) <= 6 * KILOBYTE


@pytest.mark.parametrize("vendor", ORDER)
def test_a_vendor_adds_at_most_one_kilobyte_gzipped(vendor: str) -> None:
    assert gzipped(assets.runtime([vendor])) - gzipped(assets.runtime([])) <= KILOBYTE


def test_code_inside_a_page_is_at_most_one_and_a_half_kilobytes_gzipped() -> None:
    assert gzipped(PAGE) <= 1.5 * KILOBYTE


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_scripts_hold_nothing_that_changes_how_a_page_is_parsed(text: bytes) -> None:
    assert text.isascii()
    assert not re.search(rb"</script|<!--|-->|<meta|\]\]>|\x00", text, re.IGNORECASE)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_scripts_use_no_html_sink_and_no_eval(text: bytes) -> None:
    sinks = rb"\beval\(|new Function|\w(inner|outer)HTML|insertAdjacentHTML|document\.write|setAttribute\(.on|unload"
    assert not re.search(sinks, text)


def test_scripts_hold_no_code_of_inactive_vendors() -> None:
    text = assets.runtime(["orlo"]) + assets.bootstrap(["orlo"])
    assert not re.search(rb"giosg|hissuno|DG_|digitalgenius", text, re.IGNORECASE)


def test_the_core_names_no_vendor() -> None:
    assert not re.search(rb"giosg|hissuno|orlo|DG_|digitalgenius", assets.runtime([]), re.IGNORECASE)


def test_pages_carry_no_code_of_vendors_without_init() -> None:
    assert assets.bootstrap(["orlo", "giosg"]) == assets.bootstrap([])


def test_messages_between_tabs_carry_a_type() -> None:
    sources = "".join(file.read_text() for file in (BROWSER / "src").glob("*.js"))
    messages = re.findall(r"\bbroadcast\((?!message)(.*)", sources)
    assert len(messages) == 4
    assert all(message.startswith("{ type: ") for message in messages)
