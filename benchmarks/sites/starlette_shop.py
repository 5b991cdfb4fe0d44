"""A Starlette app with a session and a Jinja page, bare and with the plugin."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from benchmarks.sites.catalogue import ITEMS, SECRET, TEMPLATES
from benchmarks.subject import settings
from widgetmw import User
from widgetmw.starlette import install

templates = Jinja2Templates(TEMPLATES)


async def shop(request: Request) -> Response:
    """Shows the page."""
    return templates.TemplateResponse(request, "shop.html", {"items": ITEMS, "person": request.session.get("person")})


async def item(request: Request) -> Response:
    """Shows an item; exists only as a link target."""
    return Response(request.path_params["number"])


async def sign_in(request: Request) -> Response:
    """Signs in the visitor."""
    request.session["person"] = "ada"
    return Response()


def user(connection: HTTPConnection) -> User | None:
    """Returns the signed-in user."""
    person = connection.session.get("person")
    return User(person, name=person.title()) if person else None


def create_app() -> Starlette:
    """Creates the app."""
    app = Starlette(routes=[Route("/", shop), Route("/item/{number}", item), Route("/sign-in", sign_in)])
    app.add_middleware(SessionMiddleware, secret_key=SECRET)
    return app


without = create_app()
with_widgetmw = create_app()
install(with_widgetmw, settings=settings(), user=user)
