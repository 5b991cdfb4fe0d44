"""``widgetmw env``: the table of environment variables, as in the README."""

from __future__ import annotations

from widgetmw.core.env.variable import table
from widgetmw.core.settings import variables


def settings_table() -> str:
    """Returns every variable with its meaning and default, as a Markdown table."""
    return table(variables())
