"""``{% load widgetmw %}{% widgetmw_script %}``: for templates that say where our script goes."""

from __future__ import annotations

import asyncio
from typing import Any

from django import template
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

from widgetmw.core.engine import has_session_cookie
from widgetmw.core.errors import ResolverError
from widgetmw.core.html.marker_scanner import PLACE
from widgetmw.core.identity.resolvers import ask, whose
from widgetmw.django.configuration import Installed, installed
from widgetmw.django.request import PLACED, is_ours, sync_user

register = template.Library()


def widgetmw_script(context: Any) -> SafeString:
    """Marks where in a template our script goes, instead of at the start of head.

    Returns:
        a marker for a page of somebody signed in, else nothing. The script itself takes its place once all headers
        of the answer are known, and with them the policy and who may see it.
    """
    request = context.get("request")
    if request is None or not is_ours(request) or PLACED in request.META or not _wanted(installed(), request):
        return mark_safe("")
    request.META[PLACED] = True
    _use_nonce(request)
    return mark_safe(PLACE.decode())  # noqa: S308  a constant


register.simple_tag(widgetmw_script, takes_context=True)


def _wanted(current: Installed, request: HttpRequest) -> bool:
    widget = current.widget
    if widget is None:
        return False
    if (
        not widget.asks_user
        or widget.settings.embed
        or has_session_cookie(request.META.get("HTTP_COOKIE", ""))
        or _in_a_loop()
    ):
        return True
    ask(request.META, sync_user(current, request))
    try:
        return whose(request.META, lambda _: None) is not None
    except ResolverError:
        return True  # the middleware will say it


def _use_nonce(request: Any) -> None:
    """Has Django's policy, or django-csp's, name its nonce: they do so only where a template has looked at it."""
    for name in ("_csp_nonce", "csp_nonce"):
        str(getattr(request, name, ""))


def _in_a_loop() -> bool:
    """Whether an event loop runs here, so that the database must not be asked."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
