"""Reads the environment into the settings of one app, or lists every problem at once."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from widgetmw.core import registry
from widgetmw.core.env.variable import EnvReader, Variable, comma_list, one_of, parse_bool, parse_int, regex
from widgetmw.core.errors import SettingsError
from widgetmw.core.events import log
from widgetmw.core.exporters import parse_exporters
from widgetmw.core.http.page import directives
from widgetmw.core.identity.email import TRUST_EMAILS
from widgetmw.core.proxy import settings as proxy_settings
from widgetmw.core.proxy.settings import ConfiguredProxy
from widgetmw.core.vendor import NO_METADATA, PROVIDERS, ConfiguredVendor, provider_names, read_vendors

_PREFIX = "WIDGETMW_"
# Kubernetes sets these names in every pod if there is a service whose name begins with "widgetmw".
_KUBERNETES = re.compile(r"WIDGETMW_(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)")
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_path = regex(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+/?", "a path such as /_widgetmw, with a leading slash")


def _cache_control(text: str) -> str:
    text = text.strip()
    names = directives(text)
    if not re.fullmatch(r"[A-Za-z0-9=, _-]+", text) or not names & {"private", "no-store"}:
        raise ValueError("must be cache directives that include private or no-store")
    if names & {"public", "s-maxage"}:
        raise ValueError("must not include public or s-maxage: the page is for one user only")
    return text


def _path_prefixes(text: str) -> tuple[str, ...]:
    items = comma_list(text)
    if not all(item.startswith("/") for item in items):
        raise ValueError("must be a comma-separated list of paths, each with a leading slash")
    if "*" in text:
        raise ValueError("must not contain *: each path is a prefix, and /admin includes everything below it")
    return tuple(item.rstrip("/") for item in items)


def _origins(text: str) -> frozenset[str]:
    origins = frozenset(normal_origin(item) for item in comma_list(text))
    if "" in origins:
        raise ValueError(
            "must be a comma-separated list of origins such as https://example.com, without path or final slash"
        )
    return origins


def normal_origin(text: str) -> str:
    """Returns an origin in the form that browsers send, ``scheme://host[:port]``; empty if it is not an origin."""
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        return ""
    scheme, host = match[1], match[2]
    default_port = {"http": 80, "https": 443}.get(scheme)
    port = default_port if match[3] is None else int(match[3])
    if port is not None and not 0 < port < 65536:
        return ""
    return f"{scheme}://{host}" + ("" if port == default_port else f":{port}")


ENABLED = Variable("WIDGETMW_ENABLED", "`false`: every response passes through unmodified", parse_bool, True)
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
    "WIDGETMW_EMBED", "comma-separated list of vendors whose own loader is injected too", provider_names, ()
)
EXCLUDE: Variable[tuple[str, ...]] = Variable(
    "WIDGETMW_EXCLUDE", "comma-separated list of path prefixes that are skipped", _path_prefixes, ()
)
INCLUDE: Variable[tuple[str, ...]] = Variable(
    "WIDGETMW_INCLUDE",
    "comma-separated list of path prefixes to keep although a plugin skips them: Django's admin, FastAPI's docs",
    _path_prefixes,
    (),
)
COOKIE_DOMAIN: Variable[str | None] = Variable(
    "WIDGETMW_COOKIE_DOMAIN",
    "domain of the cookies that vendors' widgets set on the site, such as `example.com`; a sign-out expires them",
    regex(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", "a domain such as example.com"),
    default_text="the page's host",
)
ALLOWED_ORIGINS: Variable[frozenset[str]] = Variable(
    "WIDGETMW_ALLOWED_ORIGINS",
    "comma-separated list of other origins that may call the endpoint",
    _origins,
    frozenset(),
)
METRICS: Variable[tuple[str, ...]] = Variable(
    "WIDGETMW_METRICS",
    "comma-separated list of `prometheus` and `opentelemetry`, each an extra; see [Metrics](docs/metrics.md)",
    parse_exporters,
    (),
)
DEBUG = Variable(
    "WIDGETMW_DEBUG",
    "`true`: the `X-Widgetmw` response header says whether the response was modified, and if not, why; "
    "`Server-Timing` says how long a page with the script took",
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
    INCLUDE,
    ALLOWED_ORIGINS,
    TRUST_EMAILS,
    COOKIE_DOMAIN,
    METRICS,
    DEBUG,
    *proxy_settings.VARIABLES,
)


@dataclass(frozen=True)
class Settings:
    """The settings of one app, made by :meth:`from_env`. The fields are named after their variables.

    Attributes:
        vendors: the active vendors in order.
        cookie_domain: domain of the cookies that vendors' widgets set, or ``None`` for those of the page's host.
        metrics: names of the exporters.
        refresh_margin: seconds, or ``None`` for a fifth of each token's lifetime.
        path: prefix of the endpoints, without a trailing slash.
        proxy: the authenticating proxy that identifies the user if nothing in the app does, or ``None``.
        clock: Unix seconds; tests replace the system's clock.
    """

    vendors: tuple[ConfiguredVendor, ...] = ()
    enabled: bool = True
    path: str = "/_widgetmw"
    delivery: str = "inline"
    refresh_margin: int | None = None
    cache_size: int = 10_000
    cache_control: str = "private, no-store"
    csp: str = "respect"
    embed: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    allowed_origins: frozenset[str] = frozenset()
    cookie_domain: str | None = None
    metrics: tuple[str, ...] = ()
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
        del environ  # error reporters record the local variables of the frame that raises
        settings = read_settings(reader)
        if settings.enabled and not settings.vendors:
            reason, remedy = NO_METADATA, ""
            if registry.registered_names():
                reason, remedy = "no vendor is configured", "; set a vendor's variables, which `widgetmw env` lists"
            log.warning("widgetmw: %s: every response passes through unmodified%s", reason, remedy)
        return settings


def read_settings(reader: EnvReader) -> Settings:
    """Like :meth:`Settings.from_env`, but logs nothing if no vendor is configured."""
    if not reader.read(ENABLED) and not reader.problems:
        return Settings(enabled=False)
    settings = Settings(
        vendors=read_vendors(reader),
        path=reader.read(PATH),
        delivery=reader.read(DELIVERY),
        refresh_margin=reader.read(REFRESH_MARGIN),
        cache_size=reader.read(CACHE_SIZE),
        cache_control=reader.read(CACHE_CONTROL),
        csp=reader.read(CSP),
        embed=reader.read(EMBED),
        exclude=reader.read(EXCLUDE),
        include=reader.read(INCLUDE),
        allowed_origins=reader.read(ALLOWED_ORIGINS),
        cookie_domain=reader.read(COOKIE_DOMAIN),
        metrics=reader.read(METRICS),
        debug=reader.read(DEBUG),
        proxy=proxy_settings.read_proxy(reader),
    )
    reader.problems += [*_unknown_names(reader), *_conflicts(settings, reader.unusable)]
    if reader.problems:
        raise SettingsError(reader.problems)
    return settings


def require_settings(settings: object) -> None:
    """Raises ``TypeError`` for anything but settings or ``None``, such as a resolver in the place of the settings."""
    if settings is not None and not isinstance(settings, Settings):
        raise TypeError(f"settings must be a Settings, not {type(settings).__name__}; pass the resolver as user=")


def variables() -> Iterator[Variable[Any]]:
    """Yields all variables: those of this package, then those of the vendors, which may read some of ours, too."""
    yield from VARIABLES
    for name in registry.registered_names():
        try:
            yield from (each for each in registry.load_provider(name).variables if each not in VARIABLES)
        except registry.ProviderError:
            continue


def _unknown_names(reader: EnvReader) -> Iterator[str]:
    ours = {name for variable in VARIABLES for name in variable.names}
    names = {name for name in reader.environ if name.startswith(_PREFIX) and not _KUBERNETES.fullmatch(name)}
    if unknown := names - ours:  # else the vendors that are not active need not be imported
        unknown -= {name for variable in variables() for name in variable.names}
    for name in sorted(unknown):
        yield f"{name} is not a variable of widgetmw{did_you_mean(name, [known.name for known in variables()])}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns the end of a sentence about an unknown name, with the known one that is most like it; else nothing."""
    from difflib import get_close_matches  # imported late: few processes need it

    by_end = {each.removeprefix(_PREFIX): each for each in known}  # what all names share would make all of them alike
    close = get_close_matches(name.upper().removeprefix(_PREFIX), by_end, 1)
    return f"; did you mean {by_end[close[0]]!r}?" if close else ""


def _conflicts(settings: Settings, unusable: Collection[str]) -> Iterator[str]:
    for vendor in settings.vendors:
        lifetime, margin = vendor.provider.lifetime, settings.refresh_margin
        if lifetime is not None and margin is not None and margin >= lifetime:
            yield f"WIDGETMW_REFRESH_MARGIN must be shorter than the lifetime of a token of {vendor.provider.name}"
    active = {vendor.provider.name: vendor.provider for vendor in settings.vendors}
    for name in settings.embed:
        if name in unusable:
            continue  # what keeps it from being active has been named
        if name not in active:
            yield f"WIDGETMW_EMBED names {name}, which is not active"
        elif not active[name].embeddable:
            yield f"WIDGETMW_EMBED names {name}, which has no script tag to add: embed its widget in the page instead"
