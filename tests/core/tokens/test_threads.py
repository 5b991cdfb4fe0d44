"""Many threads in one app: whatever is remembered between requests, nobody gets what is another's.

On a Python without a global lock this is a real race; with one, threads are made to change places very often.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from tests.frameworks.visitor import user_in
from widgetmw import Settings, User
from widgetmw.wsgi import WidgetMiddleware

STARTS = (
    b"<!doctype html><html><head><title>a</title></head><body>",
    b'<html lang="en"><head>\n',
    b"<!doctype html>\n<head><b>",
    b"<!-- no head yet --><html><head>",
)
THREADS, REQUESTS, PEOPLE = 8, 400, 60
ENV = {"DG_API_KEY": "key", "DG_API_SECRET": "s" * 40, "DG_WIDGET_ID": "widget", "WIDGETMW_CACHE_SIZE": "16"}


@pytest.fixture
def changing() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    number, body = environ["number"], STARTS[environ["number"] % len(STARTS)]
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
    headers += [("Vary", f"Accept-{number % 100}")] if number % 3 else []
    headers += [(f"X-{number}", "1")] if number % 5 == 0 else []
    start_response("200 OK", headers)
    return [body]


def test_pages_of_many_people_on_many_threads_stay_their_own(changing: None) -> None:
    middleware = WidgetMiddleware(answer, Settings.from_env(ENV), user=lambda environ: User(environ["person"]))

    def visits(seed: int) -> list[str]:
        chance, wrong = Random(seed), []
        for _ in range(REQUESTS):
            person, number, mount = f"p{chance.randrange(PEOPLE)}", chance.randrange(4000), f"/m{chance.randrange(80)}"
            environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": mount, "PATH_INFO": "/", "wsgi.url_scheme": "http"}
            sent: list[Any] = []
            environ |= {"person": person, "number": number}  # type: ignore[dict-item]
            chunks = middleware(environ, lambda status, headers, exc=None, sent=sent: sent.extend(headers))
            body, headers = b"".join(chunks).decode(), dict(sent)
            start = STARTS[number % len(STARTS)].decode()
            wrong += ["person"] * (user_in(body) != person) + ["mount"] * (f'"{mount}/_widgetmw/token"' not in body)
            wrong += ["length"] * (headers["Content-Length"] != str(len(body)))
            wrong += ["page"] * (not body.startswith(start[: start.index("<head>") + 6]))
            wrong += ["vary"] * (number % 3 > 0 and headers["Vary"] != f"Accept-{number % 100}, Cookie")
        return wrong

    with ThreadPoolExecutor(THREADS) as pool:
        assert [wrong for each in pool.map(visits, range(THREADS)) for wrong in each] == []
    assert middleware.engine is not None
    assert len(middleware.engine.tokens) <= 16
