"""Obtaining a user's token: signed for each page as in the vendors' samples, or taken from the package's cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import jwt

from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import Batch, Estimate, run_interleaved
from benchmarks.subject import ADA
from widgetmw import Settings, testing
from widgetmw.core.engine import Engine

LIFETIME = 3600


def measure(effort: Effort) -> Section:
    """Measures HS256 (DigitalGenius) and RS256 (Orlo)."""
    return Section([_hs256(effort), _rs256(effort)])


def _hs256(effort: Effort) -> Finding:
    environ = testing.environ("digitalgenius")
    secret, headers = environ["DG_API_SECRET"], {"kid": environ["DG_API_KEY"]}

    def sample() -> str:
        payload = {"scope": "user", "external_id": ADA.id, "exp": int(time.time()) + LIFETIME}
        return jwt.encode(payload, secret, algorithm="HS256", headers=headers)

    ratio = _ratio(environ, sample, effort)
    return Finding("Obtaining a token, HS256", "jwt.encode on each page / widgetmw", ratio, limit=30, at_least=True)


def _rs256(effort: Effort) -> Finding:
    environ = testing.environ("orlo")
    pem = environ["ORLO_PRIVATE_KEY"]

    def sample() -> str:
        payload = {"name": ADA.name, "isLoggedIn": True, "exp": int(time.time()) + LIFETIME}
        return jwt.encode(payload, pem, algorithm="RS256")

    ratio = _ratio(environ, sample, effort)
    measure = "jwt.encode with the PEM on each page / widgetmw"
    return Finding("Obtaining a token, RS256", measure, ratio, limit=30_000, at_least=True)


def _ratio(environ: Mapping[str, str], sample: Callable[[], str], effort: Effort) -> Estimate:
    tokens = Engine(Settings.from_env(environ)).tokens
    rounds = run_interleaved({"sample": repeated(sample), "widgetmw": repeated(lambda: tokens.get(ADA))}, effort)
    return rounds.ratio("sample", "widgetmw")


def repeated(call: Callable[[], object]) -> Batch:
    """Returns a batch of calls to a function."""

    def calls(count: int) -> float:
        start = time.thread_time()
        for _ in range(count):
            call()
        return time.thread_time() - start

    return calls
