"""Settings for the plugins under test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeAlias

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections
from django.test.utils import override_settings

from tests.frameworks.django_app import FILE, PAGE, STACK, Asgi, Wsgi
from widgetmw import Settings
from widgetmw.django import configuration

Configure: TypeAlias = Callable[..., None]


@pytest.fixture
def settings(dg_env: dict[str, str]) -> Settings:
    """DigitalGenius only; responses carry ``X-Widgetmw``."""
    return Settings.from_env({**dg_env, "WIDGETMW_DEBUG": "true"})


@pytest.fixture(scope="session")
def database() -> Iterator[None]:
    """Django's tables with two users, and a page in a file."""
    FILE.parent.mkdir()
    FILE.write_text(PAGE)
    call_command("migrate", verbosity=0)
    users = get_user_model().objects
    users.create_user("ada", "ada@shop.example", first_name="Ada", last_name="Lovelace")
    users.create_user("eve")
    yield
    connections.close_all()
    shutil.rmtree(FILE.parent)


@pytest.fixture
def configured(database: None, dg_env: dict[str, str]) -> Iterator[Configure]:
    """Overrides Django settings for the duration of a test; ``WIDGETMW`` starts with one vendor."""
    with ExitStack() as stack:

        def configure(widgetmw: dict[str, Any] | None = None, **settings: Any) -> None:
            options = {**dg_env, "DEBUG": True, **(widgetmw or {})}
            stack.enter_context(override_settings(WIDGETMW=options, **settings))

        configure(MIDDLEWARE=STACK, ROOT_URLCONF="tests.frameworks.django_app", DEBUG_PROPAGATE_EXCEPTIONS=False)
        yield configure
    configuration.forget()


@pytest.fixture(params=["wsgi", "asgi"])
def visit(request: pytest.FixtureRequest, configured: Configure) -> Callable[..., Any]:
    """Makes visitors of the WSGI and the ASGI handler; a visitor with a name is signed in."""

    def make_visitor(name: str = "", root_path: str = "") -> Any:
        visitor = (Wsgi if request.param == "wsgi" else Asgi)(root_path)
        if name:
            assert visitor.get(f"/in/{name}").status_code == 200
        return visitor

    return make_visitor
