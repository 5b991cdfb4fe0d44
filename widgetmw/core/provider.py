"""What a vendor is to the core: variables in, tokens and public configuration out.

The four vendors stand in :mod:`widgetmw.providers`; the core knows none of them by name. A new one is a subclass
of :class:`Provider` in a module of its own, the JavaScript file of the same name, and one line of registration.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from widgetmw.core.env.variable import Variable
from widgetmw.core.identity.user import Scalar, User
from widgetmw.core.registry import Registry


@dataclass(frozen=True, slots=True)
class MintedToken:
    """What a vendor's signer made for one user.

    Attributes:
        value: the token.
        extra: what else was signed for pages and the endpoint, as JSON values.
    """

    value: str = field(repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Provider(ABC):
    """One vendor, configured. Immutable and safe to share between threads.

    Attributes:
        name: how the vendor is called in settings, endpoints and the browser.
        variables: what it reads from the environment, in the order of the documentation.
        claims: names that the vendor itself gives a meaning; a user's attribute never takes one of them.
        embeddable: whether its own loader can be added to a page.
        lifetime: seconds that a token is valid; ``None`` for tokens without an expiry.
    """

    name: ClassVar[str]
    variables: ClassVar[tuple[Variable, ...]]
    claims: ClassVar[frozenset[str]] = frozenset()
    embeddable: ClassVar[bool] = False
    lifetime: int | None

    @abstractmethod
    def __init__(self, values: Mapping[str, Any]) -> None:
        """Takes the parsed variables by name.

        Raises:
            ValueError: values that do not go together; the message names the variables, never a value.
        """

    @abstractmethod
    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        """Signs a token; both times in Unix seconds."""

    @abstractmethod
    def browser_config(self) -> Mapping[str, str]:
        """What the browser needs to know of the configuration; nothing secret, nothing personal."""

    @abstractmethod
    def verify(self, value: str) -> None:
        """Checks a token with the vendor's half of the key; raises any exception where it does not hold."""

    @abstractmethod
    def describe_key(self) -> str:
        """Kind and size of the key, for people; never any of its content."""

    def warnings(self) -> tuple[str, ...]:
        """What an operator should know of this configuration, a sentence each."""
        return ()

    def endpoint_extras(self, value: str) -> Mapping[str, Any]:
        """What the token endpoint gives besides, where it follows from the token; JSON values."""
        return {}

    def script_urls(self) -> tuple[str, ...]:
        """URLs of the scripts that the vendor's own loader brings into a page."""
        return ()

    def snippets(self) -> Mapping[str, str]:
        """JavaScript functions of the operator's, by name, for the browser side of this vendor."""
        return {}

    def custom_attributes(self, user: User) -> dict[str, Scalar]:
        """A user's attributes without those whose name is the vendor's own."""
        return {name: value for name, value in user.attributes.items() if name not in self.claims}

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


_registry: Registry[Provider] = Registry()
register, registered_names, load_provider = _registry.register, _registry.known, _registry.get
