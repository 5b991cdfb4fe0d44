"""Code blocks of the documentation in other languages than Python can be parsed. A "…" stands for some value."""

from __future__ import annotations

import json
import re
import subprocess
from importlib import import_module
from importlib.util import find_spec

import pytest

from tests.conftest import require, skip_or_fail
from tests.generated import ROOT

_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    """The documents' names and blocks of a language."""
    return [
        (path.relative_to(ROOT).as_posix(), re.sub(f"^{indent}", "", code, flags=re.MULTILINE))
        for path in DOCUMENTS
        for indent, found, code in _BLOCK.findall(path.read_text(encoding="utf-8"))
        if found == language
    ]


def check_syntax(command: list[str], name: str, code: str) -> None:
    done = subprocess.run(command, input=code, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{name}: {done.stderr}\n{code}"


def test_json() -> None:
    assert len(blocks("json")) > 4
    for _, code in blocks("json"):
        json.loads(code)


def test_yaml() -> None:
    if not find_spec("yaml"):
        skip_or_fail("PyYAML is not installed: pip install --group docs")
    assert blocks("yaml")
    for _, code in blocks("yaml"):
        assert all(import_module("yaml").safe_load_all(code))


def test_shell_commands() -> None:
    assert len(blocks("sh")) > 20
    for name, code in blocks("sh"):
        check_syntax([require("bash"), "-n"], name, code)


def test_javascript() -> None:
    assert len(blocks("js")) > 3
    for name, code in blocks("js"):
        kind = "module" if "export default" in code else "commonjs"
        filled = code.replace("…", "undefined")
        check_syntax([require("node"), f"--input-type={kind}", "--check", "-"], name, filled)


@pytest.mark.parametrize("name", ["docs/frameworks/fastapi.md"])
def test_the_manifest_mounts_every_file_that_it_names(name: str) -> None:
    (text,) = [code for where, code in blocks("yaml") if where == name and "kind: Deployment" in code]
    (folder,) = re.findall(r"mountPath: ([\w/]+)", text)
    files = re.findall(r"_FILE, value: ([\w/-]+)", text)
    keys = re.findall(r"^  ([\w-]+): \"…\"$", text, re.MULTILINE)
    assert sorted(files) == sorted(f"{folder}/{key}" for key in keys)
