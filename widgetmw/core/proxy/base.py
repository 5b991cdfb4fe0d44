"""The interface of an authenticating proxy: it reads the user from request headers.

The proxies are in :mod:`widgetmw.proxies`; the core knows none of them by name. A new one is a subclass of
:class:`Proxy` and one call of :func:`register`.
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

HeaderValues: TypeAlias = Mapping[str, list[str]]
"""The values of request headers by lower-case name, as Latin-1 text."""


class ProxyIdentityError(ResolverError):
    """The identity that a proxy sent cannot be trusted."""

    def __init__(self, reason: ProxyReason) -> None:
        self.reason = reason
        super().__init__(f"identity from the proxy refused: {reason.code}: {reason.text}")


class ProxyIdentity(NamedTuple):
    """What a proxy says about the user of a request.

    Attributes:
        user: the signed-in user; ``None`` if the proxy says that the user is anonymous.
        has_dropped_fields: whether a name or an email was dropped.
        expires_at: Unix seconds; until then the same headers mean the same.
    """

    user: User | None
    has_dropped_fields: bool = False
    expires_at: float = inf


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
        """Takes the parsed variables by name.

        Raises:
            ValueError: the values do not go together; the message names the variables, never a value.
        """

    @classmethod
    def parse_keys(cls, text: str) -> Any:
        """Parses ``WIDGETMW_PROXY_KEYS``.

        Raises:
            ValueError: it holds no key that this proxy can sign with; the message never shows the text.
        """
        raise ValueError(f"is not used by {cls.name}")

    @abstractmethod
    def read_identity(self, headers: HeaderValues, now: float) -> ProxyIdentity:
        """Reads the user from the headers in ``header_names``, the first of which has a value that is not blank.

        Args:
            headers: the request's; a server may have joined several values with commas.
            now: Unix seconds.

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


_paths: dict[str, str] = {}


def register(name: str, path: str) -> None:
    """Registers a proxy by the path of its class, ``"package.module:Class"``, without importing it."""
    _paths[name] = path


def registered_names() -> tuple[str, ...]:
    """Returns the names of the proxies, in the order of their registration."""
    return tuple(_paths)


def load_proxy(name: str) -> type[Proxy]:
    """Imports the class of a proxy; raises ``KeyError`` for an unknown name."""
    module, _, attribute = _paths[name].partition(":")
    proxy: type[Proxy] = getattr(import_module(module), attribute)
    return proxy
