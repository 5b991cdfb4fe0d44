"""A FastAPI app with a page."""

from typing import Annotated, Any

from fastapi import (
    FastAPI,
    Header,
)
from fastapi.responses import HTMLResponse

from tests.frameworks.visitor import HEAD, Visitor, whose
from widgetmw import Settings
from widgetmw.fastapi import install

ADA = {"X-Person": "ada"}


def make(settings: Settings, user: Any = None, **options: Any) -> Visitor:
    """An app with a page."""
    app = FastAPI(**options)

    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return HEAD

    install(app, settings=settings, user=user)
    return Visitor(app)


def ada(visitor: Visitor) -> tuple[str | None, str | None]:
    """Whose the page and the token are."""
    return whose(visitor.get(**ADA).text), whose(visitor.token(**ADA).text)


def person(x_person: Annotated[str | None, Header()] = None) -> str | None:
    return x_person
