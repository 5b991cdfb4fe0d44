"""``widgetmw new-provider``: what it writes is a distribution that works, and it never overwrites anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from widgetmw.cli import main
from widgetmw.cli.new_provider import KINDS


def written(folder: Path, name: str, *options: str) -> Path:
    assert main(["new-provider", name, "--out", str(folder), *options]) == 0
    (made,) = folder.iterdir()
    return made


def entry_points(made: Path) -> dict[str, str]:
    project = tomllib.loads((made / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: dict[str, str] = project["entry-points"]["widgetmw.providers"]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_tests_of_the_new_distribution_pass(kind: str, tmp_path: Path) -> None:
    made = written(tmp_path / "new", "live-chat", "--kind", kind)
    assert made.name == "widgetmw-live-chat"
    metadata = tmp_path / "installed" / "widgetmw_live_chat-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    lines = [f"{name} = {value}" for name, value in entry_points(made).items()]
    assert lines == ["live-chat = widgetmw_live_chat:LiveChat"]
    (metadata / "entry_points.txt").write_text("\n".join(["[widgetmw.providers]", *lines]), encoding="utf-8")
    paths = [str(made), str(metadata.parent), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error"],
        cwd=made,
        # other distributions' plugins of pytest take longer than these tests
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_template_is_left(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = written(tmp_path, "live_chat2", "--kind", kind)
    paths = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    assert paths == [
        "README.md",
        "pyproject.toml",
        "tests/test_live_chat2.py",
        "widgetmw_live_chat2/__init__.py",
        "widgetmw_live_chat2/widgetmw_live_chat2.js",
    ]
    assert [path for path in paths if f"wrote {made / path}\n" not in capsys.readouterr().out] == paths[1:]
    for path in paths:
        text = (made / path).read_text(encoding="utf-8")
        assert not re.search("acme", text, re.IGNORECASE), path
        if path.endswith(".py"):
            compile(text, path, "exec")


def test_a_folder_that_exists_is_not_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = written(tmp_path, "acme")
    (made / "README.md").write_text("mine", encoding="utf-8")
    assert main(["new-provider", "acme", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"problem: {made} already exists and was not changed\n"
    assert (made / "README.md").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Acme", "the name must be lower-case letters and digits"),
        ("../acme", "the name must be lower-case letters and digits"),
        ("acme-", "the name must be lower-case letters and digits"),
        ("hissuno", "there is a vendor named hissuno already"),
        ("dg", "variables that begin with DG_ exist already"),
        ("widgetmw", "variables that begin with WIDGETMW_ exist already"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(
    name: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new-provider", name, "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"problem: {problem}")
    assert list(tmp_path.iterdir()) == []
