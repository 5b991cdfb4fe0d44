"""The variables of an authenticating proxy in front, and what they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from widgetmw.core.env.secret_file import SecretFile
from widgetmw.core.env.variable import EnvReader, Variable, comma_list, one_of, parse_text, regex
from widgetmw.core.proxy.base import Proxy, known, proxy_class
from widgetmw.core.proxy.trusted_addresses import Addresses, addresses

KIND: Final = "WIDGETMW_PROXY"
ADDRESSES: Final = "WIDGETMW_PROXY_ADDRESSES"
KEYS: Final = "WIDGETMW_PROXY_KEYS"
AUDIENCE: Final = "WIDGETMW_PROXY_AUDIENCE"
ISSUER: Final = "WIDGETMW_PROXY_ISSUER"
SIGNER: Final = "WIDGETMW_PROXY_SIGNER"
USER_HEADER: Final = "WIDGETMW_PROXY_USER_HEADER"
NAME_HEADER: Final = "WIDGETMW_PROXY_NAME_HEADER"
EMAIL_HEADER: Final = "WIDGETMW_PROXY_EMAIL_HEADER"

# servers of WSGI cannot tell an underscore from a hyphen, and clients may send either
_header = regex("[A-Za-z0-9]+(-[A-Za-z0-9]+)*", "the name of a header, of letters, digits and hyphens")


def _audiences(text: str) -> tuple[str, ...]:
    items = comma_list(parse_text(text))
    if not items:
        raise ValueError("must be a comma list of audiences")
    return items


VARIABLES: Final[tuple[Variable[Any], ...]] = (
    Variable(
        KIND,
        "the authenticating proxy in front that says who is signed in; one of those in [docs/proxies.md]"
        "(docs/proxies.md)",
        lambda text: one_of(*known())(text),
    ),
    Variable(
        ADDRESSES,
        "comma list of the addresses and networks from which it is believed; `unix`, for a signed one also `any`",
        addresses,
        default_text="required with `WIDGETMW_PROXY`",
    ),
    Variable(
        KEYS,
        "public keys of a proxy that signs: PEM, JWKS, or JSON of PEM by key id",
        str,
        from_file=True,
        watched=True,
    ),
    Variable(AUDIENCE, "comma list of the audiences (`aud`) that its assertions may be for", _audiences),
    Variable(ISSUER, "the issuer (`iss`) of its assertions", parse_text),
    Variable(SIGNER, "ARN of the load balancer that signs, for `aws-alb`", parse_text),
    Variable(USER_HEADER, "header that holds the user's id, for `headers`", _header),
    Variable(NAME_HEADER, "header that holds the user's name, for `headers`", _header),
    Variable(EMAIL_HEADER, "header that holds the user's email, for `headers`", _header),
)
_BY_NAME: Final = {variable.name: variable for variable in VARIABLES}


class InFront:
    """A configured proxy, where it is, and the file that its keys came from. No dataclass: nothing lists its values.

    Attributes:
        proxy: reads headers, with the keys as they are now.
        addresses: from where it is believed.
        files: watched while the process runs.
    """

    __slots__ = ("_values", "addresses", "files", "proxy")

    def __init__(self, kind: type[Proxy], values: Mapping[str, Any], files: tuple[SecretFile, ...] = ()) -> None:
        self.proxy = kind(values)
        self.addresses: Addresses = values[ADDRESSES]
        self.files = files
        self._values = values

    def __repr__(self) -> str:
        return f"InFront({self.proxy!r})"

    def with_contents(self, contents: Mapping[str, str]) -> InFront:
        """Returns the proxy with new contents of its files, by variable name.

        Raises:
            ValueError: a content is malformed.
        """
        kind = type(self.proxy)
        return InFront(kind, {**self._values, KEYS: kind.keys(contents[KEYS])}, self.files)


def configured(reader: EnvReader) -> InFront | None:
    """Returns the proxy that the environment names, or ``None``; problems are kept in the reader."""
    before, files = len(reader.problems), len(reader.files)
    name = reader.read(_BY_NAME[KIND])
    kind = proxy_class(name) if name else None
    values = {each.name: reader.read(_of_kind(each, kind)) for each in VARIABLES if each.name != KIND}
    if kind is None:
        if not reader.has(_BY_NAME[KIND]):
            reader.problems += [f"{each} is set, and {KIND} is not" for each in _set(reader)]
        return None
    reader.problems += _amiss(reader, kind, values)
    if len(reader.problems) > before:
        return None
    try:
        return InFront(kind, values, tuple(reader.files[files:]))
    except ValueError as error:
        reader.problems.append(str(error))
        return None


def _of_kind(variable: Variable[Any], kind: type[Proxy] | None) -> Variable[Any]:
    """The variable as this kind of proxy reads it."""
    return replace(variable, parse=kind.keys) if kind and variable.name == KEYS and kind.signed else variable


def _set(reader: EnvReader) -> list[str]:
    return [each.name for each in VARIABLES if each.name != KIND and reader.has(each)]


def _amiss(reader: EnvReader, kind: type[Proxy], values: Mapping[str, Any]) -> Iterator[str]:
    present, needed = _set(reader), (ADDRESSES, *kind.needs)
    yield from (f"{each} is not set, and {kind.name} needs it" for each in needed if each not in present)
    wrong = [each for each in present if each not in (*needed, *kind.takes)]
    yield from (f"{each} is set, and {kind.name} does not use it" for each in wrong)
    if not kind.signed and values[ADDRESSES] is not None and values[ADDRESSES].any:
        yield f"{ADDRESSES} must list addresses: anybody can send what {kind.name} sends, since it is not signed"
