"""WSGI without a framework.

Run ``python examples/plain_wsgi.py`` and open http://127.0.0.1:8000/.
"""

import os
import secrets
from collections.abc import Callable, Iterable
from html import escape
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import make_server

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
sessions: dict[str, str] = {}  # session id to user id


def session_id(environ: dict[str, Any]) -> str:
    """Returns the session id from the cookie."""
    cookie = SimpleCookie(environ.get("HTTP_COOKIE", "")).get("session")
    return cookie.value if cookie else ""


def current_user(environ: dict[str, Any]) -> User | None:
    """Returns the signed-in user."""
    user_id = sessions.get(session_id(environ))
    return User(user_id, name=USERS[user_id]) if user_id else None


def shop(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The app. The widget needs no changes here."""
    match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
        case "GET", "/":
            user = current_user(environ)
            who = SIGNED_IN.replace("NAME", escape(user.name or user.id)) if user else ANONYMOUS
            start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
            return [PAGE.replace("WHO", who).encode()]
        case "POST", "/sign-in":
            start_response("303 See Other", [("Location", "./"), ("Set-Cookie", sign_in(environ))])
        case "POST", "/sign-out":
            sessions.pop(session_id(environ), None)
            start_response("303 See Other", [("Location", "./"), ("Set-Cookie", "session=; Max-Age=0; Path=/")])
        case _:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
    return []


def sign_in(environ: dict[str, Any]) -> str:
    """Signs in the chosen user and returns the cookie. A real app would ask for a password."""
    form = parse_qs(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode())
    new_id = secrets.token_urlsafe()
    if form["id"][0] in USERS:
        sessions[new_id] = form["id"][0]
    return f"session={new_id}; Path=/; HttpOnly; SameSite=Lax"


app = WidgetMiddleware(shop, user=current_user)

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
    make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), app).serve_forever()
