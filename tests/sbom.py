"""Says what is installed beside this Python: a CycloneDX bill of materials, or the licences. Run by ``make sbom``.

It needs nothing but the standard library, so that its own requirements are not among the packages it finds.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, distributions
from typing import Any

SUBJECT = "widgetmw"
TOOLS = ("pip", "setuptools")  # of the environment


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def packages() -> dict[str, Distribution]:
    """Returns the installed packages by normalized name, in alphabetical order."""
    found = {normalized(package.metadata["Name"]): package for package in distributions()}
    return {name: found[name] for name in sorted(found) if name not in TOOLS}


def expression(package: Distribution) -> str:
    """Returns the SPDX expression of a package's licence; empty if it states none."""
    return package.metadata.get("License-Expression") or ""


def licence(package: Distribution) -> str:
    """Returns what a package says of its licence: an SPDX expression, else its classifiers, else its own words."""
    names = [name for name in package.metadata.get_all("Classifier", []) if name.startswith("License ::")]
    first_line = (package.metadata.get("License") or "unknown").partition("\n")[0]
    return expression(package) or ", ".join(name.rpartition(" :: ")[2] for name in names) or first_line


def url(package: Distribution) -> str:
    """Returns the package URL (purl), which identifies a package among all."""
    return f"pkg:pypi/{normalized(package.metadata['Name'])}@{package.version}"


def component(package: Distribution) -> dict[str, Any]:
    stated = {"expression": expression(package)} if expression(package) else {"license": {"name": licence(package)}}
    identity = {"bom-ref": url(package), "name": package.metadata["Name"], "version": package.version}
    return {"type": "library", **identity, "licenses": [stated], "purl": url(package)}


def required(package: Distribution, installed: dict[str, Distribution]) -> list[str]:
    """Returns the package URLs of what a package requires, without its extras."""
    wanted = [text for text in package.requires or () if "extra ==" not in text]
    names = {normalized(name[0]) for name in map(re.compile(r"[\w.-]+").match, wanted) if name}
    return [url(installed[name]) for name in sorted(names & installed.keys())]


def bill_of_materials() -> dict[str, Any]:
    """Returns a CycloneDX document: the package, what is installed with it, and who requires what."""
    installed = packages()
    others = [component(package) for name, package in installed.items() if name != SUBJECT]
    dependencies = [{"ref": url(each), "dependsOn": required(each, installed)} for each in installed.values()]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component(installed[SUBJECT])},
        "components": others,
        "dependencies": dependencies,
    }


def main() -> None:
    """Prints the licences with the argument ``licences``, else the bill of materials."""
    if sys.argv[1:] == ["licences"]:
        for package in packages().values():
            print(f"{package.metadata['Name']} {package.version}: {licence(package)}")
    else:
        print(json.dumps(bill_of_materials(), indent=2))


if __name__ == "__main__":
    main()
