"""``widgetmw check``: what the environment makes, without showing any secret."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping

from widgetmw.core.errors import describe_error
from widgetmw.core.events import Events
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings
from widgetmw.core.tokens.cache import TokenCache

_COMPILE = "new (require('vm').Script)(require('fs').readFileSync(0, 'utf8'))"
_SOMEBODY = User("widgetmw-check", "Check", "check@example.com")


def check(environ: Mapping[str, str]) -> int:
    """Prints what is configured and what each vendor's key makes; returns the exit status, 1 on problems.

    Raises:
        SettingsError: the environment has problems; it lists every one.
    """
    settings = Settings.from_env(environ)
    if not settings.enabled:
        print("widgetmw is disabled (WIDGETMW_ENABLED): every page passes through untouched")
        return 0
    if not settings.vendors:
        print("no vendor is configured: every page passes through untouched")
        return 0
    print(f"endpoints under {settings.path}, {settings.delivery} delivery")
    if settings.proxy is not None:
        print(f"identity from {settings.proxy.proxy.name}, {settings.proxy.proxy.facts()}")
    tokens = TokenCache(settings, time.time, Events())
    sound = [_vendor(settings, tokens, name) for name in settings.providers]
    return 0 if all(sound) else 1


def _vendor(settings: Settings, tokens: TokenCache, name: str) -> bool:
    provider = next(v.provider for v in settings.vendors if v.provider.name == name)
    token_set = tokens.get(_SOMEBODY)
    try:
        token = token_set.by_provider[name]
        provider.verify(token.value)
    except Exception as error:
        print(f"problem: {name}: the token does not verify with its own key ({describe_error(error)})", file=sys.stderr)
        return False
    lifetime = "no expiry" if provider.lifetime is None else _lifetime(provider.lifetime, tokens)
    print(f"{name}: {provider.describe_key()}; token of {len(token.value)} bytes minted and verified; {lifetime}")
    for note in provider.warnings():
        print(f"{name}: note: {note}")
    return all([_compiles(name, function, code) for function, code in provider.snippets().items()])


def _compiles(name: str, function: str, code: str) -> bool:
    """Has a real engine read the operator's JavaScript: one fault in it would keep all of runtime.js from running."""
    node = shutil.which("node")
    if node is None:
        print(f"{name}: note: node is not installed here, so the {function} snippet was only looked over")
        return True
    done = subprocess.run(  # noqa: S603  the program is node, and the code comes on its standard input
        [node, "-e", _COMPILE], input=f"({code})", text=True, capture_output=True, timeout=30, check=False
    )
    if done.returncode:
        print(f"problem: {name}: the {function} snippet is not valid JavaScript", file=sys.stderr)
    return not done.returncode


def _lifetime(seconds: int, tokens: TokenCache) -> str:
    return f"lives {seconds} s, renewed {tokens.refresh_margin(seconds)} s before"
