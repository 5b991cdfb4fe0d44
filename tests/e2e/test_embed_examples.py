"""The examples with ``embed.js``: Vite, a static site, Astro and a bearer token, each built, served and visited."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.combinations import only_with_all
from tests.components import CACHE, EXAMPLES, packages_of_example
from tests.conftest import require, skip_or_fail
from tests.servers.processes import answers, free_port, launch, stop

#: A script: fails if a package, whose manifest is the argument, needs another node.
NODE_FITS = """
const { engines } = require(process.argv[1]);
process.exit(require("semver").satisfies(process.version, engines.node) ? 0 : 1);
"""

#: Starts a command that listens on the given port, with these variables.
Run = Callable[..., None]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts the processes of an example; afterwards their logs must be free of tracebacks."""
    processes, logs = [], []

    def started(port: int, *command: str, **environ: str) -> None:
        logs.append(tmp_path / f"{port}.log")
        processes.append(launch(command, lambda: answers(port), {"CI": "true", **environ}, logs[-1]))

    yield started
    for process in processes:
        stop(process)
    assert [log.read_text() for log in logs if "Traceback" in log.read_text()] == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(60_000)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context.new_page()
    context.close()
    assert errors == []


def with_packages(name: str, folder: Path) -> Path:
    """Returns a copy of an example that has its node packages, which are not installed again."""
    copy = folder / name
    left_out = shutil.ignore_patterns("node_modules", "package-lock.json", "dist", "site", ".astro")
    shutil.copytree(EXAMPLES / name, copy, ignore=left_out)
    (copy / "node_modules").mkdir()
    (copy / "node_modules" / ".bin").symlink_to(CACHE / "node_modules" / ".bin")
    for package in packages_of_example(name):
        (copy / "node_modules" / package).symlink_to(require_package(package))
    return copy


def require_package(name: str) -> Path:
    """Returns where a node package is; skips the test without it, or where node is too old for it."""
    folder = CACHE / "node_modules" / name
    if not folder.exists():
        skip_or_fail(f"{name} is not installed, and this test builds the example with it")
    command = [require("node"), "-e", NODE_FITS, str(folder / "package.json")]
    if subprocess.run(command, cwd=CACHE, timeout=60, check=False).returncode:
        skip_or_fail(f"this node is too old for {name}, and this test builds the example with it")
    return folder


def npm(folder: Path, *words: str) -> list[str]:
    """Returns the command that runs a script of an example."""
    return [require("npm"), "--no-update-notifier", "--prefix", str(folder), "run", *words]


def build(folder: Path, **environ: str) -> None:
    environ = {**os.environ, "ASTRO_TELEMETRY_DISABLED": "1", **environ}
    done = subprocess.run(npm(folder, "build"), env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def serve_with_nginx(run: Run, folder: Path, app: int) -> str:
    """Serves the pages of a folder with nginx and the example's configuration; returns the URL."""
    port, program = free_port(), require("nginx")
    written = (EXAMPLES / "static" / "nginx.conf").read_text()
    places = {"127.0.0.1:8080": f"127.0.0.1:{port}", "127.0.0.1:8000": f"127.0.0.1:{app}", "/tmp": str(folder)}
    for documented, here in places.items():
        assert documented in written
        written = written.replace(documented, here)
    user = "user root;\n" if os.geteuid() == 0 else ""  # otherwise its workers could not access the folder
    (folder / "nginx.conf").write_text(user + written)
    run(port, program, "-p", str(folder), "-c", "nginx.conf")
    return f"http://127.0.0.1:{port}"


def start_app(run: Run, path: str, **environ: str) -> int:
    port = free_port()
    run(port, sys.executable, str(EXAMPLES / path), PORT=str(port), **environ)
    return port


def users_of_tokens(page: Page) -> list[str]:
    """Returns whose tokens the stand-in for DigitalGenius' widget shows."""
    return re.findall(r'"external_id":"(\w+)"', page.locator("ol").inner_text())


# --- Vite: another origin, a session cookie, the API's CORS ---------------------------------------------------------


def start_vite(script: str, run: Run, tmp_path: Path) -> str:
    """Starts the API, and Vite with a script of the example; returns the URL of the pages."""
    folder, port = with_packages("vite", tmp_path), free_port()
    origin = f"http://127.0.0.1:{port}"
    api = f"http://127.0.0.1:{start_app(run, 'vite/api.py', WIDGETMW_ALLOWED_ORIGINS=origin)}"
    if script == "preview":
        build(folder, VITE_API=api)
    run(port, *npm(folder, script, "--", "--host", "127.0.0.1", "--port", str(port), "--strictPort"), VITE_API=api)
    return origin


@only_with_all
def test_the_dev_server_of_vite_and_its_api_on_another_port(run: Run, page: Page, tmp_path: Path) -> None:
    page.goto(start_vite("dev", run, tmp_path))
    expect(page.get_by_text("Nobody is signed in.")).to_be_visible()
    page.get_by_text("Sign in as Ada").click()
    expect(page.get_by_text("Hello, Ada Lovelace.")).to_be_visible()
    expect(page.locator("li").first).to_contain_text("ada")


def test_a_built_vite_app_and_its_api_on_another_port(run: Run, page: Page, tmp_path: Path) -> None:
    page.goto(start_vite("preview", run, tmp_path))
    expect(page.get_by_text("Nobody is signed in.")).to_be_visible()
    assert page.evaluate("DG_CHAT_WIDGET_CONFIG.widgetId") == "demo"

    page.get_by_text("Sign in as Ada").click()
    expect(page.get_by_text("Hello, Ada Lovelace.")).to_be_visible()
    expect(page.locator("li").first).to_contain_text("ada")
    page.reload()  # embed.js alone finds the session
    expect(page.locator("li").nth(1)).to_contain_text("ada")  # renewed
    assert set(users_of_tokens(page)) == {"ada"}

    page.get_by_text("Sign in as Grace").click()
    expect(page.locator("li").first).to_contain_text("grace")
    assert set(users_of_tokens(page)) == {"grace"}
    page.get_by_text("Sign out").click()
    expect(page.get_by_text("Nobody is signed in.")).to_be_visible()
    expect(page.locator("li")).to_have_count(0)
    assert page.evaluate("widgetmw.get('digitalgenius')") is None


# --- a static site behind nginx: the same origin, forms without a script ---------------------------------------------


def test_a_static_site_behind_the_same_nginx_as_its_app(run: Run, page: Page, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "static", tmp_path, dirs_exist_ok=True)
    url = serve_with_nginx(run, tmp_path, start_app(run, "static/app.py"))
    link = page.get_by_text("Contact us")
    page.goto(url)
    expect(link).to_have_attribute("href", "/")

    page.get_by_text("Sign in as Ada").click()
    expect(link).to_have_attribute("href", re.compile(r"var\.name=Ada%20Lovelace&sig="))
    first = link.get_attribute("href")
    expect(link).not_to_have_attribute("href", str(first))  # renewed
    expect(link).to_have_attribute("href", re.compile(r"var\.name=Ada%20Lovelace&sig="))
    assert page.evaluate("_giosg._e.every(([module, method]) => module + method === 'visitorsubmit')")

    page.get_by_text("Sign in as Grace").click()
    expect(link).to_have_attribute("href", re.compile(r"var\.name=Grace%20Hopper&sig="))
    page.get_by_text("Sign out").click()
    page.wait_for_function("window._giosg?._e?.some(([module, method]) => module + method === 'visitorremoveAll')")
    expect(link).to_have_attribute("href", "/")


# --- Astro: a layout, several pages -----------------------------------------------------------------------------------


@only_with_all
def test_an_astro_site_with_embed_js_in_its_layout(run: Run, page: Page, tmp_path: Path) -> None:
    folder = with_packages("astro", tmp_path)
    build(folder)
    url = serve_with_nginx(run, folder, start_app(run, "static/app.py"))
    chat = page.locator("#chat")
    page.goto(url + "/contact/")
    expect(chat).to_have_text("The chat does not know you.")

    for name in ("ada", "grace"):
        page.get_by_text("Shop").first.click()
        page.get_by_text(f"Sign in as {name.capitalize()}").click()
        page.get_by_text("Contact", exact=True).first.click()
        expect(chat).to_have_text(f"The chat knows you as {name}.")
    first = page.evaluate("HISSUNO_WIDGET_CONFIG.widgetToken")
    page.wait_for_function("(first) => HISSUNO_WIDGET_CONFIG.widgetToken !== first", arg=first)  # renewed
    expect(chat).to_have_text("The chat knows you as grace.")

    page.get_by_text("Shop").first.click()
    page.get_by_text("Sign out").click()
    # These pages have no giosg widget, so its clean-up is pending.
    page.wait_for_function("Object.keys(localStorage).some((name) => name.endsWith(':pending'))")
    page.get_by_text("Contact", exact=True).first.click()
    expect(chat).to_have_text("The chat does not know you.")
    assert page.evaluate("widgetmw.get('hissuno')") is None


# --- a bearer token: another origin without cookies -------------------------------------------------------------------


def test_a_page_of_another_origin_with_a_bearer_token(run: Run, page: Page) -> None:
    page_port = free_port()
    start_app(run, "bearer_token.py", PAGE_PORT=str(page_port))
    page.goto(f"http://127.0.0.1:{page_port}/")
    assert page.evaluate("DG_CHAT_WIDGET_CONFIG.widgetId") == "demo"
    page.get_by_text("Sign in as Ada").click()
    expect(page.get_by_text("Hello, ada.")).to_be_visible()
    expect(page.locator("li").nth(1)).to_contain_text("ada")  # renewed
    assert set(users_of_tokens(page)) == {"ada"}
    page.get_by_text("Sign in as Grace").click()
    expect(page.get_by_text("Hello, grace.")).to_be_visible()
    assert set(users_of_tokens(page)) == {"grace"}
    page.get_by_text("Sign out").click()
    expect(page.get_by_text("Nobody is signed in.")).to_be_visible()
    assert page.evaluate("[tokens.length, widgetmw.get('digitalgenius')]") == [0, None]
