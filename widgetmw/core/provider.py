"""The interface between the core and a vendor: environment variables in, tokens and public configuration out.

``widgetmw/provider.py`` is the public module. It adds the bases that sign, which need more than the core.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from widgetmw.core.env.variable import Variable
from widgetmw.core.identity.user import Scalar, User


@dataclass(frozen=True, slots=True)
class MintedToken:
    """What a vendor signed for one user.

    Attributes:
        value: the token.
        extra: further values beside the token, signed or not, for pages and the endpoint, as JSON values.
    """

    value: str = field(repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Origin:
    """A source that a page's Content-Security-Policy has to allow for the vendor's widget.

    Attributes:
        directive: such as ``connect-src``.
        source: such as ``https://chat.example``.
        is_documented: whether the vendor documents it; otherwise it is our conclusion, or somebody else's.
    """

    directive: str
    source: str
    is_documented: bool = True


class Provider(ABC):
    """One vendor, configured. Immutable and safe to share between threads.

    Args:
        values: the parsed variables by name.

    Raises:
        ValueError: the values do not go together; the message names the variables, never a value.

    Attributes:
        name: the vendor's name in settings, endpoints and the browser; the same as that of the entry point.
        variables: the environment variables that the vendor reads, in the order of the documentation.
        reserved_names: names that the vendor uses itself; a user's attribute of such a name is dropped.
        script: name of the JavaScript file beside the class's module; ``None``: the module's name with ``.js``;
            empty: the vendor needs no script.
        config_variable: name of the global variable with the widget's configuration, which a page may also set itself;
            empty if there is none.
        embeddable: whether ``WIDGETMW_EMBED`` may name the vendor.
        in_page: whether pages carry the token. Otherwise the vendor's script requests it when the widget asks for it.
        lifetime: seconds for which a token is valid; ``None`` if tokens do not expire.
        values: the parsed variables by name.
    """

    name: ClassVar[str]
    variables: ClassVar[tuple[Variable[Any], ...]]
    reserved_names: ClassVar[frozenset[str]] = frozenset()
    script: ClassVar[str | None] = None
    config_variable: ClassVar[str] = ""
    embeddable: bool = False
    in_page: ClassVar[bool] = True
    lifetime: int | None = None

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def cannot_serve(self, user: User) -> str:
        """Returns why the vendor cannot identify a user, as a code such as ``email_missing``; empty if it can.

        That user gets no token of this vendor, and stays an anonymous visitor for its widget.
        """
        return ""

    @abstractmethod
    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        """Signs a token for a user.

        Args:
            user: the signed-in user.
            issued_at: Unix seconds.
            expires_at: Unix seconds; ``None`` if tokens do not expire.
        """

    @abstractmethod
    def verify(self, token: str, user: User) -> None:
        """Verifies a token of a user as the vendor does; raises any exception if it is invalid."""

    @abstractmethod
    def describe_key(self) -> str:
        """Returns type and size of the key, such as "HS256 key of 32 bytes"; never any of its content."""

    def browser_config(self) -> Mapping[str, str]:
        """Returns what the vendor's script needs to know of the configuration; nothing secret, nothing personal."""
        return {}

    def endpoint_extras(self, token: str) -> Mapping[str, Any]:
        """Returns further keys of the token endpoint's response that follow from the token, as JSON values."""
        return {}

    def script_urls(self) -> tuple[str, ...]:
        """Returns the URLs of the scripts that embedding the vendor adds to a page."""
        return ()

    def cookies(self) -> tuple[str, ...]:
        """Returns the names of cookies of the site that the vendor's widget sets; a sign-out expires them."""
        return ()

    def origins(self) -> tuple[Origin, ...]:
        """Returns what a page's Content-Security-Policy has to allow for the vendor's widget, as far as it is known."""
        return ()

    def snippets(self) -> Mapping[str, str]:
        """Returns JavaScript functions that the operator has configured, by name, for the vendor's script."""
        return {}

    def warnings(self) -> tuple[str, ...]:
        """Returns what an operator should know of this configuration, one sentence each."""
        return ()

    def custom_attributes(self, user: User) -> dict[str, Scalar]:
        """Returns the user's attributes whose names are not in ``reserved_names``."""
        return {name: value for name, value in user.attributes.items() if name not in self.reserved_names}

    @classmethod
    def script_source(cls) -> str:
        """Returns the text of the vendor's script; empty if it needs none.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not UTF-8 text.
        """
        if cls.script == "":
            return ""
        module = sys.modules[cls.__module__]
        name = cls.script or f"{cls.__module__.rpartition('.')[2]}.js"
        path = (module.__file__ or "").replace("\\", "/").rpartition("/")[0] + "/" + name
        try:
            # the loader also reads from a zip file
            data: bytes = module.__spec__.loader.get_data(path)  # type: ignore[union-attr]
            return data.decode()
        except (AttributeError, OSError):
            raise FileNotFoundError(f"the script {name} is not beside the module {cls.__module__}") from None
        except UnicodeDecodeError:
            raise ValueError(f"the script {name} beside the module {cls.__module__} is not UTF-8 text") from None

    @classmethod
    def example_variables(cls) -> dict[str, str]:
        """Returns the required variables with values for tests; the secrets are random."""
        from secrets import token_hex  # imported late: only tests need it

        return {
            variable.name: token_hex(32) if variable.secret else f"test-{variable.name.lower().replace('_', '-')}"
            for variable in cls.variables
            if variable.required
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
