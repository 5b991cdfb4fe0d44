"""Properties of widgetmw.core.http.csp, its cost, and what its memo must not confuse."""

from __future__ import annotations

import gc
import re
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from widgetmw.core.http.csp import CspEvaluator, add_hash, evaluate, hash_source
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


@settings(deadline=None)
@given(
    st.lists(ANY, max_size=3),
    st.lists(ANY, max_size=2),
    st.one_of(st.none(), st.text(max_size=20)),
    st.text(max_size=20),
)
def test_judge_takes_any_text(enforced: list[str], report_only: list[str], origin: str | None, base: str) -> None:
    decision = evaluate(enforced, report_only, origin=origin, base=base, amend=True, loaders=[LOADER])
    assert (decision.form is None) == (decision.reason in {Skip.CSP_NONE, Skip.CSP_SANDBOX, Skip.CSP_BLOCKS_SCRIPT})
    assert decision.nonce is None or re.fullmatch(r"[A-Za-z0-9+/_-]+={0,2}", decision.nonce)


@settings(deadline=None)
@given(st.lists(HEADER, max_size=3), st.lists(HEADER, max_size=2))
def test_report_only_never_changes_whether(enforced: list[str], report_only: list[str]) -> None:
    alone, both = evaluate(enforced, origin=HOST), evaluate(enforced, report_only, origin=HOST)
    assert (alone.form is None, alone.can_connect, alone.allowed_loaders) == (
        both.form is None,
        both.can_connect,
        both.allowed_loaders,
    )


@settings(deadline=None)
@given(st.lists(HEADER, min_size=1, max_size=3))
def test_headers_and_comma_lists_mean_the_same(enforced: list[str]) -> None:
    assert evaluate(enforced, origin=HOST, amend=True) == evaluate([",".join(enforced)], origin=HOST, amend=True)


@settings(deadline=None)
@given(st.lists(HEADER, min_size=1, max_size=3), HEADER)
def test_a_further_policy_never_allows_more(enforced: list[str], further: str) -> None:
    before, after = evaluate(enforced, origin=HOST), evaluate([*enforced, further], origin=HOST)
    assert after.form is None or before.form is not None
    assert before.can_connect or not after.can_connect


@settings(deadline=None)
@given(ANY)
def test_amended_only_ever_adds(header: str) -> None:
    after = add_hash(header, HASH)
    position = 0
    for char in header:  # the header is a subsequence of the result
        position = after.index(char, position) + 1
    assert add_hash(after, HASH) == after


@settings(deadline=None)
@given(st.lists(HEADER, min_size=1, max_size=3))
def test_an_amended_policy_allows_our_script_and_else_what_it_did(enforced: list[str]) -> None:
    if evaluate(enforced, origin=HOST, amend=True).form != "hashed":
        return
    before, after = parse_policies(enforced), parse_policies(add_hash(each, HASH) for each in enforced)
    for old, new in zip(before, after, strict=True):
        if old.scripts is not None and new.scripts is not None:
            assert new.scripts.allows_inline or HASH in new.scripts.hashes
            assert replace(new.scripts, hashes=old.scripts.hashes) == old.scripts
        assert (new.connections, new.is_sandboxed()) == (old.connections, old.is_sandboxed())
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
        evaluate([text], [text], origin=HOST, base="/a" * 100, amend=True)
        add_hash(text, HASH)
        CspEvaluator().evaluate((text,), (text,), HOST, "")
        return time.perf_counter() - started

    gc.collect()
    assert min(seconds(SLOW[name]) for _ in range(2)) < 3  # a hundredth of that on an idle machine; quadratic: minutes


# the memo


def test_a_warm_verdict_has_the_nonce_of_its_own_answer() -> None:
    evaluator = CspEvaluator()
    for nonce in ("first", "sec-ond_", "thi+rd/=="):
        assert evaluator.evaluate((f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'",)).nonce == nonce
    assert len(evaluator._memo) == 1


def test_blanked_nonces_are_told_apart() -> None:
    evaluator = CspEvaluator()
    assert evaluator.evaluate(("script-src 'nonce-a'", "script-src 'nonce-a'")).nonce == "a"
    assert evaluator.evaluate(("script-src 'nonce-a'", "script-src 'nonce-b'")).form is None
    assert evaluator.evaluate(("script-src 'nonce-c'", "script-src 'nonce-c'")).nonce == "c"
    assert (
        evaluator.evaluate(("style-src 'nonce-s'; script-src 'nonce-a' 'nonce-b'", "script-src 'nonce-b'")).nonce == "b"
    )
    assert (
        evaluator.evaluate(("style-src 'nonce-s'; script-src 'nonce-d' 'nonce-e'", "script-src 'nonce-e'")).nonce == "e"
    )
    assert (
        evaluator.evaluate(("style-src 'nonce-d'; script-src 'nonce-d' 'nonce-e'", "script-src 'nonce-e'")).nonce == "e"
    )


def test_enforced_and_report_only_are_told_apart() -> None:
    evaluator = CspEvaluator()
    assert evaluator.evaluate(("script-src 'none'",), ()).form is None
    assert evaluator.evaluate((), ("script-src 'none'",)).form == "inline"


def test_a_text_with_the_marks_of_the_memo_in_it_is_not_confused() -> None:
    evaluator = CspEvaluator()
    assert evaluator.evaluate(("script-src 'nonce-a'",)).nonce == "a"
    assert evaluator.evaluate(("script-src \ue000",)) == evaluate(["script-src \ue000"])


def test_origin_and_base_are_told_apart() -> None:
    evaluator = CspEvaluator()
    policy = ("script-src shop.example/a/",)
    assert evaluator.evaluate(policy, (), HOST, "/a").form == "external"
    assert evaluator.evaluate(policy, (), "https://other.example", "/a").form is None
    assert evaluator.evaluate(policy, (), HOST, "/b").form is None
    assert evaluator.evaluate(policy, (), HOST, "/a").form == "external"


def test_hosts_of_attackers_do_not_fill_the_memo_where_they_do_not_matter() -> None:
    evaluator = CspEvaluator()
    for number in range(1000):
        evaluator.evaluate(("script-src 'self' 'nonce-x' cdn.example",), (), f"https://{number}.example", "")
    assert len(evaluator._memo) == 1


def test_the_memo_stays_small() -> None:
    evaluator = CspEvaluator()
    for number in range(2000):
        assert evaluator.evaluate((f"script-src 'self' h{number}.example",), (), HOST, "").form == "external"
        evaluator.evaluate(("script-src x.example",), (), f"https://{number}.example", "")
    evaluator.evaluate(("script-src 'self' " + "x" * 100_000,), (), HOST, "")
    assert 0 < len(evaluator._memo) <= 260
    assert sum(len(str(key)) for key in evaluator._memo) < 100_000


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(ANY, max_size=3), st.lists(ANY, max_size=1), st.sampled_from([HOST, None, "http://h:1"]))
    )
)
def test_the_memo_never_changes_a_verdict(calls: list[tuple[list[str], list[str], str | None]]) -> None:
    evaluator = CspEvaluator(amend=True, loaders=[LOADER])
    for enforced, report_only, origin in calls * 2:
        expected = evaluate(enforced, report_only, origin=origin, base="/b", amend=True, loaders=[LOADER])
        assert evaluator.evaluate(tuple(enforced), tuple(report_only), origin, "/b") == expected
