"""A mapping in; settings, or every problem at once, out."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from widgetmw.core.env.secret_file import SecretFile
from widgetmw.core.env.variable import EnvReader, Variable, comma_list, one_of, parse_bool, parse_int, regex, subset_of
from widgetmw.core.errors import SettingsError
from widgetmw.core.provider import Provider, load_provider, registered_names
from widgetmw.core.proxy import settings as proxy_settings
from widgetmw.core.proxy.settings import InFront

_log = logging.getLogger("widgetmw")

# Kubernetes sets these in every pod next to a service whose name begins with "widgetmw".
_KUBERNETES = re.compile(r"WIDGETMW_(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)")
_ORIGIN = re.compile(
    r"([a-z][a-z0-9+.-]*)://([a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", re.IGNORECASE
)
_SHORTEST_SECRET = 8  # shorter texts turn up in others by chance

_path = regex(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+/?", "a path such as /_widgetmw, with a leading slash")


def _cache_control(text: str) -> str:
    text = text.strip()
    names = {part.partition("=")[0].strip().lower() for part in text.split(",")}
    if not re.fullmatch(r"[A-Za-z0-9=, _-]+", text) or not names & {"private", "no-store"}:
        raise ValueError("must be cache directives that contain private or no-store")
    if names & {"public", "s-maxage"}:
        raise ValueError("must not contain public or s-maxage: the page belongs to one person")
    return text


def _prefixes(text: str) -> tuple[str, ...]:
    items = comma_list(text)
    if not all(item.startswith("/") for item in items):
        raise ValueError("must be a comma list of paths, each with a leading slash")
    return tuple(item.rstrip("/") for item in items)


def _origins(text: str) -> frozenset[str]:
    found = [normal_origin(item) for item in comma_list(text)]
    if not all(found):
        raise ValueError("must be a comma list of origins such as https://example.com")
    return frozenset(origin for origin in found if origin)


def normal_origin(text: str) -> str | None:
    """Returns an origin as browsers write it, or ``None`` for what is none: ``scheme://host[:port]``."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return None
    scheme, host, port = match[1].lower(), match[2].lower(), int(match[3]) if match[3] else None
    if port is not None and not 0 < port < 65536:
        return None
    usual = {"http": 80, "https": 443}.get(scheme)
    return f"{scheme}://{host}" + ("" if port in (None, usual) else f":{port}")


VARIABLES = (
    Variable("WIDGETMW_ENABLED", "off: everything passes through untouched", parse_bool, True, "`true`"),
    Variable(
        "WIDGETMW_PROVIDERS",
        "comma list of vendors; limits and orders the active ones",
        lambda text: subset_of(registered_names())(text),
        None,
        "all that are configured",
    ),
    Variable(
        "WIDGETMW_PATH",
        "prefix of the endpoints",
        lambda text: _path(text).rstrip("/"),
        "/_widgetmw",
        "`/_widgetmw`",
    ),
    Variable(
        "WIDGETMW_DELIVERY",
        "`inline`: the token stands in the page; `fetch`: the page stays cacheable and the browser asks for it",
        one_of("inline", "fetch"),
        "inline",
        "`inline`",
    ),
    Variable(
        "WIDGETMW_REFRESH_MARGIN",
        "seconds before expiry at which a token is no longer handed out",
        parse_int(0),
        None,
        "a fifth of its lifetime",
    ),
    Variable("WIDGETMW_CACHE_SIZE", "most users whose tokens are kept", parse_int(1), 10_000, "`10000`"),
    Variable(
        "WIDGETMW_CACHE_CONTROL",
        "of a page that carries a token; contains `private` or `no-store`",
        _cache_control,
        "private, no-store",
        "`private, no-store`",
    ),
    Variable(
        "WIDGETMW_CSP",
        "`respect`: the page's policy is never edited; `amend`: a hash of our script may be added",
        one_of("respect", "amend"),
        "respect",
        "`respect`",
    ),
    Variable(
        "WIDGETMW_EMBED",
        "comma list of vendors whose own loader is added too",
        lambda text: subset_of(registered_names())(text),
        (),
    ),
    Variable("WIDGETMW_EXCLUDE", "comma list of path prefixes left alone", _prefixes, ()),
    Variable("WIDGETMW_ALLOWED_ORIGINS", "other origins that may call the endpoint", _origins, frozenset()),
    Variable("WIDGETMW_DEBUG", "answers say in `X-Widgetmw` what was done to them", parse_bool, False, "`false`"),
    *proxy_settings.VARIABLES,
)
_NAMES = {name for each in VARIABLES for name in each.names}
_OF_FIELDS = {variable.name: variable for variable in VARIABLES if variable not in proxy_settings.VARIABLES}


class Vendor:
    """A configured vendor, and the files that its keys came from. No dataclass: nothing lists its values.

    Attributes:
        provider: signs with the keys as they are now.
        files: watched while the process runs.
    """

    __slots__ = ("_values", "files", "provider")

    def __init__(
        self, provider: Provider, files: tuple[SecretFile, ...] = (), values: Mapping[str, Any] | None = None
    ) -> None:
        self.provider = provider
        self.files = files
        self._values = values or {}

    def __repr__(self) -> str:
        return f"Vendor({self.provider!r})"

    def with_contents(self, contents: Mapping[str, str]) -> Vendor:
        """Returns the vendor with new contents of its files, by variable name.

        Raises:
            ValueError: a content is malformed; the message names the variable.
        """
        values = dict(self._values)
        for variable in self.provider.variables:
            if variable.name in contents:
                try:
                    values[variable.name] = variable.parse(contents[variable.name])
                except ValueError as error:
                    raise ValueError(f"{variable.name} {error}") from None
        return Vendor(type(self.provider)(values), self.files, values)


@dataclass(frozen=True)
class Settings:
    """How one app is served. Made by :meth:`from_env`; the fields are named after their variables.

    Attributes:
        vendors: the active vendors in order.
        refresh_margin: seconds, or ``None`` for a fifth of each token's lifetime.
        path: prefix of the endpoints, without a trailing slash.
        proxy: what says who is signed in where nothing further in does, or ``None``.
        clock: Unix seconds; another than the system's is for tests.
    """

    vendors: tuple[Vendor, ...] = ()
    enabled: bool = True
    path: str = "/_widgetmw"
    delivery: str = "inline"
    refresh_margin: int | None = None
    cache_size: int = 10_000
    cache_control: str = "private, no-store"
    csp: str = "respect"
    embed: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    allowed_origins: frozenset[str] = frozenset()
    debug: bool = False
    proxy: InFront | None = None
    clock: Callable[[], float] = field(default=time.time, repr=False, compare=False)

    @property
    def providers(self) -> tuple[str, ...]:
        """Names of the active vendors."""
        return tuple(vendor.provider.name for vendor in self.vendors)

    @property
    def active(self) -> bool:
        """Whether there is anything to do at all."""
        return self.enabled and bool(self.vendors)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Reads the environment.

        Args:
            environ: names and values; ``os.environ`` where it is ``None``.

        Raises:
            SettingsError: lists every problem by variable name; never shows a value.
        """
        reader = EnvReader(os.environ if environ is None else environ)
        if not reader.read(_OF_FIELDS["WIDGETMW_ENABLED"]) and not reader.problems:
            return cls(enabled=False)
        unknown = sorted(_unknown(reader))
        reader.problems += [f"{name} is not a variable of widgetmw" for name in unknown]
        values = {_field(name): reader.read(var) for name, var in _OF_FIELDS.items() if name != "WIDGETMW_ENABLED"}
        wanted = values.pop("providers")
        vendors = tuple(_vendors(reader, wanted))
        settings = cls(vendors=vendors, proxy=proxy_settings.configured(reader), **values)
        reader.problems += [*_conflicts(settings), *_exposed(settings, reader)]
        if reader.problems:
            raise SettingsError(reader.problems)
        if not vendors:
            _log.warning("no vendor is configured: every page passes through untouched")
        return settings


def _field(name: str) -> str:
    return name.removeprefix("WIDGETMW_").lower()


def _unknown(reader: EnvReader) -> Iterator[str]:
    for name in reader.names():
        if name.startswith("WIDGETMW_") and name not in _NAMES and not _KUBERNETES.fullmatch(name):
            yield name


def _vendors(reader: EnvReader, wanted: tuple[str, ...] | None) -> Iterator[Vendor]:
    for name in wanted or registered_names():
        vendor = _vendor(reader, load_provider(name), bool(wanted))
        if vendor is not None:
            yield vendor


def _vendor(reader: EnvReader, kind: type[Provider], named: bool) -> Vendor | None:
    # a variable that has a default says nothing about whether the vendor is meant to be active
    announced = [var for var in kind.variables if var.default is None and reader.has(var)]
    if not announced and not named:
        for variable in kind.variables:
            reader.read(variable)  # what is set and malformed is a problem all the same
        return None
    before, files = len(reader.problems), len(reader.files)
    values = {variable.name: reader.read(variable) for variable in kind.variables}
    missing = [var.name for var in kind.variables if var.required and not reader.has(var)]
    reader.problems += [f"{name} is not set, and {kind.name} needs it" for name in missing]
    if len(reader.problems) > before:
        return None
    try:
        return Vendor(kind(values), tuple(reader.files[files:]), values)
    except ValueError as error:
        reader.problems.append(str(error))
        return None


def _exposed(settings: Settings, reader: EnvReader) -> Iterator[str]:
    """A secret pasted into a variable that pages show, of whichever vendor, would be published to everybody."""
    texts = {
        variable: reader.text(variable)
        for vendor in settings.vendors
        for variable in vendor.provider.variables
        if reader.has(variable)
    }
    secrets = [text for variable, text in texts.items() if variable.secret]
    for variable, text in texts.items():
        if not variable.secret and _holds_secret(text, secrets):
            yield f"{variable.name} must not hold a secret: its value is shown in pages"


def _holds_secret(text: str, secrets: list[str]) -> bool:
    if text.startswith("sk_live_") or "PRIVATE KEY" in text:
        return True
    return any(text == secret or (len(secret) >= _SHORTEST_SECRET and secret in text) for secret in secrets)


def _conflicts(settings: Settings) -> Iterator[str]:
    for vendor in settings.vendors:
        lifetime, margin = vendor.provider.lifetime, settings.refresh_margin
        if lifetime is not None and margin is not None and margin >= lifetime:
            yield f"WIDGETMW_REFRESH_MARGIN must be shorter than the lifetime of a token of {vendor.provider.name}"
    embeddable = {vendor.provider.name for vendor in settings.vendors if vendor.provider.embeddable}
    for name in settings.embed:
        if name not in embeddable:
            yield f"WIDGETMW_EMBED names {name}, which is not active or has no loader that could be added"
