"""The script elements of a page: their order, their forms, and what a policy's hashes are of."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256

import pytest

from widgetmw import User, testing
from widgetmw.browser import assets
from widgetmw.core.engine import Engine
from widgetmw.core.http.csp import CspDecision, ScriptForm
from widgetmw.core.script_tags import dumps, find_data, inline_scripts, script_elements, url_prefix
from widgetmw.providers.giosg import Giosg
from widgetmw.providers.hissuno import Hissuno


@dataclass
class Vendor:
    """A vendor as far as its scripts go."""

    name: str
    module: str | None = None
    functions: tuple[str, ...] = ()

    def snippets(self) -> dict[str, str]:
        return {name: "function(){}" for name in self.functions}

    def script_source(self) -> str:
        if self.module is None:
            raise FileNotFoundError("no such file")
        return self.module


VENDORS = [
    Vendor("orlo", functions=("data", "embed")),
    Vendor("acme", "export default { init() {} };"),
    Vendor("plain", ""),
    Vendor("lost"),
    Vendor("wrong", "const nothing = 0;"),
]
NAMES = [vendor.name for vendor in VENDORS]


@pytest.fixture
def scripts() -> assets.Scripts:
    return assets.scripts(VENDORS, lambda vendor, error: None)


def elements(scripts: assets.Scripts, form: ScriptForm, names: list[str] = NAMES) -> list[bytes]:
    """Returns where the script elements begin, or their source, without nonces."""
    before, after = script_elements(scripts, form, "/_widgetmw", names)
    text = (before + b"{}" + after).replace(b"\x00", b"")
    assert text.startswith(b"<script")
    assert text.endswith(b"</script>")
    return [element[:46].split(b"?")[0] for element in text.split(b"</script>")[:-1]]


VENDOR = b"<script data-widgetmw>(window.widgetmw_scripts??"
SNIPPET = b"<script data-widgetmw>((window.widgetmw_snippets"
BOOTSTRAP = b"<script data-widgetmw>((()=>{"
EXPECTED: dict[ScriptForm, list[bytes]] = {
    "inline": [
        VENDOR,
        BOOTSTRAP,
        b'<script data-widgetmw defer src="/_widgetmw/snippet/orlo/data.js',
        b'<script data-widgetmw defer src="/_widgetmw/snippet/orlo/embed.js',
        b'<script data-widgetmw defer src="/_widgetmw/runtime.js',
    ],
    "bundled": [VENDOR, SNIPPET, SNIPPET, BOOTSTRAP],
    "hashed": [VENDOR, SNIPPET, SNIPPET, BOOTSTRAP],
    "external": [
        b'<script data-widgetmw src="/_widgetmw/vendor/acme.js',
        b'<script type="application/json" data-widgetmw>{}',
        b'<script data-widgetmw src="/_widgetmw/runtime.js',
        b'<script data-widgetmw defer src="/_widgetmw/snippet/orlo/data.js',
        b'<script data-widgetmw defer src="/_widgetmw/snippet/orlo/embed.js',
    ],
}
EXPECTED["with_integrity"] = EXPECTED["external"]


@pytest.mark.parametrize("form", EXPECTED)
def test_each_script_that_is_not_ours_has_an_element_of_its_own(scripts: assets.Scripts, form: ScriptForm) -> None:
    found = elements(scripts, form)
    assert len(found) == len(EXPECTED[form])
    assert all(
        expected.startswith(start) or start.startswith(expected)
        for start, expected in zip(found, EXPECTED[form], strict=True)
    )


@pytest.mark.parametrize("form", EXPECTED)
def test_vendors_that_are_not_in_the_data_add_no_element(scripts: assets.Scripts, form: ScriptForm) -> None:
    assert len(elements(scripts, form, ["plain"])) == {"inline": 2, "external": 2, "with_integrity": 2}.get(form, 1)


@pytest.mark.parametrize("form", EXPECTED)
def test_every_element_of_ours_takes_the_nonce(scripts: assets.Scripts, form: ScriptForm) -> None:
    text = b"{}".join(script_elements(scripts, form, "/_widgetmw", NAMES))
    data = text.count(b'<script type="application/json"')
    assert text.count(b"\x00") == len(re.findall(rb"<script", text)) - data


def test_every_linked_script_carries_the_hash_of_its_file_if_it_needs_one(scripts: assets.Scripts) -> None:
    text = b"{}".join(script_elements(scripts, "with_integrity", "/_widgetmw", NAMES)).decode()
    found = re.findall(r' src="/_widgetmw([^"?]+)[^"]*" crossorigin integrity="sha256-([^"]+)"></script>', text)
    files = scripts.files()
    assert dict(found) == {path: b64encode(sha256(file.content).digest()).decode() for path, file in files.items()}
    assert text.count(" src=") == len(found)


def test_hashes_are_of_the_texts_of_all_elements(scripts: assets.Scripts) -> None:
    span = b"{}".join(script_elements(scripts, "hashed", "/_widgetmw", NAMES)).replace(b"\x00", b"")
    texts = inline_scripts(span)
    assert b"".join(b"<script data-widgetmw>" + text + b"</script>" for text in texts) == span
    assert len(texts) == 4


def test_a_script_that_cannot_be_used_is_named_and_costs_only_its_vendor() -> None:
    errors = []
    scripts = assets.scripts(VENDORS, lambda vendor, error: errors.append((vendor, type(error))))
    assert errors == [("lost", FileNotFoundError), ("wrong", ValueError)]
    assert list(scripts.vendors) == ["acme"]
    assert b"lost" not in scripts.bootstrap
    assert set(scripts.files()) == {
        "/runtime.js",
        "/vendor/acme.js",
        "/snippet/orlo/data.js",
        "/snippet/orlo/embed.js",
    }


def test_the_reason_why_a_script_cannot_be_used_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "is_built_in", lambda vendor: vendor != "giosg")
    monkeypatch.setattr(Giosg, "script_source", classmethod(lambda cls: "const nothing = 0;"))
    scripts = Engine(testing.settings("giosg", "hissuno")).script_tags.scripts
    assert "giosg has tokens, but its script cannot be used: the script holds 0 lines" in caplog.text
    assert b"giosg" not in scripts.bootstrap


def test_data_is_ascii_and_cannot_end_the_script() -> None:
    assert dumps({"a": "</script>&\u2028\xe9"}) == '{"a":"\\u003c/script\\u003e\\u0026\\u2028\\u00e9"}'


@pytest.mark.parametrize(
    ("root_path", "prefix"), [("", ""), ("/", ""), ("/a b", "/a%20b"), ("//evil.example/", "/evil.example")]
)
def test_urls_carry_the_root_path_and_stay_on_the_host(root_path: str, prefix: str) -> None:
    assert url_prefix(root_path) == prefix


def test_data_is_found_in_the_text_of_a_script() -> None:
    data = {"url": "/_widgetmw/token", "vendors": {}}
    assert list(find_data(f"((d)=>{{}})({dumps(data)});start()")) == [data]
    assert list(find_data('fetch({"url":here}); f({"url":' + "[" * 100_000)) == []
    assert list(find_data('f({"url":{"url":1}}); g({"url":2})')) == [{"url": {"url": 1}}, {"url": 2}]
    assert list(find_data('f({"url":{"url":' * 100 + "x")) == []


def test_a_page_says_why_it_does_not_carry_a_vendors_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hissuno, "in_page", False)
    monkeypatch.setattr(Giosg, "cannot_serve", lambda self, user: "email_missing")
    engine = Engine(testing.settings("digitalgenius", "hissuno", "giosg"))
    token_set = engine.tokens.get(User("ada"))
    decision = CspDecision("inline", None, True, frozenset(), None, None)
    template = engine.script_tags.template("token", decision, "", "mark", ())
    (data,) = find_data(engine.script_tags.render(template, 0, token_set).decode())
    assert data["errors"] == {"hissuno": "on_request", "giosg": "email_missing"}
    assert {name: "token" in vendor for name, vendor in data["vendors"].items()} == {
        "digitalgenius": True,
        "hissuno": False,
        "giosg": False,
    }
