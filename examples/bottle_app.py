"""Bottle with a sign-in by signed cookie: ``python examples/bottle_app.py``, then http://127.0.0.1:8000/."""

import os
from html import escape
from typing import Any

from bottle import BaseRequest, Bottle, redirect, request, response, run

from widgetmw import User
from widgetmw.wsgi import WidgetMiddleware

# Demo values, so that this runs without an account. Set your own in the environment.
DEMO = {
    "DG_API_KEY": "demo",
    "DG_API_SECRET": "a-demo-secret-of-no-worth",
    "DG_WIDGET_ID": "demo",
    "DG_TOKEN_TTL": "10",
}
if not any(name.startswith(("DG_", "HISSUNO_", "ORLO_", "GIOSG_")) for name in os.environ):
    os.environ.update(DEMO)

PEOPLE = {"ada": "Ada Lovelace", "grace": "Grace Hopper"}

KEY = os.environ.get("SECRET_KEY", "a-demo-key")
shop = Bottle()


def current_user(environ: dict[str, Any]) -> User | None:
    """Says who is signed in. Not by Bottle's own ``request``: at the endpoint that is still the one before."""
    person = BaseRequest(environ).get_cookie("person", secret=KEY)
    return User(person, name=PEOPLE[person]) if person in PEOPLE else None


@shop.get("/")
def page() -> str:
    """The page. Nothing in it knows of the widget's token."""
    user = current_user(request.environ)
    who = SIGNED_IN.replace("NAME", escape(user.name or user.id)) if user else ANONYMOUS
    return PAGE.replace("WHO", who)


@shop.post("/sign-in")
def sign_in() -> None:
    """Signs in whoever was chosen; a real app asks for a password."""
    if request.forms.get("id") in PEOPLE:
        response.set_cookie("person", request.forms.get("id"), secret=KEY, path="/", httponly=True, samesite="lax")
    redirect("./", 303)


@shop.post("/sign-out")
def sign_out() -> None:
    """Forgets who was signed in."""
    response.delete_cookie("person", path="/")
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
  // Stands in for the vendor's widget: your page has <script src="https://chat.digitalgenius.com/init.js"> here.
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
<h2>Tokens that the chat widget got, the newest last</h2>
<ol></ol>
</body>
</html>"""

if __name__ == "__main__":
    run(app, port=int(os.environ.get("PORT", "8000")))
