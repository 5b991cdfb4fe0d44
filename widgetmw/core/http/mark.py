"""The mark: a cookie of a browser in which a user is or was signed in.

The runtime sets it, and removes it once the clean-up after the sign-out is complete. It holds no identity. A cookie
belongs to a host, whatever the port and path, so its name differs between the apps of a host.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from widgetmw.core.http.request_headers import without_default_port

MARK_PREFIX: Final = "widgetmw_"


def mark_name(endpoint_path: str, host: str) -> str:
    """Returns the name of an app's mark, given its endpoint path and the ``Host`` header of the request.

    The browser learns the name from the page, since a reverse proxy may have rewritten ``Host``.
    """
    port = without_default_port(host).rpartition("]")[2].partition(":")[2]  # an IPv6 address has colons, in brackets
    return f"{MARK_PREFIX}{crc32(f'{port} {endpoint_path}'.encode('utf-8', 'replace')):08x}"


def has_mark(cookies: str, name: str) -> bool:
    """Whether a ``Cookie`` header holds the mark of this name."""
    return f"{name}=1" in (item.strip() for item in cookies.split(";"))
