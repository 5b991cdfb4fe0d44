"""The interface of an authenticating proxy: it reads the user from request headers.

The proxies are in :mod:`widgetmw.proxies`; the core knows none of them by name. A new one is a subclass of
:class:`Proxy` and one line of ``widgetmw.proxies.CLASSES``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from math import inf
from typing import Any, ClassVar, NamedTuple, TypeAlias

from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.user import User
from widgetmw.core.proxy.reasons import ProxyReason

_PACKAGE = "widgetmw.proxies"

HeaderValues: TypeAlias = Mapping[str, list[str]]
"""The values of request headers by lower-case name, as Latin-1 text."""


class ProxyIdentityError(ResolverError):
    """The identity that a proxy sent cannot be trusted."""

    def __init__(self, reason: ProxyReason) -> None:
        self.reason = reason
        super().__init__(f"identity from the proxy refused: {reason.code}: {reason.text}")


class ProxyIdentity(NamedTuple):
    """What a proxy says about the user of a request."""

    user: User | None  # None: the proxy says that the user is anonymous
    has_dropped_fields: bool = False  # whether a name or an email was dropped
    expires_at: float = inf  # Unix seconds; until then the same headers mean the same


class Proxy(ABC):
    """A kind of proxy, configured. Immutable and thread-safe.

    Attributes:
        name: its name in ``WIDGETMW_PROXY``.
        required_variables: names of variables that it needs, besides the addresses.
        optional_variables: names of further variables that it uses.
        is_signed: whether it signs what it sends, so that the headers themselves prove it.
        header_names: the headers that it is read from, in lower case. Without the first the user is anonymous.
    """

    name: ClassVar[str]
    required_variables: ClassVar[tuple[str, ...]] = ()
    optional_variables: ClassVar[tuple[str, ...]] = ()
    is_signed: ClassVar[bool] = False
    header_names: tuple[str, ...]

    @abstractmethod
    def __init__(self, values: Mapping[str, Any]) -> None:
        """Takes the parsed variables by name."""

    @classmethod
    def parse_keys(cls, text: str) -> Any:
        """Parses ``WIDGETMW_PROXY_KEYS``, which only a proxy that signs uses.

        Raises:
            ValueError: it holds no key that this proxy can sign with; the message never shows the text.
        """
        return text

    @abstractmethod
    def read_identity(self, headers: HeaderValues, now: float) -> ProxyIdentity:
        """Reads the user from the headers in ``header_names``, the first of which has a value that is not blank.

        A server may have joined several values with commas. The time is in Unix seconds.

        Raises:
            ProxyIdentityError: the headers cannot be trusted.
        """

    def describe_trust(self) -> str:
        """Says why the proxy is trusted, for people; never shows an address or key."""
        return "trusted by its address alone"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def is_printable(value: object) -> bool:
    """Whether a value can be part of an identity: text that is not blank, of printable characters."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def registered_names() -> tuple[str, ...]:
    """Returns the names of the proxies, in the order of the documentation."""
    return tuple(import_module(_PACKAGE).CLASSES)


def load_proxy(name: str) -> type[Proxy]:
    """Imports the class of a proxy; raises ``KeyError`` for an unknown name."""
    module, attribute = import_module(_PACKAGE).CLASSES[name]
    proxy: type[Proxy] = getattr(import_module(f"{_PACKAGE}.{module}"), attribute)
    return proxy
