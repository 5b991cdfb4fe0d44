"""``widgetmw token``: prints a user's tokens and their claims."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from typing import Any

from jwt import DecodeError, PyJWT

from widgetmw.core.events import Events
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings
from widgetmw.core.tokens.cache import TokenCache


def run(options: Namespace) -> int:
    """Signs a user's tokens and prints each with its header and claims. Returns the exit status."""
    settings = Settings.from_env()
    provider = options.provider
    if provider is not None and provider not in settings.providers:
        active = ", ".join(settings.providers) or "none"
        print(f"problem: {provider} is not an active vendor (active: {active})", file=sys.stderr)
        return 1
    if not settings.providers:
        print("problem: no vendor is configured", file=sys.stderr)
        return 1
    try:
        user = User(options.user, options.name, options.email)
    except ValueError as error:
        print(f"problem: {error}", file=sys.stderr)
        return 1
    token_set = TokenCache(settings, time.time, Events()).get(user)
    for issued in token_set.by_provider.values():
        if provider in (None, issued.provider):
            print(json.dumps({**issued.as_json(), **decode(issued.value)}, indent=2, ensure_ascii=True))
    return 1 if token_set.failed else 0


def decode(token: str) -> dict[str, Any]:
    """Returns ``header`` and ``claims`` of a JWT without verifying it; an empty dict for a token of another kind."""
    try:
        jwt = PyJWT().decode_complete(token, options={"verify_signature": False})
    except DecodeError:
        return {}
    return {"header": jwt["header"], "claims": jwt["payload"]}
