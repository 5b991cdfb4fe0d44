"""``widgetmw token``: prints a user's tokens and their claims."""

from __future__ import annotations

import json
import time
from argparse import Namespace

from widgetmw.core.errors import SettingsError
from widgetmw.core.events import Events
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings
from widgetmw.core.tokens.cache import TokenCache
from widgetmw.providers.signing import decode


def run(options: Namespace) -> int:
    """Signs a user's tokens and prints each with its header and claims. Returns the exit status."""
    settings = Settings.from_env()
    provider = options.provider
    if provider not in (None, *settings.providers):
        active = ", ".join(settings.providers) or "none"
        raise SettingsError([f"{provider} is not an active vendor (active: {active})"])
    if not settings.providers:
        raise SettingsError(["no vendor is configured"])
    try:
        user = User(options.user, options.name, options.email)
    except ValueError as error:
        raise SettingsError([str(error)]) from None
    token_set = TokenCache(settings, time.time, Events()).get(user)
    for issued in token_set.by_provider.values():
        if provider in (None, issued.provider):
            print(json.dumps({**issued.as_json(), **decode(issued.value)}, indent=2, ensure_ascii=True))
    return 1 if token_set.failed else 0
