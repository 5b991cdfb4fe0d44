"""The view of what was added to a page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from tests.demo.conftest import sign_in
from widgetmw.demo.inspector import difference


@given(before=st.binary(), added=st.binary(), after=st.binary())
def test_finds_one_span_wherever_it_was_put(before: bytes, added: bytes, after: bytes) -> None:
    found = difference(before + after, before + added + after)
    assert found.one_span
    assert found.before + found.after == before + after
    assert found.before + found.added + found.after == before + added + after


def test_begins_with_the_tag_that_was_added() -> None:
    plain = b"<head><script>own</script>"
    found = difference(plain, b"<head><script data-widgetmw>ours</script><script>own</script>")
    assert found.before == b"<head>"
    assert found.added == b"<script data-widgetmw>ours</script>"


def test_says_when_the_page_was_changed_elsewhere_too() -> None:
    assert not difference(b"<head><p>1", b"<head><script></script><p>2").one_span
    assert not difference(b"<head><p>1", b"<head>").one_span


def test_shows_one_span_and_the_headers_of_a_signed_in_page(client: Client) -> None:
    sign_in(client)
    found = client.get("/inspect/hissuno").get_json()
    assert found["one_span"]
    assert found["added"].startswith("<script")
    assert "data-widgetmw" in found["added"]
    assert found["before"].endswith("<head>")
    changed = {change["name"]: change["after"] for change in found["headers"]}
    assert changed["Cache-Control"] == "private, no-store"
    assert "Cookie" in changed["Vary"]


def test_shows_that_an_anonymous_page_gains_nothing(client: Client) -> None:
    found = client.get("/inspect/").get_json()
    assert found["one_span"]
    assert found["added"] == ""


def test_answers_no_other_site_and_keeps_nothing_in_caches(client: Client) -> None:
    sign_in(client)
    assert client.get("/inspect/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/inspect/", headers={"Sec-Fetch-Site": "same-site"}).status_code == 403
    assert client.get("/inspect/").headers["Cache-Control"] == "no-store"


def test_knows_only_the_pages_of_the_site(client: Client) -> None:
    assert client.get("/inspect/static/site.css").status_code == 404
    assert client.get("/inspect/inspect/").status_code == 404
