"""FastAPI with a session sign-in: ``python examples/fastapi_app.py``, then http://127.0.0.1:8000/."""

import os
from html import escape
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.middleware.sessions import SessionMiddleware

from widgetmw import User
from widgetmw.fastapi import install

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


def person(request: Request) -> str | None:
    """The part of the session that says who is signed in."""
    return request.session.get("person")


def current_user(person: Annotated[str | None, Depends(person)]) -> User:
    """The person who is signed in; a dependency like any other, and 401 means nobody."""
    if person not in PEOPLE:
        raise HTTPException(401)
    return User(person, name=PEOPLE[person])


app = FastAPI()
install(app, user=current_user)  # before or after any add_middleware
app.add_middleware(SessionMiddleware, secret_key=os.environ.get("SECRET_KEY", "a-demo-key"))


@app.get("/", response_class=HTMLResponse)
def shop(person: Annotated[str | None, Depends(person)]) -> str:
    """The page. Nothing in it knows of the widget's token."""
    who = SIGNED_IN.replace("NAME", escape(PEOPLE[person])) if person in PEOPLE else ANONYMOUS
    return PAGE.replace("WHO", who)


@app.post("/sign-in", response_class=RedirectResponse, status_code=303)
def sign_in(request: Request, id: Annotated[str, Form()]) -> str:
    """Signs in whoever was chosen; a real app asks for a password."""
    if id in PEOPLE:
        request.session["person"] = id
    return "./"


@app.post("/sign-out", response_class=RedirectResponse, status_code=303)
def sign_out(request: Request) -> str:
    """Forgets who was signed in."""
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
