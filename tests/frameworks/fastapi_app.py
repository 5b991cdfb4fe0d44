"""A FastAPI app with a page."""

from typing import Annotated, Any

from fastapi import (
    FastAPI,
    Header,
)
from fastapi.responses import HTMLResponse

from tests.frameworks.visitor import HEAD, Visitor, user_in
from widgetmw import Settings
from widgetmw.fastapi import install

ADA = {"X-User": "ada"}


def make(settings: Settings, user: Any = None, **options: Any) -> Visitor:
    """Makes a visitor of an app with a page."""
    app = FastAPI(**options)

    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return HEAD

    install(app, settings=settings, user=user)
    return Visitor(app)


def users_for_ada(visitor: Visitor) -> tuple[str | None, str | None]:
    """The users of the page and of the token endpoint, for a request of Ada."""
    return user_in(visitor.get(**ADA).text), user_in(visitor.token(**ADA).text)


def user_id(x_user: Annotated[str | None, Header()] = None) -> str | None:
    return x_user
