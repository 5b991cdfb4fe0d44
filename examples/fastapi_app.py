"""FastAPI with session-based sign-in.

Run ``python examples/fastapi_app.py`` and open http://127.0.0.1:8000/.
"""

import os
from html import escape
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.middleware.sessions import SessionMiddleware

from widgetmw import User
from widgetmw.fastapi import install

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


def session_user_id(request: Request) -> str | None:
    """Returns the id of the signed-in user from the session."""
    return request.session.get("user_id")


def current_user(user_id: Annotated[str | None, Depends(session_user_id)]) -> User:
    """Returns the signed-in user. An ordinary dependency; a 401 means anonymous."""
    if user_id not in USERS:
        raise HTTPException(401)
    return User(user_id, name=USERS[user_id])


app = FastAPI()
install(app, user=current_user)  # the order relative to add_middleware does not matter
app.add_middleware(SessionMiddleware, secret_key=os.environ.get("SECRET_KEY", "insecure-demo-key"))


@app.get("/", response_class=HTMLResponse)
def shop(user_id: Annotated[str | None, Depends(session_user_id)]) -> str:
    """Returns the page. The widget needs no changes here."""
    who = SIGNED_IN.replace("NAME", escape(USERS[user_id])) if user_id in USERS else ANONYMOUS
    return PAGE.replace("WHO", who)


@app.post("/sign-in", response_class=RedirectResponse, status_code=303)
def sign_in(request: Request, id: Annotated[str, Form()]) -> str:
    """Signs in the chosen user. A real app would ask for a password."""
    if id in USERS:
        request.session["user_id"] = id
    return "./"


@app.post("/sign-out", response_class=RedirectResponse, status_code=303)
def sign_out(request: Request) -> str:
    """Signs the user out."""
    request.session.clear()
    return "./"


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
