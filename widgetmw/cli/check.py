"""``widgetmw check``: validates the configuration and signs a test token per vendor. Never prints secrets."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from argparse import Namespace

from widgetmw.browser import assets
from widgetmw.core.errors import describe_error
from widgetmw.core.events import Events
from widgetmw.core.identity.user import User
from widgetmw.core.provider import Provider
from widgetmw.core.settings import Settings
from widgetmw.core.tokens.cache import TokenCache

_COMPILE_SCRIPT = "new (require('vm').Script)(require('fs').readFileSync(0, 'utf8'))"
_TEST_USER = User("widgetmw-check", "Check", "check@example.com")


def run(options: Namespace) -> int:
    """Prints the configuration and the result of signing a test token per vendor. Returns the exit status."""
    settings = Settings.from_env()
    if not settings.enabled:
        print("widgetmw is disabled (WIDGETMW_ENABLED): pages are not modified")
        return 0
    if not settings.vendors:
        print("no vendor is configured: pages are not modified")
        return 0
    print(f"endpoint path: {settings.path}; delivery: {settings.delivery}")
    if settings.proxy is not None:
        print(f"identity from {settings.proxy.proxy.name}, {settings.proxy.proxy.describe_trust()}")
    tokens = TokenCache(settings, time.time, Events())
    results = [_check_vendor(tokens, vendor.provider) for vendor in settings.vendors]
    return 0 if all(results) else 1


def _check_vendor(tokens: TokenCache, provider: Provider) -> bool:
    name = provider.name
    token_set = tokens.get(_TEST_USER)
    if name in token_set.failed:
        print(f"problem: {name}: cannot sign a test token; the warning above names the error", file=sys.stderr)
        return False
    token = token_set.by_provider[name]
    try:
        provider.verify(token.value, _TEST_USER)
    except Exception as error:
        print(f"problem: {name}: cannot verify its own test token ({describe_error(error)})", file=sys.stderr)
        return False
    lifetime = "does not expire"
    if provider.lifetime is not None:
        margin = tokens.refresh_margin(provider.lifetime)
        lifetime = f"valid for {provider.lifetime} s, not handed out in its last {margin} s"
    size = len(token.value)
    print(f"{name}: {provider.describe_key()}; signed and verified a test token of {size} bytes; {lifetime}")
    for note in provider.warnings():
        print(f"{name}: warning: {note}")
    scripts = {f"the {function} snippet": f"({code})" for function, code in provider.snippets().items()}
    if not assets.is_built_in(name) and (source := provider.script_source()):
        try:
            scripts["its script"] = assets.vendor_script(name, source).content.decode()
        except ValueError as error:
            print(f"problem: {name}: its script cannot be used: {error}", file=sys.stderr)
            return False
    return all([_compiles(name, title, code) for title, code in scripts.items()])


def _compiles(name: str, title: str, code: str) -> bool:
    """Checks the syntax of a script with a real engine, since a syntax error keeps the whole script from running."""
    node = shutil.which("node")
    if node is None:
        print(f"{name}: note: the syntax of {title} was not checked: Node.js is not installed")
        return True
    result = subprocess.run(  # noqa: S603  the program is node; the code is passed on stdin
        [node, "-e", _COMPILE_SCRIPT], input=code, text=True, capture_output=True, timeout=30, check=False
    )
    if result.returncode:
        print(f"problem: {name}: {title} is not valid JavaScript", file=sys.stderr)
    return not result.returncode
