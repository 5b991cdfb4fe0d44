"""Checks the syntax of a script with a real engine, since a syntax error keeps the whole script from running."""

from __future__ import annotations

import shutil
import subprocess

_COMPILE = "new (require('vm').Script)(require('fs').readFileSync(0, 'utf8'))"


def is_valid_script(code: str) -> bool | None:
    """Whether a script parses; ``None`` if Node.js is not installed."""
    node = shutil.which("node")
    if node is None:
        return None
    result = subprocess.run(  # noqa: S603  the program is node; the code is passed on stdin
        [node, "-e", _COMPILE], input=code, text=True, capture_output=True, timeout=30, check=False
    )
    return not result.returncode
