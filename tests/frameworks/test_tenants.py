"""Several tenants in one process, each with the keys of its own, as the documentation sets them up."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from tests.frameworks.visitor import ENDPOINT, HEAD, users_snippet
from widgetmw import User, testing


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Starlette:
    for brand in ("NORTH", "SOUTH"):
        for name, value in testing.environ("digitalgenius", DG_API_KEY=f"key of {brand}").items():
            monkeypatch.setenv(f"{brand}_{name}", value)

    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse(HEAD)

    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("connected")
        await socket.close()

    shop = Starlette(routes=[Route("/", page), WebSocketRoute("/ws", socket)])
    namespace = {"shop": shop, "current_user": lambda scope: User("ada")}
    exec(users_snippet("Several tenants in one process"), namespace)
    return namespace["app"]  # type: ignore[return-value]


@pytest.mark.parametrize("path", ["/", ENDPOINT])
@pytest.mark.parametrize("brand", ["north", "south"])
def test_each_host_signs_with_the_keys_of_its_tenant(app: Starlette, brand: str, path: str) -> None:
    response = TestClient(app, base_url=f"https://{brand}.example").get(path)
    (token,) = testing.read_tokens(response.text).values()
    assert token.header["kid"] == f"key of {brand.upper()}"


def test_another_host_gets_no_token(app: Starlette) -> None:
    client = TestClient(app, base_url="https://other.example")
    assert client.get("/").text == HEAD
    assert client.get(ENDPOINT).status_code == 404


def test_websocket_connections_reach_the_app(app: Starlette) -> None:
    with TestClient(app, base_url="https://north.example").websocket_connect("/ws") as socket:
        assert socket.receive_text() == "connected"
