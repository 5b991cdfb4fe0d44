"""The static files, read from the package once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType

# The mimetypes module is avoided: on Windows, the registry may map .js to text/plain.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file as it is served. ``etag`` is a hash of its content."""

    data: bytes
    content_type: str
    etag: str


def load() -> Mapping[str, Asset]:
    """Returns every file under ``static/``, keyed by its relative path. Nothing else is ever served."""
    root = resources.files("widgetmw.demo") / "static"
    return MappingProxyType({name: _asset(name, file) for name, file in _walk(root, "")})


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif f".{entry.name.rpartition('.')[2]}" in _TYPES:
            yield prefix + entry.name, entry


def _asset(name: str, file: Traversable) -> Asset:
    data = file.read_bytes()
    suffix = f".{name.rpartition('.')[2]}"
    return Asset(data, _TYPES[suffix], hashlib.sha256(data).hexdigest()[:16])
