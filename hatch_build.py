"""Makes the README's links absolute when the package is built, since an index shows it without the repository.

The repository's address has one place: ``Repository`` under ``[project.urls]`` in pyproject.toml. Without it, the links
stay relative.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)(\[[^\]]*\]\()(?![a-z]+:|#)([^)\s]+)\)")


class ReadmeHook(MetadataHookInterface):
    """Provides the package's ``readme``."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Sets the text that the package's page shows."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        repository = metadata.get("urls", {}).get("Repository", "")
        metadata["readme"] = {"content-type": "text/markdown", "text": with_absolute_links(text, repository)}


def with_absolute_links(text: str, repository: str) -> str:
    """Returns Markdown whose links and images lead to the repository, if its address is known."""
    if not repository:
        return text

    def absolute(match: re.Match[str]) -> str:
        image, start, path = match.groups()
        return f"{image}{start}{repository.rstrip('/')}/{'raw' if image else 'blob'}/HEAD/{path})"

    return _LINK.sub(absolute, text)
