"""``{% load widgetmw %}{% widgetmw_script %}``, for templates that say where the script goes."""

from __future__ import annotations

import asyncio
from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe

from widgetmw.django.configuration import installed
from widgetmw.django.request import OWNER, sync_resolver
from widgetmw.wsgi.responder import use_marker

register: Any = template.Library()


def widgetmw_script(context: Any) -> SafeString:
    """Marks where in a template the script goes, instead of at the start of the head.

    Returns:
        a marker in the page of a signed-in user, else nothing. The script replaces it once all response headers are
        known, and with them the CSP and who may see the page.
    """
    request, current = context.get("request"), installed()
    engine, resolver = current.engine, None if _in_event_loop() else sync_resolver(current, request)
    marker = use_marker(engine, request.META, OWNER, resolver) if request is not None and engine is not None else ""
    if not marker:
        return mark_safe("")
    for name in ("_csp_nonce", "csp_nonce"):
        str(getattr(request, name, ""))  # Django's CSP middleware and django-csp send a nonce only if it has been read
    return mark_safe(marker)  # noqa: S308  our own text


register.simple_tag(widgetmw_script, takes_context=True)


def _in_event_loop() -> bool:
    """Whether an event loop runs in this thread, so that the database must not be queried."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
