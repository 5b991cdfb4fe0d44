"""The drivers and plugins under test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.bridges import BRIDGES
from tests.contract.frameworks import FRAMEWORKS
from tests.contract.more_sites import MORE
from tests.contract.site import SITES, Site

Make = Callable[..., Site]


@pytest.fixture(params=(*SITES, *FRAMEWORKS, *MORE, *BRIDGES), ids=lambda kind: kind.driver)
def make(request: pytest.FixtureRequest, dg_env: dict[str, str]) -> Make:
    """Makes a site with DigitalGenius behind each driver and plugin in turn; variables are keywords in capitals."""

    def made(user: Any = ..., page: Any = None, env: dict[str, str] | None = None, **variables: str) -> Site:
        environ = {**(dg_env if env is None else env), **variables}
        given = {} if user is ... else {"user": user}
        site: Site = request.param(environ, page=page, **given)
        return site

    return made
