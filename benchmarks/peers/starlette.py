"""The usual recipe for changing a response body in Starlette and FastAPI middleware."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response


class Replacing(BaseHTTPMiddleware):
    """Reads the whole body and inserts a ready-made snippet."""

    def __init__(self, app: Any, snippet: bytes) -> None:
        super().__init__(app)
        self._head = b"<head>" + snippet

    async def dispatch(self, request: Request, call_next: Callable[[Request], Any]) -> Response:
        """Handles one request."""
        response = await call_next(request)
        if not response.headers.get("content-type", "").startswith("text/html"):
            return response  # type: ignore[no-any-return]
        body = b"".join([chunk async for chunk in response.body_iterator])
        headers = dict(response.headers)
        del headers["content-length"]
        return Response(body.replace(b"<head>", self._head, 1), response.status_code, headers)
