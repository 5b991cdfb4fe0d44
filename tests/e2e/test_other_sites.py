"""A page of another site cannot get a token from the endpoint in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Response

ENV = {
    "DG_API_KEY": "key",
    "DG_API_SECRET": "s" * 40,
    "DG_WIDGET_ID": "widget",
    "WIDGETMW_EXCLUDE": "/frame",
}
ATTEMPTS = {
    "script": "const s = document.createElement('script'); s.src = url; document.head.append(s);",
    "image": "new Image().src = url;",
    "fetch without cors": "fetch(url, {mode: 'no-cors', credentials: 'include'}).catch(() => {});",
    "fetch": "fetch(url, {credentials: 'include'}).catch(() => {});",
    "form": "const f = document.createElement('form'); f.method = 'post'; f.action = url;"
    "document.body.append(f); f.submit();",
    "frame": "const f = document.createElement('iframe'); f.src = url; document.body.append(f);",
}


@pytest.fixture(scope="module")
def url(serve: Callable[[dict[str, str]], str]) -> str:
    return serve(ENV)


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_another_site_gets_403_and_no_token(url: str, sign_in: Callable[[str, str], Page], attempt: str) -> None:
    page = sign_in(url, "ada")
    outcomes: list[int | str | None] = []

    def record(response: Response) -> None:
        if "/token" in response.url:
            outcomes.append(response.status)
            assert "access-control-allow-origin" not in response.headers

    page.on("response", record)
    # responses that the browser itself blocks are reported as failed requests
    page.on("requestfailed", lambda request: outcomes.append(request.failure) if "/token" in request.url else None)
    # the same server under another host name is another site
    page.goto(f"{url.replace('127.0.0.1', 'localhost')}/frame?src=about:blank")
    page.evaluate(f"(url) => {{ {ATTEMPTS[attempt]} }}", f"{url}/_widgetmw/token")
    for _ in range(100):
        if outcomes:
            break
        page.wait_for_timeout(50)
    assert outcomes, "the browser sent no request"
    assert all(outcome == 403 or isinstance(outcome, str) for outcome in outcomes), outcomes
