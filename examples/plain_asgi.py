"""ASGI without a framework.

Run ``python examples/plain_asgi.py`` and open http://127.0.0.1:8000/.
"""

import os
import secrets
from html import escape
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs

import uvicorn

from widgetmw import User
from widgetmw.asgi import WidgetMiddleware

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


def session_id(scope: Any) -> str:
    """Returns the session id from the cookie."""
    cookie = SimpleCookie(dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")).get("session")
    return cookie.value if cookie else ""


def current_user(scope: Any) -> User | None:
    """Returns the signed-in user."""
    user_id = sessions.get(session_id(scope))
    return User(user_id, name=USERS[user_id]) if user_id else None


async def shop(scope: Any, receive: Any, send: Any) -> None:
    """The app. The widget needs no changes here."""
    if scope["type"] != "http":
        raise ValueError(f"unsupported scope type: {scope['type']}")
    match scope["method"], scope["path"]:
        case "GET", "/":
            user = current_user(scope)
            who = SIGNED_IN.replace("NAME", escape(user.name or user.id)) if user else ANONYMOUS
            await respond(send, 200, PAGE.replace("WHO", who), ("content-type", "text/html; charset=utf-8"))
        case "POST", "/sign-in":
            await respond(send, 303, "", ("location", "./"), ("set-cookie", await sign_in(receive)))
        case "POST", "/sign-out":
            sessions.pop(session_id(scope), None)
            await respond(send, 303, "", ("location", "./"), ("set-cookie", "session=; Max-Age=0; Path=/"))
        case _:
            await respond(send, 404, "not found", ("content-type", "text/plain"))


async def respond(send: Any, status: int, body: str, *headers: tuple[str, str]) -> None:
    """Sends a complete response."""
    raw = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body.encode()})


async def sign_in(receive: Any) -> str:
    """Signs in the chosen user and returns the cookie. A real app would ask for a password."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    user_id, new_id = parse_qs(body.decode())["id"][0], secrets.token_urlsafe()
    if user_id in USERS:
        sessions[new_id] = user_id
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
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")), lifespan="off")
