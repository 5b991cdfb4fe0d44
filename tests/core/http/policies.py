"""Evaluation of policies in one call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from widgetmw.core.http.csp import CspDecision, CspEvaluator


def evaluate(
    enforced: Iterable[str],
    report_only: Iterable[str] = (),
    *,
    origin: str | None = None,
    base: str = "",
    **options: Any,
) -> CspDecision:
    """Evaluates policies with an evaluator that has seen none before. The options are those of the evaluator."""
    return CspEvaluator(**options).evaluate(tuple(enforced), tuple(report_only), origin, base)
