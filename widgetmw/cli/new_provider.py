"""``widgetmw new-provider``: writes a distribution with a vendor, which works and passes its tests as it is."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from widgetmw import __version__
from widgetmw.core.registry import registered_names
from widgetmw.core.settings import variables

#: The kinds, and what the script of each hands to the widget.
KINDS: Final = {
    "jwt": "vendor.token.token",
    "hmac": "{ id: vendor.token.id, hash: vendor.token.token }",
    "email-hmac": "{ email: vendor.token.email, hash: vendor.token.token }",
    "provider": "{ id: vendor.token.id, token: vendor.token.token }",
}
_NAME: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


def run(options: Namespace) -> int:
    """Writes the files into a new folder. Never overwrites one. Returns the exit status."""
    if problem := _problem(options.name):
        print(f"problem: {problem}", file=sys.stderr)
        return 1
    folder = Path(options.out) / f"widgetmw-{options.name.replace('_', '-')}"
    try:
        folder.mkdir(parents=True)
        for path, text in _files(options.name, options.kind):
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
            print(f"wrote {folder / path}")
    except FileExistsError:
        print(f"problem: {folder} already exists and was not changed", file=sys.stderr)
        return 1
    print(f"next: cd {folder} && pip install -e . pytest && pytest; README.md says what to change")
    return 0


def _problem(name: str) -> str:
    """Returns why a vendor cannot have this name; empty if it can."""
    if not _NAME.fullmatch(name) or len(name) > 64:
        return "the name must be lower-case letters and digits, with single - or _ between them, such as acme-chat"
    if name in registered_names():
        return f"there is a vendor named {name} already"
    prefix = f"{_prefix(name)}_"
    if prefix == "WIDGETMW_" or any(variable.name.startswith(prefix) for variable in variables()):
        return f"variables that begin with {prefix} exist already; choose another name"
    return ""


def _prefix(name: str) -> str:
    return name.replace("-", "_").upper()


def _files(name: str, kind: str) -> Iterator[tuple[str, str]]:
    """Yields paths and texts. The templates are those of a vendor named Acme."""
    module = f"widgetmw_{name.replace('-', '_')}"
    title = "".join(part.capitalize() for part in re.split("[-_]", name))
    words = {
        "WIDGETMW_VERSION": __version__,
        "ACME_IDENTITY": KINDS[kind],
        "widgetmw_acme": module,
        "widgetmw-acme": module.replace("_", "-"),
        "acme.example": f"{name.replace('_', '-')}.example",
        "acmeWidget": f"{title[0].lower()}{title[1:]}Widget",
        "Acme": title,
        "ACME": _prefix(name),
        "acme": name,
    }
    pattern = re.compile("|".join(words))
    for path, templates in {
        "pyproject.toml": ["pyproject.toml"],
        "README.md": ["README.md"],
        f"{module}/__init__.py": [f"{kind}.py", "page.py"],  # every kind has the same methods for the page
        f"{module}/{module}.js": ["script.js"],
        f"tests/test_{name.replace('-', '_')}.py": [f"test_{kind}.py"],
    }.items():
        folder = files("widgetmw") / "cli" / "templates"
        text = "".join((folder / f"{template}.txt").read_text("utf-8") for template in templates)
        yield path, pattern.sub(lambda match: words[match[0]], text)
