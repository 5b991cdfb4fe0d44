"""The middleware, for sync and async stacks alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from widgetmw.core.engine import Widget
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.resolvers import whose, whose_async
from widgetmw.django.answer import Answer
from widgetmw.django.configuration import Installed, installed
from widgetmw.django.request import async_user, carrier, give_back, hide_validators, sync_user, take
from widgetmw.django.views import of_the_endpoint


class WidgetMiddleware:
    """Puts a vendor's signed identity into pages.

    Its place is below ``AuthenticationMiddleware`` and ``GZipMiddleware``, and above whatever sets a
    Content-Security-Policy; ``manage.py check`` says when it is another.

    Raises:
        SettingsError: ``settings.WIDGETMW`` or the environment has problems.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        installed()

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Serves one request."""
        current = installed()
        widget = current.widget
        if widget is None or not take(request):
            return self.get_response(request)
        if current.front is not None:
            current.front.note(carrier(request))
        if widget.asks_user and not widget.is_excluded(request.path_info):
            hide_validators(current, request)
        if self._is_async:
            return self._served_async(current, widget, request)
        try:
            return self._serve(current, widget, request)
        finally:
            give_back(request)

    async def _served_async(self, current: Installed, widget: Widget, request: HttpRequest) -> HttpResponseBase:
        try:
            return await self._serve_async(current, widget, request)
        finally:
            give_back(request)

    def _serve(self, current: Installed, widget: Widget, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        ours = of_the_endpoint(widget, request, response)
        answer = Answer(widget, request, response)
        if ours is None and answer.starts() and answer.search():
            try:
                answer.finish(whose(request.META, sync_user(current, request)) if widget.asks_user else None)
            except ResolverError as error:
                answer.unresolved(error)
        return ours or response

    async def _serve_async(self, current: Installed, widget: Widget, request: HttpRequest) -> HttpResponseBase:
        response = await self.get_response(request)
        ours = of_the_endpoint(widget, request, response)
        answer = Answer(widget, request, response)
        if ours is None and answer.starts() and await _searched(answer, response):
            try:
                user = await whose_async(request.META, async_user(current, request)) if widget.asks_user else None
                answer.finish(user)
            except ResolverError as error:
                answer.unresolved(error)
        return ours or response


async def _searched(answer: Answer, response: Any) -> bool:
    if not response.streaming:
        return answer.search()
    if response.is_async:
        return await answer.search_async()
    return await sync_to_async(answer.search)()
