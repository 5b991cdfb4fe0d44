"""Which root path an app's own URLs have."""

from __future__ import annotations

import pytest

from widgetmw.core.http.root_path import root_path_of_app


@pytest.mark.parametrize(
    ("seen", "left", "expected"),
    [
        (("", "/a"), ("/shop", "/a"), "/shop"),
        (("/shop", "/a"), ("/site/shop", "/a"), "/site/shop"),
        (("/shop", "/a"), ("", "/a"), ""),
        (("", "/blog/a"), ("/blog", "/a"), ""),
        (("", "/blog"), ("/blog", ""), ""),
        (("/site", "/blog/a"), ("/site/blog", "/a"), "/site"),
        (("", "/blog/a"), ("/shop/blog", "/a"), "/shop"),
        (("", ""), ("/shop", ""), "/shop"),
        (("/shop", "/a"), ("/other", "/rewritten"), "/shop"),
    ],
)
def test_a_prefix_counts_and_a_dispatcher_does_not(seen: tuple[str, str], left: tuple[str, str], expected: str) -> None:
    assert root_path_of_app(*seen, *left) == expected
