"""Litestar with session-based sign-in.

Run ``python examples/litestar_app.py`` and open http://127.0.0.1:8000/.
"""

import os
from hashlib import sha256
from html import escape
from typing import Annotated

import uvicorn
from litestar import Litestar, MediaType, Request, get, post
from litestar.connection import ASGIConnection
from litestar.enums import RequestEncodingType
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.params import Body
from litestar.response import Redirect

from widgetmw import User
from widgetmw.litestar import WidgetMiddleware

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

Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
sessions = CookieBackendConfig(secret=sha256(os.environ.get("SECRET_KEY", "insecure-demo-key").encode()).digest())


def current_user(connection: ASGIConnection) -> User | None:
    """Returns the signed-in user."""
    user_id = connection.session.get("user_id")
    return User(user_id, name=USERS[user_id]) if user_id in USERS else None


@get("/", media_type=MediaType.HTML)
async def shop(request: Request) -> str:
    """Returns the page. The widget needs no changes here."""
    user = current_user(request)
    who = SIGNED_IN.replace("NAME", escape(user.name or user.id)) if user else ANONYMOUS
    return PAGE.replace("WHO", who)


@post("/sign-in", status_code=303)
async def sign_in(request: Request, data: Form) -> Redirect:
    """Signs in the chosen user. A real app would ask for a password."""
    if data.get("id") in USERS:
        request.session["user_id"] = data["id"]
    return Redirect("./", status_code=303)


@post("/sign-out", status_code=303)
async def sign_out(request: Request) -> Redirect:
    """Signs the user out."""
    request.clear_session()
    return Redirect("./", status_code=303)


shop_app = Litestar([shop, sign_in, sign_out], middleware=[sessions.middleware])
app = WidgetMiddleware(shop_app, user=current_user)  # serve this one, not shop_app

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
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
