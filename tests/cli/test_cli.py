"""The command line, as a process of its own."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from tests.conftest import DG_SECRET, GIOSG_KEY, HISSUNO_SECRET, require


def run(*words: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "widgetmw", *words],
        env={**kept, **(env or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def no_secret(done: subprocess.CompletedProcess[str]) -> None:
    for secret in (DG_SECRET, HISSUNO_SECRET, GIOSG_KEY, "PRIVATE KEY"):
        assert secret not in done.stdout + done.stderr


def test_check_mints_and_verifies_a_token_per_vendor(env: dict[str, str]) -> None:
    done = run("check", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    for vendor in ("digitalgenius", "hissuno", "orlo", "giosg"):
        assert f"{vendor}: " in done.stdout
    assert "RS256 key of 2048 bits" in done.stdout
    assert f"HS256 key of {len(DG_SECRET)} bytes" in done.stdout
    assert done.stdout.count("minted and verified") == 4
    no_secret(done)


def test_check_lists_every_problem_by_name(env: dict[str, str]) -> None:
    env.update(ORLO_PRIVATE_KEY="secret-nonsense", WIDGETMW_PATH="nowhere")
    del env["DG_API_KEY"]
    done = run("check", env=env)
    assert done.returncode == 1
    named = {line.split()[1] for line in done.stderr.splitlines()}
    assert named == {"WIDGETMW_PATH", "DG_API_KEY", "ORLO_PRIVATE_KEY"}
    assert "secret-nonsense" not in done.stderr
    no_secret(done)


def test_check_warns_of_a_short_key(dg_env: dict[str, str]) -> None:
    done = run("check", env={**dg_env, "DG_API_SECRET": "short-secret"})
    assert done.returncode == 0
    assert "DG_API_SECRET has 12 bytes" in done.stdout
    assert "short-secret" not in done.stdout


def test_check_without_a_vendor_says_so() -> None:
    done = run("check")
    assert done.returncode == 0
    assert "no vendor is configured" in done.stdout


def test_check_has_an_engine_read_the_operators_snippets(env: dict[str, str]) -> None:
    require("node")
    # it looks like JavaScript to anybody who only counts brackets
    done = run("check", env={**env, "ORLO_CUSTOMER_DATA_SNIPPET": "if ('JWT_TOKEN') { else { } }"})
    assert done.returncode == 1
    assert "snippet is not valid JavaScript" in done.stderr or "ORLO_CUSTOMER_DATA_SNIPPET" in done.stderr
    assert run("check", env=env).returncode == 0


def test_token_prints_a_token_and_its_claims(env: dict[str, str]) -> None:
    done = run("token", "--user", "ada", "--provider", "hissuno", "--name", "Ada", "--email", "a@example.com", env=env)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    claims = jwt.decode(shown["token"], HISSUNO_SECRET, algorithms=["HS256"])
    assert shown["claims"] == claims
    assert (claims["userId"], claims["userMetadata"]) == ("ada", {"name": "Ada", "email": "a@example.com"})
    no_secret(done)


def test_token_of_all_vendors(env: dict[str, str]) -> None:
    done = run("token", "--user", "ada", env=env)
    assert [line for line in done.stdout.splitlines() if '"provider"' in line] == [
        f'  "provider": "{name}",' for name in ("digitalgenius", "hissuno", "orlo", "giosg")
    ]
    no_secret(done)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--user", "ada", "--provider", "intercom"], "intercom is not an active vendor"),
        (["--user", ""], "User.id must not be empty"),
    ],
)
def test_token_says_what_is_wrong(dg_env: dict[str, str], words: list[str], problem: str) -> None:
    done = run("token", *words, env=dg_env)
    assert (done.returncode, done.stdout) == (1, "")
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_keygen_writes_a_pair_that_works_and_never_overwrites(env: dict[str, str], tmp_path: Path) -> None:
    done = run("keygen", "orlo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    private = tmp_path / "orlo-private.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "PRIVATE KEY-----" not in done.stdout
    del env["ORLO_PRIVATE_KEY"]
    assert run("check", env={**env, "ORLO_PRIVATE_KEY_FILE": str(private)}).returncode == 0
    before = private.read_bytes()
    again = run("keygen", "orlo", cwd=tmp_path)
    assert again.returncode == 1
    assert "not overwritten" in again.stderr
    assert private.read_bytes() == before


def test_keygen_into_nowhere(tmp_path: Path) -> None:
    done = run("keygen", "orlo", "--out", str(tmp_path / "missing"))
    assert done.returncode == 1
    assert "cannot write" in done.stderr


def test_env_prints_the_table(env: dict[str, str]) -> None:
    done = run("env", env=env)
    assert done.stdout.startswith("| variable | meaning | default |")
    assert "ORLO_CUSTOMER_DATA_SNIPPET" in done.stdout
    no_secret(done)


def test_an_unknown_command_is_a_usage_error() -> None:
    done = run("frobnicate")
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_version() -> None:
    from widgetmw import __version__

    assert run("--version").stdout.strip() == f"widgetmw {__version__}"
