"""Templates with ``$names``; every value is escaped unless it is markup already."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib import resources
from string import Template


class Markup(str):
    """Text that is HTML already and goes in as it is."""

    __slots__ = ()


def render(template: str, **values: object) -> Markup:
    """Returns ``templates/<template>.html`` with its names filled in.

    Raises:
        KeyError: the template has a name that has no value.
    """
    filled = {name: _markup(value) for name, value in values.items()}
    return Markup(_template(template).substitute(filled))


def join(parts: list[Markup]) -> Markup:
    """Returns the parts one after the other."""
    return Markup("".join(parts))


def _markup(value: object) -> str:
    return value if isinstance(value, Markup) else escape(str(value), quote=True)


@cache
def _template(name: str) -> Template:
    return Template((resources.files("widgetmw.demo") / "templates" / f"{name}.html").read_text("utf-8"))
