"""The outermost middleware of an aiohttp app, and the innermost route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy
from functools import cached_property
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from aiohttp import EMPTY_PAYLOAD, web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict, CIMultiDictProxy

from widgetmw.aiohttp.writer import EndpointWriter, NullWriter, RewritingWriter, announce_file, encode_headers
from widgetmw.asgi.middleware import may_be_signed_in, token_response
from widgetmw.asgi.request import (
    Headers,
    Scope,
    Send,
    edit_request_headers,
    inner_headers,
    page_request,
    path_below,
    token_request,
)
from widgetmw.asgi.responder import Responder
from widgetmw.core.endpoint import INNER_CALL, InnerCall, TokenRequest, TokenResponse
from widgetmw.core.engine import Engine
from widgetmw.core.http.page import note_session_cookie
from widgetmw.core.identity.original_state import is_empty
from widgetmw.core.identity.request_identity import IDENTITY_KEY, acquire, is_owner, link_request
from widgetmw.core.identity.resolvers import AsyncResolver, prefetch_user_async
from widgetmw.core.identity.user import User

Resolver: TypeAlias = Callable[[web.Request], User | Awaitable[User | None] | None]

_OF_APP: Final = "widgetmw.of_app"  # a key of a request: all keys as the layers of the whole app have left them
_SESSION, _SESSION_STORAGE = "aiohttp_session", "aiohttp_session_storage"  # keys of aiohttp-session

# aiohttp warns once about each request key that is a string. Ours are strings, as in a scope or an environ.
_warned_keys: set[str] = getattr(web.BaseRequest, "_seen_str_keys", set())
_warned_keys.update({IDENTITY_KEY, INNER_CALL, _OF_APP})


class AiohttpMiddleware:
    """The outermost middleware of one app."""

    __middleware_version__ = 1  # what web.middleware sets on a function

    def __init__(self, app: web.Application, engine: Engine, user: Resolver | None) -> None:
        self.engine = engine
        self._user: Any = user
        self._app, self._pre_freeze = app, app.pre_freeze
        self._add_routes(engine.path)
        self._route = self._add_routes(f"{engine.path}/{{tail:.*}}")
        app.middlewares.insert(0, self)
        app.on_response_prepare.append(announce_file)
        object.__setattr__(app, "pre_freeze", self._add_innermost)  # an assignment warns in asyncio's debug mode

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Handles one request."""
        if not acquire(request, self):  # type: ignore[arg-type]
            return await handler(request)
        root_path = self._root_path
        path, scope = path_below(root_path, request.path), _scope(request, root_path)
        link_request(request, scope)  # type: ignore[arg-type]
        if self.engine.is_endpoint(path):
            return await self._respond(request, handler, scope, path[len(self.engine.path) :])
        original = scope["headers"]
        edit_request_headers(self.engine, scope, path)
        if scope["headers"] != original:
            _replace_headers(request, scope["headers"])

        def make_responder(request: web.Request, send: Send) -> Responder:
            scope["scheme"] = request.scheme
            note_session_cookie(getattr(request.get(_SESSION_STORAGE), "cookie_name", None))
            responder = Responder()
            responder.begin(self.engine, scope, root_path, path, send, self._resolver(request))
            responder.read_request_headers()
            return responder

        request._payload_writer = RewritingWriter(request, make_responder)  # type: ignore[assignment]
        return await handler(request)

    def _add_innermost(self) -> None:
        """Runs once all of the app's middlewares are there, and before aiohttp looks at them."""
        if not self._app.pre_frozen:
            self._app.middlewares.append(self._innermost)
        self._pre_freeze()

    def _add_routes(self, path: str) -> web.AbstractRoute:
        """Adds the methods of token requests; all others are answered without a route.

        A loop over all routes, as aiohttp-cors documents it, may then add ``OPTIONS``. It refuses ``*``.
        """
        self._app.router.add_post(path, self._inner_route)
        return self._app.router.add_get(path, self._inner_route)  # HEAD, too

    @cached_property
    def _root_path(self) -> str:
        resource = self._route.resource
        assert resource is not None
        return unquote(resource.canonical.removesuffix(f"{self.engine.path}/{{tail}}"))

    def _resolver(self, request: web.Request) -> AsyncResolver:
        proxy_resolver = self.engine.proxy_resolver
        if self._user is None and proxy_resolver:
            return proxy_resolver
        return lambda _: self._user(_request_of_app(request, self._app))

    @web.middleware
    async def _innermost(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Shows our writer the request that the handler gets, and lets the user of its page be resolved.

        A middleware may have cloned it, as aiohttp-remotes does. Only the clone has what the middlewares further in
        add, such as the session.
        """
        writer: object = request.writer
        if request.match_info.apps[-1] is not self._app and _OF_APP not in request:
            request[_OF_APP] = request._state.copy()
        if isinstance(writer, RewritingWriter):
            writer.follow(request)
        if not is_owner(request, self):  # type: ignore[arg-type]
            return await handler(request)
        try:
            response = await handler(request)
        except Exception as error:
            await self.prefetch_user(request, error)
            raise
        await self.prefetch_user(request, response)
        return response

    async def prefetch_user(self, request: web.Request, result: object) -> None:
        """Resolves the user of a page before the app's middlewares close what they have opened for the request.

        aiohttp sends a response only once all of them have returned. A database session that ``user`` used then would
        keep its connection for ever.

        Args:
            request: as the handler got it.
            result: what the handler has returned or raised.
        """
        try:
            needs_user = self._user is not None and INNER_CALL not in request and self._may_need_user(request, result)
        except Exception:  # the writer will fail in the same way, and log it
            return
        if needs_user:
            await prefetch_user_async(request, self._resolver(request))  # type: ignore[arg-type]

    def _may_need_user(self, request: web.Request, result: object) -> bool:
        """Whether what the handler has returned or raised may become a page with a token."""
        if isinstance(result, web.StreamResponse) and result.prepared:
            return False  # it was sent from inside the middlewares
        if isinstance(result, web.Response) and result.status < 400 and not _is_html(result):
            return False  # not a page, which saves reading the request
        engine, method = self.engine, request.method
        scope = {**_scope(request, self._root_path), "path": request.path}
        page = page_request(scope)
        if isinstance(result, web.Response):
            headers = encode_headers(result.headers)
            if engine.page_that_needs_user(page, method, page.path, result.status, headers):
                return True
            if result.status < 400:
                return False
        # A middleware may turn an error or an object of the app into a page, and the type of a file is not known yet.
        return engine.is_inline_delivery and engine.may_carry_script(
            scope, method, page.path, page.accept, page.has_credentials
        )

    async def _respond(self, request: web.Request, handler: Handler, scope: Scope, path: str) -> web.StreamResponse:
        call = token_request(scope, path)
        response = self.engine.endpoint.response_without_user(call)
        if response is None:
            response = await self._token_response(request, handler, scope, call)
        self.engine.endpoint.count(call, response)
        request._payload_writer = EndpointWriter(request._payload_writer, response)  # type: ignore[assignment]
        # Our writer adds the CORS headers: aiohttp-cors refuses a response that has some already.
        headers = [header for header in response.headers if not header[0].startswith("Access-Control-")]
        return web.Response(body=response.body, status=response.status, headers=headers)

    async def _token_response(
        self, request: web.Request, handler: Handler, scope: Scope, token_request: TokenRequest
    ) -> TokenResponse:
        call = InnerCall(self.engine.endpoint, token_request)
        # Always GET, so that CSRF middleware does not interfere.
        inner_request = request.clone(method="GET")
        inner_request._payload = EMPTY_PAYLOAD  # no layer waits for the client's body
        inner_request._payload_writer = NullWriter()
        _replace_headers(inner_request, inner_headers(scope["headers"]))
        # An app and its sub-application may each have this middleware: the outermost one resolves the user.
        inner_request[INNER_CALL] = call, self, scope
        try:
            response = await handler(inner_request)
            status, location = response.status, response.headers.get("Location", "")
        except web.HTTPException as error:
            status, location = error.status, error.headers.get("Location", "")
        except Exception as error:
            return call.fail(error)
        if call.is_interrupted(status):
            call.may_be_signed_in = await may_be_signed_in(self.engine, scope, self._resolver(inner_request))
        return call.conclude(status, location)

    async def _inner_route(self, request: web.Request) -> web.Response:
        """The route of the endpoint, inside all middlewares."""
        if INNER_CALL not in request:
            raise web.HTTPNotFound
        call, outermost, scope = request[INNER_CALL]
        resolver = outermost._resolver(request)
        call.response = await token_response(outermost.engine, scope, call.request, resolver)
        return web.Response(status=call.STAND_IN.status, headers=call.STAND_IN.headers)


def _is_html(response: web.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "").lower()


def _request_of_app(request: web.Request, app: web.Application) -> web.Request:
    """Returns the request as the layers of the whole app show it to the view of the token endpoint.

    A sub-application may have a session, a policy of aiohttp-security or middlewares of its own. The ids of its users
    are others, and the endpoint does not know them.
    """
    if request.match_info.apps[-1] is app:
        return request
    shown = copy(request)
    shown._match_info = copy(request.match_info)
    shown._match_info._current_app = app  # aiohttp 3.10 has no setter for it
    of_app = request.get(_OF_APP)
    if of_app is not None:
        shown._state = _state_of_app(request._state, of_app)
    return shown


def _state_of_app(state: dict[Any, Any], of_app: dict[Any, Any]) -> dict[Any, Any]:
    """Returns the keys of the whole app. Those that a view has emptied, or its session, stay as the view left them."""
    found = {key: value if is_empty(value) else of_app[key] for key, value in state.items() if key in of_app}
    if _SESSION in state and state.get(_SESSION_STORAGE) is of_app.get(_SESSION_STORAGE):
        found[_SESSION] = state[_SESSION]
    return found


def _scope(request: web.Request, root_path: str) -> Scope:
    """Returns what the ASGI driver reads of a request."""
    return {
        "method": request.method,
        "scheme": request.scheme,
        "root_path": root_path,
        "query_string": request.rel_url.raw_query_string.encode("latin-1", "replace"),
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        "client": _address(request, "peername"),
        "server": _address(request, "sockname"),
    }


def _address(request: web.Request, name: str) -> tuple[str, int] | None:
    """Returns host and port of one end of the connection; ``None`` for a Unix socket."""
    address = None if request.transport is None else request.transport.get_extra_info(name)
    return address[:2] if isinstance(address, tuple) else None


def _replace_headers(request: web.Request, headers: Headers) -> None:
    # In place: aiohttp compares a file's validators at the very end, with the request object that it holds.
    names = {name.lower(): name.decode() for name, _ in request.raw_headers}
    kept = ((names[name], value.decode("utf-8", "surrogateescape")) for name, value in headers)
    request._headers = CIMultiDictProxy(CIMultiDict(kept))
    request._cache.pop("headers", None)
