"""The app behind a static site: Flask with session-based sign-in, which serves no pages.

Run ``python examples/static/app.py``; README.md says how to start nginx.
"""

import os

from flask import Flask, redirect, request, session
from werkzeug.wrappers import Response

from widgetmw import User
from widgetmw.flask import Widget

# Demo values, so that the example runs without an account. Set your own in the environment.
DEMO = {
    "GIOSG_ORGANIZATION_ID": "demo",
    "GIOSG_ROOM_ID": "demo",
    "GIOSG_SIGNING_KEY": "insecure-demo-secret-for-this-example-only",
    "GIOSG_TOKEN_TTL": "10",
    "HISSUNO_PROJECT_ID": "demo",
    "HISSUNO_SECRET_KEY": "sk_live_insecure-demo-secret-for-this-example-only",
    "HISSUNO_TOKEN_TTL": "10",
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


@app.post("/api/sign-in")
def sign_in() -> Response:
    """Signs in the chosen user. A real app would ask for a password."""
    if request.form.get("id") in USERS:
        session["user_id"] = request.form["id"]
    return redirect("/")


@app.post("/api/sign-out")
def sign_out() -> Response:
    """Signs the user out."""
    session.clear()
    return redirect("/")


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8000")))
