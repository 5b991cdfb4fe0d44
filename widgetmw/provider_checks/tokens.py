"""Checks of the tokens: for every kind of user, and against other users, keys and times."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from widgetmw.core.identity.user import Scalar, User
from widgetmw.core.provider import Provider
from widgetmw.core.settings import Settings
from widgetmw.core.tokens.token import TOKEN_FIELDS
from widgetmw.provider import JwtProvider
from widgetmw.provider_checks.subject import BASE, ISSUED_AT, OTHER, USERS, Subject, cause
from widgetmw.providers.signing import decode

_TAKEN: Final = TOKEN_FIELDS | {"expiresAt"}  # which the browser adds
_TIMES: Final = frozenset({"exp", "iat", "nbf"})
_CODE: Final = re.compile(r"([a-z][a-z0-9_]*)?")


def users(subject: Subject) -> Iterator[str]:
    """Every user gets a token that can be verified, or is refused with a code."""
    if subject.provider.cannot_serve(BASE):
        yield "it refuses even a user with an id, a name and a verified email address"
    titles: dict[str, list[str]] = {}
    for title, user in USERS.items():
        for problem in _user_problems(subject, user):
            titles.setdefault(problem, []).append(title)
    served = {title for title, user in USERS.items() if not subject.provider.cannot_serve(user)}
    for problem, concerned in titles.items():
        # what goes wrong for everybody has nothing to do with the users: once is enough
        whom = ["for every user"] if served <= set(concerned) else [f"for a user {title}" for title in concerned]
        yield from (f"{each}, {problem}" for each in whom)


def _user_problems(subject: Subject, user: User) -> Iterator[str]:
    code = subject.provider.cannot_serve(user)
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        yield "cannot_serve() must return a code of lower-case letters, or an empty text"
    elif not code:
        try:
            yield from _token_problems(subject, user)
        except Exception as error:
            yield f"minting or verifying a token {cause(error)}"


def _token_problems(subject: Subject, user: User) -> Iterator[str]:
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
        if taken := sorted(_TAKEN & values.keys()):
            yield f"{title} must not be called {', '.join(taken)}"
    if name := subject.find_secret(minted.value, *extras.values(), repr(minted)):
        yield f"the token or what stands beside it shows the value of {name}"


def signatures(subject: Subject) -> Iterator[str]:
    """A token is that of one user and of one key."""
    value = subject.mint(BASE).value
    if value == subject.mint(OTHER).value:
        yield "two users get the same token"
    middle = len(value) // 2
    if _verifies(subject.provider, f"{value[:middle]}{'B' if value[middle] == 'A' else 'A'}{value[middle + 1 :]}"):
        yield "verify() accepts a token that was altered"
    secrets = {variable.name for variable in subject.provider.variables if variable.secret}
    other = {name: text for name, text in subject.provider.example_variables().items() if name in secrets}
    if not any(other.get(name) != subject.environ.get(name) for name in secrets):
        yield "example_variables() must return another key each time"
    elif _verifies(Settings.from_env({**subject.environ, **other}).vendors[0].provider, value):
        yield "verify() accepts a token of another key"


def _verifies(provider: Provider, value: str) -> bool:
    try:
        provider.verify(value, BASE)
    except Exception:
        return False
    return True


def lifetime(subject: Subject) -> Iterator[str]:
    """What the vendor's class says of the lifetime is what a JSON Web Token says."""
    if getattr(subject.provider, "lifetime_variable", "") and not isinstance(subject.provider, JwtProvider):
        yield "lifetime_variable has an effect only in a JwtProvider: set lifetime in __init__"
    seconds, claims = subject.provider.lifetime, decode(subject.mint(BASE).value).get("claims")
    if claims is None:
        return
    expected = None if seconds is None else ISSUED_AT + seconds
    if claims.get("exp") != expected:
        yield f"its lifetime is {seconds}, and a token issued at {ISSUED_AT} has exp={claims.get('exp')}"


def attributes(subject: Subject) -> Iterator[str]:
    """An attribute never overrides a claim of the vendor's own, and never sets the times."""
    own = decode(subject.mint(BASE).value).get("claims", {})
    hostile: dict[str, Scalar] = dict.fromkeys({*_names(own), *_TIMES}, "widgetmw-hostile")
    user = User(BASE.id, BASE.name, BASE.email, hostile, True)
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
