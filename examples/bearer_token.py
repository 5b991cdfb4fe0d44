"""FastAPI that authenticates with a bearer token instead of a cookie, and its page on another origin.

Run ``python examples/bearer_token.py`` and open http://127.0.0.1:8001/. The page is served by port 8001, without
widgetmw; the app listens on port 8000. The page's one script tag is ``embed.js`` of the app.
"""

import os
import secrets
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from starlette.middleware.cors import CORSMiddleware

from widgetmw import User
from widgetmw.fastapi import install

PORT = int(os.environ.get("PORT", "8000"))
PAGE_PORT = int(os.environ.get("PAGE_PORT", "8001"))
ORIGIN = f"http://127.0.0.1:{PAGE_PORT}"

# Demo values, so that the example runs without an account. Set your own in the environment.
DEMO = {
    "DG_API_KEY": "demo",
    "DG_API_SECRET": "insecure-demo-secret-for-this-example-only",
    "DG_WIDGET_ID": "demo",
    "DG_TOKEN_TTL": "10",
}
if not any(name.startswith(("DG_", "HISSUNO_", "ORLO_", "GIOSG_")) for name in os.environ):
    os.environ.update(DEMO)
os.environ.setdefault("WIDGETMW_ALLOWED_ORIGINS", ORIGIN)

USERS = {"ada": "Ada Lovelace", "grace": "Grace Hopper"}
sessions: dict[str, str] = {}  # user ids by access token


def current_user(access_token: Annotated[str, Depends(OAuth2PasswordBearer("sign-in"))]) -> User:
    """Returns the signed-in user. Without a valid token it raises 401, which means anonymous."""
    if access_token not in sessions:
        raise HTTPException(401)
    user_id = sessions[access_token]
    return User(user_id, name=USERS[user_id])


app = FastAPI()
install(app, user=current_user)
app.add_middleware(CORSMiddleware, allow_origins=[ORIGIN])


@app.post("/sign-in")
def sign_in(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> dict[str, str]:
    """Signs in the chosen user. A real app would check the password."""
    if form.username not in USERS:
        raise HTTPException(401)
    access_token = secrets.token_urlsafe()
    sessions[access_token] = form.username
    return {"access_token": access_token, "token_type": "bearer"}


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Shop</title>
<script src="http://127.0.0.1:APP_PORT/_widgetmw/embed.js"></script>
<script>
  const app = "http://127.0.0.1:APP_PORT";
  let accessToken;
  window.widgetmw.setRequestHeaders(() => accessToken && { Authorization: `Bearer ${accessToken}` });

  // Stand-in for the vendor's widget. Your page loads <script src="https://chat.digitalgenius.com/init.js"> instead.
  const tokens = [];
  const claims = (token) => atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  const show = () => (document.querySelector("ol").innerHTML = tokens.map((t) => `<li>${claims(t)}`).join(""));
  window.dgchat = {
    methods: {
      sendSystemMessage: (message) => show(tokens.push(message.payload)),
      resetChat: () => show((tokens.length = 0)),
    },
  };
  addEventListener("DOMContentLoaded", () => window.DG_CHAT_WIDGET_CONFIG?.callbacks?.onWidgetEmbedded?.());

  const signIn = async (username) => {
    const response = await fetch(`${app}/sign-in`, {
      method: "POST",
      body: new URLSearchParams({ username, password: "any" }),
    });
    accessToken = (await response.json()).access_token;
    await window.widgetmw.refresh("digitalgenius");
    document.querySelector("p").textContent = `Hello, ${username}.`;
  };
  const signOut = async () => {
    accessToken = undefined;
    await window.widgetmw.signOut();
    document.querySelector("p").textContent = "Nobody is signed in.";
  };
</script>
</head>
<body>
<h1>Shop</h1>
<p>Nobody is signed in.</p>
<button onclick="signIn('ada')">Sign in as Ada</button>
<button onclick="signIn('grace')">Sign in as Grace</button>
<button onclick="signOut()">Sign out</button>
<h2>Tokens the chat widget has received, newest last</h2>
<ol></ol>
</body>
</html>"""


class Static(BaseHTTPRequestHandler):
    """Serves the page, as a CDN or a static host would."""

    def do_GET(self) -> None:
        """Sends the page for every path."""
        body = PAGE.replace("APP_PORT", str(PORT)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PAGE_PORT), Static)
    threading.Thread(target=partial(server.serve_forever, 0.1), daemon=True).start()
    uvicorn.run(app, port=PORT)
