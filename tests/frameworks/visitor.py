"""A visitor of an app in process: keeps cookies, and reads whose token an answer carries."""

from __future__ import annotations

import re
from typing import Any

import anyio
import httpx
import jwt

TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
ENDPOINT = "/_widgetmw/token"
FIXED = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "vary": "Cookie, Origin",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
HEAD = "<!doctype html><html><head><title>Shop</title></head><body>"
BROWSER = {"Accept": "text/html"}


def whose(text: str) -> str | None:
    """The one person that the tokens of an answer name."""
    claims = [jwt.decode(token, options={"verify_signature": False}) for token in TOKEN.findall(text)]
    people = {each["external_id"] for each in claims}
    assert len(people) < 2, people
    return people.pop() if people else None


def exact(reply: Any) -> None:
    """An answer of the endpoint has the headers of the contract, and no others."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    headers.pop("date", None)
    assert headers.pop("retry-after", "5") == "5"
    length = headers.pop("content-length")
    assert headers == FIXED
    body = reply.content if hasattr(reply, "content") else reply.data
    assert length == str(len(body))


class Visitor:
    """Visits an ASGI app."""

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
