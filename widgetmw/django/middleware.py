"""The middleware, for sync and async stacks alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.apps import apps
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from widgetmw.core.engine import Engine
from widgetmw.core.events import log
from widgetmw.core.identity.request_identity import acquire, link_request, release
from widgetmw.django.configuration import Installed, installed
from widgetmw.django.request import OWNER, TOKEN_RESPONSE, async_resolver, scope_or_meta, sync_resolver
from widgetmw.django.responder import Responder
from widgetmw.django.user import remember_user
from widgetmw.django.views import endpoint_response, interrupted_response, is_interrupted, show_as_get
from widgetmw.wsgi.request import edit_request_headers, restore_codings
from widgetmw.wsgi.responder import MARKER

_APP: Final = "widgetmw.django"


class WidgetMiddleware:
    """Injects vendors' signed identity tokens into pages. See :mod:`widgetmw.django` for its position.

    Raises:
        SettingsError: ``settings.WIDGETMW`` or the environment is invalid.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        self.process_view: Callable[..., Any] = _process_view_async if self._is_async else _process_view
        installed()
        if not apps.is_installed(_APP):
            log.warning("widgetmw: %s is not in INSTALLED_APPS, so manage.py check does not look for mistakes", _APP)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Handles one request."""
        current = installed()
        engine, original = current.engine, scope_or_meta(request)
        if engine is None:
            return self.get_response(request)
        link_request(original, request.META)  # identify accepts either
        if not acquire(request.META, OWNER):
            return self.get_response(request)
        for name in (MARKER, TOKEN_RESPONSE):
            request.META.pop(name, None)  # of an earlier response to the same environ
        if current.proxy_resolver is not None:
            current.proxy_resolver.record_peer(original)
        if edit_request_headers(engine, request.META, request.path_info):
            _forget_headers(request)
        show_as_get(request)
        if self._is_async:
            return self._respond_async(current, engine, request)
        try:
            return self._respond(current, engine, request)
        finally:
            release(request.META)

    def _respond(self, current: Installed, engine: Engine, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        _restore_codings(request)
        if token_response := endpoint_response(request, response):
            return token_response
        if is_interrupted(engine, request):
            return interrupted_response(current, engine, request, response)
        responder = Responder(engine, request, response)
        if responder.starts() and responder.search():
            resolver, responder.started = sync_resolver(current, request), perf_counter()
            try:
                user = engine.resolve_user(request.META, resolver) if engine.is_inline_delivery else None
                result = responder.inject(user)
            except Exception as error:
                result = engine.page_failure(error)
            responder.finish(result)
        return responder.response

    async def _respond_async(self, current: Installed, engine: Engine, request: HttpRequest) -> HttpResponseBase:
        try:
            response = await self.get_response(request)
            _restore_codings(request)
            if token_response := endpoint_response(request, response):
                return token_response
            if is_interrupted(engine, request):
                return await sync_to_async(interrupted_response)(current, engine, request, response)
            responder = Responder(engine, request, response)
            if responder.starts() and await responder.search_async():
                resolver, is_inline = async_resolver(current, request), engine.is_inline_delivery
                responder.started = perf_counter()
                try:
                    user = await engine.resolve_user_async(request.META, resolver) if is_inline else None
                    result = responder.inject(user)
                except Exception as error:
                    result = engine.page_failure(error)
                responder.finish(result)
            return responder.response
        finally:
            release(request.META)


def _restore_codings(request: HttpRequest) -> None:
    if restore_codings(request.META):
        _forget_headers(request)


def _forget_headers(request: HttpRequest) -> None:
    """Lets ``request.headers`` be read from ``META`` again, which has changed."""
    request.__dict__.pop("headers", None)


def _process_view(request: HttpRequest, *_: Any) -> None:
    remember_user(request)


async def _process_view_async(request: HttpRequest, *_: Any) -> None:
    remember_user(request)  # a plain function would run in a thread of its own
