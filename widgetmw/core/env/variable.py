"""One environment variable: its name, what it means, and how its text becomes a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from widgetmw.core.env.secret_file import SecretFile

_DIGITS = re.compile(r"[0-9]{1,10}")
_BOOLEANS = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that the environment may set.

    Attributes:
        name: as it stands in the environment.
        help: one sentence for the table of settings.
        parse: turns the text into a value; raises ``ValueError`` with "must be …", never with the text.
        default: the value where the variable is not set; ``None`` where there is none.
        default_text: the default as the table shows it.
        required: its vendor is active only with it.
        from_file: may come as ``<name>_FILE`` too.
        secret: never leaves the process; must not stand in any value that does.
        watched: belongs to a key, so that a change of its file counts while the process runs, as a secret's does.
    """

    name: str
    help: str
    parse: Callable[[str], Any]
    default: Any = None
    default_text: str = "none"
    required: bool = False
    from_file: bool = False
    secret: bool = False
    watched: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it may come by."""
        return (self.name, f"{self.name}_FILE") if self.from_file else (self.name,)


class EnvReader:
    """Reads variables out of an environment and keeps every problem it meets.

    Args:
        environ: names and texts; an empty text counts as not set.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []
        self.files: list[SecretFile] = []

    def has(self, variable: Variable) -> bool:
        """Whether the environment sets it, directly or as a file."""
        return bool(self._environ.get(variable.name)) or bool(self._file(variable))

    def names(self) -> Iterable[str]:
        """Returns the names that the environment holds."""
        return self._environ.keys()

    def _file(self, variable: Variable) -> str:
        return self._environ.get(f"{variable.name}_FILE", "") if variable.from_file else ""

    def text(self, variable: Variable) -> str:
        """Returns the text, from the environment or the file; empty where there is none.

        Raises:
            ValueError: both are set, or the file cannot be read.
        """
        text, path = self._environ.get(variable.name, ""), self._file(variable)
        if text and path:
            raise ValueError(f"and {variable.name}_FILE are both set; set one of them")
        if not path and not _is_utf8(text):
            raise ValueError("is not UTF-8 text")
        return SecretFile(variable.name, path).read() if path else text

    def read(self, variable: Variable) -> Any:
        """Returns the value, or the default; after a problem the default too, and the problem is kept."""
        path = self._file(variable)
        try:
            text = self.text(variable)
            if path and (variable.secret or variable.watched):
                self.files.append(SecretFile(variable.name, path, text))
            return variable.parse(text) if text else variable.default
        except ValueError as error:
            both = path and self._environ.get(variable.name)
            self.problems.append(f"{variable.name}{'_FILE' if path and not both else ''} {error}")
            return variable.default


def _is_utf8(text: str) -> bool:
    # bytes of the environment that are not UTF-8 come as lone surrogates
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse_bool(text: str) -> bool:
    """Parses a yes or no."""
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def parse_int(low: int) -> Callable[[str], int]:
    """Makes the parser of a whole number of at least ``low``."""

    def parse(text: str) -> int:
        # int() would also take other scripts' digits, underscores and signs
        if not _DIGITS.fullmatch(text.strip()) or int(text) < low:
            raise ValueError(f"must be a whole number, {low} or more")
        return int(text)

    return parse


def one_of(*choices: str) -> Callable[[str], str]:
    """Makes the parser of a choice."""

    def parse(text: str) -> str:
        if text.strip() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text.strip()

    return parse


def comma_list(text: str) -> tuple[str, ...]:
    """Parses a comma list; blanks around the items and empty items go, a repeated item counts once."""
    return tuple(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


def subset_of(choices: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """Makes the parser of a comma list of known names."""

    def parse(text: str) -> tuple[str, ...]:
        names = comma_list(text)
        if not names or not set(names) <= set(choices):
            raise ValueError(f"must be a comma list of {', '.join(choices)}")
        return names

    return parse


def parse_text(text: str) -> str:
    """Parses a text that is shown in pages and URLs: printable, on one line."""
    text = text.strip()
    if not text or not text.isprintable():
        raise ValueError("must be printable text on one line")
    return text


def regex(pattern: str, wanted: str) -> Callable[[str], str]:
    """Makes the parser of a text that fits a regular expression as a whole."""
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        if not compiled.fullmatch(text.strip()):
            raise ValueError(f"must be {wanted}")
        return text.strip()

    return parse


def table(variables: Iterable[Variable]) -> str:
    """Renders variables as the Markdown table of the documentation."""
    rows = ["| variable | meaning | default |", "|---|---|---|"]
    for variable in variables:
        name = f"`{variable.name}`" + (" (or `_FILE`)" if variable.from_file else "")
        rows.append(f"| {name} | {variable.help} | {'required' if variable.required else variable.default_text} |")
    return "\n".join(rows) + "\n"
