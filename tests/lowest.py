"""The oldest supported releases, as ``pyproject.toml`` names them.

Run as a script, it prints them as constraints for pip. ``make lowest`` installs exactly these.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9-]+)>=(?P<version>[0-9.]+)")


def lower_bounds() -> dict[str, dict[str, str]]:
    """Returns the oldest release of each package: those that widgetmw needs, an extra, and the frameworks with plugins.

    The other extra is not among them: the instrumentations that the tests use need a newer OpenTelemetry.
    """
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    groups = {
        "required": project["project"]["dependencies"],
        "extras": project["project"]["optional-dependencies"]["prometheus"],
        "frameworks": project["dependency-groups"]["frameworks"],
    }
    return {group: dict(map(_parse, requirements)) for group, requirements in groups.items()}


def _parse(requirement: str) -> tuple[str, str]:
    found = _REQUIREMENT.fullmatch(requirement)
    if found is None:
        raise ValueError(f"{requirement!r} must be a name and a lower bound, with no upper bound")
    return found["name"], found["version"]


def table() -> str:
    """Returns the generated part of docs/versions.md, in Markdown."""
    bounds = lower_bounds()
    uses = {"required": "required", "extras": "extra", "frameworks": "plugin"}
    rows = [f"| {name} | {version} | {uses[group]} |" for group in uses for name, version in bounds[group].items()]
    return "\n".join(["| package | oldest release tested | it is … |", "|---|---|---|", *rows]) + "\n"


def main() -> None:
    """Prints the constraints."""
    for packages in lower_bounds().values():
        for name, version in packages.items():
            print(f"{name}=={version}")


if __name__ == "__main__":
    main()
