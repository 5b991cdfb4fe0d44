"""Django REST framework: users that only its views know."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import django
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.urls import path
from rest_framework.authentication import BasicAuthentication, SessionAuthentication, TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.renderers import StaticHTMLRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.contract.django_site import Urls
from tests.frameworks import django_app
from tests.frameworks.conftest import Configure
from tests.frameworks.django_app import OURS, PAGE, STACK
from tests.frameworks.visitor import user_in, users_snippet
from widgetmw import User

Visit = Callable[..., Any]
ADA, EVE = "1", "2"  # their primary keys
HERE = "tests.frameworks.test_django_rest_framework"


class Tokens(TokenAuthentication):
    """Tokens that are user names."""

    def authenticate_credentials(self, key: str) -> tuple[Any, str]:
        return user_named(key), key


class Passwords(BasicAuthentication):
    """Passwords that are user names."""

    def authenticate_credentials(self, userid: str, password: str, request: Any = None) -> tuple[Any, None]:
        return user_named(password), None


def user_named(name: str) -> Any:
    found = get_user_model().objects.filter(username=name).first()
    if found is None:
        raise AuthenticationFailed("unknown")
    return found


class Page(APIView):
    authentication_classes = (Tokens, Passwords, SessionAuthentication)
    permission_classes = ()
    renderer_classes = (StaticHTMLRenderer,)

    def get(self, request: Any) -> Response:
        return Response(PAGE)


class Staff:
    """A member of the staff, with the primary key of a customer."""

    is_authenticated = True
    pk = 1

    def get_username(self) -> str:
        return "staff"


class StaffTokens(TokenAuthentication):
    keyword = "Staff"

    def authenticate_credentials(self, key: str) -> tuple[Any, str]:
        return Staff(), key


class StaffPage(Page):
    authentication_classes = (StaffTokens,)


class OpenPage(Page):
    authentication_classes = ()


def signs_in(request: Any) -> HttpResponse:
    login(request, user_named("eve"), backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse(PAGE)


def loads_user_again(request: Any) -> HttpResponse:
    request.user = get_user_model().objects.get(pk=request.user.pk)
    return HttpResponse(PAGE)


def sets_user(get_response: Any) -> Any:
    """Signs the user in from a header, for this request only."""

    def middleware(request: Any) -> HttpResponse:
        if "HTTP_X_USER" in request.META:
            request.user = user_named(request.META["HTTP_X_USER"])
        return get_response(request)  # type: ignore[no-any-return]

    return middleware


URLS = Urls(
    path("rest", Page.as_view()),
    path("open", OpenPage.as_view()),
    path("staff", StaffPage.as_view()),
    path("signs-in", signs_in),
    path("again", loads_user_again),
    *django_app.urlpatterns,
)
BASIC = f"Basic {base64.b64encode(b'x:ada').decode()}"


@pytest.fixture(autouse=True)
def rest(configured: Configure) -> None:
    configured(ROOT_URLCONF=URLS, REST_FRAMEWORK={"UNAUTHENTICATED_USER": AnonymousUser})


@pytest.mark.parametrize("authorization", ["Token ada", BASIC])
@pytest.mark.parametrize("stack", [STACK, [OURS, *STACK[:-1]]], ids=["below", "above"])
def test_a_user_that_only_the_view_knows_gets_no_token(
    visit: Visit, configured: Configure, authorization: str, stack: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    configured(MIDDLEWARE=stack)
    visitor = visit()
    visitor.set_cookie("widgetmw", "1")
    reply = visitor.get("/rest", Authorization=authorization)
    assert (reply.text, reply.headers["X-Widgetmw"]) == (PAGE, "skipped; reason=resolver_failed")
    assert "settings.WIDGETMW['USER']" in caplog.text
    assert visitor.token(Authorization=authorization).status_code == 401
    other = visit("eve")
    assert other.get("/rest", Authorization=authorization).text == PAGE
    assert user_in(other.token(Authorization=authorization).text) == EVE


def test_the_sessions_own_user_gets_a_token_that_can_be_renewed(visit: Visit) -> None:
    visitor = visit("ada")
    for headers in ({}, {"Authorization": "Token ada"}):
        assert user_in(visitor.get("/rest", **headers).text) == ADA
        assert user_in(visitor.token(**headers).text) == ADA
    assert user_in(visitor.get("/again").text) == ADA
    assert visitor.get("/open").text == PAGE
    assert user_in(visitor.get("/signs-in").text) == EVE
    assert user_in(visitor.token().text) == EVE
    assert user_in(visitor.get("/nowhere").text) == EVE


def of_request(request: Any) -> User | None:
    return User(request.user.pk) if request.user.is_authenticated else None


async def of_request_async(request: Any) -> User | None:
    return await sync_to_async(of_request)(request)


@pytest.mark.parametrize("user", [None, of_request, of_request_async])
def test_a_view_with_users_of_its_own_does_not_get_the_token_of_a_customer(
    visit: Visit, configured: Configure, user: Any
) -> None:
    configured({"USER": user} if user else {})
    for name, others in (("ada", ADA), ("eve", EVE), (None, None)):
        visitor = visit(name) if name else visit()
        assert user_in(visitor.get("/staff", Authorization="Staff x").text) == (others if user else None)
        assert user_in(visitor.token(Authorization="Staff x").text) == others


@pytest.mark.parametrize("user", [of_request, of_request_async])
def test_a_function_gets_the_user_whom_a_view_has_signed_in_or_out(
    visit: Visit, configured: Configure, user: Any
) -> None:
    configured({"USER": user})
    visitor = visit("ada")
    assert user_in(visitor.get("/again").text) == ADA
    assert user_in(visitor.get("/signs-in").text) == EVE
    assert user_in(visitor.get("/out").text) is None


@pytest.mark.parametrize("position", [0, 1])
def test_a_user_that_a_middleware_sets_gets_a_token_that_can_be_renewed(
    visit: Visit, configured: Configure, position: int
) -> None:
    stack = STACK[:-1]
    configured(MIDDLEWARE=[*stack, *([f"{HERE}.sets_user", OURS] if position else [OURS, f"{HERE}.sets_user"])])
    visitor = visit("ada")
    for where in ("/", "/async", "/rest", "/nowhere", "/_widgetmw/token"):
        assert user_in(visitor.get(where, X_User="eve").text) == EVE
        assert user_in(visitor.get(where).text) == ADA


@pytest.mark.parametrize("authorization", ["Token ada", BASIC])
def test_the_documented_function_authenticates_as_the_framework_does(
    visit: Visit, configured: Configure, authorization: str
) -> None:
    namespace: dict[str, Any] = {}
    exec(users_snippet("Django REST framework"), namespace)
    namespace["AUTHENTICATORS"] = [Tokens(), Passwords()]
    configured({"USER": namespace["user"]})
    visitor = visit()
    for where in ("/rest", "/", "/_widgetmw/token"):
        assert user_in(visitor.get(where, Authorization=authorization).text) == ADA
        assert user_in(visitor.get(where).text) is None
        assert user_in(visitor.get(where, Authorization="Token nobody").text) is None
    assert visitor.token(Authorization="Token nobody").status_code == 401
    visitor.get("/in/eve")
    for where in ("/rest", "/", "/_widgetmw/token"):
        assert user_in(visitor.get(where).text) == EVE
        assert user_in(visitor.get(where, Authorization=authorization).text) == ADA
    assert visitor.request("POST", "/_widgetmw/token").status_code == 200


def test_the_documented_function_names_nobody_whose_account_the_view_has_deleted(
    visit: Visit, configured: Configure
) -> None:
    def delete_account(request: Any) -> HttpResponse:
        request.user.delete()  # leaves an account without a primary key
        return HttpResponse(PAGE)

    namespace: dict[str, Any] = {}
    exec(users_snippet("Django REST framework"), namespace)
    namespace["AUTHENTICATORS"] = []
    views = path("delete", delete_account)
    configured({"USER": namespace["user"]}, ROOT_URLCONF=Urls(views, *django_app.urlpatterns))
    account = get_user_model().objects.create_user("tom")
    visitor = visit("tom")
    assert user_in(visitor.get("/").text) == str(account.pk)
    assert user_in(visitor.get("/delete").text) is None


async def with_auser(request: Any) -> User | None:
    account = await request.auser()
    return User(account.pk) if account.is_authenticated else None


@pytest.mark.skipif(django.VERSION < (5, 0), reason="Django 5.0 added request.auser")
def test_an_async_function_sees_the_auser_whom_the_endpoint_sees(visit: Visit, configured: Configure) -> None:
    async def as_staff(request: Any) -> HttpResponse:
        async def auser() -> Staff:
            return Staff()

        request.user, request.auser = Staff(), auser
        return HttpResponse(PAGE)

    urls = Urls(path("staff", as_staff), *django_app.urlpatterns)
    configured({"USER": f"{HERE}.with_auser"}, ROOT_URLCONF=urls)
    visitor = visit("eve")
    for where in ("/", "/staff", "/_widgetmw/token"):
        assert user_in(visitor.get(where).text) == EVE
