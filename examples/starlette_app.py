"""Starlette with session-based sign-in.

Run ``python examples/starlette_app.py`` and open http://127.0.0.1:8000/.
"""

import os
from html import escape

import uvicorn
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from widgetmw import User
from widgetmw.starlette import install

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


def current_user(request: HTTPConnection) -> User | None:
    """Returns the signed-in user."""
    user_id = request.session.get("user_id")
    return User(user_id, name=USERS[user_id]) if user_id in USERS else None


async def shop(request: Request) -> Response:
    """Returns the page. The widget needs no changes here."""
    user = current_user(request)
    who = SIGNED_IN.replace("NAME", escape(user.name or user.id)) if user else ANONYMOUS
    return HTMLResponse(PAGE.replace("WHO", who))


async def sign_in(request: Request) -> Response:
    """Signs in the chosen user. A real app would ask for a password."""
    form = await request.form()
    if form.get("id") in USERS:
        request.session["user_id"] = form["id"]
    return RedirectResponse("./", 303)


async def sign_out(request: Request) -> Response:
    """Signs the user out."""
    request.session.clear()
    return RedirectResponse("./", 303)


app = Starlette(
    routes=[
        Route("/", shop),
        Route("/sign-in", sign_in, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
    ]
)
install(app, user=current_user)  # the order relative to add_middleware does not matter
app.add_middleware(SessionMiddleware, secret_key=os.environ.get("SECRET_KEY", "insecure-demo-key"))

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
