"""Checks of the settings, and of what shows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from widgetmw.core.env.variable import Variable
from widgetmw.core.vendor import are_texts
from widgetmw.provider_checks.subject import Subject, settings_error

_MALFORMED: Final = ("widgetmw\u0000value", "widgetmw\u2028value", "-1e999", "{" * 99, "-----BEGIN widgetmw-value")
_VERBS: Final = ("must ", "cannot ", "is ", "has ")  # a message continues a sentence that begins with the name
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]*")


def variables(subject: Subject) -> Iterator[str]:
    """Their names, their parsers, and what is said without one that is required."""
    names = [name for variable in subject.provider.variables for name in variable.names]
    yield from (f"the variable {name} is declared twice" for name in sorted({n for n in names if names.count(n) > 1}))
    for variable in subject.provider.variables:
        if not _VARIABLE.fullmatch(variable.name):
            yield f"the variable {variable.name} must have a name of capital letters, digits and _"
        if not variable.help:
            yield f"{variable.name} has no help text"
        if variable.secret and not variable.from_file:
            yield f"{variable.name} is secret, and cannot come from a file: set from_file=True"
        yield from _parser_problems(variable)
        if variable.required and variable.name in subject.environ:
            lacking = {name: text for name, text in subject.environ.items() if name != variable.name}
            if variable.name not in settings_error(lacking):
                yield f"without {variable.name}, which is required, no problem names it"


def _parser_problems(variable: Variable[Any]) -> Iterator[str]:
    """A parser raises nothing but a ValueError, which does not show the text."""
    raised = {text: error for text in _MALFORMED if (error := _parsing_error(variable.parse, text))}
    if others := sorted({type(error).__name__ for error in raised.values() if not isinstance(error, ValueError)}):
        yield f"the parser of {variable.name} raises {', '.join(others)} instead of ValueError"
        return
    messages = {text: str(_parsing_error(variable.parsed, text)) for text in raised}
    if any(text.strip() in message for text, message in messages.items()):
        yield f"the message about a malformed {variable.name} shows its value"
    elif odd := [message for message in messages.values() if not message.startswith(_VERBS)]:
        yield f'a message of the parser of {variable.name} must begin with "must", since it follows the name: {odd[0]}'


def _parsing_error(parse: Callable[[str], object], text: str) -> Exception | None:
    try:
        parse(text)
    except Exception as error:
        return error
    return None


def secrets(subject: Subject) -> Iterator[str]:
    """What an operator, a page or a log may show holds no secret."""
    provider = subject.provider
    shown = {
        "repr()": (repr(provider),),
        "browser_config()": (provider.browser_config(),),
        "describe_key()": (provider.describe_key(),),
        "warnings()": (provider.warnings(),),
        "snippets()": (dict(provider.snippets()),),
        "script_urls(), origins() or cookies()": (provider.script_urls(), provider.origins(), provider.cookies()),
    }
    for title, texts in shown.items():
        if name := subject.find_secret(*texts):
            yield f"{title} shows the value of {name}"
    if not any(variable.secret for variable in subject.provider.variables):
        yield "none of its variables is secret: declare the key with secret=True"
    if not provider.describe_key():
        yield "describe_key() must say which kind of key it is"
    if not are_texts(provider.warnings()):
        yield "warnings() must return a tuple of str"
