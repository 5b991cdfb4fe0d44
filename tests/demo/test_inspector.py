"""What the demo says about a response, with and without widgetmw."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import Client

from tests.demo.conftest import sign_in
from widgetmw.core.reasons import SkipReason
from widgetmw.demo.pasted import MAX_HEADERS, MAX_PAGE
from widgetmw.demo.samples import CHOICES

PAGE = "<!doctype html><html><head><title>Mine</title></head><body></body></html>"
HTML = "Content-Type: text/html; charset=utf-8"
# what each option leads to for a signed-in visitor; None: the page carries the script
REASONS: dict[str, dict[str, str | None]] = {
    "csp": {
        "absent": None,
        "nonce": None,
        "self": None,
        "other-host": "csp_blocks_script",
        "no-scripts": "csp_none",
        "no-connect": None,
        "sandbox": "csp_sandbox",
    },
    "cache": {
        "absent": None,
        "private": None,
        "public": "shared_cache",
        "s-maxage": "shared_cache",
        "no-transform": "no_transform",
    },
    "coding": {"absent": None, "gzip": None, "deflate": None, "br": "content_encoding", "broken": "corrupt"},
    "chunks": {"one": None, "small": None, "cut": None, "empty": None},
    "body": {"page": None, "fragment": "fragment", "amp": "amp", "utf-16": "encoding", "json": "not_html"},
}


@pytest.fixture
def visitor(client: Client) -> Client:
    """A client that is signed in."""
    sign_in(client)
    return client


def paste(client: Client, page: str = PAGE, headers: str = HTML, **options: Any) -> Any:
    return client.post("/inspect/pasted", data={"headers": headers, "page": page}, **options)


def reason_of(result: Any) -> str | None:
    reason: str | None = result.get_json()["decision"]["reason"]
    return reason


def test_shows_one_span_and_the_headers_of_a_signed_in_page(client: Client) -> None:
    sign_in(client)
    diff = client.get("/inspect/hissuno").get_json()
    body = diff["body"]
    assert body["one_span"]
    assert body["added"].startswith("<script")
    assert "data-widgetmw" in body["added"]
    assert body["before"].endswith("<head>")
    changed = {change["name"]: change["after"] for change in diff["headers"]}
    assert changed["Cache-Control"] == "private, no-store"
    assert "Cookie" in changed["Vary"]


def test_shows_that_an_anonymous_page_is_unchanged(client: Client) -> None:
    diff = client.get("/inspect/").get_json()
    assert diff["body"]["one_span"]
    assert diff["body"]["added"] == ""
    assert diff["decision"]["reason"] == "anonymous"


def test_rejects_other_sites_and_is_never_cached(client: Client) -> None:
    sign_in(client)
    assert client.get("/inspect/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/inspect/", headers={"Sec-Fetch-Site": "same-site"}).status_code == 403
    assert client.get("/inspect/").headers["Cache-Control"] == "no-store"


def test_covers_only_the_pages_of_the_site(client: Client) -> None:
    assert client.get("/inspect/static/site.css").status_code == 404
    assert client.get("/inspect/inspect/").status_code == 404


def test_the_table_above_has_every_option() -> None:
    assert {key: [option.key for option in choice.options] for key, choice in CHOICES.items()} == {
        key: list(reasons) for key, reasons in REASONS.items()
    }


@pytest.mark.parametrize(
    ("choice", "option", "reason"),
    [(choice, option, reason) for choice, options in REASONS.items() for option, reason in options.items()],
)
def test_every_option_leads_to_its_decision(visitor: Client, choice: str, option: str, reason: str | None) -> None:
    result = visitor.get("/inspect/sample", query_string={choice: option}).get_json()
    decision, sent = result["decision"], result["sent"]
    assert decision["reason"] == reason
    if reason is None:
        assert decision["outcome"] == "injected"
        assert result["body"]["added"].startswith("<script")
        assert "data-widgetmw" in result["body"]["added"]
        assert result["body"]["one_span"]
    else:
        assert decision["outcome"] == "skipped"
        assert (decision["text"], decision["remedy"]) == (
            SkipReason[reason.upper()].text,
            SkipReason[reason.upper()].remedy,
        )
        assert sent["after"] == sent["before"]


@pytest.mark.parametrize(
    ("choice", "option"), [(key, option.key) for key, choice in CHOICES.items() for option in choice.options]
)
def test_the_sample_itself_has_the_same_outcome(visitor: Client, choice: str, option: str) -> None:
    response = visitor.get("/sample", query_string={choice: option}, headers={"Accept": "text/html"})
    reason = REASONS[choice][option]
    assert response.headers["X-Widgetmw"] == (f"skipped; reason={reason}" if reason else "injected")


def test_a_page_that_cannot_renew_its_token_is_injected_with_a_note(visitor: Client) -> None:
    result = visitor.get("/inspect/sample?csp=no-connect").get_json()
    assert [note["reason"] for note in result["notes"]] == ["csp_blocks_connect"]
    assert visitor.get("/inspect/sample?csp=self").get_json()["notes"] == []


def test_shows_the_headers_and_the_chunks_before_and_after(visitor: Client) -> None:
    result = visitor.get("/inspect/sample?cache=private&chunks=small").get_json()
    headers = {header["name"]: header for header in result["headers"]}
    assert headers["Cache-Control"]["before"] == "private, max-age=60"
    assert headers["Vary"]["before"] is None
    assert headers["Content-Type"]["before"] == headers["Content-Type"]["after"]
    assert result["chunks"]["before"] > result["chunks"]["after"] > 1


def test_an_anonymous_visitor_gets_no_token_whatever_is_chosen(client: Client) -> None:
    for path in ("/inspect/sample", "/inspect/sample?csp=nonce&coding=gzip"):
        assert reason_of(client.get(path)) == "anonymous"
    assert reason_of(paste(client)) == "anonymous"


@pytest.mark.parametrize("query", ["csp=x", "csp=", "body=../site.py"])
def test_there_is_no_other_option(client: Client, query: str) -> None:
    assert client.get(f"/sample?{query}").status_code == 404


# a page of the visitor's own


def test_a_pasted_page_gets_the_script_that_the_middleware_would_add(visitor: Client) -> None:
    body = paste(visitor).get_json()["body"]
    assert body["before"].endswith("<head>")
    assert "data-widgetmw" in body["added"]
    assert body["after"].startswith("<title>Mine</title>")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ("", None),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", None),
        ("HTTP/2 404\n" + HTML, None),
        ("HTTP/2 304\n" + HTML, "status"),
        ("content-type: application/xhtml+xml", "not_html"),
        ("Content-Type: text/plain", "not_html"),
        ("Content-Type: text/html; charset=utf-16", "encoding"),
        ("Content-Type: text/html; charset=iso-2022-jp", "encoding"),
        ("Content-Type: text/html; charset=shift_jis", None),
        ("Content-Type: text/html; charset=punycode", None),
        ("Content-Type: text/html; charset=\x85", None),
        ("Content-Type: text/html\nContent-Type: text/html", "ambiguous"),
        (HTML + "\nContent-Encoding: gzip\nContent-Length: 9\nTransfer-Encoding: chunked", None),
        (HTML + "\nContent-Encoding: br", "content_encoding"),
        (HTML + "\nContent-Security-Policy: default-src 'none'", "csp_none"),
        (HTML + "\nCache-Control: public", "shared_cache"),
        (HTML + "\nX-Widgetmw: injected\nCache-Control: no-transform", "no_transform"),
        (HTML + "\nClear-Site-Data: *", "signing_out"),
        (HTML + "\nContent-Disposition: attachment", "attachment"),
    ],
)
def test_pasted_headers_lead_to_the_decision_of_the_middleware(
    visitor: Client, headers: str, reason: str | None
) -> None:
    assert reason_of(paste(visitor, headers=headers)) == reason


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("<script>alert(1)</script>" + PAGE, None),
        ("<!doctype html><html><head><script>document.cookie='x=1'", None),
        ("<html><he", "head_not_found"),
        ("<!-- never closed", "fragment"),
        ("<p>a fragment", "fragment"),
        ("", "fragment"),
        ("\0<html>", "nul"),
        ("<html amp>", "amp"),
    ],
)
def test_hostile_and_broken_pages_are_only_described(visitor: Client, page: str, reason: str | None) -> None:
    response = paste(visitor, page=page)
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert reason_of(response) == reason


@pytest.mark.parametrize(
    "headers",
    [
        "no colon",
        ": no name",
        "X-A: 1\n folded",
        "X A: 1",
        "X-A: 1\rX-B: 2",
        "X-A: \x00",
        "X-A: \x7f",
        "X-A: \u0101",
        "Ünïcode: 1",
        "HTTP/1.1 100 Continue",
        "HTTP/1.1 999 None",
        "A" * 101 + ": 1",
        "X-A: " + "a" * MAX_HEADERS,
    ],
)
def test_what_is_not_a_header_is_refused_by_its_line(visitor: Client, headers: str) -> None:
    response = paste(visitor, headers=headers)
    assert response.status_code == 400
    error = response.get_json()["error"]
    assert error.startswith(("Line ", "The headers"))
    assert "\n" not in error


def test_pasted_headers_never_become_headers_of_the_demo(visitor: Client) -> None:
    headers = f"{HTML}\nSet-Cookie: stolen=1\nLocation: https://evil.example\r\nX-Evil: 1\n\nX-More: 1"
    response = paste(visitor, headers=headers)
    assert response.status_code == 200
    assert not {"Set-Cookie", "Location", "X-Evil", "X-More"} & set(response.headers.keys())
    shown = {header["name"] for header in response.get_json()["headers"]}
    assert {"Set-Cookie", "X-Evil", "X-More"} <= shown


def test_a_huge_page_is_refused(visitor: Client) -> None:
    assert paste(visitor, page=PAGE + "x" * (MAX_PAGE - len(PAGE))).status_code == 200
    response = paste(visitor, page="x" * (MAX_PAGE + 1))
    assert response.status_code == 400
    assert "100,000 characters" in response.get_json()["error"]
    assert paste(visitor, page="x" * 1_100_000).status_code == 413


def test_a_page_as_long_as_it_may_be_fits_in_any_script(visitor: Client) -> None:
    page = "<html><head>" + "漢" * (MAX_PAGE - 12)
    assert len(urlencode({"page": page})) < 1_000_000
    assert paste(visitor, page=page).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_only_a_page_of_the_demo_may_paste(visitor: Client, headers: dict[str, str]) -> None:
    response = paste(visitor, headers=HTML)
    assert response.status_code == 200
    response = visitor.post("/inspect/pasted", data={"page": PAGE}, headers=headers)
    assert response.status_code == 403
    assert "eyJ" not in response.text


def test_pasting_is_a_post(visitor: Client) -> None:
    for method in ("GET", "PUT"):
        response = visitor.open("/inspect/pasted", method=method, data={"page": PAGE})
        assert response.status_code == 405
        assert response.headers["Allow"] == "POST"


def test_a_pasted_page_is_served_nowhere(visitor: Client) -> None:
    paste(visitor, page="<html><head><title>very unlikely")
    for path in ("/sample", "/inspect/sample", "/decisions"):
        assert "very unlikely" not in visitor.get(path).text
