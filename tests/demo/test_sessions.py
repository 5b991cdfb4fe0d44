"""Sessions of the sample site."""

from __future__ import annotations

import pytest

from widgetmw.demo import sessions
from widgetmw.demo.sessions import Sessions


def test_a_cookie_identifies_the_person_until_the_session_ends() -> None:
    table = Sessions()
    cookie = table.start("ada")
    assert table.person(cookie) == "ada"
    table.end(cookie)
    assert table.person(cookie) is None


def test_two_sign_ins_have_different_cookies() -> None:
    table = Sessions()
    assert table.start("ada") != table.start("ada")


@pytest.mark.parametrize("cookie", [None, "", ".", "a", "a.b", "é.é", "ada." + "0" * 64])
def test_a_forged_cookie_is_rejected(cookie: str | None) -> None:
    table = Sessions()
    table.start("ada")
    assert table.person(cookie) is None
    table.end(cookie)


def test_a_cookie_from_an_earlier_process_is_rejected() -> None:
    assert Sessions().person(Sessions().start("ada")) is None


def test_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_MAX_SESSIONS", 2)
    table = Sessions()
    first, second, third = table.start("ada"), table.start("zoe"), table.start("layla")
    assert [table.person(cookie) for cookie in (first, second, third)] == [None, "zoe", "layla"]
