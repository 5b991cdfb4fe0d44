"""The examples, each in its own process, over HTTP and in Chromium."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.chromium import launch
from tests.combinations import ALL
from tests.servers.conftest import answers, free_port, stop
from tests.servers.processes import NO_AUTHORITIES, PATIENCE

EXAMPLES = Path(__file__).parents[2] / "examples"
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
COMMANDS = {
    "flask": ["flask_app.py"],
    "flask on gunicorn": ["-m", "gunicorn", "flask_app:app", "-b", "127.0.0.1:PORT", "--no-control-socket"],
    "flask on waitress": ["-m", "waitress", "--listen=127.0.0.1:PORT", "flask_app:app"],
    "fastapi": ["fastapi_app.py"],
    "starlette": ["starlette_app.py"],
    "plain_asgi": ["plain_asgi.py"],
    "plain_wsgi": ["plain_wsgi.py"],
    "django": ["django_app.py"],
    "django on gunicorn": ["-m", "gunicorn", "django_app:app", "-b", "127.0.0.1:PORT", "--no-control-socket"],
    "django on uvicorn": ["-m", "uvicorn", "django_app:asgi", "--port", "PORT", "--log-level", "warning"],
    "quart": ["quart_app.py"],
    "quart on uvicorn": ["-m", "uvicorn", "quart_app:app", "--port", "PORT", "--log-level", "warning"],
    "litestar": ["litestar_app.py"],
    "falcon": ["falcon_app.py"],
    "falcon_asgi": ["falcon_asgi_app.py"],
    "pyramid": ["pyramid_app.py"],
    "bottle": ["bottle_app.py"],
    "bottle on gunicorn": ["-m", "gunicorn", "bottle_app:app", "-b", "127.0.0.1:PORT", "--no-control-socket"],
    "aiohttp": ["aiohttp_app.py"],
    "aiohttp on gunicorn": [
        *["-m", "gunicorn", "aiohttp_app:app", "-b", "127.0.0.1:PORT", "--no-control-socket"],
        *["-k", "aiohttp.GunicornWebWorker"],
    ],
}
# Each example by its first command, or by all with `make servers`.
STARTED = [name for name in COMMANDS if ALL or " on " not in name or name == "django on uvicorn"]

# All examples have the same page and a renewal takes seconds, so a browser visits only those that serve it differently.
VISITED = ["flask", "fastapi", "plain_wsgi", "django", "aiohttp"] if ALL else ["flask", "fastapi", "django"]
IDS = {"1": "ada", "2": "grace"}  # Django identifies users by primary key


@pytest.fixture(scope="module", params=STARTED)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of each example, started by its documented command with nothing configured but the port."""
    port = free_port()
    log = tmp_path_factory.mktemp("example") / "log"
    words = [word.replace("PORT", str(port)) for word in COMMANDS[request.param]]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("DG_", "WIDGETMW_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=EXAMPLES,
            env={**environ, "PORT": str(port)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    end = time.monotonic() + PATIENCE
    while not answers(port):
        if process.poll() is not None or time.monotonic() > end:
            stop(process)
            pytest.fail(f"the example did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    stop(process)
    printed = log.read_text()
    assert "Traceback" not in printed, printed[-3000:]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()


def client_of(site: str) -> httpx.Client:
    return httpx.Client(base_url=site, verify=NO_AUTHORITIES)


def post(client: httpx.Client, path: str, **form: str) -> httpx.Response:
    """Submits a form of the page, including its hidden fields."""
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)"', client.get("/").text))
    return client.post(path, data={**hidden, **form}, follow_redirects=True)


def users_in(text: str) -> set[str]:
    claims = [jwt.decode(token, options={"verify_signature": False}) for token in TOKEN.findall(text)]
    return {IDS.get(each["external_id"], each["external_id"]) for each in claims}


def test_signing_in_and_out_over_http(site: str) -> None:
    with client_of(site) as client:
        anonymous = client.get("/")
        assert "data-widgetmw" not in anonymous.text
        assert "Sign in as Ada" in anonymous.text
        assert client.get("/_widgetmw/token").status_code == 401

        page = post(client, "/sign-in", id="ada")
        assert "Hello, Ada Lovelace" in page.text
        assert users_in(page.text) == {"ada"}
        assert page.headers["cache-control"] == "private, no-store"
        assert page.text.index("DG_CHAT_WIDGET_CONFIG") < page.text.index("<meta")

        reply = client.get("/_widgetmw/token/digitalgenius")
        assert reply.status_code == 200
        assert reply.headers["cache-control"] == "no-store"
        assert "set-cookie" not in reply.headers
        assert users_in(reply.text) == {"ada"}
        assert 0 < reply.json()["expires_in"] <= 10
        assert client.post("/_widgetmw/token").status_code == 200
        assert client.get(re.findall(r'src="(/_widgetmw/runtime[^"]+)"', page.text)[0]).status_code == 200

        assert "Sign in as Ada" in post(client, "/sign-out").text
        assert client.get("/_widgetmw/token").status_code == 401
        assert users_in(post(client, "/sign-in", id="grace").text) == {"grace"}


def test_two_visitors_get_their_own_tokens(site: str) -> None:
    with client_of(site) as one, client_of(site) as other:
        post(one, "/sign-in", id="ada")
        post(other, "/sign-in", id="grace")
        for _ in range(3):
            assert users_in(one.get("/").text) == {"ada"}
            assert users_in(other.get("/_widgetmw/token").text) == {"grace"}


@pytest.mark.parametrize("site", VISITED, indirect=True)
def test_a_visit_in_chromium(site: str, browser: Browser) -> None:
    context = browser.new_context()
    context.set_default_timeout(60_000)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = context.new_page()
    page.goto(site)
    assert page.locator("li").count() == 0

    page.get_by_text("Sign in as Ada").click()
    expect(page.locator("li")).to_have_count(1)
    page.evaluate("window.sameDocument = true")
    tokens = page.evaluate("tokens")
    assert users_in(tokens[0]) == {"ada"}
    lifetime = jwt.decode(tokens[0], options={"verify_signature": False})
    assert lifetime["exp"] - lifetime["iat"] == 10

    expect(page.locator("li")).to_have_count(2)
    renewed = page.evaluate("tokens")
    assert renewed[0] == tokens[0]
    assert renewed[1] != renewed[0]
    assert users_in(renewed[1]) == {"ada"}
    assert page.evaluate("window.sameDocument") is True
    assert page.evaluate("window.widgetmw.get('digitalgenius').token") == renewed[1]

    page.get_by_text("Sign out").click()
    expect(page.get_by_text("Sign in as Ada")).to_be_visible()
    # The page has no widget, so its clean-up is pending.
    page.wait_for_function("Object.keys(localStorage).some((name) => name.endsWith(':pending'))")
    assert page.evaluate("tokens") == []
    page.reload()
    assert page.evaluate("[widgetmw.get('digitalgenius'), typeof window.DG_CHAT_WIDGET_CONFIG]") == [None, "undefined"]
    context.close()
    assert errors == []
