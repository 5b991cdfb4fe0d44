"""Tokens in, script bytes out: the one span that is added to a page.

What the browser reads is one JSON object::

    {"url", "now", "user", "ask", "connect", "embed", "vendors": {name: {"config", "token"}}}

``PageData`` in ``widgetmw/browser/src/types.d.ts`` describes it. All bytes are ASCII, and none of the values can end
the script.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote

from widgetmw.browser.assets import ScriptFile, Scripts
from widgetmw.core.http.csp import CspDecision
from widgetmw.core.memo import Memo
from widgetmw.core.settings import Settings
from widgetmw.core.tokens.token import TokenSet

Kind: TypeAlias = Literal["token", "ask", "public", "clean"]
Form: TypeAlias = Literal["inline", "bundled", "external", "hashed"]
_Key: TypeAlias = tuple[Kind, Form, str, bool, tuple[str, ...], bool]  # the last: without a nonce

_ESCAPES: Final = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
_NONCE: Final = b"\x00"  # stands for the nonce attribute; no other byte of ours is a NUL
_OPEN: Final = b"<script data-widgetmw" + _NONCE + b">"
_INLINE_SCRIPT: Final = re.compile(rb"<script[^>]*>(.*?)</script>", re.DOTALL)
_MOST_FRAMES: Final = 64
_OFFLINE: Final = '"connect":false,'
_FACTS: Final[dict[Kind, dict[str, Any]]] = {"ask": {"ask": True}, "clean": {"user": None}}


def dumps(value: Any) -> str:
    """Writes JSON that can stand in a script: ASCII, without ``<``, ``>`` and ``&``."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


def url_prefix(root_path: str) -> str:
    """Writes the path an app is mounted under as the start of our URLs.

    Two leading slashes would make a URL of another host, so there is one, whatever a proxy in front says.
    """
    return "/" + quote(root_path.strip("/"), safe="/~!$*,;=:@") if root_path.strip("/") else ""


class Frame:
    """What is the same in a script for all users.

    Attributes:
        kind: ``token``: for the user of the token set; ``ask``: for a browser that has to ask; ``public``: for nobody,
            with the vendor's loader; ``clean``: for a browser that must forget who was signed in.
        form: how the policy lets scripts in.
        before: the bytes before the time and the tokens. A ``clean`` script says when it was sent, too: a router that
            shows a stale copy must not sign out who has signed in since.
        after: those after them.
    """

    __slots__ = ("after", "before", "form", "kind")

    def __init__(self, kind: Kind, form: Form, before: bytes, after: bytes) -> None:
        self.kind = kind
        self.form = form
        self.before = before
        self.after = after

    def with_nonce(self, nonce: str | None) -> Frame:
        """Returns the same with this nonce in each of its elements."""
        attribute = b"" if nonce is None else f' nonce="{nonce}"'.encode()
        before, after = self.before.replace(_NONCE, attribute), self.after.replace(_NONCE, attribute)
        return Frame(self.kind, self.form, before, after)


class Snippet:
    """Writes the spans of one app.

    Args:
        settings: of the app.
        scripts: of the app.

    Attributes:
        scripts: as given.
    """

    def __init__(self, settings: Settings, scripts: Scripts) -> None:
        self.scripts = scripts
        self._path = settings.path
        self._public = {vendor.provider.name: dict(vendor.provider.browser_config()) for vendor in settings.vendors}
        self._frames = Memo(self._make_frame, _MOST_FRAMES)  # a proxy may name any root path
        self._timestamp = (0.0, 0.0, b"")

    def frame(self, kind: Kind, decision: CspDecision, root_path: str, embed: tuple[str, ...]) -> Frame:
        """Returns what is the same for all users.

        Args:
            kind: see :class:`Frame`.
            decision: what the policy lets us emit.
            root_path: the path the app is mounted under.
            embed: vendors whose loader is added.
        """
        assert decision.form is not None
        frame: Frame = self._frames[kind, decision.form, root_path, decision.can_connect, embed, decision.nonce is None]
        return frame if decision.nonce is None else frame.with_nonce(decision.nonce)

    def render(self, frame: Frame, now: float, token_set: TokenSet | None = None) -> bytes:
        """Returns the script elements for a page.

        Args:
            frame: from :meth:`frame`, of kind ``token`` or ``clean``; those of other kinds are the same for everybody.
            now: Unix seconds.
            token_set: the tokens, for kind ``token``.
        """
        since, until, timestamp = self._timestamp
        if not since <= now < until:
            timestamp = self._renewed_timestamp(now)
        tokens = b"" if token_set is None else token_set.page or self._tokens(token_set)
        return b"".join((frame.before, timestamp, tokens, frame.after))

    @staticmethod
    def inline_scripts(span: bytes) -> list[bytes]:
        """Returns the texts of the script elements of a span of form ``hashed``, which a policy's hashes are of."""
        return _INLINE_SCRIPT.findall(span)

    def _renewed_timestamp(self, now: float) -> bytes:
        # to a tenth of a second: with whole ones a browser would believe in tokens for up to a second too long
        since = int(now * 10) / 10
        timestamp = b'"now":%.1f,' % now
        self._timestamp = (since, since + 0.1, timestamp)
        return timestamp

    def _tokens(self, token_set: TokenSet) -> bytes:
        """Writes out the tokens of a user, and keeps that in the token set."""
        vendors = self._vendors(self._public, token_set)
        token_set.page = f'"user":{dumps(token_set.user_hash)},"vendors":{dumps(vendors)}'.encode()
        return token_set.page

    def _vendors(self, names: Iterable[str], token_set: TokenSet | None = None) -> dict[str, Any]:
        vendors: dict[str, Any] = {name: {"config": self._public[name]} for name in names}
        for token in token_set.tokens if token_set is not None else ():
            vendors[token.provider]["token"] = token.as_json()
        return vendors

    def _make_frame(self, key: _Key) -> Frame:
        kind, form, root_path, connect, embed, plain = key
        prefix = url_prefix(root_path) + self._path
        names = embed if kind == "public" else tuple(self._public)
        start, end = script_elements(self.scripts, form, prefix, names)
        start += f'{{"url":{dumps(prefix + "/token")},{"" if connect else _OFFLINE}'.encode()
        data = _embed(embed) if embed else ""
        if kind != "token":
            data = dumps({**_FACTS.get(kind, {}), "vendors": self._vendors(names)})[1:-1] + data
        frame = Frame(kind, form, start, data.encode() + b"}" + end)
        return frame.with_nonce(None) if plain else frame


def script_elements(scripts: Scripts, form: Form, prefix: str, names: Iterable[str]) -> tuple[bytes, bytes]:
    """Writes the script elements of a page, up to its data and after it.

    Scripts that are not ours stand in elements of their own: those of vendors ahead of the bootstrap, which calls
    them, and the operator's functions ahead of the start of the runtime.

    Args:
        scripts: of the app.
        form: how the policy lets scripts in.
        prefix: the endpoint path, with the path the app is mounted under.
        names: vendors in the data.
    """
    names = list(names)
    vendors = [scripts.vendors[name] for name in names if name in scripts.vendors]
    snippets = [file for name in names for file in scripts.snippets.get(name, ())]
    if form == "external":
        # not deferred: these have to run before any script of the page; the runtime finds the data ahead of itself
        start = _linked(prefix, vendors) + b'<script type="application/json" data-widgetmw>'
        return start, b"</script>" + _linked(prefix, [scripts.runtime]) + _linked(prefix, snippets, b" defer")
    start = _inline(vendors)
    if form == "inline":
        deferred = _linked(prefix, [*snippets, scripts.runtime], b" defer")
        return start + _OPEN + scripts.bootstrap + b"(", b");</script>" + deferred
    start += _inline(snippets) + _OPEN + scripts.bootstrap + b"("
    return start, b");" + scripts.bundled_runtime + b"</script>"


def _inline(files: Iterable[ScriptFile]) -> bytes:
    return b"".join(_OPEN + file.content + b"</script>" for file in files)


def _linked(prefix: str, files: Iterable[ScriptFile], attribute: bytes = b"") -> bytes:
    urls = [f"{prefix}{file.url}".encode() for file in files]
    return b"".join(_OPEN[:-1] + attribute + b' src="' + url + b'"></script>' for url in urls)


def _embed(names: tuple[str, ...]) -> str:
    return f',"embed":{dumps(list(names))}'
