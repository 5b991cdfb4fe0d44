"""The variables of a proxy: which ones go together, and every problem by name."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.core.proxy.proxies import HEADER, PLAIN, jwks, key_for, key_of, pem, variables
from tests.core.test_settings import problems, the_problem
from widgetmw import Settings
from widgetmw.cli import main
from widgetmw.core.proxy.base import registered_names

MINIMAL = {**{kind: {} for kind in (*PLAIN, *HEADER)}, "headers": {"USER_HEADER": "X-User"}}
REQUIRED = {
    **{kind: {"ADDRESSES"} for kind in PLAIN},
    "headers": {"ADDRESSES", "USER_HEADER"},
    "pomerium": {"ADDRESSES", "KEYS", "AUDIENCE"},
    "google-iap": {"ADDRESSES", "KEYS", "AUDIENCE"},
    "cloudflare-access": {"ADDRESSES", "KEYS", "AUDIENCE", "ISSUER"},
    "aws-alb": {"ADDRESSES", "KEYS", "SIGNER", "ISSUER"},
}
OPTIONAL = {"headers": {"NAME_HEADER", "EMAIL_HEADER"}, "pomerium": {"ISSUER"}}
VALUES = {
    "KEYS": jwks("pomerium"),
    "AUDIENCE": "aud",
    "ISSUER": "iss",
    "SIGNER": "arn",
    "USER_HEADER": "X-U",
    "NAME_HEADER": "X-N",
    "EMAIL_HEADER": "X-E",
}


def test_the_check_says_why_a_proxy_is_trusted(
    dg_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind, trust in (("authelia", "trusted by its address alone"), ("aws-alb", "verified with 2 ES256 keys")):
        more = {"KEYS": jwks(kind, 0, 1)} if kind in HEADER else {}
        monkeypatch.setattr(os, "environ", {**dg_env, **variables(kind, **more)})
        assert main(["check"]) == 0
        assert f"identity from {kind}, {trust}" in capsys.readouterr().out
    monkeypatch.setattr(os, "environ", dg_env)
    assert main(["check"]) == 0
    assert "identity from" not in capsys.readouterr().out


def test_there_is_no_proxy_by_default(dg_env: dict[str, str]) -> None:
    assert Settings.from_env(dg_env).proxy is None


def test_every_kind_is_covered_here() -> None:
    assert set(registered_names()) == set(MINIMAL) == set(REQUIRED)


@pytest.mark.parametrize("kind", MINIMAL)
def test_each_kind_is_configured_by_its_required_variables(kind: str, dg_env: dict[str, str]) -> None:
    settings = Settings.from_env({**dg_env, **variables(kind, **MINIMAL[kind])})
    assert settings.proxy is not None
    assert settings.proxy.proxy.name == kind
    assert repr(settings.proxy.proxy) in repr(settings)


@pytest.mark.parametrize("kind", MINIMAL)
def test_all_missing_variables_are_named_at_once(kind: str) -> None:
    messages = problems({"WIDGETMW_PROXY": kind})
    assert {text.split()[0].removeprefix("WIDGETMW_PROXY_") for text in messages} == REQUIRED[kind]
    assert all(f"is not set, and {kind} needs it" in text for text in messages)


@pytest.mark.parametrize("kind", MINIMAL)
def test_a_variable_that_a_kind_does_not_use_is_a_problem(kind: str) -> None:
    for name in VALUES.keys() - REQUIRED[kind] - OPTIONAL.get(kind, set()):
        more = {**MINIMAL[kind], name: VALUES[name]}
        assert the_problem(variables(kind, **more)) == f"WIDGETMW_PROXY_{name} is set, but {kind} does not use it"


def test_every_variable_without_a_kind_is_a_problem() -> None:
    names = {f"WIDGETMW_PROXY_{name}": value for name, value in {**VALUES, "ADDRESSES": "10.0.0.5"}.items()}
    assert {text.split()[0] for text in problems(names)} == set(names)


def test_an_unknown_kind_and_an_unknown_variable_are_problems() -> None:
    assert "WIDGETMW_PROXY must be one of oauth2-proxy, " in the_problem(
        {**variables("authelia"), "WIDGETMW_PROXY": "x"}
    )
    assert the_problem(variables("authelia", ADRESSES="10.0.0.5")).startswith(
        "WIDGETMW_PROXY_ADRESSES is not a variable"
    )
    assert the_problem(variables("authelia", ADDRESSES_FILE="/x")).startswith("WIDGETMW_PROXY_ADDRESSES_FILE is not")


def test_the_variables_that_kubernetes_sets_for_a_service_named_widgetmw_proxy_are_ignored() -> None:
    more = {
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "80",
        "PORT": "tcp://10.0.0.1:80",
        "PORT_80_TCP_ADDR": "10.0.0.1",
    }
    assert Settings.from_env(variables("authelia", **more)).proxy is not None


def test_nothing_is_read_when_disabled() -> None:
    assert Settings.from_env({"WIDGETMW_ENABLED": "off", "WIDGETMW_PROXY": "x"}).proxy is None


ROOT = Path(__file__).parents[3]


def exported(document: str) -> list[dict[str, str]]:
    """Returns the variables of each shell block that configures a proxy."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)
    blocks_of_variables = [dict(re.findall(r"\b(WIDGETMW_\w+)=(\S+)", block)) for block in blocks]
    return [names for names in blocks_of_variables if "WIDGETMW_PROXY" in names]


def test_the_documentation_configures_every_kind(tmp_path: Path) -> None:
    documented = exported("docs/proxies.md")
    assert {names["WIDGETMW_PROXY"] for names in documented} == set(registered_names())
    for names in documented:
        kind = names["WIDGETMW_PROXY"]
        if "WIDGETMW_PROXY_KEYS_FILE" in names:
            (tmp_path / kind).write_text(pem(key_of(kind)))
            names["WIDGETMW_PROXY_KEYS_FILE"] = str(tmp_path / kind)
        assert Settings.from_env({"WIDGETMW_PROXY_ADDRESSES": "10.0.0.5", **names}).proxy is not None


def test_a_malformed_list_of_addresses_is_a_problem_and_not_shown() -> None:
    problem = the_problem(variables("cloudflare-access", ADDRESSES="shown.example"))
    assert problem.startswith("WIDGETMW_PROXY_ADDRESSES must")
    assert "shown" not in problem


def test_any_address_is_accepted_only_for_a_proxy_that_signs() -> None:
    assert Settings.from_env(variables("google-iap", ADDRESSES="any")).proxy is not None
    problem = the_problem(variables("authelia", ADDRESSES="any"))
    assert problem.startswith("WIDGETMW_PROXY_ADDRESSES must list addresses")


@pytest.mark.parametrize("kind", HEADER)
def test_a_malformed_key_is_a_problem_and_not_shown(kind: str) -> None:
    other = key_for("ES256" if kind == "cloudflare-access" else "RS256", 0)
    for text in ("shown-text", pem(other), '{"keys": [{"kty": "oct", "k": "shown", "kid": "1"}]}'):
        problem = the_problem(variables(kind, KEYS=text))
        assert problem.startswith("WIDGETMW_PROXY_KEYS must hold ")
        assert "shown" not in problem


def test_keys_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(jwks("google-iap"))
    settings = Settings.from_env(variables("google-iap", KEYS="", KEYS_FILE=str(path)))
    assert settings.proxy is not None
    assert [file.variable for file in settings.proxy.files] == ["WIDGETMW_PROXY_KEYS"]
    path.write_text("shown")
    assert "WIDGETMW_PROXY_KEYS_FILE must hold" in the_problem(variables("google-iap", KEYS="", KEYS_FILE=str(path)))
    assert "both set" in the_problem(variables("google-iap", KEYS_FILE=str(path)))
    assert "cannot be read" in the_problem(variables("google-iap", KEYS="", KEYS_FILE=str(tmp_path / "none")))


@pytest.mark.parametrize("name", ["USER_HEADER", "NAME_HEADER", "EMAIL_HEADER"])
@pytest.mark.parametrize("value", ["X_User", "X User", "X-User:", "-X", "X--User", "X-Usér", "shown\n-x"])
def test_a_header_name_that_is_malformed_or_ambiguous_in_wsgi_is_a_problem(name: str, value: str) -> None:
    problem = the_problem(variables("headers", **{"USER_HEADER": "X-User", name: value}))
    assert problem == f"WIDGETMW_PROXY_{name} must be a header name of letters, digits and hyphens"


def test_an_empty_audience_is_a_problem() -> None:
    assert the_problem(variables("google-iap", AUDIENCE=" , ")).startswith("WIDGETMW_PROXY_AUDIENCE must be")
