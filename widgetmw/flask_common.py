"""What the plugins of Flask and Quart have in common, since Quart is built on Flask's classes."""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Final

from widgetmw.core.config_overlay import merge_config
from widgetmw.core.engine import Engine
from widgetmw.core.http.page import note_session_cookie
from widgetmw.core.identity.request_identity import IDENTITY_KEY, RequestIdentity, ScopeOrEnviron
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings

NAME: Final = "widgetmw"  # of the extension, and of its blueprint or view
_NOT_WRAPPED: Final = (
    "the server, or a package, took app.%s before Widget(app) replaced it, so no page gets a token and there is "
    "no endpoint: call Widget(app) first, or hand over app.%s again"
)
# of the framework; of Flask-Login; of Quart-Auth
_SESSION_COOKIES: Final = ("SESSION_COOKIE_NAME", "REMEMBER_COOKIE_NAME", "QUART_AUTH_COOKIE_NAME")


def settings_for(app: Any, settings: Settings | None) -> Settings:
    """Returns the settings for an app that has no ``Widget`` yet; by default, those in its configuration."""
    if NAME in app.extensions:
        raise RuntimeError("widgetmw is already installed in this app: call init_app once")
    return settings or Settings.from_env(merge_config(os.environ, app.config))


def token_rules(app: Any) -> list[tuple[str, dict[str, Any]]]:
    """Returns the URL rules of the token endpoint below ``WIDGETMW_PATH``, with the options of each."""
    hosts = [{"host": "<host>"} if app.url_map.host_matching else {}]
    if getattr(app, "subdomain_matching", False):
        hosts.append({"subdomain": "<subdomain>"})
    return [(rule, host) for host in hosts for rule in ("/token", "/token/<provider>")]


def identity_of_request(
    app: Any, scope_or_environ: ScopeOrEnviron, owner: object, engine: Engine, wrapped: str
) -> RequestIdentity | None:
    """Returns the identity of a request if the owner handles it; warns if ``Widget`` has wrapped nothing."""
    for name in _SESSION_COOKIES:  # here, since the app may be configured after its extensions are made
        note_session_cookie(app.config.get(name))
    identity: RequestIdentity | None = scope_or_environ.get(IDENTITY_KEY)
    if identity is None or identity.owner is None:
        engine.events.warn_once("app", "not_wrapped", _NOT_WRAPPED % (wrapped, wrapped))
        return None
    return identity if identity.owner is owner else None


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
