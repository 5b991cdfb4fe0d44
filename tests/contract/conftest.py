"""The drivers and plugins under test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.combinations import parameter, take_turns
from tests.contract.aiohttp_site import AiohttpSite
from tests.contract.bridges import BRIDGES
from tests.contract.django_site import DjangoSite
from tests.contract.frameworks import FRAMEWORKS
from tests.contract.site import SITES, Site

Make = Callable[..., Site]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Removes combinations: the drivers run a case with all parameters, the frameworks on top take turns with them."""
    items[:] = take_turns(items, framework)


def framework(item: pytest.Function) -> type[Site] | None:
    """Returns what runs the test, if its code is that of a driver."""
    kind: type[Site] | None = parameter(item, "make") if item.path.parent == Path(__file__).parent else None
    return None if kind in (*SITES, DjangoSite, AiohttpSite) else kind


@pytest.fixture(params=(*SITES, *FRAMEWORKS, *BRIDGES), ids=lambda kind: kind.driver)
def make(request: pytest.FixtureRequest, dg_env: dict[str, str]) -> Make:
    """Makes a site with DigitalGenius for each driver and plugin; upper-case keywords are environment variables."""

    def make_site(user: Any = ..., page: Any = None, env: dict[str, str] | None = None, **variables: str) -> Site:
        environ = {**(dg_env if env is None else env), **variables}
        options = {} if user is ... else {"user": user}
        site: Site = request.param(environ, page=page, **options)
        return site

    return make_site
