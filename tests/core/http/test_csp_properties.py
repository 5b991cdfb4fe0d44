"""Properties of widgetmw.core.http.csp for any policy, and the time it takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.http.policies import evaluate
from tests.growth import assert_linear
from widgetmw.core.http.csp import CspEvaluator, add_hash, hash_source
from widgetmw.core.http.csp_parser import parse_policies
from widgetmw.core.reasons import SkipReason as Skip

HOST = "https://shop.example"
LOADER = "https://chat.vendor.example/init.js"
HASH = hash_source(b"script")

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


@given(
    st.lists(ANY, max_size=3),
    st.lists(ANY, max_size=2),
    st.one_of(st.none(), st.text(max_size=20)),
    st.text(max_size=20),
)
def test_any_text_is_evaluated(enforced: list[str], report_only: list[str], origin: str | None, base: str) -> None:
    decision = evaluate(enforced, report_only, origin=origin, base=base, amend=True, loaders=[LOADER])
    assert (decision.form is None) == (decision.reason in {Skip.CSP_NONE, Skip.CSP_SANDBOX, Skip.CSP_BLOCKS_SCRIPT})
    assert decision.nonce is None or re.fullmatch(r"[A-Za-z0-9+/_-]+={0,2}", decision.nonce)


@given(st.lists(HEADER, max_size=3), st.lists(HEADER, max_size=2))
def test_a_report_only_policy_never_changes_what_is_allowed(enforced: list[str], report_only: list[str]) -> None:
    alone, both = evaluate(enforced, origin=HOST), evaluate(enforced, report_only, origin=HOST)
    assert (alone.form is None, alone.can_connect, alone.allowed_loaders) == (
        both.form is None,
        both.can_connect,
        both.allowed_loaders,
    )


@given(st.lists(HEADER, min_size=1, max_size=3))
def test_several_headers_and_a_comma_list_mean_the_same(enforced: list[str]) -> None:
    assert evaluate(enforced, origin=HOST, amend=True) == evaluate([",".join(enforced)], origin=HOST, amend=True)


@given(st.lists(HEADER, min_size=1, max_size=3), HEADER)
def test_another_policy_never_allows_more(enforced: list[str], further: str) -> None:
    before, after = evaluate(enforced, origin=HOST), evaluate([*enforced, further], origin=HOST)
    assert after.form is None or before.form is not None
    assert before.can_connect or not after.can_connect


@given(ANY)
def test_a_hash_is_only_ever_added(header: str) -> None:
    after = add_hash(header, HASH)
    position = 0
    for char in header:  # the header is a subsequence of the result
        position = after.index(char, position) + 1
    assert add_hash(after, HASH) == after


@given(st.lists(HEADER, min_size=1, max_size=3))
def test_a_policy_with_our_hash_allows_our_script_and_otherwise_what_it_did(enforced: list[str]) -> None:
    if evaluate(enforced, origin=HOST, amend=True).form != "hashed":
        return
    before, after = parse_policies(enforced), parse_policies(add_hash(each, HASH) for each in enforced)
    for old, new in zip(before, after, strict=True):
        if old.scripts is not None and new.scripts is not None:
            assert new.scripts.allows_inline or HASH in new.scripts.hashes
            assert vars(new.scripts) | {"hashes": old.scripts.hashes} == vars(old.scripts)
        targets = [each and vars(each) for each in (new.connections, old.connections)]
        assert targets[0] == targets[1]
        assert new.is_sandboxed() == old.is_sandboxed()
        assert [name for name in old.directives if old.directives[name] != new.directives[name]] in (
            [],
            [old.script_directive],
        )


HOSTILE = {
    "nonces": ("script-src", " 'nonce-%d'"),
    "policies": ("", "script-src 'nonce-%d',"),
    "hosts": ("script-src", " *.h%d/x/"),
    "labels": ("script-src ", "a."),
    "colons": ("script-src ", "a:"),
    "an endless nonce": ("script-src 'nonce-", "a"),
    "padding": ("script-src 'nonce-", "="),
    "a deep path": ("script-src https://shop.example/", "/"),
    "escapes": ("script-src https://shop.example/", "%%41"),
    "semicolons": ("", ";"),
    "commas": ("", ","),
    "white space": ("", " \t\f"),
    "sandboxes": ("sandbox", " sandbox"),
}


def hostile(name: str, count: int) -> str:
    """Returns a header with ``count`` hostile parts."""
    start, part = HOSTILE[name]
    return start + "".join(part % number if "%d" in part else part.replace("%%", "%") for number in range(count))


def use(text: str) -> None:
    evaluate([text], [text], origin=HOST, base="/a" * 100, amend=True)
    add_hash(text, HASH)
    CspEvaluator().evaluate((text,), (text,), HOST)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_take_linear_time(name: str) -> None:
    assert_linear(use, lambda size: hostile(name, size), 4_000)


@given(
    st.lists(
        st.tuples(st.lists(ANY, max_size=3), st.lists(ANY, max_size=1), st.sampled_from([HOST, None, "http://h:1"]))
    )
)
def test_the_memo_never_changes_a_decision(calls: list[tuple[list[str], list[str], str | None]]) -> None:
    evaluator = CspEvaluator(amend=True, loaders=[LOADER])
    for enforced, report_only, origin in calls * 2:
        expected = evaluate(enforced, report_only, origin=origin, base="/b", amend=True, loaders=[LOADER])
        assert evaluator.evaluate(tuple(enforced), tuple(report_only), origin, "/b") == expected
