"""``widgetmw env``: the table of settings, as the README has it."""

from __future__ import annotations

from widgetmw.core.env.variable import table
from widgetmw.core.provider import load_provider, registered_names
from widgetmw.core.settings import VARIABLES


def settings_table() -> str:
    """Returns every variable with its meaning and default, as a Markdown table."""
    vendors = [variable for name in registered_names() for variable in load_provider(name).variables]
    return table([*VARIABLES, *vendors])
