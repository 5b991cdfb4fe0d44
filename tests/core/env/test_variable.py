from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from widgetmw.core.env.variable import (
    EnvReader,
    Variable,
    comma_list,
    one_of,
    parse_bool,
    parse_int,
    parse_text,
    regex,
    subset_of,
    table,
)

PLAIN = Variable("PLAIN", "a text", parse_text, "standard")
KEY = Variable("KEY", "signs", parse_text, required=True, from_file=True, secret=True)
NAME = Variable("NAME", "a name", parse_text, from_file=True)
SNIPPET = Variable("SNIPPET", "a script of pages", parse_text, from_file=True, watched=False)

PARSED: list[tuple[Callable[[str], Any], str, Any]] = [
    (parse_bool, " True ", True),
    (parse_bool, "off", False),
    (parse_int(0), "0", 0),
    (parse_int(1), " 12 ", 12),
    (parse_int(1, 900), "900", 900),
    (parse_text, " a b ", "a b"),
    (one_of("a", "b"), "b", "b"),
    (comma_list, " a,, b ,a", ("a", "b")),
    (comma_list, ",", ()),
    (subset_of(("a", "b")), "b,a", ("b", "a")),
    (regex("[a-z]+", "letters"), " abc ", "abc"),
]
REFUSED: list[tuple[Callable[[str], Any], str, str]] = [
    (parse_bool, "maybe", "must be true or false"),
    (parse_int(1), "0", "must be a whole number, 1 or more"),
    (parse_int(1, 900), "901", "must be a whole number from 1 to 900"),
    (parse_int(0), "+1", "must be a whole number, 0 or more"),
    (parse_int(0), "1_000", "must be a whole number, 0 or more"),
    (parse_int(0), "１", "must be a whole number, 0 or more"),
    (parse_int(0), "9" * 11, "must be a whole number, 0 or more"),
    (parse_text, "a\nb", "must be printable text on one line"),
    (parse_text, " ", "must be printable text on one line"),
    (one_of("a", "b"), "c", "must be one of a, b"),
    (subset_of(("a", "b")), "a,c", "must be a comma-separated list of a, b"),
    (subset_of(("a", "b")), ",", "must be a comma-separated list of a, b"),
    (regex("[a-z]+", "letters"), "abc1", "must be letters"),
]


@pytest.mark.parametrize(("parse", "text", "value"), PARSED)
def test_a_text_becomes_a_value(parse: Callable[[str], Any], text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text", "problem"), REFUSED)
def test_a_malformed_text_is_refused_without_showing_it(parse: Callable[[str], Any], text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse(text)
    assert str(caught.value) == problem


def test_the_default_stands_for_what_is_not_set_or_empty() -> None:
    for environ in ({}, {"PLAIN": ""}):
        reader = EnvReader(environ)
        assert (reader.read(PLAIN), reader.has(PLAIN), reader.problems) == ("standard", False, [])


def test_a_problem_names_the_variable_and_leaves_the_default() -> None:
    reader = EnvReader({"PLAIN": "shown\n"})
    assert reader.read(PLAIN) == "shown"  # blanks around the text do not count
    reader = EnvReader({"PLAIN": "shown\nshown"})
    assert reader.read(PLAIN) == "standard"
    assert reader.problems == ["PLAIN must be printable text on one line"]


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("value\n")
    reader = EnvReader({"KEY_FILE": str(tmp_path / "key"), "PLAIN_FILE": str(tmp_path / "key")})
    assert (reader.read(KEY), reader.has(KEY)) == ("value", True)
    assert reader.has(PLAIN) is False, "this variable cannot come from a file"


def test_the_file_of_every_value_is_watched_except_where_the_variable_says_no(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("value")
    reader = EnvReader({f"{name}_FILE": str(tmp_path / "file") for name in ("KEY", "NAME", "SNIPPET")})
    for variable in (KEY, NAME, SNIPPET):
        reader.read(variable)
    assert [(file.variable, file.content) for file in reader.files] == [("KEY", "value"), ("NAME", "value")]


def test_a_value_and_a_file_are_a_problem(tmp_path: Path) -> None:
    reader = EnvReader({"KEY": "value", "KEY_FILE": str(tmp_path / "key")})
    reader.read(KEY)
    assert reader.problems == ["KEY and KEY_FILE are both set; set one of them"]


def test_a_file_that_cannot_be_read_is_named_by_its_variable(tmp_path: Path) -> None:
    reader = EnvReader({"KEY_FILE": str(tmp_path / "missing")})
    reader.read(KEY)
    assert reader.problems == ["KEY_FILE cannot be read (No such file or directory)"]


def test_bytes_of_the_environment_that_are_not_utf8_are_a_problem() -> None:
    reader = EnvReader({"PLAIN": "\udcff"})
    reader.read(PLAIN)
    assert reader.problems == ["PLAIN is not UTF-8 text"]


@pytest.mark.parametrize("parse", [int, {"a": 1}.__getitem__])
def test_a_parser_of_somebody_else_shows_no_value_either(parse: Callable[[str], Any]) -> None:
    reader = EnvReader({"PART": "secret-text"})
    reader.read(Variable("PART", "a number", parse))
    (problem,) = reader.problems
    assert problem.startswith("PART cannot be parsed (")
    assert "secret-text" not in problem


def test_the_table_shows_each_default() -> None:
    variables = (
        PLAIN,
        KEY,
        Variable("FLAG", "a flag", parse_bool, False),
        Variable("SOME", "a list", comma_list, ()),
        Variable("PART", "a number", parse_int(0), default_text="a fifth"),
    )
    assert table(variables).splitlines()[2:] == [
        "| `PLAIN` | a text | `standard` |",
        "| `KEY` (or `_FILE`) | signs | required |",
        "| `FLAG` | a flag | `false` |",
        "| `SOME` | a list | none |",
        "| `PART` | a number | a fifth |",
    ]
