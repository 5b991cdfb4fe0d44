"""Keeps a token request from saving the session, for Flask and for Quart, which uses Flask's session classes."""

from __future__ import annotations

from functools import cache
from typing import Any


def leave_unsaved(proxy: Any, app: Any) -> None:
    """Keeps the session from being saved at the end of the request, in a cookie or in a store.

    Frameworks do not save a null session. Hooks and packages may go on using the session as before.

    Args:
        proxy: the framework's ``session``.
        app: whose session interface says what a null session is.
    """
    session, null_session_class = proxy._get_current_object(), app.session_interface.null_session_class
    if isinstance(session, null_session_class):
        return
    try:
        session.__class__ = _unsaved_class(session.__class__, null_session_class)
    except TypeError:  # a session of another kind, as a session interface of the app may make
        if hasattr(session, "modified"):
            session.modified = False


@cache
def _unsaved_class(session_class: type, null_session_class: type) -> type:
    """Returns a class of sessions that ``isinstance`` takes for null sessions, and that are as usable as before.

    A subclass of both classes would inherit the methods of a null session, which refuse every change.
    """
    attributes = {"__module__": session_class.__module__, "__class__": property(lambda self: null_session_class)}
    return type(session_class.__name__, (session_class,), attributes)
