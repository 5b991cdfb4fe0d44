"""Every Python block of the documentation runs: those of one page one after the other, in one namespace.

What a block does is tested where its subject is; the quick starts in ``test_readme.py``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import prometheus_client  # noqa: F401  # before _environment names a folder, which would be for the whole process
import pytest
from django.urls import include, path
from flask import Flask

from tests.generated import ROOT
from widgetmw import User
from widgetmw.asgi import WidgetMiddleware

_BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
#: Pages whose blocks other tests run, with what they claim.
_RUN_ELSEWHERE = {
    "docs/adding-a-vendor.md": "tests/providers/test_toy.py",
    "docs/metrics.md": "tests/metrics/test_documentation.py",
    "docs/packages.md": "tests/frameworks/test_flask_packages.py",
    "docs/testing.md": "tests/test_testing.py",
    "docs/users.md": "tests/frameworks/test_impersonation.py",
}


def blocks(name: str) -> list[str]:
    """The Python blocks of a document, with something in place of each "…"."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return [_filled(code) for _, code in _BLOCK.findall(text)]


def _filled(code: str) -> str:
    code = code.replace("[…]", "[]")
    return re.sub(r"^( +)…$", r"\1pass", re.sub(r"^ *…,\n", "", code, flags=re.MULTILINE), flags=re.MULTILINE)


PAGES = [
    name
    for name in sorted(page.relative_to(ROOT).as_posix() for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
    if blocks(name) and name not in _RUN_ELSEWHERE
]


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("never called")


def wsgi_app(environ: Any, start_response: Any) -> Any:
    raise AssertionError("never called")


def given(name: str) -> dict[str, Any]:
    """What the blocks of a page refer to and do not define."""
    django = {"INSTALLED_APPS": [], "urlpatterns": [], "path": path, "include": include}
    return {
        "README.md": {**django, "User": User},
        "docs/caching.md": {"app": Flask("shop")},
        "docs/frameworks/django.md": django,
        "docs/frameworks/other.md": {"app": asgi_app, "application": wsgi_app, "is_signed_in": bool, "sessions": {}},
        "docs/user.md": {"fastapi_users": SimpleNamespace(current_user=lambda **options: None)},
        "docs/proxies.md": {"app": asgi_app, "WidgetMiddleware": WidgetMiddleware},
    }.get(name, {})


@pytest.fixture
def _environment(dg_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {**dg_env, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def _logging() -> Iterator[None]:
    """Undoes what a block configures."""
    loggers = [logging.getLogger(), logging.getLogger("widgetmw")]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers = handlers


@pytest.mark.usefixtures("_environment", "_logging")
@pytest.mark.filterwarnings("ignore:'cgi' is deprecated")  # WebOb, which Pyramid uses, imports it
@pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")  # aiohttp-session uses string keys
@pytest.mark.parametrize("name", PAGES)
def test_every_python_block_runs(name: str) -> None:
    namespace: dict[str, Any] = {"__name__": __name__, **given(name)}
    for code in blocks(name):
        exec(compile(code, name, "exec"), namespace)


def test_pages_with_code_are_found() -> None:
    assert len(PAGES) > 12
