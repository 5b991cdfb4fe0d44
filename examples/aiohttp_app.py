"""aiohttp with sign-in via aiohttp-session.

Run ``python examples/aiohttp_app.py`` and open http://127.0.0.1:8000/.
"""

import os
from hashlib import sha256
from html import escape

import aiohttp_session
from aiohttp import web
from aiohttp_session.cookie_storage import EncryptedCookieStorage

from widgetmw import User
from widgetmw.aiohttp import install

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


async def current_user(request: web.Request) -> User | None:
    """Returns the signed-in user."""
    user_id = (await aiohttp_session.get_session(request)).get("user_id")
    return User(user_id, name=USERS[user_id]) if user_id in USERS else None


async def shop(request: web.Request) -> web.Response:
    """Returns the page. The widget needs no changes here."""
    user = await current_user(request)
    who = SIGNED_IN.replace("NAME", escape(user.name or user.id)) if user else ANONYMOUS
    return web.Response(text=PAGE.replace("WHO", who), content_type="text/html")


async def sign_in(request: web.Request) -> web.Response:
    """Signs in the chosen user. A real app would ask for a password."""
    form = await request.post()
    if form.get("id") in USERS:
        (await aiohttp_session.new_session(request))["user_id"] = form["id"]
    return web.Response(status=303, headers={"Location": "./"})


async def sign_out(request: web.Request) -> web.Response:
    """Signs the user out."""
    (await aiohttp_session.get_session(request)).invalidate()
    return web.Response(status=303, headers={"Location": "./"})


app = web.Application()
install(app, user=current_user)  # the order relative to other middlewares does not matter
aiohttp_session.setup(
    app, EncryptedCookieStorage(sha256(os.environ.get("SECRET_KEY", "insecure-demo-key").encode()).digest())
)
app.add_routes([web.get("/", shop), web.post("/sign-in", sign_in), web.post("/sign-out", sign_out)])

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
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
