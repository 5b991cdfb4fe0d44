"""Flask with session-based sign-in.

Run ``python examples/flask_app.py`` and open http://127.0.0.1:8000/.
"""

import os

from flask import Flask, redirect, request, session
from markupsafe import escape
from werkzeug.wrappers import Response

from widgetmw import User
from widgetmw.flask import Widget

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

app = Flask(__name__)
app.secret_key = os.environ.get("SECRET_KEY", "insecure-demo-key")


def current_user() -> User | None:
    """Returns the signed-in user; called within the request context."""
    user_id = session.get("user_id")
    return User(user_id, name=USERS[user_id]) if user_id in USERS else None


Widget(app, user=current_user)


@app.get("/")
def shop() -> str:
    """Returns the page. The widget needs no changes here."""
    user = current_user()
    who = SIGNED_IN.replace("NAME", escape(user.name or user.id)) if user else ANONYMOUS
    return PAGE.replace("WHO", who)


@app.post("/sign-in")
def sign_in() -> Response:
    """Signs in the chosen user. A real app would ask for a password."""
    if request.form.get("id") in USERS:
        session["user_id"] = request.form["id"]
    return redirect("./")


@app.post("/sign-out")
def sign_out() -> Response:
    """Signs the user out."""
    session.clear()
    return redirect("./")


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
    app.run(port=int(os.environ.get("PORT", "8000")))
