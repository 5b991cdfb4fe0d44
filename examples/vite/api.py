"""The API of the Vite app: FastAPI with session-based sign-in, on another port than the pages.

Run ``python examples/vite/api.py``; README.md says how to start the pages.
"""

import os
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Form, HTTPException, Request
from starlette.middleware.cors import CORSMiddleware
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
ORIGINS = os.environ.setdefault("WIDGETMW_ALLOWED_ORIGINS", "http://localhost:5173")

USERS = {"ada": "Ada Lovelace", "grace": "Grace Hopper"}


def current_user(request: Request) -> User | None:
    """Returns the signed-in user."""
    user_id = request.session.get("user_id")
    return User(user_id, name=USERS[user_id]) if user_id in USERS else None


app = FastAPI()
install(app, user=current_user)
app.add_middleware(SessionMiddleware, secret_key=os.environ.get("SECRET_KEY", "insecure-demo-key"))
# For the app's own requests; the token endpoint goes by WIDGETMW_ALLOWED_ORIGINS.
app.add_middleware(CORSMiddleware, allow_origins=ORIGINS.split(","), allow_credentials=True)


@app.get("/user")
def read_user(request: Request) -> dict[str, str | None]:
    """Returns the name of the signed-in user."""
    user = current_user(request)
    return {"name": user.name if user else None}


@app.post("/sign-in", status_code=204)
def sign_in(request: Request, id: Annotated[str, Form()]) -> None:
    """Signs in the chosen user. A real app would ask for a password."""
    if id not in USERS:
        raise HTTPException(401)
    request.session["user_id"] = id


@app.post("/sign-out", status_code=204)
def sign_out(request: Request) -> None:
    """Signs the user out."""
    request.session.clear()


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
