"""Settings for the plugins under test."""

from __future__ import annotations

import pytest

from widgetmw import Settings


@pytest.fixture
def settings(dg_env: dict[str, str]) -> Settings:
    """DigitalGenius alone; answers say what was done to them."""
    return Settings.from_env({**dg_env, "WIDGETMW_DEBUG": "true"})
