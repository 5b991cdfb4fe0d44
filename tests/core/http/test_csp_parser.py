from __future__ import annotations

import pytest

from tests.core.http.test_csp import HOST
from widgetmw.core.http.csp_parser import (
    Policy,
    SourceList,
    Url,
    own_url,
    parse_directive,
    parse_policies,
    parse_url,
)

EMPTY_HASH = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"


# URLs


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://shop.example", Url(("https",), "shop.example", "", "/")),
        ("HTTPS://Shop.Example/A?b#c", Url(("https",), "shop.example", "", "/A")),
        ("http://shop.example:8000/a/b", Url(("http",), "shop.example", "8000", "/a/b")),
        ("https://shop.example:443", Url(("https",), "shop.example", "", "/")),
        ("http://shop.example:0080/", Url(("http",), "shop.example", "", "/")),
        ("https://shop.example:80", Url(("https",), "shop.example", "80", "/")),
        ("http://[::1]:8000", Url(("http",), "[::1]", "8000", "/")),
    ],
)
def test_a_url_is_parsed_into_the_parts_that_policies_match(text: str, url: Url) -> None:
    assert parse_url(text) == url


@pytest.mark.parametrize("text", ["", "shop.example", "ftp://shop.example", "javascript:alert(1)", "https://", "//a/b"])
def test_any_other_text_is_not_a_url(text: str) -> None:
    assert parse_url(text) is None


def test_an_origin_seen_as_http_may_be_https_in_the_browser() -> None:
    assert own_url("https://shop.example", "/x") == Url(("https",), "shop.example", "", "/x")
    assert own_url("http://shop.example:8000", "/x") == Url(("http", "https"), "shop.example", "8000", "/x")


@pytest.mark.parametrize("origin", [None, "", "null", "shop.example"])
def test_an_unknown_origin_has_no_host(origin: str | None) -> None:
    assert own_url(origin, "/x") == Url(("http", "https"), "", "", "/x")


# directives and policies


@pytest.mark.parametrize(
    ("text", "directive"),
    [
        ("script-src 'self'", ("script-src", " 'self'")),
        (" \tScript-SRC\f'self' ", ("script-src", "\f'self'")),
        ("sandbox", ("sandbox", "")),
        ("script-src\v'self'", ("script-src\v'self'", "")),
    ],
)
def test_a_directive_is_a_name_and_a_value(text: str, directive: tuple[str, str]) -> None:
    assert list(parse_directive(text)) == [directive]


@pytest.mark.parametrize("text", ["", " \t", "script-src é"])
def test_an_empty_or_non_ascii_text_is_not_a_directive(text: str) -> None:
    assert list(parse_directive(text)) == []


def test_the_first_of_two_directives_with_the_same_name_counts() -> None:
    assert Policy("script-src 'self'; SCRIPT-SRC 'none'; img-src *").directives == {
        "script-src": " 'self'",
        "img-src": " *",
    }


def test_headers_are_comma_lists_of_policies_and_empty_ones_do_not_count() -> None:
    policies = parse_policies(["script-src 'self', img-src *", "", " ; , ;", "sandbox"])
    assert [list(policy.directives) for policy in policies] == [["script-src"], ["img-src"], ["sandbox"]]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("default-src a; script-src b; script-src-elem c", "script-src-elem"),
        ("default-src a; script-src b", "script-src"),
        ("default-src a; script-src-attr b", "default-src"),
        ("img-src a", None),
    ],
)
def test_the_most_specific_directive_governs_script_elements(text: str, name: str | None) -> None:
    policy = Policy(text)
    assert policy.script_directive == name
    assert (policy.scripts is None) == (name is None)


def test_connect_src_governs_requests_and_default_src_stands_in_for_it() -> None:
    assert Policy("script-src 'self'").connections is None
    own = Policy("default-src 'self'").connections
    assert own is not None
    assert own.has_self
    none = Policy("default-src 'self'; connect-src 'none'").connections
    assert none is not None
    assert not none.has_self


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("img-src *", False),
        ("sandbox", True),
        ("sandbox allow-scripts", True),
        ("sandbox allow-same-origin", True),
        ("sandbox ALLOW-scripts allow-same-origin", False),
    ],
)
def test_a_sandbox_needs_scripts_and_the_pages_own_origin(text: str, expected: bool) -> None:
    assert Policy(text).is_sandboxed() is expected


def test_trusted_types_are_required_only_by_their_directive() -> None:
    assert Policy("require-trusted-types-for 'Script'").requires_trusted_types()
    assert not Policy("trusted-types 'none'").requires_trusted_types()


def test_a_policy_depends_on_the_origin_only_through_a_host_that_might_be_ours() -> None:
    for text in ("script-src a.example", "connect-src a.example"):
        assert Policy(text).depends_on_origin()
    for text in ("script-src 'self' a.example", "script-src https: a.example", "script-src 'nonce-x'", "img-src a.b"):
        assert not Policy(text).depends_on_origin()


# source lists


def test_nonces_keep_their_order_and_their_case() -> None:
    sources = SourceList("'nonce-b' 'NONCE-a' 'nonce-B' 'nonce-b' 'nonce-{' 'nonce-' nonce-c 'nonce-d===' 'nonce-e=='")
    assert list(sources.nonces) == ["b", "a", "B", "e=="]


@pytest.mark.parametrize(
    ("value", "attributes"),
    [
        ("", {"is_empty"}),
        ("'none'", {"is_empty"}),
        ("'unsafe-eval' 'unsafe-hashes' 'report-sample'", {"is_empty"}),
        ("'self'", {"has_self"}),
        ("'SELF'", {"has_self"}),
        ("self", {"depends_on_origin"}),
        ("'unsafe-inline'", {"allows_inline"}),
        ("'unsafe-inline' 'nonce-x'", set()),
        (f"'unsafe-inline' {EMPTY_HASH}", set()),
        ("'unsafe-inline' 'sha256-{}'", {"allows_inline"}),
        ("'unsafe-inline' 'strict-dynamic'", {"has_strict_dynamic"}),
        (f"'url-{EMPTY_HASH[1:]}", {"has_url_hashes", "is_empty"}),
        ("https:", set()),
        ("*", set()),
    ],
)
def test_the_attributes_of_a_source_list(value: str, attributes: set[str]) -> None:
    sources = SourceList(value)
    names = [name for name, value in vars(sources).items() if value is True]
    assert set(names) == attributes


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
def test_a_source_matches_a_url_as_browsers_do(source: str, origin: str, expected: bool) -> None:
    sources, url = SourceList(source), own_url(origin, "/app/_widgetmw/runtime.js")
    assert sources.matches(url) is expected
    assert sources.matches_own(url) is expected
    assert sources.allows_own_script(url) is expected


@pytest.mark.parametrize("switch", ["'strict-dynamic'", f"'url-{EMPTY_HASH[1:]}"])
def test_hosts_do_not_allow_our_script_where_they_are_switched_off(switch: str) -> None:
    url = own_url(HOST, "/runtime.js")
    sources = SourceList(f"'self' shop.example {switch}")
    assert sources.matches_own(url)
    assert not sources.allows_own_script(url)


def test_a_running_script_may_add_what_a_host_or_strict_dynamic_allows() -> None:
    url = parse_url("https://chat.example/init.js")
    assert SourceList("chat.example").allows_script_url(url)
    assert SourceList("'strict-dynamic'").allows_script_url(url)
    assert not SourceList("'self' 'nonce-x'").allows_script_url(url)
    assert not SourceList(f"chat.example 'url-{EMPTY_HASH[1:]}").allows_script_url(url)


def test_a_text_that_is_not_a_url_is_allowed_by_no_host() -> None:
    assert not SourceList("*").allows_script_url(None)
