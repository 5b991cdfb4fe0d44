"""What every vendor must pass: :func:`widgetmw.testing.check_provider`.

Each check yields its problems, one sentence each. They run in order, on one configured provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from widgetmw.core.errors import SettingsError
from widgetmw.core.provider import Provider
from widgetmw.core.registry import GROUP, ProviderError, load_provider
from widgetmw.core.settings import Settings
from widgetmw.provider_checks.browser import embedding, page, script
from widgetmw.provider_checks.configuration import secrets, variables
from widgetmw.provider_checks.subject import Subject, cause
from widgetmw.provider_checks.tokens import attributes, lifetime, signatures, users

_CHECKS: Final = (variables, secrets, users, signatures, lifetime, attributes, script, embedding, page)


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
            subject = Subject(environ, Settings.from_env(environ))
        except SettingsError as error:
            problems += (f"with what example_variables() returns: {problem}" for problem in error.problems)
        else:
            problems, notes = _problems(subject), subject.notes
    if problems:
        raise AssertionError("".join((f"the vendor {name} has problems:", *(f"\n  - {each}" for each in problems))))
    return tuple(notes)


def _problems(subject: Subject) -> list[str]:
    found: list[str] = []
    for check in _CHECKS:
        try:
            found += check(subject)
        except Exception as error:  # the vendor's code may raise anything
            if not any(cause(error) in problem for problem in found):
                found.append(f"the check of its {check.__name__} {cause(error)}")
    return found


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
