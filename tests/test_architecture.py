"""The arrows between the parts: plugins -> drivers -> core <- providers, proxies; and a test file per core module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "widgetmw"
CORE = sorted((PACKAGE / "core").rglob("*.py"))
MODULES = [path for path in CORE if path.name != "__init__.py"]
VENDORS = (
    "digitalgenius",
    "hissuno",
    "orlo",
    "giosg",
    "dgchat",
    "intercom",
    "zendesk",
    "chatwoot",
    "crisp",
    "helpscout",
    "tawk",
    "frontchat",
)
FRAMEWORKS = {"flask", "fastapi", "starlette", "django", "quart", "litestar", "aiohttp"}
# what each part of the package may import besides itself
ALLOWED: dict[str, set[str]] = {
    "core": {"browser"},
    "browser": set(),
    "asgi": {"core"},
    "wsgi": {"core"},
    "providers": {"core", "provider"},
    "proxies": {"core"},
    "metrics": {"core"},
    "provider": {"core", "providers"},
}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module or ""


def part_of(module: str) -> str:
    """The part of the package that a module belongs to, such as ``core`` or ``flask``."""
    return module.removeprefix("widgetmw").removeprefix(".").partition(".")[0]


def files_of(part: str) -> list[Path]:
    folder = PACKAGE / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{part}.py"]


@pytest.mark.parametrize("part", ALLOWED)
def test_the_arrows_point_to_the_core(part: str) -> None:
    for path in files_of(part):
        inside = {part_of(name) for name in imports(path) if name == "widgetmw" or name.startswith("widgetmw.")}
        assert inside - ALLOWED[part] - {part} == set(), path


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_knows_no_framework_event_loop_or_signer(path: Path) -> None:
    outside = {name.partition(".")[0] for name in imports(path)}
    assert outside & {"asyncio", "socket", "jwt", *FRAMEWORKS} == set()


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_knows_no_vendor(path: Path) -> None:
    code = path.read_text(encoding="utf-8").lower()
    assert [vendor for vendor in VENDORS if vendor in code] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_of_the_core_has_a_test_file(path: Path) -> None:
    test = ROOT / "tests" / "core" / path.relative_to(PACKAGE / "core").with_name(f"test_{path.name}")
    assert test.is_file(), f"{test.relative_to(ROOT)} is missing"


def test_only_exporters_import_the_libraries_of_metrics() -> None:
    exporters = set(files_of("metrics"))
    for path in sorted(set(PACKAGE.rglob("*.py")) - exporters):
        assert {name.partition(".")[0] for name in imports(path)} & {"prometheus_client", "opentelemetry"} == set(), (
            path
        )


def test_both_drivers_have_the_same_files() -> None:
    only_asgi = {"subrequest.py", "user_probe.py"}  # for frameworks with layers of their own
    asgi, wsgi = ({path.name for path in files_of(part)} for part in ("asgi", "wsgi"))
    assert asgi - only_asgi == wsgi
