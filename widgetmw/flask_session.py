"""Keeps a token request from saving the session, for Flask and for Quart, which uses Flask's session classes."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask.sessions import NullSession


def leave_unsaved(session: Any, null_session_class: type = NullSession) -> None:
    """Keeps a session from being saved at the end of the request, in a cookie or in a store.

    Frameworks do not save a null session. Hooks and packages may go on using the session as before.

    Args:
        session: the session itself, not a proxy.
        null_session_class: what the app's session interface calls a null session.
    """
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
