"""The variables of an authenticating proxy, and the proxy that they configure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from widgetmw.core.env.secret_file import SecretFile
from widgetmw.core.env.variable import EnvReader, Variable, comma_list, one_of, parse_text, regex
from widgetmw.core.proxy.base import Proxy, load_proxy, registered_names
from widgetmw.core.proxy.trusted_addresses import TrustedAddresses, parse_addresses

PROXY: Final = "WIDGETMW_PROXY"
ADDRESSES: Final = "WIDGETMW_PROXY_ADDRESSES"
KEYS: Final = "WIDGETMW_PROXY_KEYS"
AUDIENCE: Final = "WIDGETMW_PROXY_AUDIENCE"
ISSUER: Final = "WIDGETMW_PROXY_ISSUER"
SIGNER: Final = "WIDGETMW_PROXY_SIGNER"
USER_HEADER: Final = "WIDGETMW_PROXY_USER_HEADER"
NAME_HEADER: Final = "WIDGETMW_PROXY_NAME_HEADER"
EMAIL_HEADER: Final = "WIDGETMW_PROXY_EMAIL_HEADER"

# WSGI servers cannot tell an underscore from a hyphen, and a client may send either.
_parse_header_name = regex("[A-Za-z0-9]+(-[A-Za-z0-9]+)*", "a header name of letters, digits and hyphens")


def _parse_audiences(text: str) -> tuple[str, ...]:
    items = comma_list(parse_text(text))
    if not items:
        raise ValueError("must be a comma-separated list of audiences")
    return items


VARIABLES: Final[tuple[Variable[Any], ...]] = (
    Variable(
        PROXY,
        "the authenticating reverse proxy in front of the app; one of those in "
        "[Behind an authenticating proxy](docs/proxies.md)",
        lambda text: one_of(*registered_names())(text),
    ),
    Variable(
        ADDRESSES,
        "trusted proxy IPs or CIDR ranges, separated by commas; `unix` for a Unix socket; `any` for a proxy that signs",
        parse_addresses,
        default_text="required with `WIDGETMW_PROXY`",
    ),
    Variable(
        KEYS,
        "public keys of a proxy that signs: PEM, JWKS, or JSON of PEM by key id",
        str,
        from_file=True,
    ),
    Variable(AUDIENCE, "accepted audiences (`aud`) of its assertions, separated by commas", _parse_audiences),
    Variable(ISSUER, "accepted issuer (`iss`) of its assertions", parse_text),
    Variable(SIGNER, "ARN of the load balancer that signs, for `aws-alb`", parse_text),
    Variable(USER_HEADER, "header with the user's id, for `headers`", _parse_header_name),
    Variable(NAME_HEADER, "header with the user's name, for `headers`", _parse_header_name),
    Variable(EMAIL_HEADER, "header with the user's email, for `headers`", _parse_header_name),
)
_PROXY_VARIABLE, *_OTHER_VARIABLES = VARIABLES


class ConfiguredProxy:
    """A proxy, its trusted addresses and the file of its keys. Not a dataclass, so that nothing lists its values.

    Attributes:
        proxy: reads headers, with the keys as they are now.
        addresses: of the peers that are trusted to be the proxy.
        files: watched while the process runs.
    """

    def __init__(self, kind: type[Proxy], values: Mapping[str, Any], files: tuple[SecretFile, ...] = ()) -> None:
        self.proxy: Proxy = kind(values)
        self.addresses: TrustedAddresses = values[ADDRESSES]
        self.files = files
        self._values = values

    def __repr__(self) -> str:
        return f"ConfiguredProxy({self.proxy!r})"

    def with_contents(self, contents: Mapping[str, str]) -> ConfiguredProxy:
        """Returns the proxy with new contents of its files; raises ``ValueError`` if they are malformed."""
        kind = type(self.proxy)
        return ConfiguredProxy(kind, {**self._values, KEYS: kind.parse_keys(contents[KEYS])}, self.files)


def read_proxy(reader: EnvReader) -> ConfiguredProxy | None:
    """Returns the proxy that the environment configures, or ``None``; adds problems to the reader."""
    problems, files = len(reader.problems), len(reader.files)
    name = reader.read(_PROXY_VARIABLE)
    kind = load_proxy(name) if name else None
    values: dict[str, Any] = {}
    for variable in _OTHER_VARIABLES:
        if variable.name == KEYS and kind is not None:
            variable = replace(variable, parse=kind.parse_keys)
        values[variable.name] = reader.read(variable)
    present = [variable.name for variable in _OTHER_VARIABLES if reader.has(variable)]
    if kind is None:
        if not reader.has(_PROXY_VARIABLE):
            reader.problems += [f"{each} is set, but {PROXY} is not" for each in present]
        return None
    reader.problems += _find_problems(kind, present, values[ADDRESSES])
    if len(reader.problems) > problems:
        return None
    return ConfiguredProxy(kind, values, tuple(reader.files[files:]))


def _find_problems(kind: type[Proxy], present: list[str], addresses: TrustedAddresses | None) -> Iterator[str]:
    required = (ADDRESSES, *kind.required_variables)
    yield from (f"{name} is not set, and {kind.name} needs it" for name in required if name not in present)
    unused = [name for name in present if name not in (*required, *kind.optional_variables)]
    yield from (f"{name} is set, but {kind.name} does not use it" for name in unused)
    if not kind.is_signed and addresses is not None and addresses.trust_all:
        yield f"{ADDRESSES} must list addresses: anybody can send what {kind.name} sends, because it is not signed"
