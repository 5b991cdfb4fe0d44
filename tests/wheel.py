"""Tests the built wheel in a clean environment for each supported Python that is installed. Run by ``make test-wheel``.

The tests come out of the sdist and run without its copy of the package, so that they can only import the wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
GROUPS = ("frameworks", "test-tools")
TESTS = (
    "tests/core",
    "tests/providers",
    "tests/proxies",
    "tests/contract/test_asgi.py",
    "tests/contract/test_wsgi.py",
    "tests/test_provider.py",
    "tests/test_testing.py",
)


def supported_versions() -> list[str]:
    """Returns the supported versions of Python, as the classifiers name them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = (name.removeprefix("Programming Language :: Python :: ") for name in project["classifiers"])
    return [version for version in versions if version.startswith("3.")]


def find_python(version: str) -> str | None:
    """Returns a Python of this version: of the PATH, or of pyenv, whose names on the PATH may lead nowhere."""
    places = (shutil.which(f"python{version}"), *sorted(PYENV.glob(f"versions/{version}.*/bin/python"), reverse=True))
    return next((str(place) for place in places if place and _is_version(str(place), version)), None)


def _is_version(python: str, version: str) -> bool:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpacks an sdist into an empty folder; returns the folder of the sources."""
    with tarfile.open(sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and newer
        archive.extractall(folder)
    (sources,) = folder.iterdir()
    return sources


def run(*command: str | Path, folder: Path) -> int:
    environ = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}  # it may lead to the sources
    return subprocess.run(command, cwd=folder, env=environ, check=False).returncode


def run_tests(python: str, wheel: Path, sdist: Path, folder: Path, options: Sequence[str]) -> bool:
    """Installs the wheel with one Python and runs the tests; returns whether they pass."""
    sources = unpack(sdist, folder)
    shutil.rmtree(sources / "widgetmw")
    environment = folder / "environment" / "bin"
    groups = [word for group in GROUPS for word in ("--group", group)]
    return not (
        run(python, "-m", "venv", environment.parent, folder=folder)
        or run(environment / "pip", "install", "--quiet", "--upgrade", "pip>=25.1", folder=folder)
        or run(environment / "pip", "install", "--quiet", wheel, *groups, folder=sources)
        or run(environment / "pytest", "--quiet", "--numprocesses", "2", *(options or TESTS), folder=sources)
    )


def results(options: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yields each installed version, and whether it passes."""
    (wheel,), (sdist,) = (ROOT / "dist").glob("*.whl"), (ROOT / "dist").glob("*.tar.gz")
    for version in supported_versions():
        python = find_python(version)
        if python is None:
            print(f"Python {version}: not installed, not tested", flush=True)
            continue
        with TemporaryDirectory() as folder:
            print(f"Python {version}", flush=True)
            yield version, run_tests(python, wheel, sdist, Path(folder), options)


def main() -> int:
    """Prints what passed; returns the exit status."""
    found = list(results(sys.argv[1:]))
    for version, passes in found:
        print(f"Python {version}: {'passed' if passes else 'FAILED'}")
    return 0 if found and all(passes for _, passes in found) else 1


if __name__ == "__main__":
    sys.exit(main())
