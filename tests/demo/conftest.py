"""Accounts, clocks and clients for the tests of the demo."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

from widgetmw.demo import create_app
from widgetmw.demo.keys import Keys
from widgetmw.demo.vendors import Vendors

NOW = 1_700_000_000


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys()


@pytest.fixture
def vendors(keys: Keys) -> Vendors:
    return Vendors(keys, lambda: NOW)


@pytest.fixture
def client() -> Client:
    return Client(create_app())


def sign_in(client: Client, person: str = "ada", page: str = "/") -> None:
    """Signs in as the form does."""
    answer = client.post("/sign-in", data={"person": person, "next": page})
    assert answer.status_code == 303
