from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.generated import PARTS, ROOT, rendered
from widgetmw.core.reasons import SkipReason
from widgetmw.core.settings import VARIABLES


@pytest.mark.parametrize("name", PARTS)
def test_generated_parts_match_the_code(name: str) -> None:
    text, expected = rendered(name)
    assert text == expected, "run: make docs"


def test_the_readme_names_both_make_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "SECURITY.md",
        "CODE_OF_CONDUCT.md",
        "CONTRIBUTING.md",
        "docs/adding-a-vendor.md",
        "docs/browser.md",
        "docs/performance.md",
        "docs/proxies.md",
        "docs/reasons.md",
        "docs/servers.md",
        "docs/users.md",
        "docs/versions.md",
        "examples/astro/README.md",
        "examples/compose/README.md",
        "examples/static/README.md",
        "examples/vite/README.md",
    ],
)
def test_links_between_documents_are_valid(name: str) -> None:
    document = ROOT / name
    for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / link).exists(), link


def test_every_variable_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [v.name for v in VARIABLES if f"`{v.name}`" not in text] == []


def test_every_skip_reason_has_a_code_a_text_and_a_remedy() -> None:
    assert all(reason.text and reason.remedy for reason in SkipReason)
    assert all(re.fullmatch("[a-z0-9_]+", reason.code) for reason in SkipReason)
    assert len({reason.code for reason in SkipReason}) == len(SkipReason)


#: A path in CONTRIBUTING.md, with the names that it says are defined there.
NAMED = re.compile(r"`([\w./-]+(?:/|\.(?:py|js|md|toml)))`(?:\s+\(((?:`[\w.]+`(?:,\s+)?)+)\))?")


def named_in_contributing() -> dict[Path, set[str]]:
    """Returns every path that CONTRIBUTING.md names, with the classes, functions and methods it names there."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named: dict[Path, set[str]] = {}
    for path, names in NAMED.findall(text):
        in_root = path.split("/")[0] in ("widgetmw", "tests", "docs", "benchmarks") or (ROOT / path).is_file()
        file = ROOT / path if in_root else ROOT / "widgetmw" / path
        named.setdefault(file, set()).update(re.findall(r"[\w.]+", names))
    return named


def test_every_path_in_contributing_exists() -> None:
    named = named_in_contributing()
    assert len(named) > 40
    assert [str(path.relative_to(ROOT)) for path in named if not path.exists()] == []


def test_every_name_in_contributing_is_defined_in_its_file() -> None:
    missing = [
        f"{path.name}: {name}"
        for path, names in named_in_contributing().items()
        if path.exists()
        for name in names
        for part in name.split(".")
        if not re.search(rf"\b(class|def|const|function) {part}\b", path.read_text(encoding="utf-8"))
    ]
    assert missing == []


def test_every_reason_in_contributing_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    codes = [
        code for skips in re.findall(r"[Ss]kip\s+((?:`[a-z_]+`(?:,\s+)?)+)", text) for code in skips.split("`")[1::2]
    ]
    assert codes
    assert set(codes) <= {reason.code for reason in SkipReason}
