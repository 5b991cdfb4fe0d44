"""Tokens in, script bytes out: the one span that is added to a page.

What the browser reads is one JSON object::

    {"url", "now", "user", "ask", "connect", "vendors": {name: {"page", "embed", "token"}}}

``widgetmw/browser`` says what it makes of it. All bytes are ASCII, and none of the values can end the script.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote

from widgetmw.core.settings import Settings
from widgetmw.core.tokens import Grant

Kind: TypeAlias = Literal["token", "ask", "public", "clean"]
Form: TypeAlias = Literal["inline", "bundled", "external", "hashed"]
_Key: TypeAlias = tuple[Kind, Form, str, bool, tuple[str, ...], bool]  # the last: without a nonce

_ESCAPES: Final = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
_NONCE: Final = b"\x00"  # stands for the nonce attribute; no other byte of ours is a NUL
_MOST_FRAMES: Final = 64
_SIGNED_OUT: Final = b'"user":null'
_FACTS: Final[dict[Kind, dict[str, Any]]] = {"ask": {"ask": True}, "clean": {"user": None}}


def dumps(value: Any) -> str:
    """Writes JSON that can stand in a script: ASCII, without ``<``, ``>`` and ``&``."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


def url_prefix(mount: str) -> str:
    """Writes the path an app is mounted under as the start of our URLs.

    Two leading slashes would make a URL of another host, so there is one, whatever a proxy in front says.
    """
    return "/" + quote(mount.strip("/"), safe="/~!$*,;=:@") if mount.strip("/") else ""


class Snippet:
    """Writes the spans of one app.

    Args:
        settings: of the app.
        boot: a JavaScript expression, a function of the object above.
        runtime: the browser side as a whole.

    Attributes:
        runtime: as given.
        version: names the content of ``runtime``.
    """

    def __init__(self, settings: Settings, boot: bytes, runtime: bytes) -> None:
        self.runtime = runtime
        self.version = sha256(runtime).hexdigest()[:16]
        self._boot = boot
        self._path = settings.path
        self._public = {vendor.provider.name: dict(vendor.provider.public()) for vendor in settings.vendors}
        self._frames: dict[_Key, tuple[bytes, bytes]] = {}
        self._moment = (0.0, 0.0, b"")

    def span(
        self,
        kind: Kind,
        form: Form,
        mount: str,
        nonce: str | None,
        connect: bool,
        embed: tuple[str, ...],
        grant: Grant | None = None,
        now: float = 0.0,
    ) -> bytes:
        """Returns the span.

        Args:
            kind: ``token``: for the user of the grant; ``ask``: for a browser that has to ask; ``public``: for
                nobody, with the vendor's loader; ``clean``: for a browser that must forget who was signed in.
            form: how the policy lets scripts in.
            mount: the path the app is mounted under.
            nonce: of the policy, checked to be one.
            connect: whether the policy lets the browser call the endpoint.
            embed: vendors whose loader is added.
            grant: the tokens, for kind ``token``.
            now: Unix seconds.
        """
        key = (kind, form, mount, connect, embed, nonce is None)
        before, after = self._frames.get(key) or self._frame(key)
        if nonce is not None:
            attribute = f' nonce="{nonce}"'.encode()
            before, after = before.replace(_NONCE, attribute), after.replace(_NONCE, attribute)
        if grant is not None:
            page = grant.page or self.page(grant)
            return b"".join((before, self.moment(now), page, _embed(embed) if embed else b"", after))
        if kind == "clean":
            # when it was sent, too: a router that shows a stale copy must not sign out who has signed in since
            before = before.replace(_SIGNED_OUT, self.moment(now) + _SIGNED_OUT, 1)
        return before + after

    def plain(self, mount: str) -> tuple[bytes, bytes]:
        """Returns what is the same in all spans of kind ``token`` for pages without a policy.

        The span is the first part, :meth:`moment`, :meth:`page` and the second part: the same as :meth:`span`.
        """
        key: _Key = ("token", "inline", mount, True, (), True)
        return self._frames.get(key) or self._frame(key)

    @staticmethod
    def script(span: bytes) -> bytes:
        """Returns the text of the script of a span of form ``hashed``, which is what a policy's hash is of."""
        return span[span.index(b">") + 1 : span.rindex(b"</script>")]

    def moment(self, now: float) -> bytes:
        """Writes the time."""
        # to a tenth of a second: with whole ones a browser would believe in tokens for up to a second too long
        since, until, text = self._moment
        if not since <= now < until:
            since = int(now * 10) / 10
            text = b'"now":%.1f,' % now
            self._moment = (since, since + 0.1, text)
        return text

    def page(self, grant: Grant) -> bytes:
        """Writes out the tokens of a user, and keeps that in the grant."""
        vendors = self._vendors(self._public, grant)
        grant.page = f'"user":{dumps(grant.mark)},"vendors":{dumps(vendors)}'.encode()
        return grant.page

    def _vendors(self, names: Iterable[str], grant: Grant | None = None) -> dict[str, Any]:
        vendors: dict[str, Any] = {name: {"page": self._public[name]} for name in names}
        for token in grant.minted if grant is not None else ():
            vendors[token.provider]["token"] = token.facts()
        return vendors

    def _frame(self, key: _Key) -> tuple[bytes, bytes]:
        """Makes what is the same for all users; the time and the grant's part go in between."""
        kind, form, mount, connect, embed, plain = key
        prefix = url_prefix(mount) + self._path
        start, end = self._elements(form, f"{prefix}/runtime.js?v={self.version}".encode())
        data = f'{{"url":{dumps(prefix + "/token")},'
        data += "" if connect else '"connect":false,'
        if kind != "token":
            facts = _FACTS.get(kind, {})
            vendors = self._vendors(embed if kind == "public" else self._public)
            data += dumps({**facts, "vendors": vendors})[1:-1] + (_embed(embed).decode() if embed else "")
        frame = start + data.encode(), b"}" + end
        if plain:
            frame = frame[0].replace(_NONCE, b""), frame[1].replace(_NONCE, b"")
        if len(self._frames) >= _MOST_FRAMES:  # a proxy may name any mount: bounded, whatever comes
            self._frames.clear()
        self._frames[key] = frame
        return frame

    def _elements(self, form: Form, url: bytes) -> tuple[bytes, bytes]:
        source = b' src="' + url + b'"></script>'
        if form == "external":
            # not deferred: it has to run before any script of the page
            data = b'<script type="application/json" data-widgetmw>'
            return data, b"</script><script data-widgetmw\x00" + source
        start, end = b"<script data-widgetmw\x00>" + self._boot + b"(", b");"
        if form == "inline":
            return start, end + b"</script><script data-widgetmw\x00 defer" + source
        return start, end + self.runtime + b"</script>"


def _embed(names: tuple[str, ...]) -> bytes:
    return f',"embed":{dumps(list(names))}'.encode()
