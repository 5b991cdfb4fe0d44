"""The package as it is shipped and imported."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    words = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([sys.executable, *words], check=True, timeout=300)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_browser_side_and_the_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tree = {str(p.relative_to(ROOT)) for p in (ROOT / "widgetmw").rglob("*") if p.is_file() and p.suffix != ".pyc"}
    sources = {name for name in tree if name.startswith("widgetmw/browser/src/") or name.endswith(".mjs")}
    assert tree - sources <= names
    assert not sources & names
    assert "widgetmw/browser/dist/runtime.js" in names
    assert "widgetmw/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "examples", "benchmarks"))]


def test_the_wheel_shows_the_readme(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        shown = archive.read(name).decode().partition("\n\n")[2]
    repository = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"].get("urls", {}).get("Repository", "")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert shown.strip() == hatch_build().with_absolute_links(text, repository).strip()


def test_links_and_images_of_the_readme_become_absolute_if_the_address_is_known() -> None:
    text = "[a](docs/a.md#b) ![c](docs/c.png) [d](https://d.example/) [e](#e)"
    absolute = hatch_build().with_absolute_links
    assert absolute(text, "") == text
    assert absolute(text, "https://code.example/x/") == (
        "[a](https://code.example/x/blob/HEAD/docs/a.md#b) ![c](https://code.example/x/raw/HEAD/docs/c.png)"
        " [d](https://d.example/) [e](#e)"
    )


def hatch_build() -> Any:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
    return module


def test_the_wheel_works_by_itself(wheel: Path, tmp_path: Path, env: dict[str, str]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import widgetmw; from widgetmw.cli import main;"
        " assert widgetmw.__file__.startswith(sys.argv[1]); sys.exit(main(['check']))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(tmp_path)],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("signed and verified") == 4


def test_importing_the_package_imports_no_framework_and_no_signer() -> None:
    code = "import sys, widgetmw; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & {"flask", "fastapi", "starlette", "django", "jwt", "cryptography", "werkzeug", "asyncio"} == set()
