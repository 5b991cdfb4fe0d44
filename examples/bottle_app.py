"""Bottle with sign-in via a signed cookie.

Run ``python examples/bottle_app.py`` and open http://127.0.0.1:8000/.
"""

import os
from html import escape
from typing import Any

from bottle import BaseRequest, Bottle, redirect, request, response, run

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

KEY = os.environ.get("SECRET_KEY", "insecure-demo-key")
shop = Bottle()


def current_user(environ: dict[str, Any]) -> User | None:
    """Returns the signed-in user.

    Don't use Bottle's global ``request`` here: on the token endpoint it still holds the previous request, possibly
    another user's.
    """
    user_id = BaseRequest(environ).get_cookie("user_id", secret=KEY)
    return User(user_id, name=USERS[user_id]) if user_id in USERS else None


@shop.get("/")
def page() -> str:
    """Returns the page. The widget needs no changes here."""
    user = current_user(request.environ)
    who = SIGNED_IN.replace("NAME", escape(user.name or user.id)) if user else ANONYMOUS
    return PAGE.replace("WHO", who)


@shop.post("/sign-in")
def sign_in() -> None:
    """Signs in the chosen user. A real app would ask for a password."""
    if request.forms.get("id") in USERS:
        response.set_cookie("user_id", request.forms.get("id"), secret=KEY, path="/", httponly=True, samesite="lax")
    redirect("./", 303)


@shop.post("/sign-out")
def sign_out() -> None:
    """Signs the user out."""
    response.delete_cookie("user_id", path="/")
    redirect("./", 303)


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
    run(app, port=int(os.environ.get("PORT", "8000")))
