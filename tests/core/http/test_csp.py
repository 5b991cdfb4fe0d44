"""The decision table of widgetmw.core.http.csp, and the memo of its evaluator."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.http.policies import evaluate
from widgetmw.core.http.csp import CspDecision, CspEvaluator, add_hash, hash_source
from widgetmw.core.reasons import SkipReason as Skip

HOST = "https://shop.example"
HASH = hash_source(b"script")
ZERO = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"

# name: (enforced, report-only, further arguments, form, nonce, why the page is skipped or must not connect)
Row = tuple[tuple[str, ...], tuple[str, ...], dict[str, Any], str | None, str | None, Skip | None]
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
        ("script-src 'nonce-x'", "script-src 'nonce-y'"), (), {}, None, None, Skip.CSP_BLOCKS_SCRIPT,
    ),
    "two nonces that differ in case": (
        ("script-src 'nonce-x'", "script-src 'nonce-X'"), (), {}, None, None, Skip.CSP_BLOCKS_SCRIPT,
    ),
    "different nonces in a comma list": (
        ("script-src 'nonce-x', script-src 'nonce-y'",), (), {}, None, None, Skip.CSP_BLOCKS_SCRIPT,
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
    "nonce with a character that no nonce has": (("script-src 'nonce-{x}'",), (), {}, None, None, Skip.CSP_NONE),
    "empty nonce": (("script-src 'nonce-' 'self'",), (), {}, "external", None, None),
    "nonce with too much padding": (("script-src 'nonce-x===' 'self'",), (), {}, "external", None, None),
    "nonce without its quotes": (("script-src nonce-x 'self'",), (), {}, "external", None, None),
    "nonce for styles only": (("style-src 'nonce-x'; script-src 'self'",), (), {}, "external", None, None),
    # which directive governs scripts
    "default-src alone": (("default-src 'self'",), (), {}, "external", None, None),
    "script-src before default-src": (
        ("default-src 'none'; script-src 'self'; connect-src *",), (), {}, "external", None, None,
    ),
    "script-src-elem before script-src": (
        ("script-src-elem 'self'; script-src 'none'",), (), {}, "external", None, None,
    ),
    "script-src-elem forbids": (("script-src-elem 'none'; script-src 'self'",), (), {}, None, None, Skip.CSP_NONE),
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
        ("script-src 'unsafe-inline' 'self' 'strict-dynamic'",), (), {}, None, None, Skip.CSP_BLOCKS_SCRIPT,
    ),
    "unsafe-inline in both of two": (
        ("script-src 'unsafe-inline' 'self'", "default-src 'unsafe-inline' 'self'"), (), {}, "inline", None, None,
    ),
    "unsafe-inline in one of two": (
        ("script-src 'unsafe-inline' 'self'", "script-src 'self'"), (), {}, "external", None, None,
    ),
    "unsafe-hashes and unsafe-eval allow no element": (
        ("script-src 'unsafe-hashes' 'unsafe-eval'",), (), {}, None, None, Skip.CSP_NONE,
    ),
    "report-sample means nothing": (
        ("script-src 'report-sample' 'unsafe-inline' 'self'",), (), {}, "inline", None, None,
    ),
    # external
    "self": (("script-src 'self'",), (), {}, "external", None, None),
    "self with hashes of the site's own": ((f"script-src 'self' {ZERO}",), (), {}, "external", None, None),
    "hashes only": ((f"script-src {ZERO}",), (), {}, None, None, Skip.CSP_BLOCKS_SCRIPT),
    "strict-dynamic ignores self": (
        ("script-src 'self' 'strict-dynamic'",), (), {}, None, None, Skip.CSP_BLOCKS_SCRIPT,
    ),
    "hashes of URLs ignore self": ((f"script-src 'self' 'url-{ZERO[1:]}",), (), {}, None, None, Skip.CSP_BLOCKS_SCRIPT),
    "any host": (("script-src *",), (), {}, "external", None, None),
    "https scheme": (("script-src https:",), (), {}, "external", None, None),
    "https scheme when TLS ends at a proxy": (
        ("script-src https:",), (), {"origin": "http://shop.example"}, "external", None, None,
    ),
    "https scheme when the origin is unknown": (("script-src https:",), (), {"origin": None}, "external", None, None),
    "data scheme": (("script-src data: blob:",), (), {}, None, None, Skip.CSP_BLOCKS_SCRIPT),
    "another host": (("script-src cdn.example",), (), {}, None, None, Skip.CSP_BLOCKS_SCRIPT),
    "our host": (("script-src shop.example",), (), {}, "external", None, None),
    "our host when the origin is unknown": (
        ("script-src shop.example",), (), {"origin": None}, None, None, Skip.CSP_BLOCKS_SCRIPT,
    ),
    # nothing
    "none": (("script-src 'none'",), (), {}, None, None, Skip.CSP_NONE),
    "no source": (("script-src",), (), {}, None, None, Skip.CSP_NONE),
    "none in one of two": (("script-src 'nonce-x'", "script-src 'none'"), (), {}, None, None, Skip.CSP_NONE),
    "none beside others is ignored": (("script-src 'none' 'self'",), (), {}, "external", None, None),
    "none with amend": (("script-src 'none'",), (), {"amend": True}, None, None, Skip.CSP_NONE),
    # sandbox
    "sandbox": (("sandbox",), (), {}, None, None, Skip.CSP_SANDBOX),
    "sandbox without scripts": (("sandbox allow-same-origin allow-forms",), (), {}, None, None, Skip.CSP_SANDBOX),
    "sandbox without its own origin": (("sandbox allow-scripts",), (), {}, None, None, Skip.CSP_SANDBOX),
    "sandbox with both": (("sandbox ALLOW-scripts allow-same-origin",), (), {}, "inline", None, None),
    "sandbox beats a nonce": (("script-src 'nonce-x'; sandbox",), (), {}, None, None, Skip.CSP_SANDBOX),
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
    "connect-src without us": (("connect-src https://api.example",), (), {}, "inline", None, Skip.CSP_BLOCKS_CONNECT),
    "connect-src none": (("connect-src 'none'; script-src 'self'",), (), {}, "external", None, Skip.CSP_BLOCKS_CONNECT),
    "default-src forbids to connect": (
        ("default-src 'none'; script-src 'nonce-x'",), (), {}, "inline", "x", Skip.CSP_BLOCKS_CONNECT,
    ),
    "connect-src self": (
        ("default-src 'none'; script-src 'nonce-x'; connect-src 'self'",), (), {}, "inline", "x", None,
    ),
    "connect-src with our host": (("connect-src shop.example/_widgetmw/",), (), {}, "inline", None, None),
    "connect-src in one of two": (
        ("connect-src 'self'", "connect-src 'none'"), (), {}, "inline", None, Skip.CSP_BLOCKS_CONNECT,
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
    "amend opens no sandbox": (("sandbox",), (), {"amend": True}, None, None, Skip.CSP_SANDBOX),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_decision(name: str) -> None:
    enforced, report_only, arguments, form, nonce, reason = TABLE[name]
    decision = evaluate(enforced, report_only, **{"origin": HOST, "base": "/_widgetmw", **arguments})
    assert (decision.form, decision.nonce) == (form, nonce)
    assert decision.reason is (reason if form is None else None)
    assert decision.can_connect is (reason is None)


LOADER, OTHER = "https://chat.vendor.example/init.js", "https://cdn.other.example/x/load.js"


@pytest.mark.parametrize(
    ("enforced", "expected", "reason"),
    [
        ((), {LOADER, OTHER}, None),
        (("script-src 'self'",), set(), Skip.CSP_BLOCKS_LOADER),
        (("script-src 'nonce-x'",), set(), Skip.CSP_BLOCKS_LOADER),
        (("script-src 'nonce-x' 'strict-dynamic'",), {LOADER, OTHER}, None),
        (("script-src 'self' chat.vendor.example",), {LOADER}, Skip.CSP_BLOCKS_LOADER),
        (("script-src 'self' *.example",), {LOADER, OTHER}, None),
        (("script-src 'self' https:",), {LOADER, OTHER}, None),
        (("script-src 'self' https://cdn.other.example/y/",), set(), Skip.CSP_BLOCKS_LOADER),
        (
            ("script-src 'nonce-x' 'strict-dynamic'", "script-src 'self' 'nonce-x' *.other.example"),
            {OTHER},
            Skip.CSP_BLOCKS_LOADER,
        ),
        (("require-trusted-types-for 'script'",), set(), Skip.CSP_TRUSTED_TYPES),
        (("trusted-types 'none'",), {LOADER, OTHER}, None),
        (("script-src 'none'",), set(), Skip.CSP_NONE),
    ],
)
def test_loaders_need_their_host_or_strict_dynamic(
    enforced: tuple[str, ...], expected: set[str], reason: Skip | None
) -> None:
    decision = evaluate(enforced, origin=HOST, loaders=[LOADER, OTHER])
    assert set(decision.allowed_loaders) == expected
    assert decision.loader_reason == reason


def test_trusted_types_do_not_affect_our_own_scripts() -> None:
    decision = evaluate(["require-trusted-types-for 'script'; trusted-types default; script-src 'nonce-x'"])
    assert (decision.form, decision.nonce, decision.reason) == ("inline", "x", None)
    assert decision.loader_reason == Skip.CSP_TRUSTED_TYPES


def test_a_loader_that_is_not_a_url_is_never_allowed() -> None:
    assert evaluate(["script-src *"], loaders=["javascript:alert(1)"]).allowed_loaders == frozenset()


WITH_HASH = {
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


@pytest.mark.parametrize("header", WITH_HASH)
def test_the_hash_is_added_where_it_is_needed_and_nowhere_else(header: str) -> None:
    assert add_hash(header, HASH) == WITH_HASH[header]
    assert add_hash(add_hash(header, HASH), HASH) == WITH_HASH[header]


def test_no_hash_is_added_to_default_src_where_it_would_switch_off_inline_styles() -> None:
    before = "default-src 'unsafe-inline' 'strict-dynamic'"
    assert add_hash(before, HASH).startswith(before + ";")


def test_hash_source_is_that_of_the_specification() -> None:
    # the example of CSP Level 3, section "Hash usage for <script> elements"
    assert hash_source(b"alert('Hello, world.');") == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"


def test_a_decision_is_a_value() -> None:
    assert evaluate([]) == CspDecision("inline", None, True, frozenset(), None, None)


def test_a_form_that_links_scripts_needs_all_of_them_to_be_allowed() -> None:
    policy = f"script-src {HOST}/_widgetmw/runtime.js"
    options: dict[str, Any] = {"origin": HOST, "base": "/_widgetmw"}
    assert evaluate([policy], **options).form == "external"
    both = {**options, "scripts": ["/runtime.js", "/vendor/acme.js"]}
    assert evaluate([policy], **both).reason is Skip.CSP_BLOCKS_SCRIPT
    assert evaluate([f"{policy} {HOST}/_widgetmw/vendor/"], **both).form == "external"
    assert evaluate([f"{policy} 'unsafe-inline'"], **both).form == "bundled"


# the memo of the evaluator


def test_a_remembered_decision_has_the_nonce_of_its_own_response() -> None:
    evaluator = CspEvaluator()
    for nonce in ("first", "sec-ond_", "thi+rd/=="):
        assert evaluator.evaluate((f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'",)).nonce == nonce
    assert len(evaluator._memo) == 1


def test_nonces_in_different_positions_are_distinguished() -> None:
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


def test_enforced_and_report_only_policies_are_distinguished() -> None:
    evaluator = CspEvaluator()
    assert evaluator.evaluate(("script-src 'none'",), ()).form is None
    assert evaluator.evaluate((), ("script-src 'none'",)).form == "inline"


def test_a_policy_that_contains_the_memos_placeholders_is_evaluated_as_it_is() -> None:
    evaluator = CspEvaluator()
    assert evaluator.evaluate(("script-src 'nonce-a'",)).nonce == "a"
    assert evaluator.evaluate(("script-src \ue000",)) == evaluate(["script-src \ue000"])


def test_origin_and_base_are_distinguished() -> None:
    evaluator = CspEvaluator()
    policy = ("script-src shop.example/a/",)
    assert evaluator.evaluate(policy, (), HOST, "/a").form == "external"
    assert evaluator.evaluate(policy, (), "https://other.example", "/a").form is None
    assert evaluator.evaluate(policy, (), HOST, "/b").form is None
    assert evaluator.evaluate(policy, (), HOST, "/a").form == "external"


def test_the_origin_is_not_remembered_where_it_does_not_matter() -> None:
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
