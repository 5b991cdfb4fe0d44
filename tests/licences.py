"""Prints the licence of each package that is installed beside this Python. Run by ``make sbom``."""

from __future__ import annotations

from importlib.metadata import Distribution, distributions

TOOLS = ("pip", "setuptools")


def licence(package: Distribution) -> str:
    """Returns what a package says of its licence: an SPDX expression, else its classifiers, else its own words."""
    fields = package.metadata
    words = [name.rpartition(" :: ")[2] for name in fields.get_all("Classifier", []) if name.startswith("License ::")]
    first_line = (fields.get("License") or "unknown").partition("\n")[0]
    return fields.get("License-Expression") or ", ".join(words) or first_line


def main() -> None:
    """Prints name, version and licence, one package a line."""
    packages = {package.metadata["Name"]: package for package in distributions()}
    for name in sorted(packages, key=str.lower):
        if name not in TOOLS:
            print(f"{name} {packages[name].version}: {licence(packages[name])}")


if __name__ == "__main__":
    main()
