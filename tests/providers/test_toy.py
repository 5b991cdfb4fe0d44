"""A vendor of another distribution, installed from its folder, gets everything that the built-in vendors get."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import jwt
import pytest
from playwright.sync_api import sync_playwright

from tests.browser.conftest import launch
from tests.conftest import forget_vendors
from widgetmw import Settings, SettingsError, User, testing
from widgetmw.core import registry
from widgetmw.core.config_overlay import merge_config
from widgetmw.providers import ORDER
from widgetmw.wsgi import WidgetMiddleware

TOY = Path(__file__).parent / "toy"
KEY = "toy-key-toy-key-toy-key-toy-key-toy"
ENV = {"TOY_APP_ID": "app-1", "TOY_KEY": KEY}
PAGE = b"""<!doctype html><html><head><title>Shop</title><script>
window.atStart = { ...window.toyChatConfig };
window.toyChat = { tokens: [], identify(token) { this.tokens.push(token) }, reset() {} };
</script></head><body></body></html>"""
ADA = User("ada-1", "Ada", attributes={"plan": "pro", "sub": "somebody else"})


@pytest.mark.parametrize("name", ["pyproject.toml", "toy_chat/__init__.py", "toy_chat/toy_chat.js"])
def test_the_documentation_shows_this_distribution(name: str) -> None:
    document = (TOY.parents[2] / "docs" / "adding-a-vendor.md").read_text(encoding="utf-8")
    assert f"```\n{(TOY / name).read_text(encoding='utf-8')}```" in re.sub(r"```\w+\n", "```\n", document)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the distribution is installed in."""
    source, target = tmp_path_factory.mktemp("source") / "toy", tmp_path_factory.mktemp("installed")
    shutil.copytree(TOY, source)  # building leaves files behind
    words = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target"]
    subprocess.run([sys.executable, *words, str(target), str(source)], check=True, timeout=300)
    return target


@pytest.fixture
def toy(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes the distribution part of this process."""
    monkeypatch.syspath_prepend(str(installed))
    forget_vendors()
    yield
    sys.modules.pop("toy_chat", None)
    forget_vendors()


def widgetmw(installed: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "widgetmw", *words],
        env={**os.environ, "PYTHONPATH": str(installed), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def get(app: WidgetMiddleware, path: str) -> tuple[str, bytes]:
    found: list[str] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "a", "SERVER_PORT": "80"}
    environ |= {"wsgi.url_scheme": "http", "HTTP_HOST": "a"}
    body = app(environ, lambda status, headers, *rest: found.append(status) or (lambda data: None))
    return found[0], b"".join(body)


def site(settings: Settings) -> WidgetMiddleware:
    def app(environ, start_response):  # type: ignore[no-untyped-def]
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE]

    return WidgetMiddleware(app, settings, user=lambda environ: ADA)


@pytest.mark.usefixtures("toy")
def test_it_is_listed_behind_the_built_in_vendors() -> None:
    assert registry.registered_names() == (*ORDER, "toy")


@pytest.mark.usefixtures("toy")
def test_its_variables_make_it_active(dg_env: dict[str, str]) -> None:
    assert Settings.from_env({**dg_env, **ENV}).providers == ("digitalgenius", "toy")
    assert Settings.from_env({**dg_env, **ENV, "WIDGETMW_PROVIDERS": "toy"}).providers == ("toy",)
    assert Settings.from_env(dg_env).providers == ("digitalgenius",)


@pytest.mark.usefixtures("toy")
def test_its_variables_have_the_problems_of_any_vendor() -> None:
    for environ, problem in (
        (
            {"TOY_APP_ID": "app-1"},
            "TOY_KEY is not set, and toy needs it (or TOY_KEY_FILE); if toy is not meant to be active, name the others "
            "in WIDGETMW_PROVIDERS",
        ),
        ({**ENV, "WIDGETMW_PROVIDERS": "toy", "TOY_APP_ID": ""}, "TOY_APP_ID is not set, and toy needs it"),
        ({**ENV, "TOY_TOKEN_TTL": "soon"}, "TOY_TOKEN_TTL must be a whole number, 1 or more"),
        ({**ENV, "TOY_APP_ID": KEY}, "TOY_APP_ID must not hold a secret: its value is shown in pages"),
    ):
        with pytest.raises(SettingsError) as caught:
            Settings.from_env(environ)
        assert caught.value.problems == (problem,)


@pytest.mark.usefixtures("toy")
def test_a_framework_may_configure_it() -> None:
    assert merge_config({}, {"TOY_TOKEN_TTL": 60, "SECRET_KEY": "x"}) == {"TOY_TOKEN_TTL": "60"}


@pytest.mark.usefixtures("toy")
def test_its_token_stands_in_the_page_and_at_the_endpoint() -> None:
    app = site(testing.settings("toy", TOY_APP_ID="app-1", TOY_KEY=KEY))
    page = get(app, "/")[1]
    token = testing.read_tokens(page)["toy"].value
    claims = jwt.decode(token, KEY, algorithms=["HS256"])
    assert (claims["sub"], claims["name"], claims["plan"]) == ("ada-1", "Ada", "pro")
    assert claims["exp"] - claims["iat"] == 600
    status, body = get(app, "/_widgetmw/token/toy")
    assert (status, json.loads(body)["token"]) == ("200 OK", token)


@pytest.mark.usefixtures("toy")
def test_the_site_in_the_documentation_shows_page_and_token(monkeypatch: pytest.MonkeyPatch) -> None:
    document = (TOY.parents[2] / "docs" / "adding-a-vendor.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"`try/shop\.py`:\n\n```python\n(.*?)```", document, re.DOTALL)
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {"__name__": "shop"}
    exec(source, names)
    token = testing.read_tokens(get(names["app"], "/")[1])["toy"].value
    status, body = get(names["app"], "/_widgetmw/token/toy")
    assert (status, json.loads(body)["token"]) == ("200 OK", token)


@pytest.mark.usefixtures("toy")
def test_its_token_is_renewed_at_the_endpoint() -> None:
    clock = testing.Clock()
    app = site(testing.settings("toy", clock=clock))
    first = json.loads(get(app, "/_widgetmw/token/toy")[1])
    clock.move(first["refresh_in"] + 1)
    second = json.loads(get(app, "/_widgetmw/token/toy")[1])
    assert second["expires_at"] > first["expires_at"]


@pytest.mark.usefixtures("toy")
def test_tests_of_apps_get_keys_for_it() -> None:
    assert "toy" in testing.settings().providers
    assert testing.environ("toy") == testing.environ("toy")


@pytest.mark.usefixtures("toy")
def test_it_passes_the_checks_of_the_built_in_vendors_as_the_documentation_shows() -> None:
    document = (TOY.parents[2] / "docs" / "adding-a-vendor.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"```python\n(from toy_chat import .*?)```", document, re.DOTALL)
    names: dict[str, Any] = {}
    exec(source, names)
    names["test_the_vendor_passes_the_checks_of_the_built_in_ones"]()


@pytest.fixture
def documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Installs another class that the documentation shows, with the script of the toy, and returns it."""
    module = ""

    def install(name: str) -> Any:
        nonlocal module
        module = f"{name}_chat"
        document = (TOY.parents[2] / "docs" / "adding-a-vendor.md").read_text(encoding="utf-8")
        (source,) = re.findall(rf"`{module}\.py`:\n\n```python\n(.*?)```", document, re.DOTALL)
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        shutil.copy(TOY / "toy_chat" / "toy_chat.js", tmp_path / f"{module}.js")
        (tmp_path / f"{name}.dist-info").mkdir()
        (tmp_path / f"{name}.dist-info" / "entry_points.txt").write_text(
            f"[widgetmw.providers]\n{name} = {module}:{name.capitalize()}Chat\n", encoding="utf-8"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        forget_vendors()
        return registry.load_provider(name)

    yield install
    sys.modules.pop(module, None)
    monkeypatch.undo()
    forget_vendors()


@pytest.mark.parametrize("name", ["parley", "hailo", "brisk"])
def test_the_other_classes_in_the_documentation_pass_the_checks(documented: Callable[[str], Any], name: str) -> None:
    assert testing.check_provider(documented(name)) == ()


def test_the_documented_class_with_a_private_key_changes_its_id_with_the_key(
    documented: Callable[[str], Any], tmp_path: Path
) -> None:
    kind = documented("parley")
    environ = {"WIDGETMW_PROVIDERS": "parley"}
    for name, text in {**kind.example_variables(), "PARLEY_KEY_ID": "key-1"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        environ[f"{name}_FILE"] = str(tmp_path / name)
    (vendor,) = Settings.from_env(environ).vendors
    assert [file.variable for file in vendor.files] == ["PARLEY_KEY_ID", "PARLEY_PRIVATE_KEY"]
    changed = vendor.with_contents({**kind.example_variables(), "PARLEY_KEY_ID": "key-2"})
    for each, key_id in ((vendor, "key-1"), (changed, "key-2")):
        token = each.provider.mint(ADA, 1000, 1600).value
        assert jwt.get_unverified_header(token) == {"alg": "RS256", "kid": key_id, "typ": "JWT"}


def test_the_documented_class_with_a_bounded_lifetime_refuses_a_longer_one(documented: Callable[[str], Any]) -> None:
    environ = {**documented("parley").example_variables(), "WIDGETMW_PROVIDERS": "parley", "PARLEY_TOKEN_TTL": "901"}
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    assert caught.value.problems == ("PARLEY_TOKEN_TTL must be a whole number from 1 to 900",)


def test_the_documented_hash_is_that_of_the_decoded_key_for_a_trusted_address(
    documented: Callable[[str], Any],
) -> None:
    environ = {**documented("hailo").example_variables(), "WIDGETMW_PROVIDERS": "hailo"}
    user = User("42", "Ada", "ada@example.org", email_verified=False)
    for trusts, code in (("false", "email_unverified"), ("true", "")):
        (vendor,) = Settings.from_env({**environ, "WIDGETMW_TRUST_EMAILS": trusts}).vendors
        assert vendor.provider.cannot_serve(user) == code
    minted = vendor.provider.mint(user, 1000, None)
    key = bytes.fromhex(environ["HAILO_SECRET"].removeprefix("hs_"))
    assert minted.value == hmac.new(key, b"ada@example.org", hashlib.sha256).hexdigest()
    assert minted.extra == {"email": "ada@example.org", "name": "Ada"}


def test_the_documented_values_beside_the_token_are_in_the_page(documented: Callable[[str], Any]) -> None:
    documented("brisk")
    token = testing.read_tokens(get(site(testing.settings("brisk")), "/")[1])["brisk"]
    assert (token.extra, token.claims["exp"] - token.claims["iat"]) == ({"userId": "ada-1"}, 300)


def test_check_verifies_its_token(installed: Path) -> None:
    done = widgetmw(installed, "check", **ENV)
    assert done.returncode == 0, done.stderr
    assert f"toy: HS256 key of {len(KEY)} bytes" in done.stdout
    assert KEY not in done.stdout + done.stderr


def test_the_table_of_settings_has_its_variables(installed: Path) -> None:
    assert "| `TOY_KEY` (or `_FILE`) | the shared key; signs | required |" in widgetmw(installed, "env").stdout


class Server(ThreadingMixIn, WSGIServer):
    """A server that does not wait for the connections that a browser keeps open."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Writes no access log."""

    def log_message(self, *args: object) -> None: ...


@pytest.mark.usefixtures("toy")
def test_its_script_runs_in_a_browser_and_gets_the_renewed_token() -> None:
    app = site(testing.settings("toy", TOY_APP_ID="app-1", TOY_TOKEN_TTL="3"))
    with make_server("127.0.0.1", 0, app, Server, Quiet) as server, sync_playwright() as playwright:
        Thread(target=server.serve_forever, daemon=True).start()
        browser = launch(playwright)
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        at_start = page.evaluate("atStart")
        page.wait_for_function("first => toyChat.tokens.some(token => token !== first)", arg=at_start["token"])
        renewed = page.evaluate("[toyChat.tokens.at(-1), toyChatConfig.token, widgetmw.get('toy').provider]")
        browser.close()
        server.shutdown()
    assert at_start["appId"] == "app-1"
    assert jwt.decode(at_start["token"], options={"verify_signature": False})["sub"] == "ada-1"
    assert renewed[0] == renewed[1] != at_start["token"]
    assert (renewed[2], errors) == ("toy", [])
