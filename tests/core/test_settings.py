from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from widgetmw import Settings, SettingsError
from widgetmw.core import registry


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    return list(caught.value.problems)


def the_problem(environ: dict[str, str]) -> str:
    (problem,) = problems(environ)
    return problem


def test_all_four_vendors_in_their_order(env: dict[str, str]) -> None:
    assert Settings.from_env(env).providers == ("digitalgenius", "hissuno", "orlo", "giosg")


def test_the_defaults_are_those_of_the_table(dg_env: dict[str, str]) -> None:
    s = Settings.from_env(dg_env)
    assert (s.enabled, s.path, s.delivery, s.refresh_margin) == (True, "/_widgetmw", "inline", None)
    assert (s.cache_size, s.cache_control, s.csp) == (10_000, "private, no-store", "respect")
    assert (s.embed, s.exclude, s.allowed_origins, s.debug) == ((), (), frozenset(), False)


def test_the_process_environment_is_the_default(dg_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in dg_env.items():
        monkeypatch.setenv(name, value)
    assert Settings.from_env().providers == ("digitalgenius",)


def test_no_vendor_is_valid_and_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        settings = Settings.from_env({})
    assert not settings.active
    (record,) = caplog.records
    assert record.name == "widgetmw"
    assert record.getMessage() == "widgetmw: no vendor is configured: every response passes through unmodified"


def test_a_package_without_its_metadata_is_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: ())
    registry.clear_cache()
    settings = Settings.from_env({})
    registry.clear_cache()
    assert not settings.active
    assert "no vendor is known, since the package was not installed" in caplog.text


def test_every_problem_is_listed_at_once_and_no_value_is_shown(env: dict[str, str]) -> None:
    env.update(
        DG_ENV="mars-env",
        HISSUNO_API_URL="ftp://shown.example/chat",
        ORLO_PRIVATE_KEY="not-a-key-at-all",
        GIOSG_TOKEN_TTL="shown-ttl",
        WIDGETMW_PATH="shown-path",
        WIDGETMW_CACHE_SIZE="0",
        WIDGETMW_TYPO="shown-typo",
    )
    del env["DG_API_SECRET"]
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(env)
    text = str(caught.value)
    names = "DG_ENV DG_API_SECRET HISSUNO_API_URL ORLO_PRIVATE_KEY GIOSG_TOKEN_TTL WIDGETMW_PATH WIDGETMW_CACHE_SIZE"
    for name in [*names.split(), "WIDGETMW_TYPO"]:
        assert name in text
    for value in ("mars-env", "ftp:", "not-a-key", "shown-"):
        assert value not in text
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WIDGETMW_ENABLED", "perhaps"),
        ("WIDGETMW_PROVIDERS", "digitalgenius,intercom"),
        ("WIDGETMW_PROVIDERS", ","),
        ("WIDGETMW_PATH", "no-slash"),
        ("WIDGETMW_PATH", "/"),
        ("WIDGETMW_PATH", "//evil.example"),
        ("WIDGETMW_PATH", "/a/../b"),
        ("WIDGETMW_PATH", '/a"b'),
        ("WIDGETMW_DELIVERY", "pigeon"),
        ("WIDGETMW_REFRESH_MARGIN", "-1"),
        ("WIDGETMW_REFRESH_MARGIN", "1.5"),
        ("WIDGETMW_REFRESH_MARGIN", "3600"),
        ("WIDGETMW_CACHE_SIZE", "0"),
        ("WIDGETMW_CACHE_SIZE", "１０"),
        ("WIDGETMW_CACHE_SIZE", "1_000"),
        ("WIDGETMW_CACHE_CONTROL", "max-age=60"),
        ("WIDGETMW_CACHE_CONTROL", "private, public"),
        ("WIDGETMW_CACHE_CONTROL", "private\r\nX-Evil: 1"),
        ("WIDGETMW_CSP", "ignore"),
        ("WIDGETMW_EMBED", "hissuno"),
        ("WIDGETMW_EMBED", "giosg"),
        ("WIDGETMW_EXCLUDE", "admin"),
        ("WIDGETMW_ALLOWED_ORIGINS", "*"),
        ("WIDGETMW_ALLOWED_ORIGINS", "https://a.example/path"),
        ("WIDGETMW_ALLOWED_ORIGINS", "null"),
        ("WIDGETMW_DEBUG", "2"),
        ("WIDGETMW_PATHS", "/x"),
        ("DG_ENV", "EU"),
        ("DG_TOKEN_TTL", "0"),
        ("DG_WIDGET_ID", "two\nlines"),
        ("DG_API_SECRET", "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----"),
    ],
)
def test_a_malformed_value_is_named(dg_env: dict[str, str], name: str, value: str) -> None:
    problem = the_problem({**dg_env, name: value})
    assert problem.startswith(name)


@pytest.mark.parametrize("name", ["DG_API_KEY", "DG_API_SECRET", "DG_WIDGET_ID"])
def test_a_vendor_with_some_of_its_variables_names_the_missing(dg_env: dict[str, str], name: str) -> None:
    del dg_env[name]
    assert the_problem(dg_env).startswith(f"{name} is not set")


def test_a_vendor_that_is_named_but_not_configured_is_a_problem(dg_env: dict[str, str]) -> None:
    found = problems({**dg_env, "WIDGETMW_PROVIDERS": "digitalgenius,hissuno"})
    assert [p.split()[0] for p in found] == ["HISSUNO_PROJECT_ID", "HISSUNO_SECRET_KEY"]


def test_a_lifetime_alone_does_not_activate_a_vendor(dg_env: dict[str, str]) -> None:
    assert Settings.from_env({**dg_env, "HISSUNO_TOKEN_TTL": "60"}).providers == ("digitalgenius",)


def test_providers_limits_and_orders(env: dict[str, str]) -> None:
    assert Settings.from_env({**env, "WIDGETMW_PROVIDERS": " giosg , hissuno "}).providers == (
        "giosg",
        "hissuno",
    )


def test_vendors_outside_of_providers_are_not_read(env: dict[str, str]) -> None:
    env.update(WIDGETMW_PROVIDERS="digitalgenius", ORLO_PRIVATE_KEY="broken", GIOSG_TOKEN_TTL="x")
    assert Settings.from_env(env).providers == ("digitalgenius",)


def test_nothing_is_read_when_disabled() -> None:
    settings = Settings.from_env({"WIDGETMW_ENABLED": "false", "DG_API_KEY": "half", "WIDGETMW_TYPO": "1"})
    assert not settings.enabled
    assert not settings.active


@pytest.mark.parametrize(
    "name",
    [
        "WIDGETMW_SERVICE_HOST",
        "WIDGETMW_SERVICE_PORT",
        "WIDGETMW_SERVICE_PORT_HTTP",
        "WIDGETMW_PORT",
        "WIDGETMW_PORT_80_TCP",
        "WIDGETMW_PORT_80_TCP_ADDR",
        "WIDGETMW_DEMO_SERVICE_HOST",
        "WIDGETMW_DEMO_PORT_80_TCP_PROTO",
    ],
)
def test_variables_that_kubernetes_sets_are_ignored(dg_env: dict[str, str], name: str) -> None:
    assert Settings.from_env({**dg_env, name: "10.0.0.1"}).active


def test_an_empty_value_counts_as_not_set(dg_env: dict[str, str]) -> None:
    assert Settings.from_env({**dg_env, "WIDGETMW_PATH": "", "WIDGETMW_DEBUG": ""}).path == "/_widgetmw"
    assert the_problem({**dg_env, "DG_API_SECRET": ""}).startswith("DG_API_SECRET is not set")


def test_a_secret_from_a_file_without_its_newline(dg_env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(dg_env.pop("DG_API_SECRET") + "\n")
    settings = Settings.from_env({**dg_env, "DG_API_SECRET_FILE": str(file)})
    assert [f.variable for f in settings.vendors[0].files] == ["DG_API_SECRET"]


def test_both_a_value_and_a_file_is_a_problem(dg_env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("other")
    assert "DG_API_SECRET and DG_API_SECRET_FILE" in the_problem({**dg_env, "DG_API_SECRET_FILE": str(file)})


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_an_unusable_file_is_named_without_its_path(
    dg_env: dict[str, str], tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "hidden-name"
    if content is not None:
        file.write_bytes(content)
    del dg_env["DG_API_SECRET"]
    found = problems({**dg_env, "DG_API_SECRET_FILE": str(file)})
    assert found[0].startswith("DG_API_SECRET_FILE ")
    assert "hidden-name" not in "".join(found)


def test_a_trailing_slash_of_the_path_is_removed(dg_env: dict[str, str]) -> None:
    assert Settings.from_env({**dg_env, "WIDGETMW_PATH": "/chat/auth/"}).path == "/chat/auth"


def test_origins_are_written_as_browsers_write_them(dg_env: dict[str, str]) -> None:
    listed = "https://Shop.example:443, http://127.0.0.1:8080"
    origins = Settings.from_env({**dg_env, "WIDGETMW_ALLOWED_ORIGINS": listed}).allowed_origins
    assert origins == {"https://shop.example", "http://127.0.0.1:8080"}


@pytest.mark.parametrize("name", ["HISSUNO_PROJECT_ID", "HISSUNO_API_URL"])
def test_a_secret_pasted_where_pages_show_it_is_refused(env: dict[str, str], name: str) -> None:
    secret = env["HISSUNO_SECRET_KEY"]
    env[name] = secret if name.endswith("ID") else f"https://a.example/{secret}/chat"
    problem = the_problem(env)
    assert problem.startswith(f"{name} must not hold a secret")
    assert secret not in problem


def pem(key: Any, encryption: Any = None) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


def test_only_rsa_private_keys_of_2048_bits_and_more(env: dict[str, str], rsa_public_pem: str, rsa_key: Any) -> None:
    bad = {
        "elliptic": pem(ec.generate_private_key(ec.SECP256R1())),
        "short": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        "public": rsa_public_pem,
        "encrypted": pem(rsa_key, BestAvailableEncryption(b"pass")),
        "cut": env["ORLO_PRIVATE_KEY"][:300],
    }
    for kind, key in bad.items():
        assert the_problem({**env, "ORLO_PRIVATE_KEY": key}).startswith("ORLO_PRIVATE_KEY must"), kind


def test_a_pem_with_escaped_line_breaks_as_env_files_have_it(env: dict[str, str]) -> None:
    env["ORLO_PRIVATE_KEY"] = env["ORLO_PRIVATE_KEY"].replace("\n", "\\n")
    assert "orlo" in Settings.from_env(env).providers


def test_a_placeholder_without_its_value_is_a_problem(env: dict[str, str]) -> None:
    del env["ORLO_WIDGET_ID"]
    env["ORLO_MOBILE_URL"] = "https://m.example/WIDGET_ID?t=JWT_TOKEN"
    assert the_problem(env).startswith("ORLO_WIDGET_ID")


def test_a_data_snippet_without_the_placeholder_is_a_problem(env: dict[str, str]) -> None:
    env["ORLO_CUSTOMER_DATA_SNIPPET"] = "hello();"
    assert the_problem(env).startswith("ORLO_CUSTOMER_DATA_SNIPPET must hold the placeholder")


def test_repr_of_settings_shows_no_secret(env: dict[str, str]) -> None:
    text = repr(Settings.from_env(env))
    for name in ("DG_API_SECRET", "HISSUNO_SECRET_KEY", "GIOSG_SIGNING_KEY"):
        assert env[name] not in text
    assert "PRIVATE" not in text


def test_the_margin_may_be_long_if_no_token_expires(env: dict[str, str]) -> None:
    env.update(WIDGETMW_PROVIDERS="orlo", ORLO_TOKEN_TTL="0", WIDGETMW_REFRESH_MARGIN="99999")
    assert Settings.from_env(env).refresh_margin == 99999


@pytest.mark.parametrize("name", ["DG_WIDGET_ID", "ORLO_WIDGET_ID", "GIOSG_ROOM_ID", "HISSUNO_PROJECT_ID"])
def test_no_vendors_secret_may_stand_in_anothers_public_value(env: dict[str, str], name: str) -> None:
    env[name] = env["GIOSG_SIGNING_KEY"]
    assert the_problem(env).startswith(f"{name} must not hold a secret")


def test_a_short_secret_is_compared_as_a_whole(dg_env: dict[str, str]) -> None:
    dg_env.update(DG_API_SECRET="abc", DG_WIDGET_ID="abc")
    assert the_problem(dg_env).startswith("DG_WIDGET_ID must not hold a secret")


@pytest.mark.parametrize("name", ["DG_TOKEN_TTL", "DG_ENV", "GIOSG_URL_ALGORITHM", "ORLO_TOKEN_TTL"])
def test_a_malformed_value_of_a_vendor_that_is_not_set_up_is_a_problem_too(name: str) -> None:
    assert the_problem({name: "nonsense"}).startswith(name)


def test_a_blank_secret_is_refused(dg_env: dict[str, str]) -> None:
    assert the_problem({**dg_env, "DG_API_SECRET": "   "}).startswith("DG_API_SECRET")


def test_origins_of_native_apps(dg_env: dict[str, str]) -> None:
    listed = "capacitor://localhost, HTTPS://A.example"
    origins = Settings.from_env({**dg_env, "WIDGETMW_ALLOWED_ORIGINS": listed}).allowed_origins
    assert origins == {"capacitor://localhost", "https://a.example"}


@pytest.mark.parametrize("origin", ["https://a.example:0", "https://a.example:99999", "https://a..b", "https://"])
def test_malformed_origins_are_refused(dg_env: dict[str, str], origin: str) -> None:
    assert the_problem({**dg_env, "WIDGETMW_ALLOWED_ORIGINS": origin}).startswith("WIDGETMW_ALLOWED_ORIGINS")
