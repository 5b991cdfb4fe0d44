"""What an ``Integrity-Policy`` header asks of script elements.

It blocks scripts that are linked without a hash in an ``integrity`` attribute, or without ``crossorigin``, even those
of the page's own origin. Inline scripts are not affected.

Source: https://w3c.github.io/webappsec-subresource-integrity/, 3.8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_BLOCKED: Final = re.compile(r"blocked-destinations[ \t]*+=[ \t]*+\(([^()]*+)\)")


def requires_integrity(values: Iterable[str]) -> bool:
    """Whether one of the header's values blocks linked scripts without a hash. Takes any text, in linear time."""
    return any("script" in blocked.split() for value in values for blocked in _BLOCKED.findall(value))
