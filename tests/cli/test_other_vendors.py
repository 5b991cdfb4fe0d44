"""The commands with a vendor of another distribution, whose token is not a JWT."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import require
from tests.core.test_registry import GOOD, Install, install  # noqa: F401  the fixture
from widgetmw import testing
from widgetmw.cli import main
from widgetmw.providers.signing import decode


@pytest.fixture(autouse=True)
def acme_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "k" * 32)


def test_a_token_that_is_not_a_jwt_is_printed_without_claims(
    install: Install,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(GOOD)
    assert main(["token", "--user", "42", "--provider", "acme"]) == 0
    entry = json.loads(capsys.readouterr().out)
    assert entry["provider"] == "acme"
    assert "claims" not in entry


@pytest.mark.parametrize(("flags", "value"), [([], None), (["--email-verified"], True)])
def test_a_vendor_learns_whether_the_email_address_is_verified(
    install: Install,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    value: bool | None,
) -> None:
    install(f"{GOOD}    def extra_values(self, user): return {{'verified': user.email_verified}}")
    assert main(["token", "--user", "42", "--email", "a@example.com", *flags]) == 0
    assert json.loads(capsys.readouterr().out)["verified"] is value


@pytest.mark.parametrize("value", ["", "abc", "a.b.c", "a.b", "eyJ9.eyJ9.x"])
def test_what_is_not_a_jwt_has_no_claims(value: str) -> None:
    assert decode(value) == {}


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("export default {};\nexport default {};", "its script cannot be used: the script holds 2 lines"),
        ("export default { init( {} };", "its script is not valid JavaScript"),
    ],
)
def test_check_reports_a_script_that_cannot_run(
    install: Install,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    script: str,
    problem: str,
) -> None:
    require("node")
    (tmp_path / "acme.js").write_text(script)
    install(GOOD.replace('script = ""', 'script = "acme.js"'))
    assert main(["check"]) == 1
    assert problem in capsys.readouterr().err


def test_check_names_a_vendor_that_cannot_sign(
    install: Install,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(GOOD + "    def message(self, user): raise RuntimeError('secret detail')\n")
    assert main(["check"]) == 1
    assert "acme: cannot sign a test token; the warning above names the error" in capsys.readouterr().err


REFUSING = f"{GOOD}    def cannot_serve(self, user): return '' if user.attributes else 'plan_missing'\n"


def test_check_says_that_a_vendor_refuses_the_test_user(
    install: Install,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(REFUSING)
    assert main(["check"]) == 0
    assert "acme: HMAC-SHA256 key of 32 bytes; no test token, since it refuses the test user: plan_missing\n" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(("attributes", "status"), [([], 1), (["--attribute", "plan=gold"], 0)])
def test_token_fails_if_no_vendor_can_serve_the_user(
    install: Install,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    attributes: list[str],
    status: int,
) -> None:
    install(REFUSING)
    assert main(["token", "--user", "42", *attributes]) == status
    assert bool(capsys.readouterr().out) is (status == 0)


def test_token_of_one_vendor_says_nothing_of_the_others(
    install: Install,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(GOOD + "    def message(self, user): raise RuntimeError\n")
    for name, value in testing.environ("tawk").items():
        monkeypatch.setenv(name, value)
    assert main(["token", "--user", "42", "--provider", "tawk"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["provider"] == "tawk"
    assert printed.err == ""


def test_check_says_where_the_cookies_of_a_vendor_expire(
    install: Install,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(f"{GOOD}    def cookies(self): return ('acme_id',)\n")
    note = "acme: note: a sign-out expires acme_id on the page's host only"
    assert main(["check", "--strict"]) == 0
    assert note in capsys.readouterr().out
    monkeypatch.setenv("WIDGETMW_COOKIE_DOMAIN", "shop.example")
    assert main(["check"]) == 0
    assert note not in capsys.readouterr().out


def test_verify_says_how_to_check_a_keyed_hash(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "5e" * 32]) == 2
    assert "compare it with `widgetmw token --user ID`" in capsys.readouterr().out


def test_check_says_whose_addresses_a_vendor_gets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in testing.environ("crisp").items():
        monkeypatch.setenv(name, value)
    refused, trusted = "crisp: note: email_unverified", "crisp: note: WIDGETMW_TRUST_EMAILS=true: every email address"
    for trust, expected in (("false", refused), ("true", trusted)):
        monkeypatch.setenv("WIDGETMW_TRUST_EMAILS", trust)
        assert main(["check", "--strict"]) == 0
        printed = capsys.readouterr().out
        assert [note for note in (refused, trusted) if note in printed] == [expected]
