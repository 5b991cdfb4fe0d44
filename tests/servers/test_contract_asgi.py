"""The contract cases on real ASGI servers, over sockets."""

from __future__ import annotations

import pytest

from tests.servers.cases import cases
from tests.servers.matrix import PAIRS, SERVERS, Pair

globals().update(cases())


@pytest.fixture(scope="module", params=[pair for pair in PAIRS if SERVERS[pair.server].gateway == "asgi"], ids=str)
def pair(request: pytest.FixtureRequest) -> Pair:
    """Each server, protocol and adapter in turn."""
    found: Pair = request.param
    return found
