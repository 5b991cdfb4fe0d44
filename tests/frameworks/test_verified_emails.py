"""What packages know of an email address reaches the vendors: ``User.email_verified``."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.testclient import TestClient

from tests.frameworks.conftest import Configure
from tests.frameworks.django_app import STACK
from tests.frameworks.visitor import HEAD
from tests.generated import ROOT
from widgetmw import Settings, User, testing
from widgetmw.django import from_request
from widgetmw.fastapi import install

NEWER = "it needs newer releases than the oldest that this package supports"
HMAC = {"WIDGETMW_HMAC_KEY": "k" * 32, "WIDGETMW_HMAC_MESSAGE": "{email}"}


def documented(name: str, **given: Any) -> Any:
    """Returns a function of docs/user.md."""
    text = (ROOT / "docs" / "user.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if f"def {name}(" in block]
    names: dict[str, Any] = {"User": User, **given}
    exec(code, names)
    return names[name]


# --- django-allauth ---------------------------------------------------------------------------------


@pytest.fixture
def allauth(configured: Configure) -> Iterator[Any]:
    """The model of its addresses, without any."""
    pytest.importorskip("allauth", reason=NEWER)
    configured(HMAC, MIDDLEWARE=[*STACK, "allauth.account.middleware.AccountMiddleware"])
    configured(HMAC, INSTALLED_APPS=[*settings.INSTALLED_APPS, "allauth", "allauth.account"])
    call_command("migrate", "account", verbosity=0)
    from allauth.account.models import EmailAddress

    yield EmailAddress
    EmailAddress.objects.all().delete()


def ada() -> Any:
    return get_user_model().objects.get(username="ada")


def user_of(account: Any) -> User:
    user = from_request(SimpleNamespace(user=account))  # type: ignore[arg-type]
    assert user is not None
    return user


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ([], None),
        ([("ada", "ada@shop.example", True)], True),
        ([("ada", "Ada@Shop.example", True)], True),
        ([("ada", "ada@shop.example", False)], False),
        ([("ada", "ada@other.example", True)], None),
        ([("eve", "ada@shop.example", True)], None),
        ([("ada", "ada@shop.example", False), ("eve", "ada@shop.example", True)], False),
    ],
)
def test_allauth_says_whether_the_address_of_the_user_is_verified(
    allauth: Any, addresses: list[tuple[str, str, bool]], expected: bool | None
) -> None:
    for name, email, verified in addresses:
        owner = get_user_model().objects.get(username=name)
        allauth.objects.create(user=owner, email=email, verified=verified)
    account = ada()
    with CaptureQueriesContext(connection) as queries:
        user = user_of(account)
    assert (user.email, user.email_verified, len(queries)) == ("ada@shop.example", expected, 1)


def test_a_user_without_an_address_costs_no_query(allauth: Any) -> None:
    account = get_user_model().objects.get(username="eve")
    with CaptureQueriesContext(connection) as queries:
        assert user_of(account).email_verified is None
    assert len(queries) == 0


def test_without_allauth_nothing_is_asked(configured: Configure) -> None:
    account = ada()
    with CaptureQueriesContext(connection) as queries:
        assert user_of(account).email_verified is None
    assert len(queries) == 0


def test_a_vendor_that_knows_users_by_their_address_gets_a_verified_one(
    allauth: Any, visit: Callable[..., Any]
) -> None:
    visitor = visit("ada")
    assert "hmac" not in testing.read_tokens(visitor.get().text)
    assert json.loads(visitor.token().text)["errors"] == {"hmac": "email_unverified"}
    allauth.objects.create(user=ada(), email="ada@shop.example", verified=True)
    assert testing.read_tokens(visitor.get().text)["hmac"].extra == {"message": "ada@shop.example"}


def test_a_failure_of_allauth_does_not_break_the_page(
    allauth: Any, visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **conditions: object) -> None:
        raise OperationalError("no such table, ada@shop.example")

    monkeypatch.setattr(type(allauth.objects), "filter", fail, raising=False)
    caplog.set_level(logging.DEBUG, "widgetmw")
    assert testing.read_tokens(visit("ada").get().text).keys() == {"digitalgenius"}
    assert "django-allauth was asked for a verified email address: OperationalError" in caplog.text
    assert "ada@shop.example" not in caplog.text


# --- fastapi-users ----------------------------------------------------------------------------------


@pytest.fixture
def fastapi_users() -> Any:
    return pytest.importorskip("fastapi_users", reason=NEWER)


def shop(fastapi_users: Any, account: Any) -> TestClient:
    """An app with that package, as its documentation sets it up, and one account."""
    from fastapi_users.authentication import AuthenticationBackend, CookieTransport, JWTStrategy

    class Accounts:
        async def get(self, id: UUID) -> Any:
            return account if id == account.id else None

    class Manager(fastapi_users.UUIDIDMixin, fastapi_users.BaseUserManager):  # type: ignore[misc, name-defined]
        pass

    async def manager() -> AsyncIterator[Any]:
        yield Manager(Accounts())

    def strategy() -> Any:
        return JWTStrategy(secret="s" * 32, lifetime_seconds=60)

    backend = AuthenticationBackend("cookie", CookieTransport("session", cookie_secure=False), strategy)
    users = fastapi_users.FastAPIUsers(manager, [backend])
    app = FastAPI()

    @app.get("/")
    def page(request: Request) -> HTMLResponse:
        return HTMLResponse(HEAD)

    install(app, settings=Settings.from_env({**HMAC}), user=documented("current_user", fastapi_users=users))
    client = TestClient(app)

    client.cookies.set("session", asyncio.run(strategy().write_token(account)))
    return client


@pytest.mark.parametrize("verified", [True, False])
def test_fastapi_users_says_whether_the_address_is_verified(fastapi_users: Any, verified: bool) -> None:
    account = SimpleNamespace(id=uuid4(), email="ada@shop.example", is_active=True, is_verified=verified)
    client = shop(fastapi_users, account)
    tokens = testing.read_tokens(client.get("/").text)
    expected = {"message": "ada@shop.example"} if verified else None
    assert (tokens["hmac"].extra if tokens else None) == expected
    assert client.get("/_widgetmw/token/hmac").status_code == (200 if verified else 409)
    client.cookies.clear()
    assert client.get("/_widgetmw/token/hmac").status_code == 401


# --- the claims of an OpenID provider ---------------------------------------------------------------


@pytest.mark.parametrize(("claim", "expected"), [(True, True), ("true", True), (False, False), (None, False)])
def test_the_documented_function_reads_the_claim(claim: object, expected: bool) -> None:
    user = documented("user_of")({"sub": "42", "email": "ada@shop.example", "email_verified": claim})
    assert (user.id, user.email, user.email_verified) == ("42", "ada@shop.example", expected)
