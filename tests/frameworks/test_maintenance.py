"""A layer outside of the session answers token requests, as a maintenance page does: nobody is signed out."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.testclient import TestClient

from widgetmw import User, testing
from widgetmw.starlette import install


@pytest.mark.parametrize(
    "answer",
    [HTMLResponse("<h1>back soon</h1>"), HTMLResponse("<h1>back soon</h1>", 503), RedirectResponse("/soon", 302)],
    ids=["a page", "a failure", "a redirect"],
)
@pytest.mark.parametrize("is_outside", [True, False], ids=["outside of the session", "inside of it"])
def test_a_maintenance_page_signs_nobody_out(answer: Response, is_outside: bool) -> None:
    class Maintenance:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await (answer if scope["type"] == "http" else self.app)(scope, receive, send)

    app = Starlette()
    layers: list[tuple[Any, dict[str, Any]]] = [(SessionMiddleware, {"secret_key": "k"}), (Maintenance, {})]
    for layer, options in layers if is_outside else layers[::-1]:
        app.add_middleware(layer, **options)  # the last one is the outermost
    install(app, settings=testing.settings("hissuno"), user=lambda connection: User(connection.session["user"]))
    with TestClient(app) as client:
        assert client.get("/_widgetmw/token").status_code == 503
