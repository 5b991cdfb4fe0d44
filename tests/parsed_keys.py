"""Saves the tests time: parsing an RSA key includes a check that takes as long as a hundred requests."""

from __future__ import annotations

from functools import cache

from widgetmw.providers import signing


def parse_each_key_once() -> None:
    """Keeps the keys that this process has parsed; they are immutable."""
    signing.load_pem_private_key = cache(signing.load_pem_private_key)
