"""Which user a page belongs to: precedence of the sources, failures, and what never counts as an identity."""

from __future__ import annotations

import logging
from email.message import Message
from types import SimpleNamespace
from typing import Any, ClassVar
from urllib.error import HTTPError as UpstreamHTTPError
from uuid import UUID

import pytest
from starlette.exceptions import HTTPException as StarletteException
from werkzeug.exceptions import Forbidden, Unauthorized

from tests.contract.conftest import Make
from tests.contract.site import BODY, MARK
from widgetmw import User, identify
from widgetmw.core.errors import ResolverError
from widgetmw.core.html import body_rewriter
from widgetmw.core.identity.resolvers import from_environ, from_scope

EVE = User("eve")


class HTTPError(Exception):
    def __init__(self, status: int) -> None:
        self.status_code = status
        super().__init__("secret detail")


class WerkzeugError(Exception):
    code = 403


def user_in(site: Any, reply: Any) -> str | None:
    """The user whose token the page carries."""
    for user in ("ada-1", "eve", "identified"):
        user_hash = site.engine.tokens.get(User(user)).user_hash
        if user_hash.encode() in reply.body:
            return user
    assert b"data-widgetmw" not in reply.body
    return None


def test_identify_overrides_the_resolver(make: Make) -> None:
    site = make()
    site.on_request = lambda request: identify(request, User("identified"))
    assert user_in(site, site.get()) == "identified"
    assert site.seen.resolver_calls == 0


def test_identify_with_none_overrides_the_resolver(make: Make) -> None:
    site = make()
    site.on_request = lambda request: identify(request, None)
    reply = site.get()
    assert (reply.body, reply.reason) == (BODY, "anonymous")
    assert site.seen.resolver_calls == 0


def test_the_last_identify_call_wins_also_on_a_copy_of_the_request(make: Make) -> None:
    site = make()

    def identify_twice(request: Any) -> None:
        identify(request, EVE)
        identify(dict(request), User("identified"))

    site.on_request = identify_twice
    assert user_in(site, site.get()) == "identified"


def test_identify_accepts_only_a_user_or_none(make: Make) -> None:
    with pytest.raises(TypeError, match="User or None"):
        identify({}, "ada")  # type: ignore[arg-type]


def test_the_resolver_is_called_once_per_page(make: Make) -> None:
    site = make()
    site.get()
    assert site.seen.resolver_calls == 1


REFUSALS = [HTTPError(401), HTTPError(403), WerkzeugError(), Unauthorized(), Forbidden(), StarletteException(401)]


@pytest.mark.parametrize("error", REFUSALS)
def test_a_401_or_403_of_the_resolver_means_anonymous(make: Make, error: Exception) -> None:
    site = make(user=error)
    assert site.get().reason == "anonymous"
    assert site.get("/_widgetmw/token").status == 401


class Upstream(Exception):
    """An exception of an HTTP client, about another server's response."""

    status_code = 401
    response = object()


class UnusualCode(Exception):
    code: ClassVar[dict[str, int]] = {"a": 1}


class RaisingCode(Exception):
    @property
    def code(self) -> int:
        raise RuntimeError("secret detail")


UPSTREAM_REFUSALS = [
    UpstreamHTTPError("http://x", 403, "no", Message(), None),
    Upstream(),
    UnusualCode(),
    RaisingCode(),
]


@pytest.mark.parametrize("error", UPSTREAM_REFUSALS)
def test_a_401_or_403_of_another_server_is_a_failure(make: Make, error: Exception) -> None:
    site = make(user=error)
    reply = site.get(Cookie=MARK)
    assert (reply.body, reply.reason) == (BODY, "resolver_failed")
    assert site.get("/_widgetmw/token").status == 503


@pytest.mark.parametrize(
    "result", [HTTPError(500), ValueError("secret detail"), KeyError("secret detail"), "ada", 7, {"id": "ada"}]
)
def test_any_other_failure_skips_the_page_and_makes_the_endpoint_return_503(
    make: Make, result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    site = make(user=result)
    with caplog.at_level(logging.DEBUG):
        reply = site.get()
    assert (reply.body, reply.reason) == (BODY, "resolver_failed")
    (record,) = [r for r in caplog.records if r.name == "widgetmw" and r.levelname == "WARNING"]
    assert record.getMessage().startswith("widgetmw: ")
    assert "secret detail" not in caplog.text
    assert (type(result).__name__ if isinstance(result, Exception) else "returned") in record.getMessage()
    failed = site.get("/_widgetmw/token/digitalgenius")
    assert (failed.status, failed.json["error"]) == (503, "token_unavailable")


def test_consecutive_users_get_their_own_tokens(make: Make) -> None:
    site = make(user=lambda request: User(request["user_id"]))
    for user_id in ("ada-1", "eve", "ada-1"):
        site.on_request = lambda request, user_id=user_id: request.__setitem__("user_id", user_id)
        assert user_in(site, site.get()) == user_id


def test_a_middleware_installed_twice_injects_once(make: Make) -> None:
    site = make()
    site.wrap_again(EVE)
    reply = site.get()
    assert reply.body.count(b"runtime.js") == 1
    assert user_in(site, reply) == "eve"
    assert site.get("/_widgetmw/token").json["user"] == site.engine.tokens.get(EVE).user_hash


def test_a_failing_signer_skips_the_page(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    site = make()
    monkeypatch.setattr(type(site.settings.vendors[0].provider), "mint", lambda *_: 1 / 0)
    reply = site.get()
    assert (reply.body, reply.reason) == (BODY, "mint_failed")
    assert site.get("/_widgetmw/token/digitalgenius").status == 503
    all_vendors = site.get("/_widgetmw/token")
    assert all_vendors.status == 200
    assert all_vendors.json["tokens"] == {}
    assert all_vendors.json["errors"]["digitalgenius"] == "token_unavailable"


def test_an_internal_error_skips_the_page(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site = make()
    for target, attribute in ((site.engine.script_tags, "render"), (site.engine, "prepare_page")):
        with monkeypatch.context() as patch:
            patch.setattr(target, attribute, lambda *_, **__: 1 / 0)
            reply = site.get()
        assert (reply.body, reply.reason) == (BODY, "internal_error")
    monkeypatch.setattr(site.engine.known_prefixes, "insertion_offset", lambda *_: 1 / 0)
    monkeypatch.setattr(body_rewriter, "fast_offset", lambda *_: 1 / 0)  # Django calls this one
    assert site.get().body == BODY
    assert site.engine.events.counts["page:internal_error"] == 3
    lines = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert {line.split(": ")[2] for line in lines} == {"internal_error"}
    assert all("ZeroDivisionError at contract/test_identity.py:" in line for line in lines)


# the framework's convention


@pytest.mark.parametrize(
    ("user", "id"),
    [
        (None, None),
        (SimpleNamespace(is_authenticated=False, id="x"), None),
        (SimpleNamespace(id="x"), None),
        (SimpleNamespace(is_authenticated=True, identity="ada"), "ada"),
        (SimpleNamespace(is_authenticated=True, identity="", id=7), "7"),
        (SimpleNamespace(is_authenticated=True, pk=UUID(int=5)), str(UUID(int=5))),
        (SimpleNamespace(is_authenticated=lambda: True, id="called"), "called"),
        (SimpleNamespace(is_authenticated=lambda: False, id="called"), None),
    ],
)
def test_authenticated_user_objects_are_recognized_by_convention(user: Any, id: str | None) -> None:
    found = from_scope({"user": user})
    assert (found.id if found else None) == id


@pytest.mark.parametrize(
    "user",
    [
        SimpleNamespace(is_authenticated=True, display_name="Ada"),
        SimpleNamespace(is_authenticated=True, id=None),
        SimpleNamespace(is_authenticated=True, id=True),
        SimpleNamespace(is_authenticated=True, id=object()),
        SimpleNamespace(is_authenticated=True, identity=[1]),
    ],
)
def test_a_display_name_or_an_invalid_id_is_never_an_identity(user: Any) -> None:
    with pytest.raises(ResolverError):
        from_scope({"user": user})


def test_remote_user_is_utf8_decoded_as_latin_1() -> None:
    assert from_environ({}) is None
    assert from_environ({"REMOTE_USER": ""}) is None
    assert from_environ({"REMOTE_USER": "Zoë".encode().decode("latin-1")}) == User("Zoë")
    with pytest.raises(ResolverError):
        from_environ({"REMOTE_USER": "\xff"})
