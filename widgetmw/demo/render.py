"""Renders HTML templates with ``$placeholders``. Every value is escaped unless it is ``Markup``."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib import resources
from string import Template


class Markup(str):
    """Safe HTML, inserted without escaping."""

    __slots__ = ()


def render(template: str, **values: object) -> Markup:
    """Returns ``templates/<template>.html`` with its placeholders filled in.

    Raises:
        KeyError: a placeholder has no value.
    """
    filled = {name: _escape(value) for name, value in values.items()}
    return Markup(_template(template).substitute(filled))


def join(parts: list[Markup]) -> Markup:
    """Concatenates markup."""
    return Markup("".join(parts))


def code_spans(text: str) -> Markup:
    """Escapes ``text`` and turns spans in `backticks` into ``<code>`` elements."""
    parts = enumerate(_escape(text).split("`"))
    return Markup("".join(f"<code>{part}</code>" if index % 2 else part for index, part in parts))


def _escape(value: object) -> str:
    return value if isinstance(value, Markup) else escape(str(value), quote=True)


@cache
def _template(name: str) -> Template:
    return Template((resources.files("widgetmw.demo") / "templates" / f"{name}.html").read_text("utf-8"))
