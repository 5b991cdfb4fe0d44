"""Decides which script form a page's Content-Security-Policy allows.

The page's policy is never loosened. Either one of our forms is allowed by it as it is, or the page is skipped with a
reason; only with ``amend`` may the hash of our own inline script be added.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Literal, NamedTuple, TypeAlias

from widgetmw.core.http.csp_parser import (
    WHITE_SPACE,
    Policy,
    SourceList,
    Url,
    own_url,
    parse_directive,
    parse_policies,
    parse_url,
)
from widgetmw.core.reasons import SkipReason

ScriptForm: TypeAlias = Literal["inline", "bundled", "external", "hashed", "with_integrity"]


class CspDecision(NamedTuple):
    """What the policies of one response allow us to emit.

    Attributes:
        form: of our script; ``None``: skip the page. ``"inline"``: inline script and external runtime.
            ``"bundled"``: one inline script that holds everything. ``"external"``: data block and external script.
            ``"hashed"``: as bundled, in a response whose policy headers went through :func:`add_hash`.
            ``"with_integrity"``: as external, with the hash of each file, which only an ``Integrity-Policy`` asks for.
        nonce: the ``nonce`` attribute for each of our script elements, in any form.
        can_connect: whether the runtime may call the token endpoint.
        allowed_loaders: URLs of vendors' scripts that our script may add as script elements without a nonce.
        reason: why the page is skipped, or ``None``.
        loader_reason: why a loader is not allowed; also set without loaders.
    """

    form: ScriptForm | None
    nonce: str | None
    can_connect: bool
    allowed_loaders: frozenset[str]
    reason: SkipReason | None
    loader_reason: SkipReason | None


def _choose_form(lists: list[SourceList], urls: list[Url]) -> tuple[ScriptForm, str | None] | None:
    """Returns the first form that all source lists allow, and the nonce that it needs."""
    allows_urls = [all(sources.allows_own_script(url) for url in urls) for sources in lists]
    allowed_by: dict[ScriptForm, list[bool]] = {
        "inline": [sources.allows_inline and allows for sources, allows in zip(lists, allows_urls, strict=True)],
        "bundled": [sources.allows_inline for sources in lists],
        "external": allows_urls,
    }
    for form, allowed in allowed_by.items():
        need_nonce = [sources for sources, allows in zip(lists, allowed, strict=True) if not allows]
        if not need_nonce:
            return form, None
        for nonce in need_nonce[0].nonces:
            if all(nonce in sources.nonces for sources in need_nonce):
                return form, nonce
    return None


def hash_source(script: bytes) -> str:
    """Returns the source expression, quotes included, of an inline script with exactly this text."""
    return f"'sha256-{b64encode(sha256(script).digest()).decode()}'"


def add_hash(policy_header: str, source: str) -> str:
    """Adds a hash to those policies of a header value that need it; all other bytes stay.

    A policy that restricts inline scripts needs it. A policy with ``'unsafe-inline'`` in effect does not: a hash would
    switch that off for the site's own scripts. Where ``default-src`` governs scripts, a ``script-src`` with the same
    sources is appended, because a hash in ``default-src`` could switch off inline styles.
    """
    return ",".join(_add_hash(part, source) for part in policy_header.split(","))


def _add_hash(text: str, source: str) -> str:
    if not text.strip():
        return text
    policy = Policy(text)
    name, sources = policy.script_directive, policy.scripts
    if name is None or sources is None or sources.allows_inline or sources.is_empty or source in sources.hashes:
        return text
    if name == "default-src":
        separator = "" if text.rstrip(WHITE_SPACE).endswith(";") else ";"
        return f"{text}{separator} script-src{policy.directives[name]} {source}"
    parts = text.split(";")
    index = next(i for i, part in enumerate(parts) if any(found == name for found, _ in parse_directive(part)))
    directive = parts[index].rstrip(WHITE_SPACE)
    parts[index] = f"{directive} {source}{parts[index][len(directive) :]}"
    return ";".join(parts)


_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_-]++={0,2})'")
# Placeholders that replace nonces in the memo's key, in their order. Only ASCII text is remembered, so that none of
# them is ever part of a policy.
_PLACEHOLDERS = ("\ue000", "\ue001", "\ue002", "\ue003")
_REPORT_ONLY = "\ue00f"
_MAX_ENTRIES = 256
_MAX_KEY_LENGTH = 8192  # longer policies are evaluated each time


class CspEvaluator:
    """Evaluates policies, and remembers decisions by the policies without their nonces. Thread-safe.

    Args:
        amend: whether the hash of our script may be added to the policy.
        loaders: absolute URLs of the vendors' scripts that the settings ask us to add.
        scripts: paths of our own scripts below the endpoints; a form that links them needs all of them to be allowed.
    """

    def __init__(
        self, *, amend: bool = False, loaders: Iterable[str] = (), scripts: Iterable[str] = ("/runtime.js",)
    ) -> None:
        self._amend = amend
        self._loaders = frozenset(loaders)
        self._scripts = tuple(scripts)
        # By policies, base and, where it matters, origin: the decision, and the index of its nonce among theirs.
        self._memo: dict[tuple[str | None, ...], tuple[CspDecision, int | None]] = {}

    def evaluate(
        self, enforced: Sequence[str], report_only: Sequence[str] = (), origin: str | None = None, base: str = ""
    ) -> CspDecision:
        """Evaluates policies. Takes any text, in linear time; one or two microseconds for policies it has seen before.

        Args:
            enforced: values of the ``Content-Security-Policy`` headers.
            report_only: values of ``Content-Security-Policy-Report-Only``; they choose among what is allowed.
            origin: ``scheme://host[:port]`` of the request; ``None`` if unknown.
            base: path that the endpoints are under, with the root path.
        """
        key, nonces = _memo_key(enforced, report_only)
        if known := self._memo.get((key, base)) or self._memo.get((key, base, origin)):
            decision, nonce_index = known
            return decision if nonce_index is None else CspDecision(decision.form, nonces[nonce_index], *decision[2:])
        policies, observed = parse_policies(enforced), parse_policies(report_only)
        decision = self._decide(policies, observed, origin, base)
        if key is not None and len(origin or "") + len(base) <= _MAX_KEY_LENGTH:
            if len(self._memo) >= _MAX_ENTRIES:
                self._memo.clear()
            nonce_index = nonces.index(decision.nonce) if decision.nonce in nonces else None
            by_origin = any(policy.depends_on_origin() for policy in policies + observed)
            self._memo[(key, base, origin) if by_origin else (key, base)] = decision, nonce_index
        return decision

    def _decide(self, enforced: list[Policy], report_only: list[Policy], origin: str | None, base: str) -> CspDecision:
        is_sandboxed = any(policy.is_sandboxed() for policy in enforced)
        required = [policy.scripts for policy in enforced if policy.scripts]
        preferred = [policy.scripts for policy in report_only if policy.scripts]
        allows_nothing = any(sources.is_empty for sources in required)
        urls = [own_url(origin, base + path) for path in self._scripts]
        choice = _choose_form(required + preferred, urls) or _choose_form(required, urls)
        # An empty list means that the page runs no scripts; adding our hash would loosen it.
        if choice is None and self._amend and not allows_nothing:
            choice = "hashed", None
        if is_sandboxed or choice is None:
            reason = SkipReason.CSP_NONE if allows_nothing else SkipReason.CSP_BLOCKS_SCRIPT
            reason = SkipReason.CSP_SANDBOX if is_sandboxed else reason
            return CspDecision(None, None, False, frozenset(), reason, reason)
        endpoint = own_url(origin, f"{base}/token")
        can_connect = all(policy.connections is None or policy.connections.matches_own(endpoint) for policy in enforced)
        allowed, loader_reason = self._loaders_for(enforced, required)
        return CspDecision(*choice, can_connect, allowed, None, loader_reason)

    def _loaders_for(self, enforced: list[Policy], lists: list[SourceList]) -> tuple[frozenset[str], SkipReason | None]:
        if any(policy.requires_trusted_types() for policy in enforced):
            return frozenset(), SkipReason.CSP_TRUSTED_TYPES
        # A nonce would allow the loader, but not what it loads itself: only a host or 'strict-dynamic' allows both.
        urls = (url for url in self._loaders if all(each.allows_script_url(parse_url(url)) for each in lists))
        allowed = frozenset(urls)
        return allowed, None if allowed == self._loaders else SkipReason.CSP_BLOCKS_LOADER


def _memo_key(enforced: Sequence[str], report_only: Sequence[str]) -> tuple[str | None, list[str]]:
    """Returns the policies with placeholders for their nonces, and the nonces; ``None`` if they are not remembered."""
    required, preferred = ",".join(enforced), ",".join(report_only)  # several headers mean the same as one comma list
    text = f"{required}{_REPORT_ONLY}{preferred}"
    nonces: list[str] = []
    if not (required.isascii() and preferred.isascii()) or len(text) > _MAX_KEY_LENGTH:
        return None, nonces
    match = _NONCE.search(text)
    while match is not None and len(nonces) < len(_PLACEHOLDERS):
        # Equal nonces get the same placeholder, different nonces different ones.
        text = text.replace(match[0], _PLACEHOLDERS[len(nonces)])
        nonces.append(match[1])
        match = _NONCE.search(text, match.start())
    return text, nonces
