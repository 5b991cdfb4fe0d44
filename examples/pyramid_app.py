"""Pyramid with its session and security policy.

Run ``python examples/pyramid_app.py`` and open http://127.0.0.1:8000/.
"""

import os
from html import escape
from typing import Any

from pyramid.authentication import SessionAuthenticationHelper
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import forget, remember
from pyramid.session import SignedCookieSessionFactory
from waitress import serve

from widgetmw import User
from widgetmw.wsgi import WidgetMiddleware

# Demo values, so that the example runs without an account. Set your own in the environment.
DEMO = {
    "DG_API_KEY": "demo",
    "DG_API_SECRET": "insecure-demo-secret-for-this-example-only",
    "DG_WIDGET_ID": "demo",
    "DG_TOKEN_TTL": "10",
}
if not any(name.startswith(("DG_", "HISSUNO_", "ORLO_", "GIOSG_")) for name in os.environ):
    os.environ.update(DEMO)

USERS = {"ada": "Ada Lovelace", "grace": "Grace Hopper"}


class Security:
    """A security policy that keeps the signed-in user in the session."""

    def __init__(self) -> None:
        self.session = SessionAuthenticationHelper()

    def identity(self, request: Request) -> str | None:
        """Returns the user's name."""
        return USERS.get(self.session.authenticated_userid(request))

    def authenticated_userid(self, request: Request) -> str | None:
        """Returns the user's id if the user exists."""
        return self.session.authenticated_userid(request) if self.identity(request) else None

    def remember(self, request: Request, userid: str, **options: Any) -> list[tuple[str, str]]:
        """Returns the headers that sign a user in."""
        return self.session.remember(request, userid, **options)

    def forget(self, request: Request, **options: Any) -> list[tuple[str, str]]:
        """Returns the headers that sign the user out."""
        return self.session.forget(request, **options)


def shop(request: Request) -> Response:
    """Returns the page. The widget needs no changes here."""
    who = SIGNED_IN.replace("NAME", escape(request.identity)) if request.identity else ANONYMOUS
    return Response(PAGE.replace("WHO", who))


def sign_in(request: Request) -> Response:
    """Signs in the chosen user. A real app would ask for a password."""
    user_id = request.POST.get("id")
    return HTTPSeeOther("./", headers=remember(request, user_id) if user_id in USERS else ())


def sign_out(request: Request) -> Response:
    """Signs the user out."""
    return HTTPSeeOther("./", headers=forget(request))


def current_user(environ: dict[str, Any]) -> User | None:
    """Returns the signed-in user. Creates its own request, because Pyramid never sees calls to the token endpoint."""
    with router.request_context(environ) as request:
        return User(request.authenticated_userid, name=request.identity) if request.identity else None


with Configurator() as config:
    config.set_session_factory(SignedCookieSessionFactory(os.environ.get("SECRET_KEY", "insecure-demo-key")))
    config.set_security_policy(Security())
    for path, view in (("/", shop), ("/sign-in", sign_in), ("/sign-out", sign_out)):
        config.add_route(view.__name__, path)
        config.add_view(view, route_name=view.__name__, request_method="GET" if path == "/" else "POST")
    router = config.make_wsgi_app()
app = WidgetMiddleware(router, user=current_user)

SIGNED_IN = '<form method="post" action="sign-out">Hello, NAME. <button>Sign out</button></form>'
ANONYMOUS = """<form method="post" action="sign-in">
<button name="id" value="ada">Sign in as Ada</button> <button name="id" value="grace">Sign in as Grace</button>
</form>"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Shop</title>
<script>
  // Stand-in for the vendor's widget. Your page loads <script src="https://chat.digitalgenius.com/init.js"> instead.
  const tokens = [window.DG_CHAT_WIDGET_CONFIG?.metadata?.auth_token].filter(Boolean);
  const claims = (token) => atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  const show = () => (document.querySelector("ol").innerHTML = tokens.map((t) => `<li>${claims(t)}`).join(""));
  window.dgchat = {
    methods: {
      sendSystemMessage: (message) => show(tokens.push(message.payload)),
      resetChat: () => show((tokens.length = 0)),
    },
  };
  addEventListener("DOMContentLoaded", () => {
    show();
    window.DG_CHAT_WIDGET_CONFIG?.callbacks?.onWidgetEmbedded?.();
  });
</script>
</head>
<body>
<h1>Shop</h1>
WHO
<h2>Tokens the chat widget has received, newest last</h2>
<ol></ol>
</body>
</html>"""

if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
