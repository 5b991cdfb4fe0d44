"""Reads the environment into the settings of one app, or lists every problem at once."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from widgetmw.browser import assets
from widgetmw.core import registry
from widgetmw.core.env.secret_file import SecretFile
from widgetmw.core.env.variable import EnvReader, Variable, comma_list, one_of, parse_bool, parse_int, regex, subset_of
from widgetmw.core.errors import SettingsError, describe_error
from widgetmw.core.provider import Provider
from widgetmw.core.proxy import settings as proxy_settings
from widgetmw.core.proxy.settings import ConfiguredProxy
from widgetmw.core.registry import ProviderError

_log = logging.getLogger("widgetmw")

# Kubernetes sets these names in every pod if there is a service whose name begins with "widgetmw".
_KUBERNETES = re.compile(r"WIDGETMW_(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)")
_ORIGIN = re.compile(
    r"([a-z][a-z0-9+.-]*)://([a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", re.IGNORECASE
)
# A copy of the folder alone has no entry points.
_NO_METADATA = "no vendor is known, since the package was not installed with pip or a similar tool"
_MIN_SECRET_LENGTH = 8  # shorter texts occur in other texts by chance

_path = regex(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+/?", "a path such as /_widgetmw, with a leading slash")


def _cache_control(text: str) -> str:
    text = text.strip()
    names = {part.partition("=")[0].strip().lower() for part in text.split(",")}
    if not re.fullmatch(r"[A-Za-z0-9=, _-]+", text) or not names & {"private", "no-store"}:
        raise ValueError("must be cache directives that include private or no-store")
    if names & {"public", "s-maxage"}:
        raise ValueError("must not include public or s-maxage: the page is for one user only")
    return text


def _path_prefixes(text: str) -> tuple[str, ...]:
    items = comma_list(text)
    if not all(item.startswith("/") for item in items):
        raise ValueError("must be a comma-separated list of paths, each with a leading slash")
    return tuple(item.rstrip("/") for item in items)


def _origins(text: str) -> frozenset[str]:
    origins = [normal_origin(item) for item in comma_list(text)]
    if not all(origins):
        raise ValueError("must be a comma-separated list of origins such as https://example.com")
    return frozenset(origin for origin in origins if origin)


def _provider_names(text: str) -> tuple[str, ...]:
    names = registry.registered_names()
    if not names:
        raise ValueError(f"names vendors, but {_NO_METADATA}")
    return subset_of(names)(text)


def normal_origin(text: str) -> str | None:
    """Returns an origin in the form that browsers send, ``scheme://host[:port]``; ``None`` if it is not an origin."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return None
    scheme, host, port = match[1].lower(), match[2].lower(), int(match[3]) if match[3] else None
    if port is not None and not 0 < port < 65536:
        return None
    default_port = {"http": 80, "https": 443}.get(scheme)
    return f"{scheme}://{host}" + ("" if port in (None, default_port) else f":{port}")


ENABLED = Variable("WIDGETMW_ENABLED", "off: every response passes through unmodified", parse_bool, True)
PROVIDERS: Variable[tuple[str, ...] | None] = Variable(
    "WIDGETMW_PROVIDERS",
    "comma-separated list of vendors; limits and orders the active ones",
    _provider_names,
    default_text="all that are configured",
)
PATH = Variable("WIDGETMW_PATH", "prefix of the endpoints", lambda text: _path(text).rstrip("/"), "/_widgetmw")
DELIVERY = Variable(
    "WIDGETMW_DELIVERY",
    "`inline`: the page carries the token; `fetch`: the page stays cacheable and the browser fetches the token",
    one_of("inline", "fetch"),
    "inline",
)
REFRESH_MARGIN: Variable[int | None] = Variable(
    "WIDGETMW_REFRESH_MARGIN",
    "seconds before expiry at which a token is no longer handed out",
    parse_int(0),
    default_text="a fifth of its lifetime",
)
CACHE_SIZE = Variable("WIDGETMW_CACHE_SIZE", "maximum number of users whose tokens are cached", parse_int(1), 10_000)
CACHE_CONTROL = Variable(
    "WIDGETMW_CACHE_CONTROL",
    "`Cache-Control` sent with pages that carry a token; must include `private` or `no-store`",
    _cache_control,
    "private, no-store",
)
CSP = Variable(
    "WIDGETMW_CSP",
    "`respect`: the page's Content-Security-Policy is never edited; `amend`: a hash of our script may be added",
    one_of("respect", "amend"),
    "respect",
)
EMBED: Variable[tuple[str, ...]] = Variable(
    "WIDGETMW_EMBED", "comma-separated list of vendors whose own loader is injected too", _provider_names, ()
)
EXCLUDE: Variable[tuple[str, ...]] = Variable(
    "WIDGETMW_EXCLUDE", "comma-separated list of path prefixes that are skipped", _path_prefixes, ()
)
ALLOWED_ORIGINS: Variable[frozenset[str]] = Variable(
    "WIDGETMW_ALLOWED_ORIGINS",
    "comma-separated list of other origins that may call the endpoint",
    _origins,
    frozenset(),
)
DEBUG = Variable(
    "WIDGETMW_DEBUG",
    "the `X-Widgetmw` response header says whether the response was modified, and if not, why",
    parse_bool,
    False,
)

VARIABLES: tuple[Variable[Any], ...] = (
    ENABLED,
    PROVIDERS,
    PATH,
    DELIVERY,
    REFRESH_MARGIN,
    CACHE_SIZE,
    CACHE_CONTROL,
    CSP,
    EMBED,
    EXCLUDE,
    ALLOWED_ORIGINS,
    DEBUG,
    *proxy_settings.VARIABLES,
)


class Vendor:
    """A configured vendor. Not a dataclass, whose ``repr`` would list its values.

    Attributes:
        provider: signs with the current keys.
        files: the files that its keys came from; they are watched while the process runs.
    """

    __slots__ = ("files", "provider")

    def __init__(self, provider: Provider, files: tuple[SecretFile, ...] = ()) -> None:
        self.provider = provider
        self.files = files

    def __repr__(self) -> str:
        return f"Vendor({self.provider!r})"

    def with_contents(self, contents: Mapping[str, str]) -> Vendor:
        """Returns the vendor with new contents of its files; a ``ValueError`` names the variable that is malformed."""
        values = dict(self.provider.values)
        for variable in self.provider.variables:
            if variable.name in contents:
                try:
                    values[variable.name] = variable.parsed(contents[variable.name])
                except ValueError as error:
                    raise ValueError(f"{variable.name} {error}") from None
        return Vendor(_provider(type(self.provider), values), self.files)


@dataclass(frozen=True)
class Settings:
    """The settings of one app, made by :meth:`from_env`. The fields are named after their variables.

    Attributes:
        vendors: the active vendors in order.
        refresh_margin: seconds, or ``None`` for a fifth of each token's lifetime.
        path: prefix of the endpoints, without a trailing slash.
        proxy: the authenticating proxy that identifies the user if nothing in the app does, or ``None``.
        clock: Unix seconds; tests replace the system's clock.
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
    proxy: ConfiguredProxy | None = None
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
            environ: texts by name; ``None``: ``os.environ``.

        Raises:
            SettingsError: lists every problem by variable name; never shows a value.
        """
        reader = EnvReader(os.environ if environ is None else environ)
        if not reader.read(ENABLED) and not reader.problems:
            return cls(enabled=False)
        settings = cls(
            vendors=tuple(_vendors(reader, reader.read(PROVIDERS))),
            path=reader.read(PATH),
            delivery=reader.read(DELIVERY),
            refresh_margin=reader.read(REFRESH_MARGIN),
            cache_size=reader.read(CACHE_SIZE),
            cache_control=reader.read(CACHE_CONTROL),
            csp=reader.read(CSP),
            embed=reader.read(EMBED),
            exclude=reader.read(EXCLUDE),
            allowed_origins=reader.read(ALLOWED_ORIGINS),
            debug=reader.read(DEBUG),
            proxy=proxy_settings.read_proxy(reader),
        )
        reader.problems += [*_unknown_names(reader), *_conflicts(settings), *_exposed_secrets(settings, reader)]
        if reader.problems:
            raise SettingsError(reader.problems)
        if not settings.vendors:
            reason = "no vendor is configured" if registry.registered_names() else _NO_METADATA
            _log.warning("widgetmw: %s: every response passes through unmodified", reason)
        return settings


def variables() -> Iterator[Variable[Any]]:
    """Yields all variables: those of this package, then those of the vendors."""
    yield from VARIABLES
    for provider in registry.usable_providers():
        yield from provider.variables


def _unknown_names(reader: EnvReader) -> Iterator[str]:
    ours = {name for variable in VARIABLES for name in variable.names}
    unknown = {
        name
        for name in reader.names()
        if name.startswith("WIDGETMW_") and name not in ours and not _KUBERNETES.fullmatch(name)
    }
    if unknown:  # else the vendors that are not active need not be imported
        unknown -= {name for variable in variables() for name in variable.names}
    for name in sorted(unknown):
        yield f"{name} is not a variable of widgetmw"


def _vendors(reader: EnvReader, wanted: tuple[str, ...] | None) -> Iterator[Vendor]:
    for name in wanted or registry.registered_names():
        try:
            vendor = _vendor(reader, registry.load_provider(name), bool(wanted))
        except ProviderError as error:
            _report(reader, error, f"WIDGETMW_PROVIDERS names {name}" if wanted else "")
        else:
            if vendor is not None:
                yield vendor
    for rejected in registry.rejected_entry_points():
        _report(reader, rejected)


def _report(reader: EnvReader, error: ProviderError, named: str = "") -> None:
    """Reports a vendor that cannot be used: as a problem if the environment asks for it, else as a warning."""
    in_use = [variable.name for variable in error.variables if variable.default is None and reader.has(variable)]
    reason = named or (f"{in_use[0]} is set" if in_use else "")
    if reason:
        reader.problems.append(f"{reason}, but {error}")
    else:
        _log.warning("widgetmw: %s", error)


def _vendor(reader: EnvReader, provider: type[Provider], named: bool) -> Vendor | None:
    # a variable that has a default does not tell whether the vendor is meant to be active
    is_set = any(variable.default is None and reader.has(variable) for variable in provider.variables)
    problems, files = len(reader.problems), len(reader.files)
    values = {variable.name: reader.read(variable) for variable in provider.variables}
    if not is_set and not named:
        return None  # it was read all the same, to report what is malformed
    missing = [variable.name for variable in provider.variables if variable.required and not reader.has(variable)]
    reader.problems += [f"{name} is not set, and {provider.name} needs it" for name in missing]
    if len(reader.problems) > problems:
        return None
    try:
        return Vendor(_provider(provider, values), tuple(reader.files[files:]))
    except ValueError as error:
        reader.problems.append(str(error))
        return None


def _provider(kind: type[Provider], values: Mapping[str, Any]) -> Provider:
    """Returns a configured provider whose configuration for pages can be read; raises only ``ValueError``."""
    try:
        provider = kind(values)
        problem = _provider_problem(provider)
    except ValueError:
        raise
    except Exception as error:  # third-party code may raise anything
        raise ValueError(f"{kind.name} cannot be configured ({describe_error(error)})") from None
    if problem:
        raise ValueError(f"{kind.name} cannot be configured: {problem}")
    return provider


def _provider_problem(provider: Provider) -> str:
    """Returns what a provider returns in the wrong form, since that would break the pages of all vendors."""
    if not hasattr(provider, "values"):
        return "its __init__() does not call super().__init__(values)"
    lifetime: object = provider.lifetime
    if lifetime is not None and (type(lifetime) is not int or lifetime < 1):
        return "its lifetime must be None or a positive int"
    config = provider.browser_config()
    if not (isinstance(config, Mapping) and all(isinstance(item, str) for pair in config.items() for item in pair)):
        return "browser_config() must return a mapping of str to str"
    if not all(isinstance(url, str) for url in provider.script_urls()):
        return "script_urls() must return a tuple of str"
    for name, code in provider.snippets().items():
        assets.snippet_script(provider.name, name, code)
    return ""


def _exposed_secrets(settings: Settings, reader: EnvReader) -> Iterator[str]:
    """Finds secrets in variables that pages show, also of another vendor: they would be published to everybody."""
    texts = {
        variable: reader.text(variable)
        for vendor in settings.vendors
        for variable in vendor.provider.variables
        if reader.has(variable)
    }
    secrets = [text for variable, text in texts.items() if variable.secret]
    exposed = [var.name for var, text in texts.items() if not var.secret and _holds_secret(text, secrets)]
    yield from (f"{name} must not hold a secret: its value is shown in pages" for name in exposed)
    for vendor in settings.vendors if not exposed else ():
        for key, value in vendor.provider.browser_config().items():
            if str(value) in secrets:
                yield f"{vendor.provider.name} cannot be configured: its browser_config() returns a secret as {key}"


def _holds_secret(text: str, secrets: list[str]) -> bool:
    if text.startswith("sk_live_") or "PRIVATE KEY" in text:
        return True
    return any(text == secret or (len(secret) >= _MIN_SECRET_LENGTH and secret in text) for secret in secrets)


def _conflicts(settings: Settings) -> Iterator[str]:
    for vendor in settings.vendors:
        lifetime, margin = vendor.provider.lifetime, settings.refresh_margin
        if lifetime is not None and margin is not None and margin >= lifetime:
            yield f"WIDGETMW_REFRESH_MARGIN must be shorter than the lifetime of a token of {vendor.provider.name}"
    embeddable = {vendor.provider.name for vendor in settings.vendors if vendor.provider.embeddable}
    for name in settings.embed:
        if name not in embeddable:
            yield f"WIDGETMW_EMBED names {name}, which is not active or has no loader that could be injected"
