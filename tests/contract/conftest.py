"""The drivers and plugins under test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.bridges import BRIDGES
from tests.contract.frameworks import FRAMEWORKS
from tests.contract.site import SITES, Site

Make = Callable[..., Site]


@pytest.fixture(params=(*SITES, *FRAMEWORKS, *BRIDGES), ids=lambda kind: kind.driver)
def make(request: pytest.FixtureRequest, dg_env: dict[str, str]) -> Make:
    """Makes a site with DigitalGenius for each driver and plugin; upper-case keywords are environment variables."""

    def make_site(user: Any = ..., page: Any = None, env: dict[str, str] | None = None, **variables: str) -> Site:
        environ = {**(dg_env if env is None else env), **variables}
        options = {} if user is ... else {"user": user}
        site: Site = request.param(environ, page=page, **options)
        return site

    return make_site
