"""Turns the JavaScript that the operator pastes from Orlo's dashboard into a function.

A page's Content-Security-Policy may forbid ``eval`` and inline scripts, and a token must never become program text.
So the placeholders become the parameters of a function that the page calls with their values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser

from widgetmw.providers.orlo.lexer import Script, as_ascii
from widgetmw.providers.orlo.orlo import PLACEHOLDERS

# Creates a global before the first line, as a script's "var" does. That of an element's id is not such a global.
_HOIST = "[{}].forEach(function(n){{Object.prototype.hasOwnProperty.call(window,n)||(window[n]=void 0)}});"
_ADD = (
    '(function(s){{{}(document.head||document.documentElement).appendChild(s)}})(document.createElement("script"));\n'
)
_CLASSIC = re.compile(r"(?:(?:text|application)/(?:x-)?(?:java|ecma)script)?", re.IGNORECASE)
_STRICT = re.compile(r"""(['"])use strict\1\s*(?:[;\n]|$)""")


def as_function(text: str) -> str:
    """Turns a pasted script into the source of a function.

    A placeholder becomes the parameter of its name: as a variable, in a string and in a template. Where that cannot
    be, the script is refused: as the name of a property, in a regular expression and where it is assigned. The text
    may have ``<script>`` tags. A tag with ``src`` becomes statements that add such an element; if it has neither
    ``async`` nor ``defer``, the scripts after it wait for it as they would in a page.

    In the function the script finds what it would find in a page: ``this`` is the window, ``var`` and ``function``
    at its top level make globals (a ``var`` keeps a value that is already there, so that the script can run again),
    while ``let``, ``const`` and ``class`` stay local.

    Args:
        text: the script, or one or more script elements.

    Returns:
        ``function(JWT_TOKEN,WIDGET_ID){...}``: ASCII, without script tags and ``<!--``.

    Raises:
        ValueError: the text cannot be used; the message says why, without any of the text.
    """
    text = text.removeprefix("\ufeff")
    elements: list[str | dict[str, str]] = [text]
    if text.lstrip().startswith("<"):
        parser = _ScriptElements()
        parser.feed(text)
        parser.close()
        if parser.is_open:
            raise ValueError("cannot be used: a script element is never closed")
        elements = parser.elements
    parts = [Script(element) if isinstance(element, str) else element for element in elements]
    if not any(part.code if isinstance(part, Script) else part for part in parts):
        raise ValueError("cannot be used: there is no script in it")
    code = as_ascii(f"function({','.join(PLACEHOLDERS)}){{{_chain(parts)}}}")
    if "\0" in code:
        raise ValueError("cannot be used: there is a NUL character in the script")
    return code


class _ScriptElements(HTMLParser):
    """Collects script elements: the text of an inline script, the attributes of one with ``src``."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str | dict[str, str]] = []
        self.is_open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in reversed(attrs)}  # of two with the same name, the first
        if tag != "script":
            raise ValueError("must not hold HTML elements other than script")
        if not _CLASSIC.fullmatch(attributes.get("type", "").strip()) or "nomodule" in attributes:
            raise ValueError("must hold classic scripts only, no modules and no data")
        if any(name.startswith("on") for name in attributes):
            raise ValueError("must not hold event handlers in tags")  # a placeholder in it would become program text
        self.is_open = True
        self.elements.append(attributes if "src" in attributes else "")

    def handle_endtag(self, tag: str) -> None:
        self.is_open = False

    def handle_data(self, data: str) -> None:
        if not self.is_open and data.strip():
            raise ValueError("must not hold text outside of the script elements")
        if self.is_open and isinstance(self.elements[-1], str):
            self.elements[-1] += data


def _chain(parts: Sequence[Script | dict[str, str]]) -> str:
    """Renders the parts; what follows an external script that blocks goes into its load handler."""
    code, scripts = "", []
    for at, part in enumerate(parts, 1):
        if isinstance(part, Script):
            scripts.append(part)
            code += part.code + ";\n"
        elif part.keys() & {"async", "defer"} or not parts[at:]:
            code += _external(part, "")
        else:
            code += _external(part, f"s.onload=s.onerror=function(){{{_chain(parts[at:])}}};")
            break
    names = dict.fromkeys(f'"{name}"' for script in scripts for name in script.variables)
    hoisted = _HOIST.format(",".join(names)) if names else ""
    functions = "".join(
        f'typeof {name}=="function"&&(window.{name}={name});' for script in scripts for name in script.functions
    )
    # The semicolon keeps a 'use strict' that only the first script has from working on all of them.
    strict = "'use strict';" if scripts and all(_STRICT.match(script.code) for script in scripts) else ";"
    return f"(function(){{{strict}{hoisted}{functions}\n{code}}}).call(window);"


def _external(attributes: dict[str, str], on_load: str) -> str:
    """Renders statements that add a script element."""
    lines = []
    for name, value in attributes.items():
        pieces = re.split(f"({'|'.join(PLACEHOLDERS)})", value)
        texts = [piece if piece in PLACEHOLDERS else json.dumps(piece) for piece in pieces]
        if name not in ("async", "defer", "nonce"):
            lines.append(f"s.setAttribute({json.dumps(name)},{'+'.join(texts)});")
    # an element that a script creates is async unless it is told otherwise
    lines.append(f"s.async={json.dumps('async' in attributes)};")
    return _ADD.format("".join(lines) + on_load)
