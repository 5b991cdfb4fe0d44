"""The package as it is shipped and imported."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.wheel import unpack

ROOT = Path(__file__).parent.parent
#: The public names of the modules that users import from.
PUBLIC = {
    "widgetmw": {"Event", "Settings", "SettingsError", "User", "identify", "observe"},
    "widgetmw.asgi": {"WidgetMiddleware"},
    "widgetmw.wsgi": {"WidgetMiddleware"},
    "widgetmw.aiohttp": {"install"},
    "widgetmw.fastapi": {"install"},
    "widgetmw.flask": {"Widget", "widgetmw_script"},
    "widgetmw.litestar": {"WidgetMiddleware"},
    "widgetmw.quart": {"Widget"},
    "widgetmw.starlette": {"install"},
}


def build(folder: Path, sources: Path = ROOT) -> tuple[Path, Path]:
    """Builds the wheel and the sdist, as a build frontend does, but without an environment of their own."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    environ = {**os.environ, "SOURCE_DATE_EPOCH": "1577836800"}
    subprocess.run(command, cwd=sources, env=environ, check=True, capture_output=True, timeout=300)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build(tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def wheel(distributions: tuple[Path, Path]) -> Path:
    return distributions[0]


@pytest.fixture
def sources(distributions: tuple[Path, Path], tmp_path: Path) -> Path:
    """The unpacked sdist."""
    return unpack(distributions[1], tmp_path)


def test_a_build_from_the_sdist_is_the_same_to_the_bit(
    distributions: tuple[Path, Path], sources: Path, tmp_path: Path
) -> None:
    for first, second in zip(distributions, build(tmp_path / "second", sources), strict=True):
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes(), first.name


def test_the_sdist_holds_what_tests_documentation_and_release_need(sources: Path) -> None:
    names = {path.name for path in sources.iterdir()}
    assert names >= {"tests", "docs", "examples", "benchmarks", "widgetmw", "Makefile", "pyproject.toml", "LICENSE"}
    assert names >= {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", ".github"}
    assert not names & {".venv", ".cache", ".git", "dist"}
    assert (sources / "widgetmw" / "browser" / "src" / "runtime.js").is_file()


@pytest.mark.parametrize("module", PUBLIC)
def test_a_module_names_what_is_public(module: str) -> None:
    imported = importlib.import_module(module)
    assert set(imported.__all__) == PUBLIC[module]
    assert all(hasattr(imported, name) for name in imported.__all__)


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
