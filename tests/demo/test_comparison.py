"""The difference between a page with and without widgetmw."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from widgetmw.demo.comparison import difference


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


def test_shows_an_unchanged_page_from_its_start() -> None:
    diff = difference(b"<p>1<p>2", b"<p>1<p>2")
    assert (diff.offset, diff.before, diff.added, diff.after) == (0, b"", b"", b"<p>1<p>2")
