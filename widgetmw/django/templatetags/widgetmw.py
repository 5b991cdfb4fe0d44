"""``{% load widgetmw %}{% widgetmw_script %}``, for templates that say where the script goes."""

from __future__ import annotations

import asyncio
from typing import Any

from django import template
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

from widgetmw.core.errors import ResolverError
from widgetmw.core.html.marker_scanner import MARKER
from widgetmw.core.http.request_headers import has_identity_cookie
from widgetmw.core.identity.request_identity import is_owner
from widgetmw.core.identity.resolvers import prefetch_user
from widgetmw.django.configuration import Installed, installed
from widgetmw.django.request import OWNER, sync_resolver
from widgetmw.wsgi.responder import MARKER_USED

register = template.Library()


def widgetmw_script(context: Any) -> SafeString:
    """Marks where in a template the script goes, instead of at the start of the head.

    Returns:
        a marker in the page of a signed-in user, else nothing. The script replaces it once all response headers are
        known, and with them the CSP and who may see the page.
    """
    request = context.get("request")
    if request is None or not is_owner(request.META, OWNER) or MARKER_USED in request.META:
        return mark_safe("")
    if not _needs_script(installed(), request):
        return mark_safe("")
    request.META[MARKER_USED] = True
    for name in ("_csp_nonce", "csp_nonce"):
        str(getattr(request, name, ""))  # Django's CSP middleware and django-csp send a nonce only if it has been read
    return mark_safe(MARKER.decode())  # noqa: S308  a constant


register.simple_tag(widgetmw_script, takes_context=True)


def _needs_script(current: Installed, request: HttpRequest) -> bool:
    engine = current.engine
    if engine is None:
        return False
    has_cookie = has_identity_cookie(request.META.get("HTTP_COOKIE", ""))
    if not engine.is_inline_delivery or engine.settings.embed or has_cookie or _in_event_loop():
        return True
    prefetch_user(request.META, sync_resolver(current, request))
    try:
        return engine.resolve_user(request.META, lambda _: None) is not None
    except ResolverError:
        return True  # the middleware will log it


def _in_event_loop() -> bool:
    """Whether an event loop runs in this thread, so that the database must not be queried."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
