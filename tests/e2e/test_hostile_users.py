"""Names, emails and attributes that contain script reach the browser unchanged, as text."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.combinations import combine
from tests.conftest import CUSTOMER_DATA_SNIPPET, GIOSG_KEY

HOSTILE_TEXTS = [
    "</script><script>window.pwned=1</script>",
    "<!--<script>window.pwned=1",
    "-->]]>'\"`${window.pwned=1}",
    "\u2028\u2029\u0085window.pwned=1",
    "\\u003c/script>\\",
    "<img src=x onerror=window.pwned=1>",
    "Zoë 😀 漢字 ‮kcab",
    "\x00\x01\x1f\x7f",
    "JWT_TOKEN $& $1 %s {0}",
]
USERS = {
    str(i): {"name": text, "email": f"{text}@example.com", "attributes": {text: text, "n": i}}
    for i, text in enumerate(HOSTILE_TEXTS)
}


@pytest.fixture(scope="module")
def url(serve: Callable[[dict[str, str]], str], rsa_pem: str) -> str:
    return serve(
        {
            "TEST_USERS": json.dumps(USERS),
            "DG_API_KEY": "key",
            "DG_API_SECRET": "s" * 40,
            "DG_WIDGET_ID": "</script><script>window.pwned=1</script>",
            "HISSUNO_PROJECT_ID": "<!--<script>",
            "HISSUNO_SECRET_KEY": "sk_live_" + "h" * 32,
            "ORLO_PRIVATE_KEY": rsa_pem,
            "ORLO_CUSTOMER_DATA_SNIPPET": CUSTOMER_DATA_SNIPPET,
            "GIOSG_ORGANIZATION_ID": "org",
            "GIOSG_ROOM_ID": "room",
            "GIOSG_SIGNING_KEY": GIOSG_KEY,
        }
    )


@combine(user_id=USERS, csp=["", "script-src 'self'", "script-src 'unsafe-inline'"])
def test_hostile_text_arrives_unchanged_and_never_runs(
    url: str, sign_in: Callable[[str, str], Page], user_id: str, csp: str
) -> None:
    page = sign_in(url, user_id)
    page.goto(f"{url}/?csp={csp}" if csp else url)
    page.wait_for_function("window.orloCustomer")
    text = HOSTILE_TEXTS[int(user_id)]
    metadata = page.evaluate("HISSUNO_WIDGET_CONFIG.userMetadata")
    assert metadata == {"name": text, "email": f"{text}@example.com", text: text, "n": user_id}
    decode = (
        "(token) => JSON.parse(new TextDecoder().decode(Uint8Array.from("
        "atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))))"
    )
    assert page.evaluate(decode, page.evaluate("orloCustomer[0]"))["name"] == text
    assert page.evaluate(decode, page.evaluate("widgetmw.get('giosg').token"))["username"] == text
    assert page.evaluate("DG_CHAT_WIDGET_CONFIG.widgetId") == "</script><script>window.pwned=1</script>"
    assert page.evaluate("window.pwned") is None
    assert page.title() == "Shop"
    assert page.evaluate("document.body.innerText") == "Hello"
