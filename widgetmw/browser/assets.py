"""The scripts of the browser side: bundles from ``dist/``, put together for the vendors of an app.

``make assets`` builds the bundles from ``src/`` and from the built-in vendors' scripts. Each is a JavaScript
expression, so that putting them together takes no more than writing them next to each other.

Scripts that this package did not write are never part of ours: neither the script of a vendor from outside nor a
function of the operator's. Each is a script element or a file of its own, and its error costs nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from importlib.resources import files
from typing import Final, Protocol

_EXPORT: Final = re.compile(r"^export default(?![\w$])", re.MULTILINE)
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
# these would end the script element, or change how it is parsed; a NUL is the placeholder of the nonce
_UNSAFE: Final = re.compile(r"</script|<script|<!--|\x00", re.IGNORECASE)


class VendorCode(Protocol):
    """What a vendor's class tells about its JavaScript; see :class:`widgetmw.core.provider.Provider`."""

    @property
    def name(self) -> str:
        """Name of the vendor."""

    def snippets(self) -> Mapping[str, str]:
        """Returns the operator's functions by name."""

    def script_source(self) -> str:
        """Returns the text of the vendor's script; empty if it needs none."""


@dataclass(frozen=True)
class ScriptFile:
    """A script that is served below the endpoint path.

    Attributes:
        path: below the endpoint path.
        content: ASCII; may also stand in a script element.
    """

    path: str
    content: bytes

    @cached_property
    def version(self) -> str:
        """Names the content."""
        return sha256(self.content).hexdigest()[:16]

    @property
    def url(self) -> str:
        """The path with the version."""
        return f"{self.path}?v={self.version}"


@dataclass(frozen=True)
class Scripts:
    """All scripts of one app.

    Attributes:
        bootstrap: an expression, a function of the page's data; runs in the page.
        runtime: everything that the runtime needs when it comes as a file.
        bundled_runtime: the runtime for a script element that begins with the bootstrap.
        vendors: scripts of vendors from outside, by vendor. They run before the bootstrap.
        snippets: the operator's functions, by vendor. They run before the runtime.
    """

    bootstrap: bytes
    runtime: ScriptFile
    bundled_runtime: bytes
    vendors: Mapping[str, ScriptFile]
    snippets: Mapping[str, tuple[ScriptFile, ...]]

    def files(self) -> dict[str, ScriptFile]:
        """Returns the files by path."""
        snippets = (file for of_vendor in self.snippets.values() for file in of_vendor)
        return {file.path: file for file in (self.runtime, *self.vendors.values(), *snippets)}


def scripts(vendors: Iterable[VendorCode], on_error: Callable[[str, Exception], None]) -> Scripts:
    """Puts the scripts of an app together.

    Args:
        vendors: the active vendors, in order.
        on_error: called with the vendor's name if its script cannot be used; the others are not affected.
    """
    vendors = list(vendors)
    outside = {}
    for vendor in vendors:
        if not is_built_in(vendor.name):
            try:
                if module := vendor.script_source():
                    outside[vendor.name] = vendor_script(vendor.name, module)
            except Exception as error:  # of code from outside
                on_error(vendor.name, error)
    snippets = {
        vendor.name: tuple(snippet_script(vendor.name, name, code) for name, code in vendor.snippets().items())
        for vendor in vendors
    }
    names = [vendor.name for vendor in vendors if is_built_in(vendor.name) or vendor.name in outside]
    return Scripts(bootstrap(names), ScriptFile("/runtime.js", runtime(names)), bundled(names), outside, snippets)


def bootstrap(vendors: Sequence[str]) -> bytes:
    """Returns the expression inside a page: a function of the page's data."""
    return f"({_bundle('bootstrap')})({_parts('init', vendors)})".encode()


def bundled(vendors: Sequence[str]) -> bytes:
    """Returns the runtime for a script in which the bootstrap has run."""
    return f"({_bundle('runtime')})(0,{_parts('connect', vendors)});".encode()


def runtime(vendors: Sequence[str]) -> bytes:
    """Returns the runtime as a file: with the bootstrap, for pages in which no inline script may run."""
    return b"(%s)(%s,%s);\n" % (_bundle("runtime").encode(), bootstrap(vendors), _parts("connect", vendors).encode())


def is_built_in(vendor: str) -> bool:
    """Whether the bundles hold the vendor's script."""
    return any(_bundle_exists(f"{vendor}.{part}") for part in ("init", "connect"))


def vendor_script(vendor: str, module: str) -> ScriptFile:
    """Makes a script of the module of a vendor from outside.

    The one textual rule: the single ``export default`` at the start of a line becomes the value of a function. All
    else stays, except that characters beyond ASCII are escaped, since the script may stand in a page of any charset.

    Raises:
        ValueError: the module cannot be used; the message says why.
    """
    body, count = _EXPORT.subn("const widgetmwScript =", module.removeprefix("\ufeff"))
    if count != 1:
        raise ValueError(f"the script holds {count} lines that begin with `export default` instead of one")
    if unsafe := _UNSAFE.search(body):
        raise ValueError(f"the script holds {unsafe[0]!r}, which cannot stand in a page; write '<\\' instead of '<'")
    body = _NOT_ASCII.sub(_escape, body)
    return ScriptFile(
        f"/vendor/{vendor}.js",
        f'(self.widgetmw_scripts??={{}})["{vendor}"]=(()=>{{"use strict";{body}\nreturn widgetmwScript}})();'
        f'self.widgetmw?._.onScript?.("{vendor}");\n'.encode("ascii"),
    )


def snippet_script(vendor: str, name: str, function: str) -> ScriptFile:
    """Makes a script of a function of the operator's.

    Args:
        vendor: whose script may call the function.
        name: under which it finds the function.
        function: a function expression; ASCII. It runs outside any function, as sloppy code.
    """
    return ScriptFile(
        f"/snippet/{vendor}/{name}.js",
        f'((self.widgetmw_snippets??={{}})["{vendor}"]??={{}})["{name}"]={function};\n'
        f'self.widgetmw?._.onSnippet?.("{vendor}","{name}");\n'.encode("ascii"),
    )


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _parts(part: str, vendors: Sequence[str]) -> str:
    """Writes an object of all vendors' ``init`` or ``connect``."""
    members = []
    for vendor in vendors:
        if not is_built_in(vendor):
            members.append(f'"{vendor}":self.widgetmw_scripts?.["{vendor}"]?.{part}')
        elif _bundle_exists(f"{vendor}.{part}"):
            members.append(f'"{vendor}":{_bundle(f"{vendor}.{part}")}')
    return "{" + ",".join(members) + "}"


@cache
def _bundle_exists(name: str) -> bool:
    return (files("widgetmw") / "browser" / "dist" / f"{name}.js").is_file()


@cache
def _bundle(name: str) -> str:
    return (files("widgetmw") / "browser" / "dist" / f"{name}.js").read_text("ascii").rstrip("\n")
