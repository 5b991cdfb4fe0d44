"""What an authenticating proxy is to the core: lines of headers in, the person they name out.

The proxies stand in :mod:`widgetmw.proxies`; the core knows none of them by name. A new one is a subclass of
:class:`Proxy` and one line of registration.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from math import inf
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.user import User

Lines: TypeAlias = Mapping[str, list[str]]

REASONS: Final[dict[str, tuple[str, str]]] = {
    "absent": (
        "nobody: a request without the proxy's identity header",
        "nothing to do for pages that the proxy lets everybody see; else see what it sends",
    ),
    "blank": ("nobody: the proxy says so with an empty header, or an assertion for no person", "nothing to do"),
    "address_not_listed": (
        "nobody: identity headers from an address that is not in `WIDGETMW_PROXY_ADDRESSES`",
        "add the proxy's address, if it was the proxy; else somebody tried to be somebody",
    ),
    "address_rewritten": (
        "the server has put an address of `X-Forwarded-For` in place of the proxy's, so nothing says who sent it",
        "tell the server not to (uvicorn: `--no-proxy-headers`), and do it further in",
    ),
    "server_ambiguous": (
        "the server takes `X_Forwarded_User` for `X-Forwarded-User`, so a client may have sent what the proxy sends",
        "use another server (Cheroot, Granian's WSGI and uWSGI do so; gunicorn, waitress and ASGI do not), or a proxy "
        "that signs",
    ),
    "header_repeated": (
        "the header with the id came twice, or holds a comma as two that were joined do",
        "have the proxy overwrite the header, and drop the client's",
    ),
    "header_malformed": ("the header with the id is not printable UTF-8 text", "mend what the proxy sends"),
    "value_left_out": (
        "a name or an email was repeated, holds a comma, or is not printable; the user goes without it",
        "mend what the proxy sends",
    ),
    "assertion_malformed": ("the assertion is no JWT of this proxy's form", "see what the proxy sends"),
    "assertion_algorithm": ("the assertion is signed by another algorithm", "see that it is this proxy's"),
    "assertion_key": (
        "no configured key has the assertion's `kid`",
        "fetch the proxy's keys anew: it has rotated them",
    ),
    "assertion_signature": ("the signature does not hold", "see that keys and proxy belong together"),
    "assertion_signer": ("another load balancer has signed", "see `WIDGETMW_PROXY_SIGNER`"),
    "assertion_audience": ("the assertion is for another application", "see `WIDGETMW_PROXY_AUDIENCE`"),
    "assertion_issuer": ("another issuer has signed", "see `WIDGETMW_PROXY_ISSUER`"),
    "assertion_expired": ("the assertion has expired", "set this machine's clock, or the proxy's"),
    "assertion_early": ("the assertion is from the future", "set this machine's clock, or the proxy's"),
    "assertion_incomplete": ("the assertion lacks a claim that it must have", "see what the proxy sends"),
}
"""Code: what it means, and what to do about it."""


def table() -> str:
    """Renders the reasons as a Markdown table."""
    rows = [f"| `{code}` | {meaning} | {mend} |" for code, (meaning, mend) in REASONS.items()]
    return "\n".join(["| reason | what it means | what to do |", "|---|---|---|", *rows]) + "\n"


class Refused(ResolverError):
    """What the proxy says cannot be believed.

    Attributes:
        code: a key of :data:`REASONS`.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"identity from the proxy: {code}: {REASONS[code][0]}")


class Found(NamedTuple):
    """What was read.

    Attributes:
        user: who is signed in, or ``None`` where the proxy says that nobody is.
        doubtful: whether a name or an email was left out.
        until: Unix seconds up to which the same lines mean the same.
    """

    user: User | None
    doubtful: bool = False
    until: float = inf


class Proxy(ABC):
    """One kind of proxy, configured. Immutable and safe to share between threads.

    Attributes:
        name: how it is called in ``WIDGETMW_PROXY``.
        needs: variables that it must have, besides the addresses.
        takes: variables that it may have.
        signed: whether what it sends is signed, so that the lines themselves prove it.
        headers: names of the headers it is read from, in lower case; without the first there is nobody.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[tuple[str, ...]] = ()
    signed: ClassVar[bool] = False
    headers: tuple[str, ...]

    @abstractmethod
    def __init__(self, values: Mapping[str, Any]) -> None:
        """Takes the parsed variables by name.

        Raises:
            ValueError: values that do not go together; the message names the variables, never a value.
        """

    @classmethod
    def keys(cls, text: str) -> Any:
        """Parses ``WIDGETMW_PROXY_KEYS``.

        Raises:
            ValueError: it holds no key that this proxy could have signed with; never shows the text.
        """
        raise ValueError(f"is not used by {cls.name}")

    @abstractmethod
    def read(self, lines: Lines, now: float) -> Found:
        """Reads the person out of the lines of ``headers``, of which the first has one that is not blank.

        Args:
            lines: by name, as Latin-1 text; a server may have joined several by commas.
            now: Unix seconds.

        Raises:
            Refused: they cannot be believed.
        """

    def facts(self) -> str:
        """Says what it is believed by, for people; never any address or key."""
        return "believed by its address alone"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def usable(text: object) -> bool:
    """Whether a text may stand in an identity: not blank, and nothing in it that does not print."""
    return isinstance(text, str) and bool(text.strip()) and text.isprintable()


_paths: dict[str, str] = {}


def register(name: str, path: str) -> None:
    """Makes a proxy known without importing its class.

    Args:
        name: the proxy's name in ``WIDGETMW_PROXY``.
        path: ``"package.module:Class"``.
    """
    _paths[name] = path


def known() -> tuple[str, ...]:
    """Returns the names of the proxies, in their order."""
    return tuple(_paths)


def proxy_class(name: str) -> type[Proxy]:
    """Imports the class of a proxy; raises ``KeyError`` for an unknown name."""
    module, _, attribute = _paths[name].partition(":")
    found: type[Proxy] = getattr(import_module(module), attribute)
    return found
