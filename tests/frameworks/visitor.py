"""A client for an app in process that keeps cookies, and helpers that check a response."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import httpx
import jwt

TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
DOCUMENTS = Path(__file__).parents[2] / "docs"
ENDPOINT = "/_widgetmw/token"
EXPECTED_HEADERS = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "vary": "Cookie, Origin",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
HEAD = "<!doctype html><html><head><title>Shop</title></head><body>"
BROWSER = {"Accept": "text/html"}


def users_snippet(heading: str) -> str:
    """The first code block below a heading of docs/users.md."""
    return _snippet("users.md", heading)


def packages_snippet(heading: str) -> str:
    """The first code block below a heading of docs/packages.md."""
    return _snippet("packages.md", heading)


def fastapi_snippet(heading: str) -> str:
    """The first code block below a heading of docs/frameworks/fastapi.md."""
    return _snippet("frameworks/fastapi.md", heading)


def _snippet(document: str, heading: str) -> str:
    section = (DOCUMENTS / document).read_text(encoding="utf-8").partition(f"## {heading}")[2]
    return section.partition("```python\n")[2].partition("```")[0]


def user_in(text: str) -> str | None:
    """The id of the one user that the tokens in a response name, if any."""
    claims = [jwt.decode(token, options={"verify_signature": False}) for token in TOKEN.findall(text)]
    user_ids = {each["external_id"] for each in claims}
    assert len(user_ids) < 2, user_ids
    return user_ids.pop() if user_ids else None


def assert_endpoint_headers(reply: Any) -> None:
    """Asserts that a response of the endpoint has the headers of the contract and no others."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    headers.pop("date", None)
    assert headers.pop("retry-after", "5") == "5"
    length = headers.pop("content-length")
    assert headers == EXPECTED_HEADERS
    body = reply.content if hasattr(reply, "content") else reply.data
    assert length == str(len(body))


class NeverComing(BytesIO):
    """A WSGI request body that a server would wait for."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")

    readline = readlines = readinto = __next__ = read  # type: ignore[assignment]


class Visitor:
    """A client for an ASGI app."""

    def __init__(self, app: Any, root_path: str = "", backend: str = "asyncio") -> None:
        self.app = app
        self.root_path = root_path
        self.backend = backend
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return anyio.run(self._request, method, path, options, backend=self.backend)

    def get(self, path: str = "/", **headers: str) -> httpx.Response:
        return self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def token(self, **headers: str) -> httpx.Response:
        return self.get(ENDPOINT, **headers)

    async def _request(self, method: str, path: str, options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, root_path=self.root_path)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.example") as client:
            client.cookies = self.cookies
            reply = await client.request(method, path, **options)
            self.cookies = client.cookies
            return reply
