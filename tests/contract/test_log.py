"""What is logged of pages, and ``embed.js``: cases that need the app in this process."""

from __future__ import annotations

import pytest

from tests.contract.conftest import Make
from tests.contract.site import HTML, Page
from tests.contract.test_pages import is_injected
from widgetmw import User


@pytest.mark.parametrize(
    ("header", "reason", "remedy"),
    [
        (("Content-Encoding", "br"), "content_encoding", "compress with gzip"),
        (("Cache-Control", "public"), "shared_cache", "WIDGETMW_DELIVERY=fetch"),
        (("Content-Security-Policy", "script-src 'none'"), "csp_none", "Add a nonce"),
    ],
)
def test_the_first_page_that_is_skipped_for_a_reason_that_can_be_fixed_is_logged(
    make: Make, caplog: pytest.LogCaptureFixture, header: tuple[str, str], reason: str, remedy: str
) -> None:
    site = make(page=Page(headers=[HTML, header]))
    for _ in range(3):
        assert site.get("/").reason == reason
    (record,) = [each for each in caplog.records if each.name == "widgetmw"]
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith(f"widgetmw: page: {reason} at '/': ")
    assert remedy in record.getMessage()


def test_a_page_whose_token_cannot_be_renewed_is_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    site = make(page=Page(headers=[HTML, ("Content-Security-Policy", "connect-src 'none'")]))
    for _ in range(2):
        assert is_injected(site.get())
    (message,) = caplog.messages
    assert message.startswith("widgetmw: page: csp_blocks_connect at '/': ")


def test_what_needs_no_fix_is_logged_at_debug_or_not_at_all(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "widgetmw"):
        make(user=lambda _: None).get()
        make(page=Page(headers=[("Content-Type", "text/plain")])).get()
        make(WIDGETMW_EXCLUDE="/").get()
    ours = [record for record in caplog.records if record.name == "widgetmw"]
    assert [record.levelname for record in ours] == ["DEBUG"]
    assert ours[0].getMessage().startswith("widgetmw: page: anonymous at '/'")


@pytest.mark.parametrize("header", [("Content-Encoding", "br"), ("Cache-Control", "no-transform")])
def test_an_excluded_page_does_not_use_up_the_line_of_another(
    make: Make, caplog: pytest.LogCaptureFixture, header: tuple[str, str]
) -> None:
    site = make(page=Page(headers=[HTML, header]), WIDGETMW_EXCLUDE="/docs")
    assert site.get("/docs").reason == "excluded"
    assert caplog.messages == []
    site.get("/")
    assert len(caplog.messages) == 1


def test_the_embed_script_is_the_same_for_everybody_and_cacheable_for_minutes(make: Make, env: dict[str, str]) -> None:
    replies = [
        make(env=env, user=user).get("/_widgetmw/embed.js?v=1") for user in (lambda _: User("ada"), lambda _: None)
    ]
    assert replies[0].body == replies[1].body
    assert replies[0].header("Cache-Control") == "public, max-age=300"
    assert replies[0].header("Cross-Origin-Resource-Policy") == "cross-origin"
    assert b'"widgetId":"widget-7"' in replies[0].body
    assert b"eyJ" not in replies[0].body
    for name in ("DG_API_KEY", "DG_API_SECRET", "HISSUNO_SECRET_KEY", "GIOSG_SIGNING_KEY"):
        assert env[name].encode() not in replies[0].body


@pytest.mark.parametrize("header", [("Content-Encoding", "br"), ("Cache-Control", "public")])
def test_a_page_for_a_visitor_without_cookies_does_not_use_up_the_line_for_signed_in_users(
    make: Make, caplog: pytest.LogCaptureFixture, header: tuple[str, str]
) -> None:
    site = make(page=Page(headers=[HTML, header]))
    for cookies in ({}, {}, {"Cookie": "session=1"}, {"Cookie": "session=1"}, {}):
        site.get("/", **cookies)
    hint = "The request had no cookie: the pages of signed-in users may be different."
    assert [message.endswith(hint) for message in caplog.messages] == [True, False]
