from __future__ import annotations

import re

import pytest

from tests.generated import PARTS, ROOT, rendered
from widgetmw.core.reasons import REASONS
from widgetmw.core.settings import VARIABLES


@pytest.mark.parametrize("name", PARTS)
def test_generated_parts_are_what_the_code_says(name: str) -> None:
    text, expected = rendered(name)
    assert text == expected, "run: make docs"


def test_the_readme_has_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "docs/browser.md",
        "docs/performance.md",
        "docs/proxies.md",
        "docs/reasons.md",
        "docs/servers.md",
        "docs/versions.md",
    ],
)
def test_links_between_documents_lead_somewhere(name: str) -> None:
    document = ROOT / name
    for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / link).exists(), link


def test_every_variable_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [v.name for v in VARIABLES if f"`{v.name}`" not in text] == []


def test_every_reason_says_what_it_means_and_what_to_do() -> None:
    assert all(meaning and mend for meaning, mend in REASONS.values())
    assert all(re.fullmatch("[a-z0-9_]+", code) for code in REASONS)
