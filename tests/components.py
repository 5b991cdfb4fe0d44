"""Finds the real components that some tests need, and installs those that are missing where it can.

Run by ``make test`` before the tests. What cannot be had is said here and skipped there, with the reason; under
``CI=true`` a missing component is a failure of the tests that need it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".cache"
EXAMPLES = CACHE.parent / "examples"
# esbuild exactly: the bundles in the repository are compared with what it makes
NODE_PACKAGES = {
    "jsonwebtoken": "9",
    "react": "19",
    "react-dom": "19",
    "esbuild": "0.28.2",
    "typescript": "5",
    "htmx.org": "4",
    "htmx-2": "npm:htmx.org@2",
    "@hotwired/turbo": "8",
    "swup": "4",
    "unpoly": "3",
    "@barba/core": "2",
}
DEBIAN_PACKAGES = {
    "chromium": "chromium",
    "chromium-headless-shell": "chromium-headless-shell",
    "firefox": "firefox-esr",
    "nginx": "nginx-light",
    "node": "nodejs npm",
    "openssl": "openssl",
}

OPTIONAL = {"chromium-headless-shell": "the tests use chromium, which takes longer"}


def find(program: str) -> str | None:
    """Returns where a program is, by the names it goes by; ``WITH_<PROGRAM>`` in the environment names another."""
    other = os.environ.get(f"WITH_{program.upper().replace('-', '_')}")
    names = {
        "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
        "chromium-headless-shell": ("chromium-headless-shell", "chrome-headless-shell"),
        "firefox": ("firefox-esr", "firefox"),
    }
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    found = (shutil.which(name, path=path) for name in names.get(program, (program,)))
    return other or next((place for place in found if place), None)


def install(missing: list[str]) -> None:
    """Installs programs from Debian's packages where that can be done; a package not named above has their name."""
    if not missing or not shutil.which("apt-get"):
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if as_root and not shutil.which("sudo"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # one by one: a name that this release of the system does not have must not cost the others
    packages = (DEBIAN_PACKAGES.get(name, name).split() for name in missing)
    for words in (
        ["update", "-qq"],
        *(["install", "-y", "-qq", "--no-install-recommends", *each] for each in packages),
    ):
        subprocess.run([*as_root, "apt-get", *words], env=environment, stdout=subprocess.DEVNULL, check=False)


def packages_of_example(name: str) -> dict[str, str]:
    """Returns the node packages of an example, with their versions."""
    manifest = json.loads((EXAMPLES / name / "package.json").read_text(encoding="utf-8"))
    return {**manifest.get("dependencies", {}), **manifest.get("devDependencies", {})}


def _install_node() -> None:
    # in one folder: most of what Astro needs, the others need too
    packages = {**NODE_PACKAGES, **packages_of_example("astro"), **packages_of_example("vite")}
    if all(_is_installed(*package) for package in packages.items()) or not find("npm"):
        return
    CACHE.mkdir(exist_ok=True)
    words = [
        "install",
        "--prefix",
        str(CACHE),
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--silent",
        *(f"{name}@{version}" for name, version in packages.items()),
    ]
    with suppress(subprocess.TimeoutExpired):
        subprocess.run([find("npm") or "npm", *words], stdout=subprocess.DEVNULL, check=False, timeout=300)


def _is_installed(package: str, version: str) -> bool:
    manifest, wanted = CACHE / "node_modules" / package / "package.json", version.rpartition("@")[2]
    return manifest.exists() and f"{json.loads(manifest.read_text())['version']}.".startswith(f"{wanted}.")


def main() -> None:
    """Installs what is missing and says what could not be had."""
    install([name for name in DEBIAN_PACKAGES if not find(name)])
    _install_node()
    for name in DEBIAN_PACKAGES:
        if not find(name):
            lost = OPTIONAL.get(name, "the tests that need it are skipped")
            print(f"{name} is not here and could not be installed: {lost}", file=sys.stderr)


if __name__ == "__main__":
    main()
