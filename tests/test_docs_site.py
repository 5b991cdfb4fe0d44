"""The documentation site, built as ``make docs-site`` builds it: warnings are errors, also for links and anchors."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.combinations import only_with_all
from tests.conftest import skip_or_fail

ROOT = Path(__file__).parent.parent
#: What a browser loads by itself: images, scripts, styles and fonts, but no links that a reader may follow.
LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?([^\"'\s>]+)|<link\b[^>]*\bhref=[\"']?([^\"'\s>]+)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (find_spec("mkdocs") and find_spec("material") and find_spec("mkdocstrings")):
        skip_or_fail("MkDocs is not installed: pip install --group docs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@only_with_all
def test_the_site_is_built_without_warnings(site: Path) -> None:
    assert (site / "index.html").is_file()


@only_with_all
def test_pages_load_nothing_from_other_hosts(site: Path) -> None:
    loaded = {
        url
        for page in site.rglob("*.html")
        for match in LOADED.finditer(page.read_text(encoding="utf-8"))
        for url in match.groups()
        if url
    }
    assert len(loaded) > 5
    assert [url for url in loaded if re.match(r"(https?:)?//", url)] == []


@only_with_all
def test_stylesheets_load_nothing_from_other_hosts(site: Path) -> None:
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", style.read_text(encoding="utf-8")), style.name


@only_with_all
def test_the_search_finds_every_page(site: Path) -> None:
    index = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))
    found = {document["location"].partition("#")[0] for document in index["docs"]}
    documents = [page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")]
    assert {page.as_posix() for page in documents} - found <= {"index.html"}


@only_with_all
def test_a_question_is_searched_by_the_words_that_matter(site: Path) -> None:
    index = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))
    question = "Where do I find DG_API_SECRET, in as_user or is it an injected_page?"
    words = [word for word in re.split(index["config"]["separator"], question) if word]
    assert words == ["find", "DG", "API", "SECRET", "as_user", "injected_page?"]


@only_with_all
@pytest.mark.parametrize(
    ("question", "section"),
    [
        ("uvicorn workers metrics", "frameworks/fastapi.html#metrics-with-workers"),
        ("nginx Ingress prefix", "frameworks/fastapi.html#below-a-prefix"),
    ],
)
def test_the_title_of_a_section_has_the_words_of_its_question(site: Path, question: str, section: str) -> None:
    """The search puts titles first."""
    index = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))
    (title,) = [document["title"] for document in index["docs"] if document["location"] == section]
    assert set(question.lower().split()) <= set(re.findall(r"\w+", title.lower()))


def test_the_navigation_names_every_page() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    documents = [page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")]
    assert [page for page in documents if f": {page}\n" not in nav] == []
