"""The response that pasted text describes."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgetmw.demo.pasted import PasteError, charset, pasted


@given(head=st.text(), page=st.text())
def test_any_text_is_a_response_or_refused_in_one_line(head: str, page: str) -> None:
    try:
        response = pasted(head, page)
    except PasteError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    assert 200 <= response.status <= 599
    for name, value in response.headers:
        assert name.isascii()
        assert not any(character in value for character in "\r\n\0")


def test_text_without_headers_is_a_page_in_utf_8() -> None:
    response = pasted("", "é")
    assert response.headers == (("Content-Type", "text/html; charset=utf-8"),)
    assert response.pieces == ("é".encode(),)


@pytest.mark.parametrize(
    ("line", "status"), [("HTTP/1.1 404 Not Found", 404), ("HTTP/2 200", 200), ("HTTP/3 503 ", 503)]
)
def test_the_first_line_may_be_a_status_line(line: str, status: int) -> None:
    assert pasted(f"{line}\r\nX-A: 1\r\n", "").status == status


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
def test_the_body_is_encoded_as_the_headers_say(coding: str) -> None:
    response = pasted(f"Content-Encoding: {coding}\nContent-Length: 5", "<html>")
    (body,) = response.pieces
    assert zlib.decompress(body, 47) == b"<html>"
    assert dict(response.headers)["Content-Length"] == str(len(body))


def test_headers_of_the_connection_are_left_out() -> None:
    headers = pasted("Transfer-Encoding: chunked\nConnection: keep-alive\nX-A: 1", "").headers
    assert [name for name, _ in headers] == ["Content-Type", "X-A"]


def test_a_character_that_the_charset_lacks_is_replaced() -> None:
    assert pasted("Content-Type: text/html; charset=iso-8859-1", "é漢\ud800").pieces == (b"\xe9??",)


@pytest.mark.parametrize("name", ["punycode", "idna", "rot13", "zlib", "unicode_escape", "\x85", "x" * 5000, "", '"'])
def test_an_encoder_that_is_not_one_of_the_web_is_never_used(name: str) -> None:
    assert charset(f"text/html; charset={name}") == "utf-8"
