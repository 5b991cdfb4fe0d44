"""What a release says of itself: its version, what it was tested with, and the workflows that build it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import sbom
from tests.wheel import supported_versions
from widgetmw import __version__

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VERSIONS = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = [path for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"]
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def test_the_version_has_a_dated_section_in_the_changelog_below_what_is_unreleased() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased, latest = re.findall(r"^## (.*)$", changelog, re.MULTILINE)[:2]
    assert unreleased == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d", latest)


def test_the_security_policy_names_the_latest_minor_release() -> None:
    minor = __version__.rpartition(".")[0]
    assert f"the latest minor release ({minor})" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_classifiers_support_table_and_workflow_name_the_same_versions_of_python() -> None:
    versions = supported_versions()
    assert PROJECT["requires-python"] == f">={versions[0]}"
    assert f"| CPython {', '.join(versions)} |" in VERSIONS
    assert (
        load(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]["tests"]["strategy"]["matrix"]["python"] == versions
    )


def load(path: Path) -> dict[str, Any]:
    """Returns a YAML file. Its key ``on`` is read as ``True``."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def jobs(path: Path) -> list[dict[str, Any]]:
    return list(load(path)["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_permission_that_a_job_does_not_need(path: Path) -> None:
    assert load(path)["permissions"] == {}
    granted = [permission for job in jobs(path) for permission in job["permissions"].items()]
    allowed = {("contents", "read")} | ({("id-token", "write")} if path.name == "release.yml" else set())
    assert set(granted) <= allowed
    assert all("timeout-minutes" in job for job in jobs(path))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_uses_actions_at_a_commit_and_leaves_no_credentials(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert used
    assert [action for action in used if not PINNED.fullmatch(action)] == []
    checkouts = [step for job in jobs(path) for step in job["steps"] if "actions/checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_make_target_of_a_workflow_exists(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [
        target
        for job in jobs(path)
        for step in job["steps"]
        for words in re.findall(r"^make (.*?) PYTHON", step.get("run", ""))
        for target in (job["strategy"]["matrix"]["target"] if "TARGET" in words else words.split())
    ]
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_an_issue_form_has_a_name_a_description_and_fields_with_labels(path: Path) -> None:
    form = load(path)
    assert form["name"]
    assert form["description"]
    fields = [part for part in form["body"] if part["type"] != "markdown"]
    assert all(part["attributes"]["label"] for part in fields)
    assert len({part["id"] for part in fields}) == len(fields)
    assert any(part.get("validations", {}).get("required") for part in fields)


def test_the_bill_of_materials_names_the_package_what_it_requires_and_the_licences() -> None:
    bill = sbom.bill_of_materials()
    assert bill["metadata"]["component"]["name"] == "widgetmw"
    assert bill["metadata"]["component"]["licenses"] == [{"expression": "MIT"}]
    found = {part["name"].lower(): part["purl"] for part in bill["components"]}
    (required,) = (each["dependsOn"] for each in bill["dependencies"] if each["ref"].startswith("pkg:pypi/widgetmw@"))
    names = [re.split("[><=]", text)[0].lower() for text in PROJECT["dependencies"]]
    assert required == sorted(found[name] for name in names)
