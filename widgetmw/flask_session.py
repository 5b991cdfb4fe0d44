"""The session of an app of Flask, or of Quart, which uses Flask's session classes."""

from __future__ import annotations

from functools import cache
from typing import Any

from widgetmw.core.engine import Engine
from widgetmw.core.identity.request_identity import RequestIdentity
from widgetmw.core.identity.user import User


def leave_unsaved(proxy: Any, app: Any) -> None:
    """Keeps a token request from saving the session when it ends, in a cookie or in a store.

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


def check_cookie_path(app: Any, cookies: Any, identity: RequestIdentity, engine: Engine) -> None:
    """Warns if a page has a user, but browsers do not send the session's cookie to the endpoint."""
    check, interface = engine.endpoint_check, app.session_interface
    if check.checks_path and isinstance(identity.resolved, User) and interface.get_cookie_name(app) in cookies:
        check.warn_if_out_of_reach(interface.get_cookie_path(app), identity.root_path + engine.path)


@cache
def _unsaved_class(session_class: type, null_session_class: type) -> type:
    """Returns a class of sessions that ``isinstance`` takes for null sessions, and that are as usable as before.

    A subclass of both classes would inherit the methods of a null session, which refuse every change.
    """
    attributes = {"__module__": session_class.__module__, "__class__": property(lambda self: null_session_class)}
    return type(session_class.__name__, (session_class,), attributes)
