"""``widgetmw token``: prints a user's tokens and their claims."""

from __future__ import annotations

import json
import os
import time
from argparse import Namespace
from dataclasses import replace
from typing import Any

from widgetmw.core.env.variable import EnvReader
from widgetmw.core.errors import SettingsError, UserTypeError, UserValueError
from widgetmw.core.events import Events
from widgetmw.core.identity.user import Scalar, User
from widgetmw.core.settings import read_settings
from widgetmw.core.tokens.cache import TokenCache
from widgetmw.providers.signing import decode


def run(options: Namespace) -> int:
    """Signs a user's tokens and prints each with its header and claims.

    Returns 1 if a token cannot be signed, or if no vendor can serve the user, which the log explains; else 0.
    """
    settings = read_settings(EnvReader(os.environ))
    provider = options.provider
    if provider not in (None, *settings.providers):
        active = ", ".join(settings.providers) or "none"
        raise SettingsError([f"{provider} is not an active vendor (active: {active})"])
    if not settings.providers:
        raise SettingsError(["no vendor is configured"])
    try:
        attributes = dict(map(_attribute, options.attribute))
        user = User(options.user, options.name, options.email, attributes, options.email_verified)
    except (UserTypeError, UserValueError) as error:
        raise SettingsError([str(error)]) from None
    vendors = tuple(vendor for vendor in settings.vendors if provider in (None, vendor.provider.name))
    token_set = TokenCache(replace(settings, vendors=vendors), time.time, Events()).get(user)
    issued = token_set.by_provider.values()
    tokens: dict[str, Any] = {token.provider: {**token.as_json(), **decode(token.value)} for token in issued}
    for document in [{"tokens": tokens}] if options.json else tokens.values():
        print(json.dumps(document, indent=2, ensure_ascii=True))
    return 1 if token_set.failed or not tokens else 0


def _attribute(text: str) -> tuple[str, Scalar]:
    """Parses ``KEY=VALUE``; a number, ``true`` or ``false`` is taken as such."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise SettingsError(["--attribute must be KEY=VALUE"])
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return key, value
    return key, parsed if isinstance(parsed, int | float) else value
