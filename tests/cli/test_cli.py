"""The command line. A few of the commands run as a process of their own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jwt
import pytest

from tests.conftest import DG_SECRET, GIOSG_KEY, HISSUNO_SECRET, require
from widgetmw.cli import check, main


def shell(env: dict[str, str] | None) -> dict[str, str]:
    """Returns the variables of a shell that sets only these for the package."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT", "LANG") if name in os.environ}
    return {**inherited, **(env or {})}


def run(
    *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command in this process, which takes a tenth of the time of a new one."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, shell(env), clear=True),
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            status = main(arguments)
        except SystemExit as usage_error:
            status = int(usage_error.code or 0)
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


def run_process(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "widgetmw", *arguments]
    return subprocess.run(command, env=shell(env), capture_output=True, text=True, timeout=60, check=False)


def assert_no_secret(result: subprocess.CompletedProcess[str]) -> None:
    for secret in (DG_SECRET, HISSUNO_SECRET, GIOSG_KEY, "PRIVATE KEY"):
        assert secret not in result.stdout + result.stderr


def test_check_mints_and_verifies_a_token_per_vendor(env: dict[str, str]) -> None:
    result = run_process("check", env=env)
    assert (result.returncode, result.stderr) == (0, "")
    for vendor in ("digitalgenius", "hissuno", "orlo", "giosg"):
        assert f"{vendor}: " in result.stdout
    assert "RS256 key of 2048 bits" in result.stdout
    assert f"HS256 key of {len(DG_SECRET)} bytes" in result.stdout
    assert result.stdout.count("signed and verified") == 4
    assert_no_secret(result)


def test_check_lists_every_problem_by_name(env: dict[str, str]) -> None:
    env.update(ORLO_PRIVATE_KEY="secret-nonsense", WIDGETMW_PATH="nowhere")
    del env["DG_API_KEY"]
    result = run_process("check", env=env)
    assert result.returncode == 1
    names = {line.split()[1] for line in result.stderr.splitlines()}
    assert names == {"WIDGETMW_PATH", "DG_API_KEY", "ORLO_PRIVATE_KEY"}
    assert "secret-nonsense" not in result.stderr
    assert_no_secret(result)


def test_check_warns_about_a_short_key(dg_env: dict[str, str]) -> None:
    result = run("check", env={**dg_env, "DG_API_SECRET": "short-secret"})
    assert result.returncode == 0
    assert "DG_API_SECRET has 12 bytes" in result.stdout
    assert "short-secret" not in result.stdout


def test_check_fails_where_no_vendor_is_configured() -> None:
    result = run("check")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("problem: no vendor is configured")
    assert run("check", env={"WIDGETMW_ENABLED": "false"}).returncode == 0


def test_check_says_if_the_package_was_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "registered_names", tuple)
    assert main(["check"]) == 1
    assert "the package was not installed" in capsys.readouterr().err


@pytest.mark.parametrize("short", [{"DG_API_SECRET": "short-secret"}, {"HISSUNO_SECRET_KEY": "k" * 40}])
def test_check_strict_fails_on_warnings(env: dict[str, str], short: dict[str, str]) -> None:
    assert run("check", "--strict", env=env).returncode == 0
    result = run("check", "--strict", env={**env, **short})
    assert result.returncode == 1
    assert "warning: " in result.stdout
    assert run("check", env={**env, **short}).returncode == 0


def test_check_names_a_missing_folder_of_the_metrics(env: dict[str, str], tmp_path: Path) -> None:
    env |= {"WIDGETMW_METRICS": "prometheus", "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    assert run("check", env=env).returncode == 0
    result = run("check", env={**env, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "missing")})
    assert (result.returncode, "PROMETHEUS_MULTIPROC_DIR is not a folder" in result.stderr) == (1, True)


def test_check_json_is_for_programs(env: dict[str, str]) -> None:
    result = run("check", "--json", env={**env, "DG_API_SECRET": "short-secret"})
    found = json.loads(result.stdout)
    assert (result.returncode, found["ok"], found["problems"]) == (0, True, [])
    (warning,) = found["warnings"]
    assert "digitalgenius: DG_API_SECRET has 12 bytes; HS256 needs 32 or more (RFC 7518, 3.2)" in warning
    assert "check that the value was copied completely" in warning
    assert found["vendors"].keys() == {"digitalgenius", "hissuno", "orlo", "giosg"}
    assert found["vendors"]["orlo"] | {"token_bytes": 0} == {
        "key": "RS256 key of 2048 bits",
        "token_bytes": 0,
        "lifetime": 3600,
        "refresh_margin": 720,
        "origins": [],
    }
    broken = run("check", "--json", env={**env, "DG_API_KEY": "", "WIDGETMW_PATH": "x"})
    found = json.loads(broken.stdout)
    assert (broken.returncode, found["ok"], len(found["problems"])) == (1, False, 2)
    assert_no_secret(result)


def test_check_does_not_succeed_with_a_dirty_secret(dg_env: dict[str, str]) -> None:
    for secret in (f'"{DG_SECRET}"', f"{DG_SECRET}\n", f" {DG_SECRET}"):
        result = run("check", env={**dg_env, "DG_API_SECRET": secret})
        assert result.returncode == 1
        assert "DG_API_SECRET" in result.stderr
        assert_no_secret(result)


# verify


@pytest.fixture
def tokens(env: dict[str, str]) -> dict[str, dict[str, str]]:
    result = run("token", "--user", "ada", "--attribute", "plan=gold", "--attribute", "seats=3", "--json", env=env)
    found: dict[str, dict[str, str]] = json.loads(result.stdout)["tokens"]
    return found


def test_token_json_has_all_tokens_with_their_claims(tokens: dict[str, dict[str, str]]) -> None:
    assert tokens.keys() == {"digitalgenius", "hissuno", "orlo", "giosg"}
    claims: Any = tokens["giosg"]["claims"]
    assert (claims["userId"], claims["plan"], claims["seats"]) == ("ada", "gold", 3)
    assert all(token["expires_at"] for token in tokens.values())


def test_verify_says_where_no_vendor_is_configured(tokens: dict[str, dict[str, str]]) -> None:
    result = run("verify", tokens["digitalgenius"]["token"])
    assert result.returncode == 1
    assert "no vendor is configured in this shell" in result.stdout


def test_verify_names_whose_key_signed_a_token(env: dict[str, str], tokens: dict[str, dict[str, str]]) -> None:
    for name, token in tokens.items():
        result = run("verify", token["token"], env=env)
        assert result.returncode == 0, result.stdout
        assert f"signed with the key of {name}; valid until " in result.stdout
        assert_no_secret(result)
    result = run("verify", tokens["giosg"]["url"], env=env)
    assert (result.returncode, "signed with the key of giosg; valid" in result.stdout) == (0, True)


def test_verify_refuses_what_is_expired_or_altered_or_of_another_key(
    env: dict[str, str], tokens: dict[str, dict[str, str]]
) -> None:
    token, url = tokens["digitalgenius"]["token"], tokens["giosg"]["url"]
    old = jwt.encode({"exp": 1_700_000_000, "external_id": "ada"}, DG_SECRET, "HS256")
    for text, words in (
        (old, "signed with the key of digitalgenius; expired at 2023-11-14 22:13:20"),
        (jwt.encode({"a": 1}, "another-key" * 4, "HS256"), "not signed with the key of an active vendor"),
        (token[:-4] + "AAAA", "altered"),
        (url.replace("var.plan=gold", "var.plan=free"), "altered"),
    ):
        result = run("verify", text, env=env)
        assert (result.returncode, words in result.stdout) == (1, True), result.stdout


@pytest.mark.parametrize("expiry", [float("nan"), float("inf"), -1e18, 1e20, 10**400, "soon", []])
def test_verify_trusts_no_expiry_that_is_no_time(env: dict[str, str], expiry: Any) -> None:
    result = run("verify", jwt.encode({"exp": expiry}, DG_SECRET, "HS256"), env=env)
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.endswith("signed with the key of digitalgenius; its exp is no time\n")


@pytest.mark.parametrize("text", ["http://[", "nonsense", "", "a.b.c", "a.\udc80.b", "https://site.example/?a=1"])
def test_verify_tells_what_is_not_a_token(env: dict[str, str], text: str) -> None:
    result = run("verify", text, env=env)
    assert (result.returncode, result.stderr) == (2, "")


@pytest.mark.parametrize(
    "words", [("demo", "--port", "99999"), ("demo", "--port", "-1"), ("demo", "--ttl", "0"), ("demo", "--port", "x")]
)
def test_a_bad_option_is_a_usage_error(words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.returncode == 2
    assert "must be a whole number" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_address_that_cannot_be_used_is_a_problem() -> None:
    result = run("demo", "--host", "192.0.2.1")
    assert result.returncode == 1
    assert result.stderr.startswith("problem: ")


def test_check_compiles_the_operators_snippets(env: dict[str, str]) -> None:
    require("node")
    # the brackets are balanced, so only a parser finds the error
    result = run("check", env={**env, "ORLO_CUSTOMER_DATA_SNIPPET": "if ('JWT_TOKEN') { else { } }"})
    assert result.returncode == 1
    assert "snippet is not valid JavaScript" in result.stderr or "ORLO_CUSTOMER_DATA_SNIPPET" in result.stderr
    assert run("check", env=env).returncode == 0


def test_token_prints_a_token_and_its_claims(env: dict[str, str]) -> None:
    result = run(
        "token", "--user", "ada", "--provider", "hissuno", "--name", "Ada", "--email", "a@example.com", env=env
    )
    assert result.returncode == 0, result.stderr
    printed = json.loads(result.stdout)
    claims = jwt.decode(printed["token"], HISSUNO_SECRET, algorithms=["HS256"])
    assert printed["claims"] == claims
    assert (claims["userId"], claims["userMetadata"]) == ("ada", {"name": "Ada", "email": "a@example.com"})
    assert_no_secret(result)


def test_token_prints_one_token_per_vendor(env: dict[str, str]) -> None:
    result = run("token", "--user", "ada", env=env)
    assert [line for line in result.stdout.splitlines() if '"provider"' in line] == [
        f'  "provider": "{name}",' for name in ("digitalgenius", "hissuno", "orlo", "giosg")
    ]
    assert_no_secret(result)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--user", "ada", "--provider", "acme"], "acme is not an active vendor"),
        (["--user", ""], "User.id must not be empty"),
    ],
)
def test_token_reports_problems(dg_env: dict[str, str], arguments: list[str], problem: str) -> None:
    result = run("token", *arguments, env=dg_env)
    assert (result.returncode, result.stdout) == (1, "")
    assert problem in result.stderr
    assert "Traceback" not in result.stderr


def test_keygen_writes_a_working_pair_and_never_overwrites(env: dict[str, str], tmp_path: Path) -> None:
    result = run("keygen", "orlo", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    private = tmp_path / "orlo-private.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "PRIVATE KEY-----" not in result.stdout
    del env["ORLO_PRIVATE_KEY"]
    assert run("check", env={**env, "ORLO_PRIVATE_KEY_FILE": str(private)}).returncode == 0
    before = private.read_bytes()
    again = run("keygen", "orlo", cwd=tmp_path)
    assert again.returncode == 1
    assert "not overwritten" in again.stderr
    assert private.read_bytes() == before


def test_keygen_reports_a_missing_directory(tmp_path: Path) -> None:
    result = run("keygen", "orlo", "--out", str(tmp_path / "missing"))
    assert result.returncode == 1
    assert "cannot write" in result.stderr


def test_env_prints_the_table(env: dict[str, str]) -> None:
    result = run_process("env", env=env)
    assert result.stdout.startswith("| variable | meaning | default |")
    assert "ORLO_CUSTOMER_DATA_SNIPPET" in result.stdout
    assert_no_secret(result)


def test_an_unknown_command_is_a_usage_error() -> None:
    result = run_process("frobnicate")
    assert result.returncode == 2
    assert "usage:" in result.stderr


def test_version() -> None:
    from widgetmw import __version__

    assert run_process("--version").stdout.strip() == f"widgetmw {__version__}"
