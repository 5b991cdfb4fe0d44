"""The comparison of a page with and without widgetmw."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from tests.demo.conftest import sign_in
from widgetmw.demo.inspector import difference


@given(before=st.binary(), added=st.binary(), after=st.binary())
def test_finds_the_inserted_span_at_any_offset(before: bytes, added: bytes, after: bytes) -> None:
    diff = difference(before + after, before + added + after)
    assert diff.one_span
    assert diff.before + diff.after == before + after
    assert diff.before + diff.added + diff.after == before + added + after


def test_starts_at_the_inserted_tag() -> None:
    plain = b"<head><script>own</script>"
    diff = difference(plain, b"<head><script data-widgetmw>ours</script><script>own</script>")
    assert diff.before == b"<head>"
    assert diff.added == b"<script data-widgetmw>ours</script>"


def test_reports_further_changes() -> None:
    assert not difference(b"<head><p>1", b"<head><script></script><p>2").one_span
    assert not difference(b"<head><p>1", b"<head>").one_span


def test_shows_one_span_and_the_headers_of_a_signed_in_page(client: Client) -> None:
    sign_in(client)
    diff = client.get("/inspect/hissuno").get_json()
    assert diff["one_span"]
    assert diff["added"].startswith("<script")
    assert "data-widgetmw" in diff["added"]
    assert diff["before"].endswith("<head>")
    changed = {change["name"]: change["after"] for change in diff["headers"]}
    assert changed["Cache-Control"] == "private, no-store"
    assert "Cookie" in changed["Vary"]


def test_shows_that_an_anonymous_page_is_unchanged(client: Client) -> None:
    diff = client.get("/inspect/").get_json()
    assert diff["one_span"]
    assert diff["added"] == ""


def test_rejects_other_sites_and_is_never_cached(client: Client) -> None:
    sign_in(client)
    assert client.get("/inspect/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/inspect/", headers={"Sec-Fetch-Site": "same-site"}).status_code == 403
    assert client.get("/inspect/").headers["Cache-Control"] == "no-store"


def test_covers_only_the_pages_of_the_site(client: Client) -> None:
    assert client.get("/inspect/static/site.css").status_code == 404
    assert client.get("/inspect/inspect/").status_code == 404
