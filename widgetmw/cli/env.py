"""``widgetmw env``: the table of environment variables, as in the README."""

from __future__ import annotations

from widgetmw.core.env.variable import table
from widgetmw.core.provider import load_provider, registered_names
from widgetmw.core.settings import VARIABLES


def settings_table() -> str:
    """Returns a Markdown table of all variables with their meaning and default."""
    vendors = [variable for name in registered_names() for variable in load_provider(name).variables]
    return table([*VARIABLES, *vendors])
