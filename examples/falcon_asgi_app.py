"""Falcon on ASGI, with sign-in.

Run ``python examples/falcon_asgi_app.py`` and open http://127.0.0.1:8000/.
"""

import os
import secrets
from html import escape

import falcon
import uvicorn
from falcon.asgi import App, Request, Response

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


def current_user(request: Request) -> User | None:
    """Returns the signed-in user."""
    user_id = sessions.get(request.cookies.get("session", ""))
    return User(user_id, name=USERS[user_id]) if user_id else None


class Shop:
    """The page. The widget needs no changes here."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Returns the page."""
        user = current_user(request)
        who = SIGNED_IN.replace("NAME", escape(user.name or user.id)) if user else ANONYMOUS
        response.content_type, response.text = falcon.MEDIA_HTML, PAGE.replace("WHO", who)


class SignIn:
    """Signs in the chosen user. A real app would ask for a password."""

    async def on_post(self, request: Request, response: Response) -> None:
        """Starts a session."""
        user_id, session_id = (await request.get_media())["id"], secrets.token_urlsafe()
        if user_id in USERS:
            sessions.pop(request.cookies.get("session", ""), None)
            sessions[session_id] = user_id
        response.set_cookie("session", session_id, path="/", same_site="Lax", secure=False)  # True with HTTPS
        raise falcon.HTTPSeeOther("./")


class SignOut:
    """Signs the user out."""

    async def on_post(self, request: Request, response: Response) -> None:
        """Ends the session."""
        sessions.pop(request.cookies.get("session", ""), None)
        raise falcon.HTTPSeeOther("./")


shop = App()
shop.add_route("/", Shop())
shop.add_route("/sign-in", SignIn())
shop.add_route("/sign-out", SignOut())
app = WidgetMiddleware(shop, user=lambda scope: current_user(Request(scope, None)))

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
