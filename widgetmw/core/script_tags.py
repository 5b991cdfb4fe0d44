"""Writes the script tags for a page: the one contiguous span of bytes that is added to it.

The browser reads one JSON object::

    {"url", "key", "now", "user", "ask", "connect", "embed", "vendors": {name: {"config", "token"}}, "errors"}

``key`` is the name of the app's mark. ``PageData`` in ``widgetmw/browser/src/types.d.ts`` describes the object. All
bytes are ASCII, and no value can end the script.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote

from widgetmw.browser.assets import ScriptFile, Scripts, embed_script
from widgetmw.core.http.csp import CspDecision, ScriptForm
from widgetmw.core.settings import Settings
from widgetmw.core.tokens.token import TokenSet

PageKind: TypeAlias = Literal["token", "fetch", "prefetched", "anonymous", "confirm_sign_out"]
"""What a page is for:

* ``token``: a signed-in user;
* ``fetch``: everybody, with fetch delivery: the browser requests the token;
* ``prefetched``: a signed-in user who may never open it: the browser requests the token then;
* ``anonymous``: vendors' loaders alone;
* ``confirm_sign_out``: an anonymous visitor whose browser has our mark: it asks whether nobody is signed in.
"""

_ESCAPES: Final = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
_NONCE: Final = b"\x00"  # placeholder of the nonce attribute; no other byte of ours is a NUL
_OPEN: Final = b"<script data-widgetmw" + _NONCE + b">"
_INLINE_SCRIPT: Final = re.compile(rb"<script[^>]*>(.*?)</script>", re.DOTALL)
_MAX_TEMPLATES: Final = 64
_DATA_START: Final = '{"url":'
_EXTRA_DATA: Final[dict[PageKind, dict[str, Any]]] = {
    "fetch": {"ask": True},
    "prefetched": {"ask": True},
    "confirm_sign_out": {"user": None, "ask": True},
}


@dataclass(frozen=True, slots=True)
class ScriptTemplate:
    """The part of the script tags that is the same for all users.

    Attributes:
        kind: of the page.
        form: how the CSP allows scripts.
        before: the bytes before the timestamp and the tokens.
        after: the bytes after them.
    """

    kind: PageKind
    form: ScriptForm
    before: bytes
    after: bytes

    def with_nonce(self, nonce: str | None) -> ScriptTemplate:
        """Returns the template with this nonce in each element."""
        attribute = b"" if nonce is None else f' nonce="{nonce}"'.encode()
        before, after = self.before.replace(_NONCE, attribute), self.after.replace(_NONCE, attribute)
        return ScriptTemplate(self.kind, self.form, before, after)


class ScriptTags:
    """Writes the script tags of one app."""

    def __init__(self, settings: Settings, scripts: Scripts) -> None:
        self.scripts = scripts
        self._path = settings.path
        self._configs = {vendor.provider.name: dict(vendor.provider.browser_config()) for vendor in settings.vendors}
        on_request = [vendor.provider.name for vendor in settings.vendors if not vendor.provider.in_page]
        self._on_request = dict.fromkeys(on_request, "on_request")
        self._templates = lru_cache(_MAX_TEMPLATES)(self._make_template)  # a proxy may name any root path
        self._timestamp = (0.0, 0.0, b"")

    def embed_script(self, embed: tuple[str, ...]) -> ScriptFile:
        """Returns ``embed.js``; ``embed`` names the vendors with a loader."""
        data = {"ask": True, "vendors": self._vendors(self._configs), **({"embed": embed} if embed else {})}
        return embed_script(self.scripts, dumps(data))

    def template(
        self, kind: PageKind, decision: CspDecision, root_path: str, mark: str, embed: tuple[str, ...]
    ) -> ScriptTemplate:
        """Returns the part of the script tags that is the same for all users; ``embed`` names vendors with a loader."""
        assert decision.form is not None
        has_nonce = decision.nonce is not None
        template = self._templates(kind, decision.form, root_path, mark, decision.can_connect, embed, has_nonce)
        return template.with_nonce(decision.nonce) if has_nonce else template

    def render(self, template: ScriptTemplate, now: float, token_set: TokenSet) -> bytes:
        """Returns the script tags for a page of kind ``token``."""
        since, until, timestamp = self._timestamp
        if not since <= now < until:
            # To a tenth of a second: with whole seconds, a browser would trust a token for up to a second too long.
            since, timestamp = int(now * 10) / 10, b'"now":%.1f,' % now
            self._timestamp = since, since + 0.1, timestamp
        tokens = token_set.page_json or self._write_tokens(token_set)
        return b"".join((template.before, timestamp, tokens, template.after))

    def _write_tokens(self, token_set: TokenSet) -> bytes:
        """Serializes the tokens of a user, and keeps the result in the token set."""
        vendors = self._vendors(self._configs)
        for token in token_set.tokens:
            if token.provider not in self._on_request:
                vendors[token.provider]["token"] = token.as_json()
        errors = {**self._on_request, **dict(token_set.refused)}
        others = f',"errors":{dumps(errors)}' if errors else ""
        token_set.page_json = f'"user":{dumps(token_set.user_hash)},"vendors":{dumps(vendors)}{others}'.encode()
        return token_set.page_json

    def _vendors(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        return {name: {"config": self._configs[name]} for name in names}

    def _make_template(
        self,
        kind: PageKind,
        form: ScriptForm,
        root_path: str,
        mark: str,
        can_connect: bool,
        embed: tuple[str, ...],
        has_nonce: bool,
    ) -> ScriptTemplate:
        prefix = url_prefix(root_path) + self._path
        names = embed if kind == "anonymous" else tuple(self._configs)
        start, end = script_elements(self.scripts, form, prefix, names)
        start += f'{_DATA_START}{dumps(prefix + "/token")},"key":{dumps(mark)},'.encode()
        if not can_connect:
            start += b'"connect":false,'
        data = f',"embed":{dumps(embed)}' if embed else ""
        if kind != "token":
            data = dumps({**_EXTRA_DATA.get(kind, {}), "vendors": self._vendors(names)})[1:-1] + data
        template = ScriptTemplate(kind, form, start, data.encode() + b"}" + end)
        return template if has_nonce else template.with_nonce(None)


def script_elements(scripts: Scripts, form: ScriptForm, prefix: str, names: Collection[str]) -> tuple[bytes, bytes]:
    """Writes the script elements of a page, up to its data and after it.

    Scripts that are not ours have elements of their own: those of vendors before the bootstrap, which calls them, and
    the operator's functions before the runtime starts. The prefix is the endpoint path with the root path; the names
    are those of the vendors in the data.
    """
    vendors = [scripts.vendors[name] for name in names if name in scripts.vendors]
    snippets = [file for name in names for file in scripts.snippets.get(name, ())]
    if form in ("external", "with_integrity"):
        # not deferred: these must run before any script of the page; the runtime finds the data before its element
        has_hash = form == "with_integrity"
        start = _linked(prefix, vendors, b"", has_hash) + b'<script type="application/json" data-widgetmw>'
        runtime = _linked(prefix, [scripts.runtime], b"", has_hash)
        return start, b"</script>" + runtime + _linked(prefix, snippets, b" defer", has_hash)
    start = _inline(vendors)
    if form == "inline":
        deferred = _linked(prefix, [*snippets, scripts.runtime], b" defer")
        return start + _OPEN + scripts.bootstrap + b"(", b");</script>" + deferred
    start += _inline(snippets) + _OPEN + scripts.bootstrap + b"("
    return start, b");" + scripts.bundled_runtime + b"</script>"


def _inline(files: Iterable[ScriptFile]) -> bytes:
    return b"".join(_OPEN + file.content + b"</script>" for file in files)


def _linked(prefix: str, files: Iterable[ScriptFile], attribute: bytes = b"", has_hash: bool = False) -> bytes:
    tags = (f' src="{prefix}{file.url}"' + (f" {file.integrity}" if has_hash else "") for file in files)
    return b"".join(_OPEN[:-1] + attribute + tag.encode() + b"></script>" for tag in tags)


def inline_scripts(script_tags: bytes) -> list[bytes]:
    """Returns the texts of inline script elements, which the hashes in a CSP refer to."""
    return _INLINE_SCRIPT.findall(script_tags)


def find_data(script: str) -> Iterator[dict[str, Any]]:
    """Yields the objects in the text of one of our script elements that the browser reads, as above; mostly one."""
    decoder, position = json.JSONDecoder(), 0
    while (start := script.find(_DATA_START, position)) >= 0:
        try:
            data, position = decoder.raw_decode(script, start)
        except RecursionError:
            return  # not ours
        except ValueError as error:  # this is code, not data; what was read is not read again
            position = max(getattr(error, "pos", 0), start + 1)
        else:
            yield data


def dumps(value: Any) -> str:
    """Writes JSON that can stand in a script: ASCII, without ``<``, ``>`` and ``&``."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


def url_prefix(root_path: str) -> str:
    """Writes a root path as the start of our URLs.

    Two leading slashes would make it a URL of another host, so there is one, whatever a reverse proxy says.
    """
    return "/" + quote(root_path.strip("/"), safe="/~!$*,;=:@") if root_path.strip("/") else ""
