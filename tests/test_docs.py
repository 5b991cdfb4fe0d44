from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.fields import VENDORS
from tests.generated import PARTS, ROOT, rendered
from widgetmw.cli import _parser
from widgetmw.core.endpoint import _ERRORS
from widgetmw.core.proxy.reasons import ProxyReason
from widgetmw.core.reasons import SkipReason
from widgetmw.core.registry import load_provider
from widgetmw.core.settings import VARIABLES, variables


@pytest.mark.parametrize("name", PARTS)
def test_generated_parts_match_the_code(name: str) -> None:
    text, expected = rendered(name)
    assert text == expected, "run: make docs"


def test_the_readme_names_both_make_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text


#: Every document, by its path.
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "examples/*/*.md")
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_documents_are_valid(name: str) -> None:
    document = ROOT / name
    for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / link).exists(), link


def test_every_variable_is_in_the_settings() -> None:
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    assert [v.name for v in VARIABLES if f"`{v.name}`" not in text] == []


#: Names that are written like variables and are none of ours: of Kubernetes, and of globals in the page.
NOT_OURS = {"WIDGETMW_SERVICE_HOST", "DG_CHAT_WIDGET_CONFIG", "DG_SDK_CONFIG", "HISSUNO_WIDGET_CONFIG"}


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != "CHANGELOG.md"])
def test_every_variable_that_a_document_names_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:WIDGETMW|DG|HISSUNO|ORLO|GIOSG)(?:_[A-Z]+)+\b", text))
    known = {each for variable in variables() for each in variable.names}
    assert named - known - NOT_OURS == set()


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_table_that_lists_the_vendors_has_every_vendor_with_the_files_of_its_keys(vendor: str) -> None:
    text = (ROOT / "docs/frameworks/fastapi.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| \[[^]]+\]\(\.\./vendors/{vendor}\.md\) \|.*", text, re.MULTILINE)
    cells = row.split("|")
    files = {name for each in load_provider(vendor).variables for name in each.names if name.endswith("_FILE")}
    assert set(re.findall(r"`(\w+)`", cells[2])) <= files
    assert f"vendors/{vendor}.md#what-your-page-embeds" in (ROOT / "docs/index.md").read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 250


def documented_commands(name: str) -> list[list[str]]:
    """Returns the words of each ``widgetmw`` command in a document, without its comments."""
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`(widgetmw [^`]+)`", text)
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("widgetmw ")]


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if documented_commands(name)])
def test_every_command_that_a_document_names_exists(name: str) -> None:
    for words in documented_commands(name):
        words += ["URL"] * (words[-1] == "--url")
        filled = [re.sub("^URL$", "https://shop.example/", word).replace("…", "name=value") for word in words]
        try:
            _parser().parse_args(filled)
        except SystemExit:
            pytest.fail(f"widgetmw {shlex.join(words)}")


#: Codes of ``check --url`` and of log lines, which docs/reasons.md lists in its own tables.
CODE = re.compile(r"`((?:csp|endpoint|shared|second|cross|integrity|resolver|mint|page|script)_[a-z0-9_]+)`")


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name.startswith("docs/")])
def test_every_reason_code_that_a_document_names_exists(name: str) -> None:
    reasons = (ROOT / "docs/reasons.md").read_text(encoding="utf-8")
    named = set(CODE.findall((ROOT / name).read_text(encoding="utf-8")))
    assert {code for code in named if f"`{code}`" not in reasons} <= {"script_urls", *_ERRORS}


def test_every_skip_reason_has_a_code_a_text_and_a_remedy() -> None:
    assert all(reason.text and reason.remedy for reason in SkipReason)
    assert all(re.fullmatch("[a-z0-9_]+", reason.code) for reason in SkipReason)
    assert len({reason.code for reason in SkipReason}) == len(SkipReason)


#: A call that logs an outcome, with its kind and its code.
LOGGED = re.compile(
    r"""\b(?:inform|warn|warn_once|warn_always|count_and_warn)[(,]\s*(?:"(\w+)"|self\._kind), "(\w+)","""
)


def logged_by(sources: list[str]) -> set[tuple[str, str]]:
    """Returns kind and code of every line that is logged with a code of its own."""
    found = {pair for source in sources for pair in LOGGED.findall(source)}
    endpoint = {("endpoint", code) for source in sources for code in re.findall(r'failed\([\w.]+, "(\w+)"', source)}
    kinds = {kind for source in sources for kind in re.findall(r'SecretFileWatcher\(.*, "(\w+)"\)', source)}
    return endpoint | {(each, code) for kind, code in found for each in ([kind] if kind else kinds)}


def test_every_line_of_the_log_is_documented() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "widgetmw").rglob("*.py")]
    text = (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")
    section = text[text.index("## What the log says") : text.index("## The reasons")]
    documented = set(re.findall(r"`(page|app|user|endpoint|token|proxy|observe): (\w+)`", section))
    # these are logged with the code of a reason
    of_reasons = {("page", "resolver_failed"), ("page", "internal_error")}
    of_proxies = {("proxy", ProxyReason.ADDRESS_NOT_LISTED.code), ("proxy", ProxyReason.VALUE_LEFT_OUT.code)}
    assert documented == logged_by(sources) | of_reasons | of_proxies
    without_code = [line for each in sources for line in re.findall(r'log\.warning\("widgetmw: ([^%:]+)', each)]
    assert without_code
    assert [line for line in without_code if f"`{line}`" not in section] == []


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


#: Words in the life of a request that are written like the code of a reason.
NO_CODES = {"_handler", "_stage", "send", "edit_request_headers", "identify", "widgetmw"}


def test_the_life_of_a_request_names_every_reason_to_skip_a_page_and_no_other() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    life = text[text.index("## The life of a request") : text.index("## The life of a token")]
    words = set(re.findall(r"`([a-z_]+)`", NAMED.sub("", life)))
    assert words - NO_CODES == {reason.code for reason in SkipReason}
