from __future__ import annotations

import pytest

from widgetmw.core.http.request_headers import environ_name, supported_codings


def test_a_header_has_one_key_in_an_environ() -> None:
    assert environ_name("if-none-match") == "HTTP_IF_NONE_MATCH"


@pytest.mark.parametrize(
    ("accepted", "kept"),
    [
        ("gzip, deflate, br, zstd", "gzip, deflate"),
        ("br;q=1.0, GZIP;q=0.5, *;q=0.1", "GZIP;q=0.5"),
        ("br", "identity"),
        ("*", "identity"),
        ("gzip", "gzip"),
        ("identity;q=0, x-gzip", "identity;q=0, x-gzip"),
        ("", ""),
        (" , ,", " , ,"),
        ("dcb,dcz,br,gzip ;q=1", "gzip ;q=1"),
    ],
)
def test_only_codings_that_we_can_decode_are_kept(accepted: str, kept: str) -> None:
    assert supported_codings(accepted) == kept
