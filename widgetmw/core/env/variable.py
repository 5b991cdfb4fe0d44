"""Environment variables: their names, their documentation, and the parsers of their values."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, cast

from widgetmw.core.env.secret_file import SecretFile
from widgetmw.core.errors import describe_error

Value = TypeVar("Value")

_DIGITS = re.compile(r"[0-9]{1,10}")
_QUOTES = ('""', "''", "``", "“”", "‘’")
# of a shell or a compose file, of Kubernetes, of a template, and of documentation
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}|\$\([^()]*\)|\{\{.*\}\}|…|\.\.\.")
_SECRET_PLACEHOLDER = re.compile(rf"{_PLACEHOLDER.pattern}|<[^<>]*>")
_BOOLEANS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)


@dataclass(frozen=True, slots=True)
class Variable(Generic[Value]):
    """A variable that can be set in the environment.

    Attributes:
        name: its name in the environment.
        help: one sentence for the table of settings.
        parse: turns the text into a value; raises ``ValueError`` with "must be …", never with the text.
        default: the value if the variable is not set; ``None`` if there is no default.
        default_text: the default as the table of settings shows it; empty: the default itself.
        required: the vendor is active only with this variable.
        from_file: the value may also come from the file that ``<name>_FILE`` names.
        secret: the value never leaves the process, and no value that does may contain it.
        watched: a changed file is picked up while the process runs. Not for a value that pages show or that configures
            their script, since that is read once, at startup.
    """

    name: str
    help: str
    parse: Callable[[str], Value]
    default: Value | None = None
    default_text: str = ""
    required: bool = False
    from_file: bool = False
    secret: bool = False
    watched: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The names that may be set: that of the variable, and that of its file."""
        return (self.name, f"{self.name}_FILE") if self.from_file else (self.name,)

    def parsed(self, text: str) -> Value:
        """Returns the value of a text.

        Raises:
            ValueError: the text is malformed; the message does not show it, whatever the parser raised.
        """
        try:
            return self.parse(text)
        except Exception as error:
            message = str(error)
            if not isinstance(error, ValueError) or repr(text.strip()) in message:  # int() shows the text like this
                message = f"cannot be parsed ({describe_error(error)})"
            raise ValueError(message) from None


class EnvReader:
    """Reads variables from an environment, and collects all problems on the way.

    Args:
        environ: texts by name; an empty text counts as not set.

    Attributes:
        texts: the texts that were read, by variable name.
        problems: one sentence per problem, which begins with the variable's name and shows no value.
        files: the watched files that were read.
        unusable: the vendors that have problems.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.texts: dict[str, str] = {}
        self.problems: list[str] = []
        self.files: list[SecretFile] = []
        self.unusable: set[str] = set()

    def has(self, variable: Variable[Any]) -> bool:
        """Whether the variable is set, directly or by a file."""
        return any(self.environ.get(name) for name in variable.names)

    def read(self, variable: Variable[Value]) -> Value:
        """Returns the value of a variable, or its default.

        If there is a problem, it is added to ``problems``, and the default is returned.
        """
        # the path first: if the mapping raises, no local variable holds a secret that an error reporter would record
        path = self.environ.get(f"{variable.name}_FILE", "") if variable.from_file else ""
        text, label = self.environ.get(variable.name, ""), variable.name
        try:
            if text and path:
                raise ValueError(f"and {variable.name}_FILE are both set; set one of them")
            if path:
                label = f"{variable.name}_FILE"
                refuse_value_for_path(path, variable.name)
                file = SecretFile(variable.name, path)
                text = file.read()
                if variable.watched and os.path.isfile(path):  # a pipe cannot be read again
                    self.files.append(replace(file, content=text))
            text.encode()  # bytes of the environment that are not UTF-8 become lone surrogates
            if text:
                if variable.secret:
                    refuse_odd_ends(text)
                if variable.secret or variable.required:
                    refuse_quotes(text.strip())
                    refuse_stand_in(text.strip(), variable)
                self.texts[variable.name] = text
                return variable.parsed(text)
        except UnicodeEncodeError:
            self.problems.append(f"{label} is not UTF-8 text")
        except ValueError as error:
            self.problems.append(f"{label} {error}")
        return cast(Value, variable.default)


def refuse_odd_ends(text: str) -> None:
    """Refuses white space or a byte-order mark around a secret: such a mistake would make every token invalid."""
    key = text.strip() if "-----BEGIN" in text else text
    if "\ufeff" in (key[0], key[-1]):
        raise ValueError("begins or ends with a byte-order mark; remove it")
    if key != key.strip():
        raise ValueError("begins or ends with white space or a line break; remove it")


def refuse_quotes(text: str) -> None:
    """Refuses a value in quotes, which a shell removes and an env file keeps."""
    if len(text) > 1 and text[0] + text[-1] in _QUOTES:
        raise ValueError("is in quotes, which count as a part of it; remove them")


def refuse_stand_in(text: str, variable: Variable[Any]) -> None:
    """Refuses a text that only says where the value should come from: a placeholder, or the path of a file."""
    if (_SECRET_PLACEHOLDER if variable.secret else _PLACEHOLDER).fullmatch(text):
        raise ValueError("is a placeholder that nothing has replaced; set the value itself")
    if variable.from_file and "/" in text and os.path.isfile(text):
        raise ValueError(f"is the path of a file; set {variable.name}_FILE to it instead")


def refuse_value_for_path(path: str, name: str) -> None:
    """Refuses the path of a secret's file if it is in quotes, or is the secret itself."""
    if "-----BEGIN" in path:
        raise ValueError(f"is a key, not the path of a file; set {name} to it instead")
    refuse_odd_ends(path)
    refuse_quotes(path)


def parse_bool(text: str) -> bool:
    """Parses ``true`` or ``false``, ``1`` or ``0``, ``yes`` or ``no``, ``on`` or ``off``."""
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def parse_int(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """Returns a parser of whole numbers of at least ``minimum``, and at most ``maximum`` if there is one."""
    bounds = f", {minimum} or more" if maximum is None else f" from {minimum} to {maximum}"

    def parse(text: str) -> int:
        # int() also accepts digits of other scripts, underscores and signs
        is_number = _DIGITS.fullmatch(text.strip())
        if not is_number or int(text) < minimum or (maximum is not None and int(text) > maximum):
            raise ValueError(f"must be a whole number{bounds}")
        return int(text)

    return parse


def parse_text(text: str) -> str:
    """Parses a text that pages and URLs show: printable, on one line."""
    text = text.strip()
    if not text or not text.isprintable():
        raise ValueError("must be printable text on one line")
    return text


def one_of(*choices: str) -> Callable[[str], str]:
    """Returns a parser of one of several words."""

    def parse(text: str) -> str:
        if text.strip() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text.strip()

    return parse


def comma_list(text: str) -> tuple[str, ...]:
    """Splits a comma-separated list; drops blanks around items, empty items and repetitions."""
    return tuple(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


def subset_of(choices: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """Returns a parser of comma-separated lists of known names."""

    def parse(text: str) -> tuple[str, ...]:
        names = comma_list(text)
        if not names or not set(names) <= set(choices):
            raise ValueError(f"must be a comma-separated list of {', '.join(choices)}")
        return names

    return parse


def regex(pattern: str, description: str) -> Callable[[str], str]:
    """Returns a parser of texts that match a regular expression as a whole.

    The description says what the text must be, as the end of the sentence "must be …".
    """
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        if not compiled.fullmatch(text.strip()):
            raise ValueError(f"must be {description}")
        return text.strip()

    return parse


def table(variables: Iterable[Variable[Any]]) -> str:
    """Renders variables as the Markdown table of the documentation."""
    rows = ["| variable | meaning | default |", "|---|---|---|"]
    for variable in variables:
        name = f"`{variable.name}`" + (" (or `_FILE`)" if variable.from_file else "")
        value = str(variable.default).lower() if isinstance(variable.default, bool) else variable.default
        default = "required" if variable.required else variable.default_text or (f"`{value}`" if value else "none")
        rows.append(f"| {name} | {variable.help} | {default} |")
    return "\n".join(rows) + "\n"
