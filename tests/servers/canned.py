"""The app of the contract cases, run by a real server.

A header of the request names an order: a file with the site to build, its settings, user and page. A header of the
response reports what the site saw, and which headers it passed to the server.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.contract.site import Page, Site
from tests.parsed_keys import parse_each_key_once

ORDER, SEEN = "X-Canned-Order", "X-Canned-Seen"
FOLDER = "TEST_ORDERS"  # the environment variable with the folder of the orders
parse_each_key_once()


@dataclass(frozen=True)
class Order:
    """The site to build; both sides of the socket build it."""

    kind: type[Site]
    environ: dict[str, str]
    user: Any
    page: Page

    def site(self) -> Any:
        return self.kind(self.environ, user=self.user, page=self.page)


@lru_cache(maxsize=8)
def site(order: str) -> Any:
    made: Site = pickle.loads((Path(os.environ[FOLDER]) / order).read_bytes()).site()
    return made


def report(site: Any, headers: Iterable[tuple[Any, Any]]) -> str:
    """Returns the value of the response header."""
    given = [[text(name), text(value)] for name, value in headers]
    counts = site.engine.events.counts if site.engine else {}
    return json.dumps({"seen": asdict(site.seen), "given": given, "counts": counts})


def text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    order = dict(scope["headers"])[ORDER.lower().encode()].decode()
    scope["headers"] = [pair for pair in scope["headers"] if pair[0] != ORDER.lower().encode()]
    found = site(order)

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers") or ())
            headers.append((SEEN.lower().encode(), report(found, headers).encode("latin-1")))
            message = {**message, "headers": headers}
        await send(message)

    getattr(found, "activate", lambda: None)()
    await found.middleware(scope, receive, sent)


def wsgi(environ: Any, start_response: Any) -> Any:
    found = site(environ.pop(f"HTTP_{ORDER.upper().replace('-', '_')}"))

    def started(status: str, headers: Any, *exc_info: Any) -> Any:
        return start_response(status, [*headers, (SEEN, report(found, headers))], *exc_info)

    getattr(found, "activate", lambda: None)()
    return found.middleware(environ, started)
