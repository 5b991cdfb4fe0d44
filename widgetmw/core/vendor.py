"""The configured vendors: which are active, with which values, and from which files their keys came."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from widgetmw.browser import assets
from widgetmw.core import registry
from widgetmw.core.env.secret_file import SecretFile
from widgetmw.core.env.variable import EnvReader, Variable, subset_of
from widgetmw.core.errors import describe_error
from widgetmw.core.events import log
from widgetmw.core.provider import Origin, Provider
from widgetmw.core.registry import ProviderError

# A copy of the folder alone has no entry points.
NO_METADATA = "no vendor is known, since the package was not installed with pip or a similar tool"
_COOKIE_NAME = re.compile(r"[!#-+\-./0-:A-Z^-z|~]+")
_MIN_SECRET_LENGTH = 8  # shorter texts occur in other texts by chance


def provider_names(text: str) -> tuple[str, ...]:
    """Parses a comma-separated list of registered vendors."""
    names = registry.registered_names()
    if not names:
        raise ValueError(f"names vendors, but {NO_METADATA}")
    return subset_of(names)(text)


PROVIDERS: Variable[tuple[str, ...] | None] = Variable(
    "WIDGETMW_PROVIDERS",
    "comma-separated list of vendors; limits and orders the active ones",
    provider_names,
    default_text="all that are configured",
)


class ConfiguredVendor:
    """A configured vendor. Not a dataclass, whose ``repr`` would list its values.

    Attributes:
        provider: signs with the current keys.
        files: the files that its keys came from; they are watched while the process runs.
    """

    def __init__(self, provider: Provider, files: tuple[SecretFile, ...] = ()) -> None:
        self.provider = provider
        self.files = files

    def __repr__(self) -> str:
        return f"ConfiguredVendor({self.provider!r})"

    def with_contents(self, contents: Mapping[str, str]) -> ConfiguredVendor:
        """Returns the vendor with new contents of its files; a ``ValueError`` names the variable that is malformed."""
        reader, provider = EnvReader(contents), self.provider
        changed = {var.name: reader.read(var) for var in provider.variables if var.name in contents}
        if reader.problems:
            raise ValueError("; ".join(reader.problems))
        return ConfiguredVendor(_configured(type(provider), {**provider.values, **changed}), self.files)


def read_vendors(reader: EnvReader) -> tuple[ConfiguredVendor, ...]:
    """Returns the vendors that the environment configures, in order; adds problems to the reader."""
    wanted = reader.read(PROVIDERS)
    vendors: list[ConfiguredVendor] = []
    for name in wanted or registry.registered_names():
        problems = len(reader.problems)
        try:
            vendors += _read_vendor(reader, registry.load_provider(name), bool(wanted))
        except ProviderError as error:
            _report(reader, error, f"WIDGETMW_PROVIDERS names {name}" if wanted else "")
        if len(reader.problems) > problems:
            reader.unusable.add(name)
    for rejected in registry.rejected_entry_points():
        _report(reader, rejected)
    reader.problems += _exposed_secrets(reader, vendors)
    return tuple(vendors)


def _read_vendor(reader: EnvReader, kind: type[Provider], is_wanted: bool) -> Iterator[ConfiguredVendor]:
    """Yields the vendor if the environment configures it."""
    problems, files = len(reader.problems), len(reader.files)
    is_used = is_wanted or bool(_names_in_use(reader, kind.variables))
    missing = [variable for variable in kind.variables if variable.required and not reader.has(variable)]
    values = {variable.name: reader.read(variable) for variable in kind.variables}
    if not is_used:
        return  # it was read all the same, to report what is malformed
    hint = "" if is_wanted else f"; if {kind.name} is not meant to be active, name the others in WIDGETMW_PROVIDERS"
    for each in missing:
        file = f" (or {each.name}_FILE)" if each.from_file else ""
        reader.problems.append(f"{each.name} is not set, and {kind.name} needs it{file}{hint}")
    if len(reader.problems) > problems:
        return
    try:
        yield ConfiguredVendor(_configured(kind, values), tuple(reader.files[files:]))
    except ValueError as error:
        reader.problems.append(str(error))


def _names_in_use(reader: EnvReader, variables: tuple[Variable[Any], ...]) -> list[str]:
    # a variable that has a default does not tell whether the vendor is meant to be active
    return [variable.name for variable in variables if variable.default is None and reader.has(variable)]


def _report(reader: EnvReader, error: ProviderError, reason: str = "") -> None:
    """Reports a vendor that cannot be used: as a problem if the environment asks for it, else as a warning."""
    if not reason and (names := _names_in_use(reader, error.variables)):
        reason = f"{names[0]} is set"
    if reason:
        reader.problems.append(f"{reason}, but {error}")
    else:
        log.warning("widgetmw: %s", error)


def _configured(kind: type[Provider], values: Mapping[str, Any]) -> Provider:
    """Returns a configured provider whose configuration for pages can be read; raises only ``ValueError``."""
    try:
        provider = kind(values)
        problem = _problem(provider)
    except ValueError:
        raise
    except Exception as error:  # third-party code may raise anything
        raise ValueError(f"{kind.name} cannot be configured ({describe_error(error)})") from None
    if problem:
        raise ValueError(f"{kind.name} cannot be configured: {problem}")
    return provider


def _problem(provider: Provider) -> str:
    """Returns what a provider returns in the wrong form, since that would break the pages of all vendors."""
    if not hasattr(provider, "values"):
        return "its __init__() does not call super().__init__(values)"
    lifetime: object = provider.lifetime
    if lifetime is not None and (type(lifetime) is not int or lifetime < 1):
        return "its lifetime must be None or a positive int"
    config = provider.browser_config()
    if not (isinstance(config, Mapping) and all(isinstance(item, str) for pair in config.items() for item in pair)):
        return "browser_config() must return a mapping of str to str"
    if not are_texts(provider.script_urls()):
        return "script_urls() must return a tuple of str"
    cookies = provider.cookies()
    if not are_texts(cookies) or not all(map(_COOKIE_NAME.fullmatch, cookies)):
        return "cookies() must return a tuple of names of cookies"
    if not all(isinstance(origin, Origin) for origin in provider.origins()):
        return "origins() must return a tuple of Origin"
    for name, code in provider.snippets().items():
        assets.snippet_script(provider.name, name, code)
    return ""


def are_texts(found: object) -> bool:
    """Whether a method has returned texts. One text in place of a tuple would be taken letter by letter."""
    return isinstance(found, tuple | list) and all(isinstance(item, str) for item in found)


def _exposed_secrets(reader: EnvReader, vendors: list[ConfiguredVendor]) -> Iterator[str]:
    """Finds secrets in variables that pages show, also of another vendor: they would be published to everybody."""
    variables = [var for vendor in vendors for var in vendor.provider.variables if var.name in reader.texts]
    secrets = [reader.texts[variable.name] for variable in variables if variable.secret]
    exposed = [var.name for var in variables if not var.secret and _holds_secret(reader.texts[var.name], secrets)]
    yield from (f"{name} must not hold a secret: its value is shown in pages" for name in exposed)
    for vendor in vendors if not exposed else ():
        for key, value in vendor.provider.browser_config().items():
            if value in secrets:
                yield f"{vendor.provider.name} cannot be configured: its browser_config() returns a secret as {key}"


def _holds_secret(text: str, secrets: list[str]) -> bool:
    if text.startswith("sk_live_") or "PRIVATE KEY" in text:
        return True
    return any(text == secret or (len(secret) >= _MIN_SECRET_LENGTH and secret in text) for secret in secrets)
