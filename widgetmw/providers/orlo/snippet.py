"""Turns the JavaScript that the operator pastes from Orlo's dashboard into a function.

A page's Content-Security-Policy may forbid ``eval`` and inline scripts, and a token must never become program text.
So the placeholders become the parameters of a function that the page calls with their values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser

from widgetmw.providers.orlo.lexer import Script

# Creates a global before the first line, as a script's "var" does. That of an element's id is not such a global.
_HOIST = "[{}].forEach(function(n){{Object.prototype.hasOwnProperty.call(window,n)||(window[n]=void 0)}});"
_ADD = (
    '(function(s){{{}(document.head||document.documentElement).appendChild(s)}})(document.createElement("script"));\n'
)
_CLASSIC = re.compile(r"(?:(?:text|application)/(?:x-)?(?:java|ecma)script)?", re.IGNORECASE)
_SPACE = "\t\n\f\r \ufeff"


def as_function(text: str, placeholders: Sequence[str]) -> str:
    """Turns a pasted script into the source of a function.

    A placeholder becomes the parameter of its name: as a value of its own, in a string and in a template without a
    tag. Any other use outside of comments is refused, such as the name of a property or a variable. The text may
    have ``<script>`` tags. A tag with ``src`` becomes statements that add such an element; if it has neither ``async``
    nor ``defer``, the scripts after it wait for it as they would in a page.

    In the function the script finds what it would find in a page: ``this`` is the window, ``var`` and ``function``
    at its top level make globals (a ``var`` keeps a value that is already there, so that the script can run again),
    while ``let``, ``const`` and ``class`` stay local.

    Args:
        text: the script, or one or more script elements.
        placeholders: names that stand for values.

    Returns:
        ``function(<placeholders>){...}``: ASCII, without ``</script`` and ``<!--``.

    Raises:
        ValueError: the text cannot be used; the message says why, without any of the text.
    """
    parts: list[Script | dict[str, str]] = [Script(text, placeholders)] if text.lstrip(_SPACE)[:1] != "<" else []
    if not parts:
        parser = _ScriptElements()
        parser.feed(text)
        parser.close()
        if parser.is_open:
            raise ValueError("cannot be used: a script element is never closed")
        parts = [Script(part, placeholders) if isinstance(part, str) else part for part in parser.parts]
    if not any(part.code if isinstance(part, Script) else part for part in parts):
        raise ValueError("cannot be used: there is no script in it")
    code = f"function({','.join(placeholders)}){{{_chain(parts, placeholders)}}}"
    if re.search("</script|<!--|\0", code, re.IGNORECASE):  # no valid script has these outside of its literals
        raise ValueError("cannot be used: there is HTML or a NUL character inside the script")
    return code


class _ScriptElements(HTMLParser):
    """Collects script elements: the text of an inline script, the attributes of one with ``src``."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str | dict[str, str]] = []
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
        self.parts.append(attributes if "src" in attributes else "")

    def handle_endtag(self, tag: str) -> None:
        self.is_open = False

    def handle_data(self, data: str) -> None:
        if not self.is_open and data.strip(_SPACE):
            raise ValueError("must not hold text outside of the script elements")
        if self.is_open and isinstance(self.parts[-1], str):
            self.parts[-1] += data


def _chain(parts: Sequence[Script | dict[str, str]], placeholders: Sequence[str]) -> str:
    """Renders the parts; what follows an external script that blocks goes into its load handler."""
    blocking = (
        at for at, part in enumerate(parts, 1) if isinstance(part, dict) and not part.keys() & {"async", "defer"}
    )
    end = next(blocking, len(parts))
    waiting = _chain(parts[end:], placeholders) if parts[end:] else ""
    scripts = [part for part in parts[:end] if isinstance(part, Script)]
    code = "".join(
        part.code + ";\n"
        if isinstance(part, Script)
        else _external(part, waiting if part is parts[end - 1] else "", placeholders)
        for part in parts[:end]
    )
    names = list(dict.fromkeys(f'"{name}"' for script in scripts for name in script.variables))
    hoisted = _HOIST.format(",".join(names)) if names else ""
    functions = "".join(
        f'typeof {name}=="function"&&(window.{name}={name});' for script in scripts for name in script.functions
    )
    # The semicolon keeps a 'use strict' that only the first script has from working on all of them.
    strict = "'use strict';" if scripts and all(script.is_strict for script in scripts) else ";"
    return f"(function(){{{strict}{hoisted}{functions}\n{code}}}).call(window);"


def _external(attributes: dict[str, str], waiting: str, placeholders: Sequence[str]) -> str:
    """Renders statements that add a script element."""
    pattern = f"({'|'.join(map(re.escape, placeholders))})"
    lines = []
    for name, value in attributes.items():
        pieces = [piece for piece in re.split(pattern, value) if piece] or [""]
        texts = [piece if piece in placeholders else json.dumps(piece).replace("<", "\\x3C") for piece in pieces]
        if name not in ("async", "defer", "nonce"):
            lines.append(f"s.setAttribute({json.dumps(name)},{'+'.join(texts)});")
    # an element that a script creates is async unless it is told otherwise
    lines.append(f"s.async={json.dumps('async' in attributes)};")
    if waiting:
        lines.append(f"s.onload=s.onerror=function(){{{waiting}}};")
    return _ADD.format("".join(lines))
