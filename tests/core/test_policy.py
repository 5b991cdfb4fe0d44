"""The decision table of widgetmw.core.policy, its properties, and what the memo must not confuse."""

from __future__ import annotations

import gc
import re
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from widgetmw.core.policy import REASONS, Judge, Verdict, amended, hash_source, judge
from widgetmw.core.source_list import policies

HOST = "https://shop.example"
HASH = hash_source(b"script")
ZERO = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"

# name: (enforced, report-only, what else is known, form, nonce, reason)
Row = tuple[tuple[str, ...], tuple[str, ...], dict[str, Any], str | None, str | None, str | None]
TABLE: dict[str, Row] = {
    # nothing restricts scripts
    "no policy": ((), (), {}, "inline", None, None),
    "empty policy": (("",), (), {}, "inline", None, None),
    "empty directives": ((" ; ;\t;",), (), {}, "inline", None, None),
    "other directives only": (("img-src 'none'; frame-ancestors 'self'",), (), {}, "inline", None, None),
    # nonces
    "nonce": (("script-src 'nonce-AbC1'",), (), {}, "inline", "AbC1", None),
    "base64 nonce": (("script-src 'nonce-a+/b=='",), (), {}, "inline", "a+/b==", None),
    "base64url nonce": (("script-src 'nonce-a-_b'",), (), {}, "inline", "a-_b", None),
    "nonce keyword in capitals": (("script-src 'NONCE-AbC1'",), (), {}, "inline", "AbC1", None),
    "nonce with self and hosts": (("script-src 'self' 'nonce-x' https://cdn.example",), (), {}, "inline", "x", None),
    "nonce with strict-dynamic": (("script-src 'nonce-x' 'strict-dynamic' https:",), (), {}, "inline", "x", None),
    "nonce beside unsafe-inline for old browsers": (
        ("script-src 'unsafe-inline' 'nonce-x'",), (), {}, "inline", "x", None,
    ),
    "the first of two nonces": (("script-src 'nonce-x' 'nonce-y'",), (), {}, "inline", "x", None),
    "the same nonce in two headers": (("script-src 'nonce-x'", "script-src 'nonce-x'"), (), {}, "inline", "x", None),
    "the nonce that both headers take": (
        ("script-src 'nonce-x' 'nonce-y'", "script-src 'nonce-y' 'nonce-z'"), (), {}, "inline", "y", None,
    ),
    "two headers with different nonces": (
        ("script-src 'nonce-x'", "script-src 'nonce-y'"), (), {}, None, None, "csp_blocks_script",
    ),
    "two nonces that differ in case": (
        ("script-src 'nonce-x'", "script-src 'nonce-X'"), (), {}, None, None, "csp_blocks_script",
    ),
    "different nonces in a comma list": (
        ("script-src 'nonce-x', script-src 'nonce-y'",), (), {}, None, None, "csp_blocks_script",
    ),
    "different nonces, both with self": (
        ("script-src 'self' 'nonce-x'", "script-src 'self' 'nonce-y'"), (), {}, "external", None, None,
    ),
    "nonce and a policy for images": (("script-src 'nonce-x'", "img-src 'self'"), (), {}, "inline", "x", None),
    "nonce in one, unsafe-inline and self in the other": (
        ("script-src 'nonce-x'", "script-src 'unsafe-inline' 'self'"), (), {}, "inline", "x", None,
    ),
    "nonce in one, only unsafe-inline in the other": (
        ("script-src 'nonce-x'", "script-src 'unsafe-inline'"), (), {}, "bundled", "x", None,
    ),
    "nonce in one, only self in the other": (
        ("script-src 'nonce-x'", "script-src 'self'"), (), {}, "external", "x", None,
    ),
    "nonce with a character that no nonce has": (("script-src 'nonce-{x}'",), (), {}, None, None, "csp_none"),
    "empty nonce": (("script-src 'nonce-' 'self'",), (), {}, "external", None, None),
    "nonce with too much padding": (("script-src 'nonce-x===' 'self'",), (), {}, "external", None, None),
    "nonce without its quotes": (("script-src nonce-x 'self'",), (), {}, "external", None, None),
    "nonce for styles only": (("style-src 'nonce-x'; script-src 'self'",), (), {}, "external", None, None),
    # which directive governs
    "default-src alone": (("default-src 'self'",), (), {}, "external", None, None),
    "script-src before default-src": (
        ("default-src 'none'; script-src 'self'; connect-src *",), (), {}, "external", None, None,
    ),
    "script-src-elem before script-src": (
        ("script-src-elem 'self'; script-src 'none'",), (), {}, "external", None, None,
    ),
    "script-src-elem forbids": (("script-src-elem 'none'; script-src 'self'",), (), {}, None, None, "csp_none"),
    "script-src-attr does not count": (("script-src-attr 'none'; script-src 'self'",), (), {}, "external", None, None),
    "the first of two directives counts": (("script-src 'self'; script-src 'none'",), (), {}, "external", None, None),
    "names and keywords in any case": (("SCRIPT-SRC 'SELF'",), (), {}, "external", None, None),
    "tabs and form feeds": (("\tscript-src\f'self'\t; \fconnect-src\t'self'",), (), {}, "external", None, None),
    "a directive beyond ASCII is ignored": (("script-src 'none' é",), (), {}, "inline", None, None),
    "a vertical tab parts nothing": (("script-src\v'none'",), (), {}, "inline", None, None),
    # inline
    "unsafe-inline and self": (("script-src 'self' 'unsafe-inline'",), (), {}, "inline", None, None),
    "unsafe-inline without our URL": (("script-src 'unsafe-inline' cdn.example",), (), {}, "bundled", None, None),
    "unsafe-inline switched off by a hash": (
        ("script-src 'unsafe-inline' 'self' 'sha256-abc'",), (), {}, "external", None, None,
    ),
    "unsafe-inline not switched off by a broken hash": (
        ("script-src 'unsafe-inline' 'self' 'sha256-{}'",), (), {}, "inline", None, None,
    ),
    "unsafe-inline switched off by strict-dynamic": (
        ("script-src 'unsafe-inline' 'self' 'strict-dynamic'",), (), {}, None, None, "csp_blocks_script",
    ),
    "unsafe-inline in both of two": (
        ("script-src 'unsafe-inline' 'self'", "default-src 'unsafe-inline' 'self'"), (), {}, "inline", None, None,
    ),
    "unsafe-inline in one of two": (
        ("script-src 'unsafe-inline' 'self'", "script-src 'self'"), (), {}, "external", None, None,
    ),
    "unsafe-hashes and unsafe-eval allow no element": (
        ("script-src 'unsafe-hashes' 'unsafe-eval'",), (), {}, None, None, "csp_none",
    ),
    "report-sample means nothing": (
        ("script-src 'report-sample' 'unsafe-inline' 'self'",), (), {}, "inline", None, None,
    ),
    # external
    "self": (("script-src 'self'",), (), {}, "external", None, None),
    "self with hashes of the site's own": ((f"script-src 'self' {ZERO}",), (), {}, "external", None, None),
    "hashes only": ((f"script-src {ZERO}",), (), {}, None, None, "csp_blocks_script"),
    "strict-dynamic ignores self": (("script-src 'self' 'strict-dynamic'",), (), {}, None, None, "csp_blocks_script"),
    "hashes of URLs ignore self": ((f"script-src 'self' 'url-{ZERO[1:]}",), (), {}, None, None, "csp_blocks_script"),
    "any host": (("script-src *",), (), {}, "external", None, None),
    "https scheme": (("script-src https:",), (), {}, "external", None, None),
    "https scheme when TLS ends at a proxy": (
        ("script-src https:",), (), {"origin": "http://shop.example"}, "external", None, None,
    ),
    "https scheme when the origin is unknown": (("script-src https:",), (), {"origin": None}, "external", None, None),
    "data scheme": (("script-src data: blob:",), (), {}, None, None, "csp_blocks_script"),
    "another host": (("script-src cdn.example",), (), {}, None, None, "csp_blocks_script"),
    "our host": (("script-src shop.example",), (), {}, "external", None, None),
    "our host when the origin is unknown": (
        ("script-src shop.example",), (), {"origin": None}, None, None, "csp_blocks_script",
    ),
    # nothing
    "none": (("script-src 'none'",), (), {}, None, None, "csp_none"),
    "no source": (("script-src",), (), {}, None, None, "csp_none"),
    "none in one of two": (("script-src 'nonce-x'", "script-src 'none'"), (), {}, None, None, "csp_none"),
    "none beside others is ignored": (("script-src 'none' 'self'",), (), {}, "external", None, None),
    "none with amend": (("script-src 'none'",), (), {"amend": True}, None, None, "csp_none"),
    # sandbox
    "sandbox": (("sandbox",), (), {}, None, None, "csp_sandbox"),
    "sandbox without scripts": (("sandbox allow-same-origin allow-forms",), (), {}, None, None, "csp_sandbox"),
    "sandbox without its own origin": (("sandbox allow-scripts",), (), {}, None, None, "csp_sandbox"),
    "sandbox with both": (("sandbox ALLOW-scripts allow-same-origin",), (), {}, "inline", None, None),
    "sandbox beats a nonce": (("script-src 'nonce-x'; sandbox",), (), {}, None, None, "csp_sandbox"),
    "sandbox in a report-only policy does nothing": ((), ("sandbox",), {}, "inline", None, None),
    # report-only
    "report-only nonce": ((), ("script-src 'nonce-x'",), {}, "inline", "x", None),
    "report-only self": ((), ("script-src 'self'",), {}, "external", None, None),
    "report-only none": ((), ("script-src 'none'",), {}, "inline", None, None),
    "report-only chooses among what is allowed": (
        ("script-src 'self' 'unsafe-inline'",), ("script-src 'self'",), {}, "external", None, None,
    ),
    "report-only chooses the nonce": (
        ("script-src 'nonce-x' 'nonce-y'",), ("script-src 'nonce-y'",), {}, "inline", "y", None,
    ),
    "report-only allows what is not allowed": (
        ("script-src 'self'",), ("script-src 'nonce-x'",), {}, "external", "x", None,
    ),
    "report-only that nothing satisfies": (("script-src 'self'",), ("script-src 'none'",), {}, "external", None, None),
    # connect-src
    "connect-src without us": (("connect-src https://api.example",), (), {}, "inline", None, "csp_blocks_connect"),
    "connect-src none": (("connect-src 'none'; script-src 'self'",), (), {}, "external", None, "csp_blocks_connect"),
    "default-src forbids to connect": (
        ("default-src 'none'; script-src 'nonce-x'",), (), {}, "inline", "x", "csp_blocks_connect",
    ),
    "connect-src self": (
        ("default-src 'none'; script-src 'nonce-x'; connect-src 'self'",), (), {}, "inline", "x", None,
    ),
    "connect-src with our host": (("connect-src shop.example/_widgetmw/",), (), {}, "inline", None, None),
    "connect-src in one of two": (
        ("connect-src 'self'", "connect-src 'none'"), (), {}, "inline", None, "csp_blocks_connect",
    ),
    "connect-src knows no strict-dynamic": (("connect-src 'self' 'strict-dynamic'",), (), {}, "inline", None, None),
    "report-only connect-src": ((), ("connect-src 'none'",), {}, "inline", None, None),
    # amend
    "amend is the last resort": (("script-src 'self'",), (), {"amend": True}, "external", None, None),
    "amend for hosts of others": (("script-src cdn.example",), (), {"amend": True}, "hashed", None, None),
    "amend for strict-dynamic": ((f"script-src 'strict-dynamic' {ZERO}",), (), {"amend": True}, "hashed", None, None),
    "amend for different nonces": (
        ("script-src 'nonce-x'", "script-src 'nonce-y'"), (), {"amend": True}, "hashed", None, None,
    ),
    "amend beside a policy that allows inline": (
        (f"script-src {ZERO}", "script-src 'unsafe-inline'"), (), {"amend": True}, "hashed", None, None,
    ),
    "amend opens no sandbox": (("sandbox",), (), {"amend": True}, None, None, "csp_sandbox"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_decision(name: str) -> None:
    enforced, report_only, facts, form, nonce, reason = TABLE[name]
    verdict = judge(enforced, report_only, **{"origin": HOST, "base": "/_widgetmw", **facts})
    assert (verdict.form, verdict.nonce, verdict.reason) == (form, nonce, reason)
    assert verdict.connect is (form is not None and reason != "csp_blocks_connect")


# our runtime is https://shop.example/app/_widgetmw/runtime.js unless another origin is given
URLS = [
    ("shop.example", HOST, True),
    ("SHOP.example", HOST, True),
    ("shop.example.", HOST, False),
    ("https://shop.example", HOST, True),
    ("http://shop.example", HOST, True),
    ("ws://shop.example", HOST, False),
    ("ftp://shop.example", HOST, False),
    ("https://shop.example", "http://shop.example", True),
    ("http://shop.example", "http://shop.example", True),
    ("*.example", HOST, True),
    ("*.shop.example", HOST, False),
    ("*.shop.example", "https://www.shop.example", True),
    ("*.hop.example", HOST, False),
    ("*.*", HOST, False),
    ("https://*", HOST, True),
    ("shop.example:443", HOST, True),
    ("shop.example:0443", HOST, True),
    ("shop.example:80", HOST, False),
    ("shop.example:8443", HOST, False),
    ("shop.example:*", HOST, True),
    ("shop.example", "https://shop.example:8443", False),
    ("shop.example:8443", "https://shop.example:8443", True),
    ("shop.example:*", "https://shop.example:8443", True),
    ("shop.example:80", "http://shop.example", True),
    ("shop.example:443", "http://shop.example", True),
    ("shop.example:" + "9" * 5000, HOST, False),
    ("shop.example/", HOST, True),
    ("shop.example/app/", HOST, True),
    ("shop.example/app", HOST, False),
    ("shop.example/App/", HOST, False),
    ("shop.example/app/_widgetmw/runtime.js", HOST, True),
    ("shop.example/app/_widgetmw/runtime.js/", HOST, False),
    ("shop.example/app/_widgetmw/runtime.j", HOST, False),
    ("shop.example/app/%5fwidgetmw/runtime%2Ejs", HOST, True),
    ("shop.example/app/_widgetmw/runtime.js?v=1", HOST, True),
    ("shop.example/app/_widgetmw/runtime.js/x", HOST, False),
    ("shop.example//app/", HOST, False),
    ("127.0.0.1:8000", "http://127.0.0.1:8000", True),
    ("localhost:8000", "http://localhost:8000", True),
    ("[::1]:8000", "http://[::1]:8000", False),
    ("self", HOST, False),
    ("http:", HOST, True),
    ("wss:", HOST, False),
    ("*:443", HOST, True),
]


@pytest.mark.parametrize(("source", "origin", "expected"), URLS, ids=[f"{row[0][:60]} {row[1]}" for row in URLS])
def test_source_matches_our_url(source: str, origin: str, expected: bool) -> None:
    verdict = judge([f"script-src {source}"], origin=origin, base="/app/_widgetmw")
    assert verdict.form == ("external" if expected else None)


LOADER, OTHER = "https://chat.vendor.example/init.js", "https://cdn.other.example/x/load.js"


@pytest.mark.parametrize(
    ("enforced", "expected", "reason"),
    [
        ((), {LOADER, OTHER}, None),
        (("script-src 'self'",), set(), "csp_blocks_loader"),
        (("script-src 'nonce-x'",), set(), "csp_blocks_loader"),
        (("script-src 'nonce-x' 'strict-dynamic'",), {LOADER, OTHER}, None),
        (("script-src 'self' chat.vendor.example",), {LOADER}, "csp_blocks_loader"),
        (("script-src 'self' *.example",), {LOADER, OTHER}, None),
        (("script-src 'self' https:",), {LOADER, OTHER}, None),
        (("script-src 'self' https://cdn.other.example/y/",), set(), "csp_blocks_loader"),
        (
            ("script-src 'nonce-x' 'strict-dynamic'", "script-src 'self' 'nonce-x' *.other.example"),
            {OTHER},
            "csp_blocks_loader",
        ),
        (("require-trusted-types-for 'script'",), set(), "csp_trusted_types"),
        (("trusted-types 'none'",), {LOADER, OTHER}, None),
        (("script-src 'none'",), set(), "csp_none"),
    ],
)
def test_loaders_need_their_host_or_strict_dynamic(enforced: tuple[str, ...], expected: set[str], reason: str) -> None:
    verdict = judge(enforced, origin=HOST, loaders=[LOADER, OTHER])
    assert (verdict.embed, verdict.embed_reason) == (expected, reason)


def test_trusted_types_leave_our_own_scripts_alone() -> None:
    verdict = judge(["require-trusted-types-for 'script'; trusted-types default; script-src 'nonce-x'"])
    assert (verdict.form, verdict.nonce, verdict.reason) == ("inline", "x", None)
    assert verdict.embed_reason == "csp_trusted_types"


def test_a_url_that_is_no_url_is_never_allowed() -> None:
    assert judge(["script-src *"], loaders=["javascript:alert(1)"]).embed == frozenset()


AMENDMENTS = {
    "script-src x.example": f"script-src x.example {HASH}",
    "img-src *; script-src x.example ;style-src 'self'": f"img-src *; script-src x.example {HASH} ;style-src 'self'",
    "Script-Src 'nonce-x'": f"Script-Src 'nonce-x' {HASH}",
    "script-src-elem x.example; script-src 'self'": f"script-src-elem x.example {HASH}; script-src 'self'",
    "script-src x.example; script-src y.example": f"script-src x.example {HASH}; script-src y.example",
    "default-src 'self' x.example": f"default-src 'self' x.example; script-src 'self' x.example {HASH}",
    "default-src x.example; ": f"default-src x.example;  script-src x.example {HASH}",
    "script-src 'unsafe-inline' x.example": "script-src 'unsafe-inline' x.example",
    "script-src 'unsafe-inline' 'nonce-x'": f"script-src 'unsafe-inline' 'nonce-x' {HASH}",
    "script-src 'none'": "script-src 'none'",
    "img-src 'self'": "img-src 'self'",
    f"script-src {HASH}": f"script-src {HASH}",
    "script-src x.example,\tscript-src 'unsafe-inline', default-src y.example": (
        f"script-src x.example {HASH},\tscript-src 'unsafe-inline', default-src y.example; script-src y.example {HASH}"
    ),
    " ,; ,": " ,; ,",
    "": "",
}


@pytest.mark.parametrize("header", AMENDMENTS)
def test_amended_adds_the_hash_where_it_is_needed_and_nowhere_else(header: str) -> None:
    assert amended(header, HASH) == AMENDMENTS[header]
    assert amended(amended(header, HASH), HASH) == AMENDMENTS[header]


def test_a_hash_in_default_src_would_switch_off_inline_styles() -> None:
    before = "default-src 'unsafe-inline' 'strict-dynamic'"
    assert amended(before, HASH).startswith(before + ";")


def test_hash_source_is_that_of_the_specification() -> None:
    # the example of CSP Level 3, section "Hash usage for <script> elements"
    assert hash_source(b"alert('Hello, world.');") == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"


KEYWORDS = ["'self'", "'none'", "'unsafe-inline'", "'strict-dynamic'", "'report-sample'", "'sha256-abc'"]
NONCES = ["'nonce-a'", "'nonce-b'", "'NONCE-a'", "'nonce-{'", "'nonce-'"]
HOSTS = ["*", "https:", "http:", "data:", "shop.example", "*.example", f"{HOST}:443/_widgetmw/", "cdn.example", "é"]
TOKENS = st.sampled_from(KEYWORDS + NONCES + HOSTS)
FETCHES = ["script-src", "script-src-elem", "default-src", "connect-src", "img-src", "style-src", "SCRIPT-SRC"]
NAMES = st.sampled_from([*FETCHES, "sandbox", "require-trusted-types-for", "upgrade-insecure-requests"])
DIRECTIVE = st.builds(lambda name, tokens: " ".join([name, *tokens]), NAMES, st.lists(TOKENS, max_size=4))
POLICY = st.lists(DIRECTIVE, max_size=4).map("; ".join)
HEADER = st.lists(POLICY, max_size=3).map(", ".join)
ANY = st.one_of(HEADER, st.text(max_size=60), st.text("'nosc-;, \t\f\0", max_size=60))


@settings(deadline=None)
@given(
    st.lists(ANY, max_size=3),
    st.lists(ANY, max_size=2),
    st.one_of(st.none(), st.text(max_size=20)),
    st.text(max_size=20),
)
def test_judge_takes_any_text(enforced: list[str], report_only: list[str], origin: str | None, base: str) -> None:
    verdict = judge(enforced, report_only, origin=origin, base=base, amend=True, loaders=[LOADER])
    assert (verdict.form is None) == (verdict.reason in {"csp_none", "csp_sandbox", "csp_blocks_script"})
    assert {verdict.reason, verdict.embed_reason} - {None} <= REASONS.keys()
    assert verdict.nonce is None or re.fullmatch(r"[A-Za-z0-9+/_-]+={0,2}", verdict.nonce)


@settings(deadline=None)
@given(st.lists(HEADER, max_size=3), st.lists(HEADER, max_size=2))
def test_report_only_never_changes_whether(enforced: list[str], report_only: list[str]) -> None:
    alone, both = judge(enforced, origin=HOST), judge(enforced, report_only, origin=HOST)
    assert (alone.form is None, alone.connect, alone.embed) == (both.form is None, both.connect, both.embed)


@settings(deadline=None)
@given(st.lists(HEADER, min_size=1, max_size=3))
def test_headers_and_comma_lists_mean_the_same(enforced: list[str]) -> None:
    assert judge(enforced, origin=HOST, amend=True) == judge([",".join(enforced)], origin=HOST, amend=True)


@settings(deadline=None)
@given(st.lists(HEADER, min_size=1, max_size=3), HEADER)
def test_a_further_policy_never_allows_more(enforced: list[str], further: str) -> None:
    before, after = judge(enforced, origin=HOST), judge([*enforced, further], origin=HOST)
    assert after.form is None or before.form is not None
    assert before.connect or not after.connect


@settings(deadline=None)
@given(ANY)
def test_amended_only_ever_adds(header: str) -> None:
    after = amended(header, HASH)
    position = 0
    for char in header:  # the header is a subsequence of the result
        position = after.index(char, position) + 1
    assert amended(after, HASH) == after


@settings(deadline=None)
@given(st.lists(HEADER, min_size=1, max_size=3))
def test_an_amended_policy_allows_our_script_and_else_what_it_did(enforced: list[str]) -> None:
    if judge(enforced, origin=HOST, amend=True).form != "hashed":
        return
    before, after = policies(enforced), policies(amended(each, HASH) for each in enforced)
    for old, new in zip(before, after, strict=True):
        if old.scripts is not None and new.scripts is not None:
            assert new.scripts.inline or HASH in new.scripts.hashes
            assert replace(new.scripts, hashes=old.scripts.hashes) == old.scripts
        assert (new.connects, new.sandboxed()) == (old.connects, old.sandboxed())
        assert [name for name in old.directives if old.directives[name] != new.directives[name]] in (
            [],
            [old.script_directive()],
        )


SLOW = {
    "nonces": "script-src " + " ".join(f"'nonce-{i}'" for i in range(8000)),
    "policies": ",".join(f"script-src 'nonce-{i}'" for i in range(5000)),
    "hosts": "script-src " + "*.h/x/ " * 15_000,
    "labels": "script-src " + "a." * 50_000,
    "colons": "script-src " + "a:" * 50_000,
    "an endless nonce": "script-src 'nonce-" + "a" * 100_000,
    "padding": "script-src 'nonce-" + "=" * 100_000,
    "a deep path": "script-src https://shop.example/" + "/" * 100_000,
    "escapes": "script-src https://shop.example/" + "%41" * 33_000,
    "semicolons": ";" * 100_000,
    "commas": "," * 100_000,
    "blanks": " \t\f" * 33_000,
    "sandboxes": "sandbox " * 12_500,
}


@pytest.mark.parametrize("name", SLOW)
def test_hostile_headers_take_linear_time(name: str) -> None:
    def seconds(text: str) -> float:
        started = time.perf_counter()
        judge([text], [text], origin=HOST, base="/a" * 100, amend=True)
        amended(text, HASH)
        Judge().verdict((text,), (text,), HOST, "")
        return time.perf_counter() - started

    gc.collect()
    assert min(seconds(SLOW[name]) for _ in range(2)) < 3  # a hundredth of that on an idle machine; quadratic: minutes


# the memo


def test_a_warm_verdict_has_the_nonce_of_its_own_answer() -> None:
    judging = Judge()
    for nonce in ("first", "sec-ond_", "thi+rd/=="):
        assert judging.verdict((f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'",)).nonce == nonce
    assert len(judging._memo) == 1


def test_blanked_nonces_are_told_apart() -> None:
    judging = Judge()
    assert judging.verdict(("script-src 'nonce-a'", "script-src 'nonce-a'")).nonce == "a"
    assert judging.verdict(("script-src 'nonce-a'", "script-src 'nonce-b'")).form is None
    assert judging.verdict(("script-src 'nonce-c'", "script-src 'nonce-c'")).nonce == "c"
    assert judging.verdict(("style-src 'nonce-s'; script-src 'nonce-a' 'nonce-b'", "script-src 'nonce-b'")).nonce == "b"
    assert judging.verdict(("style-src 'nonce-s'; script-src 'nonce-d' 'nonce-e'", "script-src 'nonce-e'")).nonce == "e"
    assert judging.verdict(("style-src 'nonce-d'; script-src 'nonce-d' 'nonce-e'", "script-src 'nonce-e'")).nonce == "e"


def test_enforced_and_report_only_are_told_apart() -> None:
    judging = Judge()
    assert judging.verdict(("script-src 'none'",), ()).form is None
    assert judging.verdict((), ("script-src 'none'",)).form == "inline"


def test_a_text_with_the_marks_of_the_memo_in_it_is_not_confused() -> None:
    judging = Judge()
    assert judging.verdict(("script-src 'nonce-a'",)).nonce == "a"
    assert judging.verdict(("script-src \ue000",)) == judge(["script-src \ue000"])


def test_origin_and_base_are_told_apart() -> None:
    judging = Judge()
    policy = ("script-src shop.example/a/",)
    assert judging.verdict(policy, (), HOST, "/a").form == "external"
    assert judging.verdict(policy, (), "https://other.example", "/a").form is None
    assert judging.verdict(policy, (), HOST, "/b").form is None
    assert judging.verdict(policy, (), HOST, "/a").form == "external"


def test_hosts_of_attackers_do_not_fill_the_memo_where_they_do_not_matter() -> None:
    judging = Judge()
    for number in range(1000):
        judging.verdict(("script-src 'self' 'nonce-x' cdn.example",), (), f"https://{number}.example", "")
    assert len(judging._memo) == 1


def test_the_memo_stays_small() -> None:
    judging = Judge()
    for number in range(2000):
        assert judging.verdict((f"script-src 'self' h{number}.example",), (), HOST, "").form == "external"
        judging.verdict(("script-src x.example",), (), f"https://{number}.example", "")
    judging.verdict(("script-src 'self' " + "x" * 100_000,), (), HOST, "")
    assert 0 < len(judging._memo) <= 260
    assert sum(len(str(key)) for key in judging._memo) < 100_000


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(ANY, max_size=3), st.lists(ANY, max_size=1), st.sampled_from([HOST, None, "http://h:1"]))
    )
)
def test_the_memo_never_changes_a_verdict(calls: list[tuple[list[str], list[str], str | None]]) -> None:
    judging = Judge(amend=True, loaders=[LOADER])
    for enforced, report_only, origin in calls * 2:
        expected = judge(enforced, report_only, origin=origin, base="/b", amend=True, loaders=[LOADER])
        assert judging.verdict(tuple(enforced), tuple(report_only), origin, "/b") == expected


def test_every_reason_says_what_it_means_and_how_to_mend_it() -> None:
    assert REASONS.keys() >= {row[-1] for row in TABLE.values()} - {None}
    assert all(
        code.startswith("csp_") and meaning.endswith(".") and fix.endswith(".")
        for code, (meaning, fix) in REASONS.items()
    )


def test_verdicts_are_values() -> None:
    assert judge([]) == Verdict("inline", None, True, frozenset(), None, None)
