"""Content-Security-Policy: what it lets us emit.

The page's policy is never loosened. Either one of our forms passes it as it stands, or the page is left alone with
a reason; only with ``amend`` may the hash of our own inline script be added.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Literal, NamedTuple, TypeAlias

from widgetmw.core.http.csp_parser import SPACE, Policy, SourceList, Url, absolute, named, our_own, policies, policy
from widgetmw.core.reasons import SkipReason

Form: TypeAlias = Literal["inline", "bundled", "external", "hashed"]


class Verdict(NamedTuple):
    """What the policies of one answer let us emit.

    Attributes:
        form: of our span; ``None``: leave the page alone. ``"inline"``: inline script and external runtime.
            ``"bundled"``: one inline script that holds everything. ``"external"``: data block and external script.
            ``"hashed"``: as bundled, in an answer whose policy headers went through :func:`amended`.
        nonce: the ``nonce`` attribute of every script element of ours, in any form.
        connect: whether the runtime may call the token endpoint.
        embed: those of the loaders' URLs that a script of ours may add as script elements without a nonce.
        reason: why the page is skipped, or else why the runtime may not connect.
        embed_reason: why a loader is missing in ``embed``; set without loaders too.
    """

    form: Form | None
    nonce: str | None
    connect: bool
    embed: frozenset[str]
    reason: SkipReason | None
    embed_reason: SkipReason | None


def judge(
    enforced: Iterable[str],
    report_only: Iterable[str] = (),
    *,
    origin: str | None = None,
    base: str = "",
    amend: bool = False,
    loaders: Iterable[str] = (),
    scripts: Iterable[str] = ("/runtime.js",),
) -> Verdict:
    """Says what may be emitted under these policies. Takes any text, in linear time.

    Args:
        enforced: values of the ``Content-Security-Policy`` headers.
        report_only: those of ``Content-Security-Policy-Report-Only``; they choose among what is allowed.
        origin: ``scheme://host[:port]`` as the request says; ``None`` where unknown.
        base: path under which ``runtime.js`` and ``token`` lie, with the mount prefix.
        amend: whether the hash of our script may be added to the policy.
        loaders: absolute URLs of the vendors' scripts that we are asked to add.
        scripts: paths of our own scripts below ``base``; a form that links them needs all of them to be allowed.
    """
    return _judge(policies(enforced), policies(report_only), origin, base, amend, tuple(loaders), tuple(scripts))


def _judge(
    binding: list[Policy],
    watching: list[Policy],
    origin: str | None,
    base: str,
    amend: bool,
    loaders: Sequence[str],
    scripts: Sequence[str],
) -> Verdict:
    if any(each.sandboxed() for each in binding):
        return _refused(SkipReason.CSP_SANDBOX)
    lists = [each.scripts for each in binding if each.scripts]
    watched = [each.scripts for each in watching if each.scripts]
    ours = [our_own(origin, base + path) for path in scripts]
    choice = _choose(lists + watched, ours) or _choose(lists, ours) or _hashed(lists, amend)
    if choice is None:
        return _refused(SkipReason.CSP_NONE if any(each.empty for each in lists) else SkipReason.CSP_BLOCKS_SCRIPT)
    connect = _connects(binding, our_own(origin, f"{base}/token"))
    embed, embed_reason = _loaders(binding, lists, loaders)
    return Verdict(*choice, connect, embed, None if connect else SkipReason.CSP_BLOCKS_CONNECT, embed_reason)


def _refused(reason: SkipReason) -> Verdict:
    return Verdict(None, None, False, frozenset(), reason, reason)


def _choose(lists: list[SourceList], ours: list[Url]) -> tuple[Form, str | None] | None:
    loads = [all(each.loads_ours(url) for url in ours) for each in lists]
    passes: dict[Form, list[bool]] = {
        "inline": [each.inline and loaded for each, loaded in zip(lists, loads, strict=True)],
        "bundled": [each.inline for each in lists],
        "external": loads,
    }
    for form, passed in passes.items():
        closed = [each for each, free in zip(lists, passed, strict=True) if not free]
        if not closed:
            return form, None
        for nonce in closed[0].nonces:
            if all(nonce in each.nonces for each in closed):
                return form, nonce
    return None


def _hashed(lists: list[SourceList], amend: bool) -> tuple[Form, None] | None:
    # A list that allows nothing says that this page runs no scripts. Our hash would be the first to loosen that.
    if amend and not any(each.empty for each in lists):
        return "hashed", None
    return None


def _connects(binding: list[Policy], endpoint: Url) -> bool:
    return all(each.connects is None or each.connects.reaches_us(endpoint) for each in binding)


def _loaders(
    binding: list[Policy], lists: list[SourceList], loaders: Sequence[str]
) -> tuple[frozenset[str], SkipReason | None]:
    if any(each.trusted_types() for each in binding):
        return frozenset(), SkipReason.CSP_TRUSTED_TYPES
    # A nonce would let the loader in, but not what it loads in its turn: only a host or 'strict-dynamic' does both.
    found = frozenset(url for url in loaders if all(each.adds(absolute(url)) for each in lists))
    return found, None if len(found) == len(set(loaders)) else SkipReason.CSP_BLOCKS_LOADER


def hash_source(script: bytes) -> str:
    """Returns the source expression, quotes included, of an inline script with exactly this text."""
    return f"'sha256-{b64encode(sha256(script).digest()).decode()}'"


def amended(policy_header: str, source: str) -> str:
    """Adds a hash to those policies of a header value that need it; all else stays byte for byte.

    A policy needs it that restricts inline scripts. One where ``'unsafe-inline'`` is in effect does not: a hash
    would switch that off for the site's own scripts. Where ``default-src`` governs, a ``script-src`` of the same
    sources is appended, since a hash in ``default-src`` could switch off inline styles.

    Args:
        policy_header: value of a ``Content-Security-Policy`` header, maybe a comma list.
        source: as :func:`hash_source` gives it.
    """
    return ",".join(_amended(part, source) for part in policy_header.split(","))


def _amended(text: str, source: str) -> str:
    if not text.strip():
        return text
    read = policy(text)
    name, lists = read.script_directive(), read.scripts
    if name is None or lists is None or lists.inline or lists.empty or source in lists.hashes:
        return text
    if name == "default-src":
        joint = "" if text.rstrip(SPACE).endswith(";") else ";"
        return f"{text}{joint} script-src{read.directives[name]} {source}"
    parts = text.split(";")
    place = next(i for i, part in enumerate(parts) if any(found == name for found, _ in named(part)))
    body = parts[place].rstrip(SPACE)
    parts[place] = f"{body} {source}{parts[place][len(body) :]}"
    return ";".join(parts)


_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_-]++={0,2})'")
# They stand for the nonces in their order. Only ASCII is remembered, so none of them is ever in the text itself.
_MARKS = ("\ue000", "\ue001", "\ue002", "\ue003")
_REPORT = "\ue00f"
_ENTRIES, _LONGEST = 256, 8192  # texts beyond that are judged each time


class Judge:
    """Remembers verdicts by the text of the policies with the nonces blanked. Safe to share between threads.

    Args:
        amend: as for :func:`judge`.
        loaders: as for :func:`judge`.
        scripts: as for :func:`judge`.
    """

    def __init__(
        self, *, amend: bool = False, loaders: Iterable[str] = (), scripts: Iterable[str] = ("/runtime.js",)
    ) -> None:
        self._amend = amend
        self._loaders = tuple(loaders)
        self._scripts = tuple(scripts)
        # by policies and base, with the place of the verdict's nonce among theirs; _BY_ORIGIN: by origin too
        self._memo: dict[tuple[str | None, ...], tuple[Verdict, int | None]] = {}

    def verdict(
        self,
        enforced: Sequence[str],
        report_only: Sequence[str] = (),
        origin: str | None = None,
        base: str = "",
    ) -> Verdict:
        """Says the same as :func:`judge`; policies that were judged before cost a microsecond or two."""
        key, nonces = _blanked(enforced, report_only)
        known = self._memo.get((key, base))
        if known is _BY_ORIGIN:
            known = self._memo.get((key, base, origin))
        if known is None:
            return self._judged(key, nonces, enforced, report_only, origin, base)
        verdict, place = known
        if place is None:
            return verdict
        form, _, connect, embed, reason, embed_reason = verdict
        return Verdict(form, nonces[place], connect, embed, reason, embed_reason)

    def _judged(
        self,
        key: str | None,
        nonces: list[str],
        enforced: Sequence[str],
        report_only: Sequence[str],
        origin: str | None,
        base: str,
    ) -> Verdict:
        binding, watching = policies(enforced), policies(report_only)
        verdict = _judge(binding, watching, origin, base, self._amend, self._loaders, self._scripts)
        if key is None or len(origin or "") + len(base) > _LONGEST:
            return verdict
        if len(self._memo) >= _ENTRIES:
            self._memo.clear()
        place = nonces.index(verdict.nonce) if verdict.nonce in nonces else None
        if any(each.needs_origin() for each in binding + watching):
            self._memo[key, base] = _BY_ORIGIN
            self._memo[key, base, origin] = verdict, place
        else:
            self._memo[key, base] = verdict, place
        return verdict


_BY_ORIGIN: tuple[Verdict, int | None] = (_refused(SkipReason.CSP_BLOCKS_SCRIPT), None)


def _blanked(enforced: Sequence[str], report_only: Sequence[str]) -> tuple[str | None, list[str]]:
    text = ",".join(enforced)  # several headers mean the same as one comma list
    plain = text.isascii()
    if report_only:
        watched = ",".join(report_only)
        plain = plain and watched.isascii()
        text = f"{text}{_REPORT}{watched}"
    nonces: list[str] = []
    if not plain or len(text) > _LONGEST:
        return None, nonces
    found = _NONCE.search(text)
    while found is not None and len(nonces) < len(_MARKS):
        # the same nonce gets the same mark wherever it stands, another one another
        text = text.replace(found[0], _MARKS[len(nonces)])
        nonces.append(found[1])
        found = _NONCE.search(text, found.start())
    return text, nonces
