from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.conftest import forget_vendors
from widgetmw import Settings, SettingsError, testing


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    return list(caught.value.problems)


def the_problem(environ: dict[str, str]) -> str:
    (problem,) = problems(environ)
    return problem


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
    assert record.getMessage() == (
        "widgetmw: no vendor is configured: every response passes through unmodified; "
        "set a vendor's variables, which `widgetmw env` lists"
    )


def test_a_package_without_its_metadata_is_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: ())
    forget_vendors()
    settings = Settings.from_env({})
    forget_vendors()
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


def test_a_variable_that_several_vendors_read_is_named_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"WIDGETMW_TRUST_EMAILS": "perhaps"})
    assert caught.value.problems == ("WIDGETMW_TRUST_EMAILS must be true or false",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WIDGETMW_ENABLED", "perhaps"),
        ("WIDGETMW_PROVIDERS", "digitalgenius,acme"),
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
        ("WIDGETMW_CACHE_CONTROL", "private=set-cookie"),
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


@pytest.mark.parametrize(
    ("vendor", "reason"),
    [
        ("giosg", "is not active"),
        ("hissuno", "has no script tag to add: embed its widget in the page instead"),
    ],
)
def test_the_reason_why_a_vendor_cannot_be_embedded(vendor: str, reason: str) -> None:
    environ = {**testing.environ("hissuno"), "WIDGETMW_EMBED": vendor}
    assert the_problem(environ) == f"WIDGETMW_EMBED names {vendor}, which {reason}"


def test_a_vendor_with_a_problem_is_not_also_reported_as_not_active(tmp_path: Path) -> None:
    environ = {**testing.environ("giosg"), "WIDGETMW_EMBED": "giosg"}
    del environ["GIOSG_SIGNING_KEY"]
    file = str(tmp_path / "missing")
    assert the_problem({**environ, "GIOSG_SIGNING_KEY_FILE": file}).startswith("GIOSG_SIGNING_KEY_FILE cannot be read")
    assert the_problem(environ).startswith("GIOSG_SIGNING_KEY is not set")


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


def test_a_trailing_slash_of_the_path_is_removed(dg_env: dict[str, str]) -> None:
    assert Settings.from_env({**dg_env, "WIDGETMW_PATH": "/chat/auth/"}).path == "/chat/auth"


def test_origins_are_written_as_browsers_write_them(dg_env: dict[str, str]) -> None:
    listed = "https://Shop.example:443, http://127.0.0.1:8080"
    origins = Settings.from_env({**dg_env, "WIDGETMW_ALLOWED_ORIGINS": listed}).allowed_origins
    assert origins == {"https://shop.example", "http://127.0.0.1:8080"}


def test_repr_of_settings_shows_no_secret(env: dict[str, str]) -> None:
    text = repr(Settings.from_env(env))
    for name in ("DG_API_SECRET", "HISSUNO_SECRET_KEY", "GIOSG_SIGNING_KEY"):
        assert env[name] not in text
    assert "PRIVATE" not in text


def test_the_margin_may_be_long_if_no_token_expires(env: dict[str, str]) -> None:
    env.update(WIDGETMW_PROVIDERS="orlo", ORLO_TOKEN_TTL="0", WIDGETMW_REFRESH_MARGIN="99999")
    assert Settings.from_env(env).refresh_margin == 99999


def test_origins_of_native_apps(dg_env: dict[str, str]) -> None:
    listed = "capacitor://localhost, HTTPS://A.example"
    origins = Settings.from_env({**dg_env, "WIDGETMW_ALLOWED_ORIGINS": listed}).allowed_origins
    assert origins == {"capacitor://localhost", "https://a.example"}


@pytest.mark.parametrize("origin", ["https://a.example:0", "https://a.example:99999", "https://a..b", "https://"])
def test_malformed_origins_are_refused(dg_env: dict[str, str], origin: str) -> None:
    assert the_problem({**dg_env, "WIDGETMW_ALLOWED_ORIGINS": origin}).startswith("WIDGETMW_ALLOWED_ORIGINS")


SECRET = "0123456789abcdef-secret-value"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{SECRET}\n", "begins or ends with white space or a line break; remove it"),
        (f" {SECRET}", "begins or ends with white space or a line break; remove it"),
        (f"\ufeff{SECRET}", "begins or ends with a byte-order mark; remove it"),
        (f'"{SECRET}"', "is in quotes, which count as a part of it; remove them"),
        (f"'{SECRET}'", "is in quotes, which count as a part of it; remove them"),
    ],
)
def test_what_is_never_meant_at_the_ends_of_a_secret_is_refused(
    dg_env: dict[str, str], tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**dg_env, "DG_API_SECRET": text})
    assert caught.value.problems == (f"DG_API_SECRET {problem}",)
    file = tmp_path / "secret"
    file.write_text(f"{text}\n", encoding="utf-8")
    del dg_env["DG_API_SECRET"]
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**dg_env, "DG_API_SECRET_FILE": str(file)})
    assert caught.value.problems[0].startswith("DG_API_SECRET_FILE ")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["DG_API_SECRET", "DG_API_KEY", "DG_WIDGET_ID"])
@pytest.mark.parametrize("text", ["${DG}", "$(DG)", "{{ dg }}", "…", "..."])
def test_a_placeholder_that_nothing_has_replaced_is_refused(dg_env: dict[str, str], name: str, text: str) -> None:
    problem = the_problem({**dg_env, name: text})
    assert problem == f"{name} is a placeholder that nothing has replaced; set the value itself"


def test_angle_brackets_mark_a_placeholder_of_a_secret_only(dg_env: dict[str, str]) -> None:
    assert "DG_API_SECRET is a placeholder" in the_problem({**dg_env, "DG_API_SECRET": "<your secret>"})
    Settings.from_env({**dg_env, "DG_WIDGET_ID": "<b>"})


def test_a_required_value_in_quotes_is_refused(dg_env: dict[str, str]) -> None:
    problem = the_problem({**dg_env, "DG_WIDGET_ID": '"widget-7"'})
    assert problem == "DG_WIDGET_ID is in quotes, which count as a part of it; remove them"


def test_the_path_of_a_file_in_place_of_its_content_is_refused(dg_env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET, encoding="utf-8")
    problem = the_problem({**dg_env, "DG_API_SECRET": str(file)})
    assert problem == "DG_API_SECRET is the path of a file; set DG_API_SECRET_FILE to it instead"
    assert the_problem({"ORLO_PRIVATE_KEY": str(file)}).endswith("set ORLO_PRIVATE_KEY_FILE to it instead")
    Settings.from_env({**dg_env, "DG_API_SECRET": f"{SECRET}/of+base64=="})


def test_the_content_of_a_file_in_place_of_its_path_is_refused(rsa_pem: str) -> None:
    problem = the_problem({"ORLO_PRIVATE_KEY_FILE": rsa_pem})
    assert problem == "ORLO_PRIVATE_KEY_FILE is a key, not the path of a file; set ORLO_PRIVATE_KEY to it instead"
    assert the_problem({"ORLO_PRIVATE_KEY_FILE": "'/run/key'"}).startswith("ORLO_PRIVATE_KEY_FILE is in quotes")


@pytest.mark.parametrize("text", ["-----BEGIN PUBLIC KEY-----\nx", "-----BEGIN CERTIFICATE-----\nx", "ssh-rsa AAAA"])
def test_a_public_key_in_place_of_the_private_one_is_named_as_such(text: str) -> None:
    assert the_problem({"ORLO_PRIVATE_KEY": text}).endswith("not a public key or a certificate")


@pytest.mark.parametrize("origin", ["https://a.example/", "https://a.example/shop", "a.example", "*"])
def test_an_origin_has_no_path(dg_env: dict[str, str], origin: str) -> None:
    assert "without path or final slash" in the_problem({**dg_env, "WIDGETMW_ALLOWED_ORIGINS": origin})


def test_an_unknown_name_comes_with_the_known_one_that_is_most_like_it(dg_env: dict[str, str]) -> None:
    problem = the_problem({**dg_env, "WIDGETMW_PROVIDER": "digitalgenius"})
    assert problem == "WIDGETMW_PROVIDER is not a variable of widgetmw; did you mean 'WIDGETMW_PROVIDERS'?"
    assert the_problem({**dg_env, "WIDGETMW_QQ": "1"}) == "WIDGETMW_QQ is not a variable of widgetmw"


def test_a_secret_may_hold_quotes_and_a_pem_key_blank_lines(dg_env: dict[str, str], rsa_pem: str) -> None:
    Settings.from_env({**dg_env, "DG_API_SECRET": '"0123456789abcdef-secret'})
    Settings.from_env({"ORLO_PRIVATE_KEY": f"\n{rsa_pem}\n\n"})
    Settings.from_env({"ORLO_PRIVATE_KEY": rsa_pem.strip().replace("\n", "\\n")})


@pytest.mark.parametrize("name", ["WIDGETMW_EXCLUDE", "WIDGETMW_INCLUDE"])
def test_a_path_prefix_has_no_wildcard(dg_env: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name} must not contain \*"):
        Settings.from_env({**dg_env, name: "/admin/*"})
