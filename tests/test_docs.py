from __future__ import annotations

import re

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
        "CONTRIBUTING.md",
        "docs/browser.md",
        "docs/performance.md",
        "docs/proxies.md",
        "docs/reasons.md",
        "docs/servers.md",
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
