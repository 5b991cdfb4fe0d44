"""A Starlette app with a session and a Jinja page, as it is and with ours."""

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
    """The page."""
    return templates.TemplateResponse(request, "shop.html", {"items": ITEMS, "person": request.session.get("person")})


async def item(request: Request) -> Response:
    """Only so that there is something to link to."""
    return Response(request.path_params["number"])


async def sign_in(request: Request) -> Response:
    """Signs in whoever asks."""
    request.session["person"] = "ada"
    return Response()


def user(connection: HTTPConnection) -> User | None:
    """Says who is signed in."""
    person = connection.session.get("person")
    return User(person, name=person.title()) if person else None


def made() -> Starlette:
    """The app."""
    made = Starlette(routes=[Route("/", shop), Route("/item/{number}", item), Route("/sign-in", sign_in)])
    made.add_middleware(SessionMiddleware, secret_key=SECRET)
    return made


without = made()
ours = made()
install(ours, settings=settings(), user=user)
