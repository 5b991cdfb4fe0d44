"""The variables of a proxy: what they need of each other, and every problem by name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.core.proxy.proxies import HEADER, PLAIN, jwk, jwks, key_for, key_of, pem, variables
from tests.core.test_settings import problems, the_problem
from widgetmw import Settings
from widgetmw.cli.check import check
from widgetmw.core.proxy.base import registered_names
from widgetmw.core.proxy.trusted_addresses import parse_addresses

ALL = {**{kind: {} for kind in (*PLAIN, *HEADER)}, "headers": {"USER_HEADER": "X-User"}}
NEEDS = {
    **{kind: {"ADDRESSES"} for kind in PLAIN},
    "headers": {"ADDRESSES", "USER_HEADER"},
    "pomerium": {"ADDRESSES", "KEYS", "AUDIENCE"},
    "google-iap": {"ADDRESSES", "KEYS", "AUDIENCE"},
    "cloudflare-access": {"ADDRESSES", "KEYS", "AUDIENCE", "ISSUER"},
    "aws-alb": {"ADDRESSES", "KEYS", "SIGNER", "ISSUER"},
}
TAKES = {"headers": {"NAME_HEADER", "EMAIL_HEADER"}, "pomerium": {"ISSUER"}}
VALUES = {
    "KEYS": jwks("pomerium"),
    "AUDIENCE": "aud",
    "ISSUER": "iss",
    "SIGNER": "arn",
    "USER_HEADER": "X-U",
    "NAME_HEADER": "X-N",
    "EMAIL_HEADER": "X-E",
}


def test_the_check_says_what_a_proxy_is_believed_by(dg_env: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for kind, wanted in (("authelia", "trusted by its address alone"), ("aws-alb", "verified with 2 ES256 keys")):
        more = {"KEYS": jwks(kind, 0, 1)} if kind in HEADER else {}
        assert check({**dg_env, **variables(kind, **more)}) == 0
        assert f"identity from {kind}, {wanted}" in capsys.readouterr().out
    assert check(dg_env) == 0
    assert "identity from" not in capsys.readouterr().out


def test_off_unless_configured(dg_env: dict[str, str]) -> None:
    assert Settings.from_env(dg_env).proxy is None


def test_every_kind_has_its_settings_here() -> None:
    assert set(registered_names()) == set(ALL) == set(NEEDS)


@pytest.mark.parametrize("kind", ALL)
def test_each_kind_with_what_it_needs(kind: str, dg_env: dict[str, str]) -> None:
    settings = Settings.from_env({**dg_env, **variables(kind, **ALL[kind])})
    assert settings.proxy is not None
    assert settings.proxy.proxy.name == kind
    assert repr(settings.proxy.proxy) in repr(settings)


@pytest.mark.parametrize("kind", ALL)
def test_what_a_kind_needs_is_named_all_at_once(kind: str) -> None:
    found = problems({"WIDGETMW_PROXY": kind})
    assert {text.split()[0].removeprefix("WIDGETMW_PROXY_") for text in found} == NEEDS[kind]
    assert all(f"is not set, and {kind} needs it" in text for text in found)


@pytest.mark.parametrize("kind", ALL)
def test_what_a_kind_does_not_use_is_a_problem(kind: str) -> None:
    for name in VALUES.keys() - NEEDS[kind] - TAKES.get(kind, set()):
        more = {**ALL[kind], name: VALUES[name]}
        assert the_problem(variables(kind, **more)) == f"WIDGETMW_PROXY_{name} is set, but {kind} does not use it"


def test_variables_without_a_kind_are_a_problem_each() -> None:
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


def test_kubernetes_own_variables_for_a_service_named_widgetmw_proxy_are_none_of_ours() -> None:
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
    """The variables of each block of shell lines that sets a proxy."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)
    found = [dict(re.findall(r"\b(WIDGETMW_\w+)=(\S+)", block)) for block in blocks]
    return [names for names in found if "WIDGETMW_PROXY" in names]


def test_the_lines_of_the_documentation_are_settings_for_every_kind(tmp_path: Path) -> None:
    documented = exported("docs/proxies.md")
    assert {names["WIDGETMW_PROXY"] for names in documented} == set(registered_names())
    for names in documented + exported("README.md"):
        kind = names["WIDGETMW_PROXY"]
        if "WIDGETMW_PROXY_KEYS_FILE" in names:
            (tmp_path / kind).write_text(pem(key_of(kind)))
            names["WIDGETMW_PROXY_KEYS_FILE"] = str(tmp_path / kind)
        assert Settings.from_env({"WIDGETMW_PROXY_ADDRESSES": "10.0.0.5", **names}).proxy is not None


# addresses


@pytest.mark.parametrize(
    "text",
    [
        "shown.example",
        "10.0.0.5/8",
        "10.0.0",
        "10.0.0.5:80",
        "010.0.0.5",
        "fe80::1%eth0/64",
        "10.0.0.5 10.0.0.6",
        "any,10.0.0.5",
        "unix,shown",
        ",",
        "0.0.0.0/0",
        "::/0",
        "10.0.0.5,::ffff:0:0/96",
        "10.0.0.5%eth0",
    ],
)
def test_a_list_that_is_none_is_a_problem_and_not_shown(text: str) -> None:
    problem = the_problem(variables("cloudflare-access", ADDRESSES=text))
    assert problem.startswith("WIDGETMW_PROXY_ADDRESSES must")
    assert "shown" not in problem


@pytest.mark.parametrize(
    ("text", "listed", "others"),
    [
        (
            "10.0.0.5",
            ["10.0.0.5", "::ffff:10.0.0.5", "::FFFF:a00:5"],
            ["10.0.0.6", "::10.0.0.5", "10.0.0.5%1", "", None],
        ),
        ("10.1.0.0/16, 10.2.0.1", ["10.1.2.3", "::ffff:10.1.2.3", "10.2.0.1"], ["10.2.0.2", "::a01:203"]),
        ("::ffff:10.0.0.5", ["10.0.0.5", "::ffff:10.0.0.5"], ["10.0.0.6"]),
        ("::ffff:10.1.0.0/112", ["10.1.2.3", "::ffff:10.1.2.3"], ["10.2.0.0"]),
        ("2001:db8::/32", ["2001:db8::1", "2001:DB8:0:0::1"], ["2001:db9::1", "10.0.0.5"]),
        ("::1", ["::1", "0:0:0:0:0:0:0:1"], ["127.0.0.1", "::ffff:127.0.0.1"]),
        ("fe80::/64", ["fe80::1"], ["fe80::1%eth0", "fe80:0:0:1::1"]),
        ("fe80::1%eth0", ["fe80::1%eth0"], ["fe80::1", "fe80::1%eth1", "fe80::2%eth0", "fe80::1%ETH0"]),
        ("unix", ["", None], ["10.0.0.5", "localhost", "unix"]),
        ("any", ["", None, "10.0.0.5", "anything"], []),
        ("10.0.0.5", [], ["x" * 100_000, "10.0.0.5\n", " 10.0.0.5", "10.0.0.5,10.0.0.5"]),
    ],
)
def test_who_is_listed(text: str, listed: list[Any], others: list[Any]) -> None:
    known = parse_addresses(text)
    assert [peer for peer in listed if peer not in known] == []
    assert [peer for peer in others if peer in known] == []
    assert known._matches.cache_info().currsize <= sum(len(peer or "") < 100 for peer in (*listed, *others))


# keys


@pytest.mark.parametrize("kind", HEADER)
def test_keys_that_cannot_be_the_proxys_are_a_problem_and_not_shown(kind: str) -> None:
    key, other = key_of(kind), key_for("ES256" if kind == "cloudflare-access" else "RS256", 0)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP384R1())
    fit = jwk(key, "1")
    for text in (
        "shown-text",
        "{}",
        "{shown",
        '{"keys": []}',
        '{"keys": ["shown"]}',
        '{"keys": [{"kid": "shown"}]}',
        '{"kid": "shown"}',
        '{"kid": 7}',
        '{"keys": [{"kty": "oct", "k": "shown", "kid": "1"}]}',
        json.dumps({"keys": [{**fit, "d": "shown"}]}),
        json.dumps({"keys": [fit, {"kty": "oct", "k": "shown", "kid": "2"}]}),
        json.dumps({"keys": [{**fit, "use": "enc"}]}),
        private,
        pem(key) + private,
        pem(other),
        pem(short),
        pem(curve),
        pem(key) + pem(other),
        pem(key)[:80] + "shown" + pem(key)[80:],
        f'{{"keys": [{jwk(other, "1")!s}]}}',
    ):
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
def test_a_name_that_is_no_header_or_that_wsgi_cannot_tell_from_another_is_a_problem(name: str, value: str) -> None:
    problem = the_problem(variables("headers", **{"USER_HEADER": "X-User", name: value}))
    assert problem == f"WIDGETMW_PROXY_{name} must be a header name of letters, digits and hyphens"


def test_an_audience_without_a_name_is_a_problem() -> None:
    assert the_problem(variables("google-iap", AUDIENCE=" , ")).startswith("WIDGETMW_PROXY_AUDIENCE must be")
