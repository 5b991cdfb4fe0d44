"""Whose page it is: authority, failures, and what never happens."""

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
from tests.contract.site import BODY
from widgetmw import User, identify
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.resolvers import from_environ, from_object

EVE = User("eve")


class HTTPError(Exception):
    def __init__(self, status: int) -> None:
        self.status_code = status
        super().__init__("secret detail")


class WerkzeugError(Exception):
    code = 403


def name_of(site: Any, reply: Any) -> str | None:
    """Whose token a page carries."""
    for user in ("ada-1", "eve", "app-said"):
        mark = site.engine.tokens.get(User(user)).user_hash
        if mark.encode() in reply.body:
            return user
    assert b"data-widgetmw" not in reply.body
    return None


def test_what_the_app_said_outranks_the_resolver(make: Make) -> None:
    site = make()
    site.on_request = lambda request: identify(request, User("app-said"))
    assert name_of(site, site.get()) == "app-said"
    assert site.seen.asked == 0


def test_that_the_app_said_nobody_outranks_the_resolver(make: Make) -> None:
    site = make()
    site.on_request = lambda request: identify(request, None)
    reply = site.get()
    assert (reply.body, reply.reason) == (BODY, "anonymous")
    assert site.seen.asked == 0


def test_the_last_word_counts_and_a_copy_of_the_request_speaks_too(make: Make) -> None:
    site = make()

    def speak(request: Any) -> None:
        identify(request, EVE)
        identify(dict(request), User("app-said"))

    site.on_request = speak
    assert name_of(site, site.get()) == "app-said"


def test_identify_takes_nothing_but_users(make: Make) -> None:
    with pytest.raises(TypeError, match="User or None"):
        identify({}, "ada")  # type: ignore[arg-type]


def test_the_user_is_asked_for_once_a_page(make: Make) -> None:
    site = make()
    site.get()
    assert site.seen.asked == 1


OWN = [HTTPError(401), HTTPError(403), WerkzeugError(), Unauthorized(), Forbidden(), StarletteException(401)]


@pytest.mark.parametrize("error", OWN)
def test_a_401_or_403_of_the_resolver_means_nobody(make: Make, error: Exception) -> None:
    site = make(user=error)
    assert site.get().reason == "anonymous"
    assert site.get("/_widgetmw/token").status == 401


class Upstream(Exception):
    """What a client of another server raises."""

    status_code = 401
    response = object()


class Odd(Exception):
    code: ClassVar[dict[str, int]] = {"a": 1}


class Raising(Exception):
    @property
    def code(self) -> int:
        raise RuntimeError("secret detail")


UPSTREAM = [UpstreamHTTPError("http://x", 403, "no", Message(), None), Upstream(), Odd(), Raising()]


@pytest.mark.parametrize("error", UPSTREAM)
def test_what_another_server_refused_does_not_mean_nobody(make: Make, error: Exception) -> None:
    site = make(user=error)
    reply = site.get(Cookie="widgetmw=1")
    assert (reply.body, reply.reason) == (BODY, "resolver_failed")
    assert site.get("/_widgetmw/token").status == 503


@pytest.mark.parametrize(
    "answer", [HTTPError(500), ValueError("secret detail"), KeyError("secret detail"), "ada", 7, {"id": "ada"}]
)
def test_any_other_failure_leaves_the_page_and_closes_the_endpoint(
    make: Make, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    site = make(user=answer)
    with caplog.at_level(logging.DEBUG):
        reply = site.get()
    assert (reply.body, reply.reason) == (BODY, "resolver_failed")
    (record,) = [r for r in caplog.records if r.name == "widgetmw"]
    assert "secret detail" not in caplog.text
    assert (type(answer).__name__ if isinstance(answer, Exception) else "returned") in record.getMessage()
    failed = site.get("/_widgetmw/token/digitalgenius")
    assert (failed.status, failed.json["error"]) == (503, "token_unavailable")


def test_two_users_one_after_the_other_get_their_own(make: Make) -> None:
    site = make(user=lambda request: User(request["who"]))
    for who in ("ada-1", "eve", "ada-1"):
        site.on_request = lambda request, who=who: request.__setitem__("who", who)
        assert name_of(site, site.get()) == who


def test_a_doubled_middleware_injects_once(make: Make) -> None:
    site = make()
    site.double(EVE)
    reply = site.get()
    assert reply.body.count(b"runtime.js") == 1
    assert name_of(site, reply) == "eve"
    assert site.get("/_widgetmw/token").json["user"] == site.engine.tokens.get(EVE).user_hash


def test_a_failing_signer_leaves_the_page(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    site = make()
    monkeypatch.setattr(type(site.settings.vendors[0].provider), "mint", lambda *_: 1 / 0)
    reply = site.get()
    assert (reply.body, reply.reason) == (BODY, "mint_failed")
    assert site.get("/_widgetmw/token/digitalgenius").status == 503
    everything = site.get("/_widgetmw/token")
    assert everything.status == 200
    assert everything.json["tokens"] == {}
    assert everything.json["errors"]["digitalgenius"]["error"] == "token_unavailable"


def test_a_fault_of_ours_leaves_the_page(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site = make()
    for place, attribute in ((site.engine.script_tags, "render"), (site.engine, "inject")):
        with monkeypatch.context() as patch:
            patch.setattr(place, attribute, lambda *_, **__: 1 / 0)
            reply = site.get()
        assert (reply.body, reply.reason) == (BODY, "internal_error")
    monkeypatch.setattr(site.engine, "insertion_offset", lambda *_: 1 / 0)
    assert site.get().body == BODY
    assert [r.getMessage().split(": ")[2] for r in caplog.records] == ["internal_error"] * 3


# the framework's convention


@pytest.mark.parametrize(
    ("person", "id"),
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
def test_the_convention_of_authenticated_users(person: Any, id: str | None) -> None:
    found = from_object(person)
    assert (found.id if found else None) == id


@pytest.mark.parametrize(
    "person",
    [
        SimpleNamespace(is_authenticated=True, display_name="Ada"),
        SimpleNamespace(is_authenticated=True, id=None),
        SimpleNamespace(is_authenticated=True, id=True),
        SimpleNamespace(is_authenticated=True, id=object()),
        SimpleNamespace(is_authenticated=True, identity=[1]),
    ],
)
def test_a_display_name_or_an_odd_id_is_never_an_identity(person: Any) -> None:
    with pytest.raises(ResolverError):
        from_object(person)


def test_remote_user_is_utf8_in_latin_clothes() -> None:
    assert from_environ({}) is None
    assert from_environ({"REMOTE_USER": ""}) is None
    assert from_environ({"REMOTE_USER": "Zoë".encode().decode("latin-1")}) == User("Zoë")
    with pytest.raises(ResolverError):
        from_environ({"REMOTE_USER": "\xff"})
