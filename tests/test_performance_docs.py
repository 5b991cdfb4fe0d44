from __future__ import annotations

import re

import pytest

from benchmarks.document import DOCUMENTS, REPORT, ROOT, render, report
from benchmarks.result import FOLDER, load

PAGE = ROOT / "docs/performance.md"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_show_the_stored_result(name: str) -> None:
    text, expected = render(name, load())
    assert text == expected, "run: python -m benchmarks.document"


def test_the_report_matches_the_stored_result() -> None:
    assert REPORT.read_text(encoding="utf-8") == report(load()), "run: python -m benchmarks.document"


def test_the_page_says_for_every_target_whether_it_is_met() -> None:
    text = PAGE.read_text(encoding="utf-8")
    findings = [finding for section in load().sections.values() for finding in section.findings]
    assert findings
    for finding in findings:
        assert f"| {finding.case} | {finding.measure} |" in text
    assert len(re.findall(r"\| (yes|\*\*no\*\*)(, within noise)? \|", text)) == sum(f.met is not None for f in findings)


def test_the_stored_result_names_no_machine_and_no_path() -> None:
    for file in FOLDER.iterdir():
        text = re.sub(r"https?://[\w./#-]+|<!DOCTYPE[^>]+>", "", file.read_text(encoding="utf-8"))
        assert not re.search(r"(?<![\w.])/(home|root|work|tmp|usr|opt|Users|private)/", text), file.name


def test_links_on_the_page_are_valid() -> None:
    for link in re.findall(r"\]\((?!https?:|#)([^)]+)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / link).exists(), link
