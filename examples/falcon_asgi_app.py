"""Falcon under ASGI, with a sign-in: ``python examples/falcon_asgi_app.py``, then http://127.0.0.1:8000/."""

import os
import secrets
from html import escape

import falcon
import uvicorn
from falcon.asgi import App, Request, Response

from widgetmw import User
from widgetmw.asgi import WidgetMiddleware

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

sessions: dict[str, str] = {}  # the cookie's secret to the person


def current_user(request: Request) -> User | None:
    """Says who is signed in."""
    person = sessions.get(request.cookies.get("session", ""))
    return User(person, name=PEOPLE[person]) if person else None


class Shop:
    """The page. Nothing in it knows of the widget's token."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Shows it."""
        user = current_user(request)
        who = SIGNED_IN.replace("NAME", escape(user.name or user.id)) if user else ANONYMOUS
        response.content_type, response.text = falcon.MEDIA_HTML, PAGE.replace("WHO", who)


class SignIn:
    """Signs in whoever was chosen; a real app asks for a password."""

    async def on_post(self, request: Request, response: Response) -> None:
        """Starts a session."""
        person, secret = (await request.get_media())["id"], secrets.token_urlsafe()
        if person in PEOPLE:
            sessions.pop(request.cookies.get("session", ""), None)
            sessions[secret] = person
        response.set_cookie("session", secret, path="/", same_site="Lax", secure=False)  # True, where https is
        raise falcon.HTTPSeeOther("./")


class SignOut:
    """Forgets who was signed in."""

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
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
