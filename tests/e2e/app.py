"""A site whose query parameters choose the CSP and the page's own scripts."""

from __future__ import annotations

import html
import json
import os
from typing import Any
from urllib.parse import parse_qs

from tests.servers.apps import user_from_cookie
from widgetmw import User
from widgetmw.asgi import WidgetMiddleware

OWN = {
    "none": "",
    "inline": "<script>window.own = 1</script>",
    "nonce": '<script nonce="abc">window.own = 1</script>',
    "nonce64": '<script nonce="a-b_c">window.own = 1</script>',
    "file": '<script src="/own.js"></script>',
    "deferred": '<script defer src="/own.js"></script>',
}


HEADERS = {
    "csp": b"content-security-policy",
    "ro": b"content-security-policy-report-only",
    "integrity": b"integrity-policy",
    "integrity_ro": b"integrity-policy-report-only",
}


def page(query: dict[str, list[str]]) -> bytes:
    meta = "".join(
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">'
        for policy in query.get("meta", [])
    )
    meta += "".join(f'<base href="{html.escape(url)}">' for url in query.get("base", []))
    own = OWN[query.get("own", ["none"])[0]]
    return f"<!doctype html><html><head>{meta}{own}<title>Shop</title></head><body>Hello</body></html>".encode()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    query = parse_qs(scope["query_string"].decode())
    headers, body = [(b"content-type", b"text/html; charset=utf-8")], page(query)
    if scope["path"] == "/frame":
        body = f'<!doctype html><html><body><iframe src="{query["src"][0]}"></iframe></body></html>'.encode()
    if scope["path"] == "/own.js":
        headers, body = [(b"content-type", b"text/javascript")], b"window.own = 1"
    for name, key in HEADERS.items():
        headers += [(key, policy.encode()) for policy in query.get(name, [])]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def resolve_user(scope: Any) -> User | None:
    user = user_from_cookie(next((v.decode("latin-1") for k, v in scope["headers"] if k == b"cookie"), ""))
    details: dict[str, Any] = json.loads(os.environ.get("TEST_USERS", "{}"))
    return User(user.id, **details[user.id]) if user and user.id in details else user


if "DG_API_KEY" in os.environ:
    site = WidgetMiddleware(app, user=resolve_user)
