"""Searches everything the process can emit for every configured secret, plain and encoded."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import Make
from tests.contract.site import HTML, MARK, Page
from widgetmw import Settings, SettingsError, User

SECRETS = ("DG_API_SECRET", "HISSUNO_SECRET_KEY", "ORLO_PRIVATE_KEY", "GIOSG_SIGNING_KEY")
PERSONAL = User("ada-1", "Ada Personal", "ada.personal@example.com", {"plan": "personal-plan"})


def encodings_of_secrets(env: dict[str, str]) -> Iterator[str]:
    """Every form in which a secret could appear; for the RSA key, each line of its PEM."""
    for name in SECRETS:
        lines = [line for line in env[name].splitlines() if "-----" not in line]
        for secret in [env[name], *lines]:
            if len(secret) < 12:
                continue
            yield secret
            yield repr(secret)[1:-1]
            yield json.dumps(secret)[1:-1]
            for encode in (b64encode, urlsafe_b64encode):
                # the same bytes look different at each of three offsets
                for shift in range(3):
                    text = encode(b"\0" * shift + secret.encode()).decode()
                    yield text[4 if shift else 0 : -4]
            yield secret.encode().hex()


def assert_no_secrets(text: str, env: dict[str, str]) -> None:
    leaks = {encoded[:4] + "…" for encoded in encodings_of_secrets(env) if encoded in text}
    assert leaks == set()


def test_the_search_finds_plain_and_encoded_secrets(env: dict[str, str]) -> None:
    for name in SECRETS:
        for text in (env[name], "x" + b64encode(b"ab" + env[name].encode() + b"cd").decode()):
            with pytest.raises(AssertionError):
                assert_no_secrets(text, env)


def test_pages_and_endpoints_contain_no_secrets(
    make: Make, env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    policies = ["", "script-src 'self'", "script-src 'unsafe-inline'", "script-src 'nonce-abc'", "script-src x"]
    out = []
    with caplog.at_level(logging.DEBUG):
        for delivery in ("inline", "fetch"):
            site = make(
                env={**env, "WIDGETMW_DELIVERY": delivery, "WIDGETMW_EMBED": "digitalgenius,giosg"}, user=PERSONAL
            )
            for policy in policies:
                site.page = Page(headers=[HTML, ("Content-Security-Policy", policy)] if policy else [HTML])
                out += [site.get(), site.request(method="HEAD")]
            paths = ["token", "token/orlo", "token/unknown", "runtime.js", "x"]
            out += [site.get(f"/_widgetmw/{path}") for path in paths]
            for user in (None, ValueError("x"), "wrong"):
                site.user = user
                out += [site.get(Cookie=MARK), site.get("/_widgetmw/token")]
    text = "\n".join(f"{reply.headers} {reply.body.decode()}" for reply in out) + caplog.text
    assert text.count("data-widgetmw") > 8
    assert_no_secrets(text, env)


def test_reprs_contain_no_secrets(make: Make, env: dict[str, str]) -> None:
    site = make(env=env, user=PERSONAL)
    site.get()
    engine, out = site.engine, io.StringIO()
    token_set = engine.tokens.get(PERSONAL)
    objects = [
        site.middleware,
        site.settings,
        engine,
        engine.tokens,
        engine.script_tags,
        engine.endpoint,
        engine.events,
        token_set,
    ]
    objects += [
        *token_set.by_provider.values(),
        *site.settings.vendors,
        *(v.provider for v in site.settings.vendors),
        PERSONAL,
    ]
    for each in objects:
        print(repr(each), str(each), f"{each}", file=out)
    assert_no_secrets(out.getvalue(), env)
    for personal in ("Ada Personal", "ada.personal", "personal-plan", token_set.by_provider["orlo"].value):
        assert personal not in out.getvalue()


def test_logs_of_failures_contain_no_secrets(
    make: Make, env: dict[str, str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make(env=env, user=PERSONAL)
    for vendor in site.settings.vendors:
        monkeypatch.setattr(type(vendor.provider), "mint", lambda self, user, *_: [][hash(user.name)])
    with caplog.at_level(logging.DEBUG):
        text = repr(site.get()) + repr(site.get("/_widgetmw/token"))
    assert "mint_failed" in caplog.text
    assert_no_secrets(text + caplog.text, env)
    for personal in ("Ada Personal", "ada.personal", "personal-plan"):
        assert personal not in caplog.text


def broken_environments(env: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """Environments with a problem in, or next to, a secret."""
    for name in SECRETS:
        yield {**env, f"{name}_FILE": str(tmp_path / "missing")}
        yield {**env, name: env[name][:-30] + "\udcff"}
        for public in (
            "DG_WIDGET_ID",
            "HISSUNO_PROJECT_ID",
            "ORLO_WIDGET_ID",
            "GIOSG_ROOM_ID",
            "WIDGETMW_PATH",
            "DG_ENV",
        ):
            yield {**env, public: env[name]}
    swapped = dict(zip(SECRETS, (env[name] for name in reversed(SECRETS)), strict=True))
    yield {**env, **swapped}
    yield {**env, "ORLO_CUSTOMER_DATA_SNIPPET": f"f('JWT_TOKEN', '{env['DG_API_SECRET']}"}
    yield {**env, "ORLO_MOBILE_URL": env["HISSUNO_SECRET_KEY"]}
    yield {**env, f"WIDGETMW_{env['DG_API_SECRET']}"[:0] + "WIDGETMW_DEBUG": env["DG_API_SECRET"]}


def test_settings_errors_contain_no_secrets(env: dict[str, str], tmp_path: Path) -> None:
    rejected = 0
    for environ in broken_environments(env, tmp_path):
        try:
            Settings.from_env(environ)
        except SettingsError as error:
            rejected += 1
            text = f"{error} {error!r} {error.problems} " + "".join(traceback.format_exception(error))
            assert_no_secrets(text, env)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__} instead of a SettingsError") from None
    assert rejected > 20


@pytest.mark.parametrize("command", [["check"], ["token", "--user", "ada"], ["env"]])
def test_the_command_line_prints_no_secrets(env: dict[str, str], command: list[str]) -> None:
    for environ in (env, {**env, "DG_WIDGET_ID": "a\nb", "ORLO_TOKEN_TTL": env["GIOSG_SIGNING_KEY"]}):
        result: Any = subprocess.run(
            [sys.executable, "-X", "dev", "-m", "widgetmw", *command],
            env={"PATH": os.environ["PATH"], **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in result.stderr
        assert_no_secrets(result.stdout + result.stderr, env)
