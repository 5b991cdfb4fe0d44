"""What every vendor must pass: :func:`widgetmw.testing.check_provider`.

Each check yields its problems, one sentence each. They run in order, on one configured provider.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from widgetmw.browser import assets
from widgetmw.browser.syntax import is_valid_script
from widgetmw.core.env.variable import Variable
from widgetmw.core.errors import SettingsError, describe_error
from widgetmw.core.identity.user import Scalar, User
from widgetmw.core.provider import MintedToken, Provider
from widgetmw.core.registry import GROUP, ProviderError, load_provider
from widgetmw.core.script_tags import find_data
from widgetmw.core.settings import Settings
from widgetmw.providers.signing import decode
from widgetmw.wsgi import WidgetMiddleware

_ISSUED_AT: Final = 1_767_225_600
_HOSTILE: Final = "</script><script>alert(1)</script><!-- \u2028\u2029 \U0001f600 \u202e\u0000 '\"\\&%${x}{id} "
_BASE: Final = User("widgetmw-1", "Ada", "ada@example.org", email_verified=True)
_OTHER: Final = User("widgetmw-2", "Bob", "bob@example.org", email_verified=True)
_USERS: Final[Mapping[str, User]] = {
    "with every field": User(
        "1", "Ada", "ada@example.org", {"plan": "pro", "seats": 3, "trial": False, "x": 1.5}, True
    ),
    "without a name": User("1", email="ada@example.org", email_verified=True),
    "without an email address": User("1", "Ada"),
    "with an id alone": User("1"),
    "with empty texts": User("1", "", "", {"plan": ""}),
    "with an email address that nobody has verified": User("1", "Ada", "ada@example.org", email_verified=False),
    "with markup in every field": User(_HOSTILE, _HOSTILE, _HOSTILE, {_HOSTILE: _HOSTILE, "plan": _HOSTILE}, True),
    "with letters of other scripts": User(
        "\u0416\u05d0", "Zoe\u0308 \u738b", "\u738b@ex\u00e4mple.org", {"\u738b": "\u0416"}, True
    ),
    "with very long texts": User(
        "i" * 5_000, "n" * 20_000, "e" * 5_000 + "@example.org", {"a" * 500: "b" * 20_000}, True
    ),
    "with attributes of odd names": User(
        "1", "Ada", "ada@example.org", {"__proto__": "x", "": "y", "a.b[c]": "z"}, True
    ),
}
_MALFORMED: Final = ("widgetmw\u0000value", "widgetmw\u2028value", "-1e999", "{" * 99, "-----BEGIN widgetmw-value")
_TOKEN_FIELDS: Final = frozenset(
    {"provider", "token", "expires_at", "refresh_at", "expires_in", "refresh_in", "expiresAt"}
)
_DIRECTIVES: Final = frozenset(
    f"{kind}-src" for kind in ("child", "connect", "default", "font", "frame", "img", "manifest", "media", "object")
) | {"script-src", "script-src-elem", "style-src", "style-src-elem", "worker-src", "form-action"}
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_TIMES: Final = frozenset({"exp", "iat", "nbf"})
_CODE: Final = re.compile(r"([a-z][a-z0-9_]*)?")
_IMPORT: Final = re.compile(r"^\s*import\b", re.MULTILINE)


@dataclass
class _Subject:
    """What is checked.

    Attributes:
        kind: the vendor's class.
        environ: the variables that configure it.
        settings: those of the variables.
        notes: what could not be checked.
    """

    kind: type[Provider]
    environ: Mapping[str, str]
    settings: Settings
    notes: list[str] = field(default_factory=list)

    @property
    def provider(self) -> Provider:
        return self.settings.vendors[0].provider

    def find_secret(self, *texts: object) -> str:
        """Returns the name of a secret that occurs in a text; empty if none does."""
        for variable in self.kind.variables:
            # the lines of a PEM file, whose first and last one are no secret
            lines = [line for line in self.environ.get(variable.name, "").split("\n") if line and "-----" not in line]
            if variable.secret and any(line in str(text) for line in lines for text in texts):
                return variable.name
        return ""

    def mint(self, user: User, issued_at: int = _ISSUED_AT) -> MintedToken:
        lifetime = self.provider.lifetime
        return self.provider.mint(user, issued_at, None if lifetime is None else issued_at + lifetime)


def check_provider(provider: type[Provider], **variables: str) -> tuple[str, ...]:
    """Checks a vendor's class as the tests of this package check the built-in ones.

    Args:
        provider: the class; the distribution that registers it is installed.
        variables: further variables, beside those of ``example_variables()``.

    Returns:
        what could not be checked, one sentence each: without Node.js, the syntax of the script.

    Raises:
        AssertionError: lists every problem.
    """
    name = getattr(provider, "name", provider.__name__)
    problems, notes = [*_registration_problems(provider)], []
    if not problems:
        environ = {**provider.example_variables(), **variables, "WIDGETMW_PROVIDERS": name}
        try:
            subject = _Subject(provider, environ, Settings.from_env(environ))
        except SettingsError as error:
            problems += (f"with its example variables: {problem}" for problem in error.problems)
        else:
            problems, notes = list(_problems(subject)), subject.notes
    if problems:
        raise AssertionError("".join((f"the vendor {name} has problems:", *(f"\n  - {each}" for each in problems))))
    return tuple(notes)


def _problems(subject: _Subject) -> Iterator[str]:
    for check in _CHECKS:
        try:
            yield from check(subject)
        except Exception as error:  # the vendor's code may raise anything
            title = check.__name__.strip("_").replace("_", " ")
            yield f"the check of its {title} ended with {describe_error(error)} ({error})"


def _registration_problems(provider: type[Provider]) -> Iterator[str]:
    name = getattr(provider, "name", None)
    if not isinstance(name, str):
        yield "it has no `name`"
        return
    try:
        if load_provider(name) is not provider:
            yield f"the entry point {name} of the group {GROUP} names another class"
    except KeyError:
        yield f"no entry point of the group {GROUP} has its name: install the distribution, also with pip install -e"
    except ProviderError as error:
        yield str(error)


def _variables(subject: _Subject) -> Iterator[str]:
    """Their names, their parsers, and what is said without one that is required."""
    names = [name for variable in subject.kind.variables for name in variable.names]
    yield from (f"the variable {name} is declared twice" for name in sorted({n for n in names if names.count(n) > 1}))
    for variable in subject.kind.variables:
        if not _VARIABLE.fullmatch(variable.name):
            yield f"the variable {variable.name} must have a name of capital letters, digits and _"
        if not variable.help:
            yield f"{variable.name} has no help text"
        if variable.secret and not variable.from_file:
            yield f"{variable.name} is secret, and cannot come from a file: set from_file=True"
        yield from _parser_problems(variable)
        if variable.required and variable.name in subject.environ:
            lacking = {name: text for name, text in subject.environ.items() if name != variable.name}
            if variable.name not in _settings_error(lacking):
                yield f"without {variable.name}, which is required, no problem names it"


def _parser_problems(variable: Variable[Any]) -> Iterator[str]:
    """A parser raises nothing but a ValueError, which does not show the text."""
    raised = {text: error for text in _MALFORMED if (error := _parsing_error(variable.parse, text))}
    if others := sorted({type(error).__name__ for error in raised.values() if not isinstance(error, ValueError)}):
        yield f"the parser of {variable.name} raises {', '.join(others)} instead of ValueError"
    elif any(text.strip() in str(_parsing_error(variable.parsed, text)) for text in raised):
        yield f"the message about a malformed {variable.name} shows its value"


def _parsing_error(parse: Callable[[str], object], text: str) -> Exception | None:
    try:
        parse(text)
    except Exception as error:
        return error
    return None


def _settings_error(environ: Mapping[str, str]) -> str:
    try:
        Settings.from_env(environ)
    except SettingsError as error:
        return str(error)
    return ""


def _secrets(subject: _Subject) -> Iterator[str]:
    """What an operator, a page or a log may show holds no secret."""
    provider = subject.provider
    shown = {
        "repr()": (repr(provider),),
        "browser_config()": (provider.browser_config(),),
        "describe_key()": (provider.describe_key(),),
        "warnings()": provider.warnings(),
        "snippets()": (dict(provider.snippets()),),
        "script_urls(), origins() or cookies()": (provider.script_urls(), provider.origins(), provider.cookies()),
    }
    for title, texts in shown.items():
        if name := subject.find_secret(*texts):
            yield f"{title} shows the value of {name}"
    if not any(variable.secret for variable in subject.kind.variables):
        yield "none of its variables is secret: declare the key with secret=True"
    if not provider.describe_key():
        yield "describe_key() must say which kind of key it is"
    if not all(isinstance(text, str) for text in provider.warnings()):
        yield "warnings() must return a tuple of str"


def _users(subject: _Subject) -> Iterator[str]:
    """Every user gets a token that can be verified, or is refused with a code."""
    if subject.provider.cannot_serve(_BASE):
        yield "it refuses even a user with an id, a name and a verified email address"
    for title, user in _USERS.items():
        code = subject.provider.cannot_serve(user)
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            yield f"for a user {title}, cannot_serve() must return a code of lower-case letters, or an empty text"
        elif not code:
            try:
                yield from (f"for a user {title}, {problem}" for problem in _token_problems(subject, user))
            except Exception as error:
                yield f"for a user {title}, minting or verifying a token ended with {describe_error(error)}"


def _token_problems(subject: _Subject, user: User) -> Iterator[str]:
    provider, minted = subject.provider, subject.mint(user)
    if not isinstance(minted.value, str) or not minted.value:
        yield "the token must be a text that is not empty"
        return
    provider.verify(minted.value, user)
    extras = {
        "the token's extra values": dict(minted.extra),
        "endpoint_extras()": provider.endpoint_extras(minted.value),
    }
    for title, values in extras.items():
        try:
            json.dumps(values, allow_nan=False)
        except (TypeError, ValueError):
            yield f"{title} must be JSON values, without infinite numbers"
        if taken := sorted(_TOKEN_FIELDS & values.keys()):
            yield f"{title} must not be called {', '.join(taken)}"
    if name := subject.find_secret(minted.value, *extras.values(), repr(minted)):
        yield f"the token or what stands beside it shows the value of {name}"


def _signatures(subject: _Subject) -> Iterator[str]:
    """A token is that of one user and of one key."""
    value = subject.mint(_BASE).value
    if value == subject.mint(_OTHER).value:
        yield "two users get the same token"
    middle = len(value) // 2
    if _verifies(subject.provider, f"{value[:middle]}{'B' if value[middle] == 'A' else 'A'}{value[middle + 1 :]}"):
        yield "verify() accepts a token that was altered"
    secrets = {variable.name for variable in subject.kind.variables if variable.secret}
    other = {name: text for name, text in subject.kind.example_variables().items() if name in secrets}
    if not any(other.get(name) != subject.environ.get(name) for name in secrets):
        yield "example_variables() must return another key each time"
    elif _verifies(Settings.from_env({**subject.environ, **other}).vendors[0].provider, value):
        yield "verify() accepts a token of another key"


def _verifies(provider: Provider, value: str) -> bool:
    try:
        provider.verify(value, _BASE)
    except Exception:
        return False
    return True


def _lifetime(subject: _Subject) -> Iterator[str]:
    """What the vendor's class says of the lifetime is what a JSON Web Token says."""
    lifetime, claims = subject.provider.lifetime, decode(subject.mint(_BASE).value).get("claims")
    if claims is None:
        return
    expected = None if lifetime is None else _ISSUED_AT + lifetime
    if claims.get("exp") != expected:
        yield f"its lifetime is {lifetime}, and a token issued at {_ISSUED_AT} has exp={claims.get('exp')}"


def _attributes(subject: _Subject) -> Iterator[str]:
    """An attribute never overrides a claim of the vendor's own, and never sets the times."""
    own = decode(subject.mint(_BASE).value).get("claims", {})
    attributes: dict[str, Scalar] = dict.fromkeys({*_names(own), *_TIMES}, "widgetmw-hostile")
    user = User(_BASE.id, _BASE.name, _BASE.email, attributes, True)
    claims = decode(subject.mint(user).value).get("claims", {})
    for name in sorted({*_changed(own, claims), *(_TIMES & claims.keys() - own.keys())}):
        yield f"a user's attribute overrides its claim {name}: add the name to reserved_names"


def _names(claims: Mapping[str, Any]) -> Iterator[str]:
    for name, value in claims.items():
        yield name
        if isinstance(value, Mapping):
            yield from _names(value)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name, value in before.items():
        now = after.get(name)
        if isinstance(value, Mapping) and isinstance(now, Mapping):
            yield from _changed(value, now)
        elif now != value:
            yield name


def _script(subject: _Subject) -> Iterator[str]:
    """The script can stand in a page, parses, and has the hooks that the class promises."""
    kind, source = subject.kind, subject.kind.script_source()
    if not source:
        if subject.provider.embeddable:
            yield "it is embeddable, and has no script that could add the loader"
        if not kind.in_page:
            yield "its token is not in pages, and it has no script that could request it"
        return
    if not kind.in_page and "getToken" not in source:
        yield "its token is not in pages, and its script never calls vendor.getToken()"
    if subject.provider.embeddable and not re.search(r"\bembed\b", source):
        yield "it is embeddable, and its script has no `embed` hook"
    if assets.is_built_in(kind.name):
        return  # a part of the bundles, which the build has parsed
    if _IMPORT.search(source):
        yield "its script imports a module; it must be one file"
        return
    try:
        code = assets.vendor_script(kind.name, source).content.decode()
    except ValueError as error:
        yield str(error)
        return
    is_valid = is_valid_script(code)
    if is_valid is None:
        subject.notes.append("the syntax of the script was not checked: Node.js is not installed")
    elif not is_valid:
        yield "its script is not valid JavaScript"


def _embedding(subject: _Subject) -> Iterator[str]:
    """The loader's URLs are among the origins, and what a sign-out expires is not ours."""
    provider = subject.provider
    if provider.embeddable:
        if not provider.script_urls() and not provider.snippets():
            yield "it is embeddable, and script_urls() names no loader"
        if error := _settings_error({**subject.environ, "WIDGETMW_EMBED": provider.name}):
            yield f"it cannot be embedded: {error}"
    origins = provider.origins()
    for origin in origins:
        if origin.directive not in _DIRECTIVES or not origin.source.strip() or set(origin.source) & set(";,\n"):
            yield f"origins() has a source that no Content-Security-Policy can hold, of {origin.directive}"
    scripts = " ".join(each.source for each in origins if each.directive.startswith(("script-src", "default-src")))
    for url in provider.script_urls():
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not parts.netloc:
            yield f"script_urls() has {url}, which is not an absolute URL"
        elif origins and not _allows(scripts.split(), parts.scheme, parts.netloc):
            yield f"origins() does not allow the loader {url} in script-src"
    yield from (f"cookies() names {name}, which is ours" for name in provider.cookies() if name.startswith("widgetmw"))


def _allows(sources: Iterable[str], scheme: str, host: str) -> bool:
    for source in sources:
        allowed = urlsplit(source)
        is_host = allowed.netloc == host or (allowed.netloc.startswith("*.") and host.endswith(allowed.netloc[1:]))
        if allowed.scheme == scheme and is_host:
            return True
    return False


def _page(subject: _Subject) -> Iterator[str]:
    """A page carries the token if it should, and never a secret."""
    hostile = _USERS["with markup in every field"]
    page = _page_of(subject.settings, _BASE if subject.provider.cannot_serve(hostile) else hostile)
    data = next(find_data(page), {})
    has_token = bool(data.get("vendors", {}).get(subject.kind.name, {}).get("token"))
    if has_token is not subject.kind.in_page:
        yield f"in_page is {subject.kind.in_page}, and a page has {'a' if has_token else 'no'} token"
    if name := subject.find_secret(page):
        yield f"a page shows the value of {name}"


def _page_of(settings: Settings, user: User) -> str:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response(f"{HTTPStatus.OK.value} OK", [("Content-Type", "text/html; charset=utf-8")])
        return [b"<!doctype html><html><head><title>Page</title></head><body></body></html>"]

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "site", "SERVER_PORT": "80"}
    environ |= {"wsgi.url_scheme": "http", "HTTP_HOST": "site"}
    body = WidgetMiddleware(app, settings, user=lambda environ: user)(environ, lambda *_: lambda data: None)
    return b"".join(body).decode()


_CHECKS: Final = (_variables, _secrets, _users, _signatures, _lifetime, _attributes, _script, _embedding, _page)
