"""Assembles the browser scripts of an app from the bundles in ``dist/``, for the vendors that are active.

``make assets`` builds the bundles from ``src/`` and from the scripts of the built-in vendors. Each bundle is a
JavaScript expression, so they can be concatenated.

Third-party code is never part of our scripts: neither the script of a third-party vendor nor an operator's snippet.
Each of them has its own script element or file, so that an error in it affects nothing else.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from gzip import compress
from hashlib import sha256
from importlib.resources import files
from typing import Final, Protocol

EMBED_PATH: Final = "/embed.js"
_EXPORT: Final = re.compile(r"^export default(?![\w$])", re.MULTILINE)
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
# These would end the script element or change how it is parsed. NUL is the placeholder of the nonce in our templates.
_UNSAFE: Final = re.compile(r"</script|<script|<!--|\x00", re.IGNORECASE)


class VendorCode(Protocol):
    """The part of :class:`widgetmw.core.provider.Provider` that concerns JavaScript."""

    @property
    def name(self) -> str: ...
    def snippets(self) -> Mapping[str, str]: ...
    def script_source(self) -> str: ...


@dataclass(frozen=True)
class ScriptFile:
    """A script that is served under the endpoint path.

    Attributes:
        path: relative to the endpoint path.
        content: ASCII; can also be used in a script element.
    """

    path: str
    content: bytes

    @cached_property
    def version(self) -> str:
        """A hash of the content."""
        return sha256(self.content).hexdigest()[:16]

    @cached_property
    def integrity(self) -> str:
        """The attributes that an Integrity-Policy asks for; a hash alone does not count without ``crossorigin``."""
        return f'crossorigin integrity="sha256-{b64encode(sha256(self.content).digest()).decode()}"'

    @cached_property
    def gzipped(self) -> bytes:
        """The content as gzip data."""
        return compress(self.content, 9, mtime=0)

    @property
    def url(self) -> str:
        """The path with the version."""
        return f"{self.path}?v={self.version}"


@dataclass(frozen=True)
class Scripts:
    """All scripts of one app.

    Attributes:
        bootstrap: a function expression that takes the page's data; runs in the page.
        runtime: the complete runtime as a file.
        bundled_runtime: the runtime for a script element that begins with the bootstrap.
        vendors: scripts of third-party vendors, by vendor. They run before the bootstrap.
        snippets: the operator's snippets, by vendor. They run before the runtime.
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
    """Assembles the scripts of an app.

    Args:
        vendors: the active vendors, in order.
        on_error: called with the vendor's name if its script cannot be used; other vendors are not affected.
    """
    vendors = list(vendors)
    outside = {}
    for vendor in vendors:
        if not is_built_in(vendor.name):
            try:
                if module := vendor.script_source():
                    outside[vendor.name] = vendor_script(vendor.name, module)
            except Exception as error:  # raised by third-party code
                on_error(vendor.name, error)
    snippets = {
        vendor.name: tuple(snippet_script(vendor.name, name, code) for name, code in vendor.snippets().items())
        for vendor in vendors
    }
    names = [vendor.name for vendor in vendors if is_built_in(vendor.name) or vendor.name in outside]
    return Scripts(bootstrap(names), ScriptFile("/runtime.js", runtime(names)), bundled(names), outside, snippets)


def bootstrap(vendors: Sequence[str]) -> bytes:
    """Returns the code inside a page: a function expression that takes the page's data."""
    return f"({_bundles()['bootstrap']})({_parts('init', vendors)})".encode()


def bundled(vendors: Sequence[str]) -> bytes:
    """Returns the runtime for a script element in which the bootstrap has already run."""
    return f"({_bundles()['runtime']})(0,{_parts('connect', vendors)});".encode()


def runtime(vendors: Sequence[str]) -> bytes:
    """Returns the runtime as a file; includes the bootstrap, for pages that cannot have inline scripts."""
    return f"({_bundles()['runtime']})({bootstrap(vendors).decode()},{_parts('connect', vendors)});\n".encode()


def embed_script(scripts: Scripts, data: str) -> ScriptFile:
    """Returns ``embed.js``, which is the one script of a page that we have not made.

    Args:
        scripts: those of the app. Files that are not ours are loaded by it, since an error in them must affect nothing
            else.
        data: the page's data as JSON, without the endpoint's URL and the name of the mark.
    """
    paths = [file.url for path, file in scripts.files().items() if file is not scripts.runtime]
    code = f"({_bundles()['embed']})({scripts.bootstrap.decode()},{data},{json.dumps(paths)});"
    return ScriptFile(EMBED_PATH, code.encode() + scripts.bundled_runtime)


def is_built_in(vendor: str) -> bool:
    """Whether the vendor's script is one of the bundles."""
    return f"{vendor}.init" in _bundles() or f"{vendor}.connect" in _bundles()


def vendor_script(vendor: str, module: str) -> ScriptFile:
    """Turns a third-party vendor's module into a script.

    The single ``export default`` at the start of a line becomes the value of a function. Characters beyond ASCII are
    escaped, because the script may be part of a page in any charset. The function is in strict mode.

    Raises:
        ValueError: the module cannot be used; the message gives the reason.
    """
    # Browsers normalize line ends before they hash a script for a CSP.
    module = module.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    body, count = _EXPORT.subn("const widgetmwScript =", module)
    if count != 1:
        raise ValueError(f"the script holds {count} lines that begin with `export default` instead of one")
    if unsafe := _UNSAFE.search(body):
        line = body.count("\n", 0, unsafe.start()) + 1
        raise ValueError(
            f"line {line} of the script holds {unsafe[0]!r}, which is not allowed in a page; in a string, "
            "write '<\\' instead of '<'"
        )
    body = _NOT_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], body)
    return ScriptFile(
        f"/vendor/{vendor}.js",
        f'(window.widgetmw_scripts??={{}})["{vendor}"]=(()=>{{"use strict";{body}\nreturn widgetmwScript}})();'
        f'window.widgetmw?._?.onScript?.("{vendor}");\n'.encode("ascii"),
    )


def snippet_script(vendor: str, name: str, function: str) -> ScriptFile:
    """Turns an operator's snippet into a script.

    Args:
        vendor: the vendor whose script can call the snippet.
        name: the snippet's name in that script.
        function: a function expression, in ASCII. It runs in the global scope, in sloppy mode.

    Raises:
        ValueError: name or function cannot stand in a page.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) or not function.isascii() or _UNSAFE.search(function):
        raise ValueError(f"the snippet {name!r} must have a plain name, be ASCII, and hold no script tag or <!--")
    return ScriptFile(
        f"/snippet/{vendor}/{name}.js",
        f'((window.widgetmw_snippets??={{}})["{vendor}"]??={{}})["{name}"]={function};\n'
        f'window.widgetmw?._?.onSnippet?.("{vendor}","{name}");\n'.encode("ascii"),
    )


def _parts(part: str, vendors: Sequence[str]) -> str:
    """Returns an object literal with the vendors' ``init`` or ``connect``.

    Reading a property of a third-party script may throw. A wrapper reads its ``init``, so that only the call can throw.
    The runtime reads its ``connect``, since the script may run late.
    """
    members = []
    for vendor in vendors:
        if bundle := _bundles().get(f"{vendor}.{part}"):
            members.append(f'"{vendor}":{bundle}')
        elif part == "init" and not is_built_in(vendor):
            members.append(f'"{vendor}":(vendor)=>window.widgetmw_scripts?.["{vendor}"]?.init?.(vendor)')
    return "{" + ",".join(members) + "}"


@cache
def _bundles() -> dict[str, str]:
    """Returns the bundles by the names of their files, without ``.js``."""
    folder = files("widgetmw") / "browser" / "dist"
    return {file.name.removesuffix(".js"): file.read_text("ascii").rstrip("\n") for file in folder.iterdir()}
