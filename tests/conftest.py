"""What all tests share: an environment with all four vendors, a clock to turn, and real components."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Generator, Iterator
from typing import NoReturn

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import HealthCheck, settings

from tests.combinations import leave_out
from tests.components import find
from tests.parsed_keys import parse_each_key_once
from widgetmw.core import registry

DG_SECRET = "dg-secret-4f1d2a9c8b7e6f5a4d3c2b1a0f9e8d7c"
HISSUNO_SECRET = "sk_live_9b1c7d2e4f6a8b0c1d3e5f7a9b2c4d6e"
GIOSG_KEY = "12b3b0a95ae4609e578e1a70b62a00c5591f002c"
CUSTOMER_DATA_SNIPPET = 'window.orloCustomer = (window.orloCustomer || []).concat("JWT_TOKEN");'

# `make thorough` runs the properties with the second profile. Neither has a deadline: a busy machine fails no test.
_UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("quick", max_examples=50, derandomize=True, **_UNTIMED)
settings.register_profile("thorough", max_examples=2000, **_UNTIMED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
parse_each_key_once()
# Pydantic would import Logfire, here and in each app that a test starts; the tests of Logfire do not need this plugin.
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "logfire-plugin"


#: What takes longest comes first, or one process would be busy with it after the others have finished.
_SLOWEST_FIRST = (
    "tests/demo/test_browser",
    "tests/e2e",
    "tests/frameworks/test_examples",
    "tests/browser",
    "tests/servers",
    "tests/demo",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves tests out, and orders the files for the processes that share them."""
    leave_out(items)

    def rank(item: pytest.Item) -> int:
        found = (number for number, start in enumerate(_SLOWEST_FIRST) if item.nodeid.startswith(start))
        return next(found, len(_SLOWEST_FIRST))

    items.sort(key=rank)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spares the garbage collector the test items, hundreds of thousands of objects that live until the end."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


def forget_vendors() -> None:
    """Lets the package look for vendors again, since distributions come and go within one process."""
    registry.entry_points_by_name.cache_clear()
    registry.load_provider.cache_clear()


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    """The key of the Orlo vendor in the tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def rsa_pem(rsa_key: rsa.RSAPrivateKey) -> str:
    """Its private half."""
    return rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="session")
def rsa_public_pem(rsa_key: rsa.RSAPrivateKey) -> str:
    """Its public half."""
    return rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def dg_env() -> dict[str, str]:
    """An environment with DigitalGenius alone."""
    return {"DG_API_KEY": "dg-api-key", "DG_API_SECRET": DG_SECRET, "DG_WIDGET_ID": "widget-7"}


@pytest.fixture
def env(dg_env: dict[str, str], rsa_pem: str) -> dict[str, str]:
    """An environment with all four vendors."""
    return {
        **dg_env,
        "HISSUNO_PROJECT_ID": "project-1",
        "HISSUNO_SECRET_KEY": HISSUNO_SECRET,
        "HISSUNO_API_URL": "https://app.hissuno.example/api/chat",
        "ORLO_PRIVATE_KEY": rsa_pem,
        "ORLO_WIDGET_ID": "orlo-9",
        "ORLO_CUSTOMER_DATA_SNIPPET": CUSTOMER_DATA_SNIPPET,
        "GIOSG_ORGANIZATION_ID": "b9690e9c-43bb-11e8-84ba-6c4008c08dfe",
        "GIOSG_ROOM_ID": "b96b2099-43bb-11e8-8011-6c4008c08dfe",
        "GIOSG_SIGNING_KEY": GIOSG_KEY,
    }


class Clock:
    """Unix seconds that stand still until they are turned."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        """Moves the clock, backwards too."""
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """A clock to turn."""
    return Clock()


def skip_or_fail(why: str) -> NoReturn:
    """Skips the test because a real component is missing, or fails it under ``CI=true``."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def require(program: str) -> str:
    """Returns where a real component is; skips the test without it, or fails it under ``CI=true``."""
    found = find(program)
    if found:
        return found
    skip_or_fail(f"{program} is not installed, and this test talks to the real one")


@pytest.fixture(autouse=True)
def _own_log_level() -> Iterator[None]:
    """Undoes what a framework sets for the whole process, as Litestar does by default."""
    root = logging.getLogger()
    level = root.level
    yield
    if root.level != level:
        root.setLevel(level)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps variables of the developer's own shell out of the tests."""
    for name in list(os.environ):
        if name.startswith(("WIDGETMW_", "DG_", "HISSUNO_", "ORLO_", "GIOSG_", "INTERCOM_", "ZENDESK_")):
            monkeypatch.delenv(name)
