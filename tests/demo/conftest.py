"""Fixtures for the demo tests: accounts, a clock and a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client

from widgetmw.demo import create_app
from widgetmw.demo.keys import Keys
from widgetmw.demo.vendors import Vendors

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

NOW = 1_700_000_000


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys()


@pytest.fixture
def vendors(keys: Keys) -> Vendors:
    return Vendors(keys, lambda: NOW)


@pytest.fixture(scope="session")
def app() -> WSGIApplication:
    return create_app()


@pytest.fixture
def client(app: WSGIApplication) -> Client:
    """A client without cookies."""
    return Client(app)


def sign_in(client: Client, person: str = "ada", page: str = "/") -> None:
    """Signs in through the form."""
    response = client.post("/sign-in", data={"person": person, "next": page})
    assert response.status_code == 303
