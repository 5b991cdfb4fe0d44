from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from widgetmw import SettingsError
from widgetmw.core.config_overlay import merge_config, variable_names


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (True, "true"),
        (False, "false"),
        (60, "60"),
        (1.5, "1.5"),
        (Path("/run/key"), "/run/key"),
        (["/a", "/b"], "/a,/b"),
        (("/a",), "/a"),
    ],
)
def test_a_value_becomes_the_text_of_the_environment(value: Any, text: str) -> None:
    assert merge_config({}, {"WIDGETMW_EXCLUDE": value}) == {"WIDGETMW_EXCLUDE": text}


def test_the_configuration_overrides_the_environment() -> None:
    environ = {"WIDGETMW_PATH": "/env", "PATH": "/bin"}
    assert merge_config(environ, {"WIDGETMW_PATH": "/config", "SECRET_KEY": "x"}) == {
        "WIDGETMW_PATH": "/config",
        "PATH": "/bin",
    }
    assert environ["WIDGETMW_PATH"] == "/env"


def test_none_removes_a_variable_and_its_file() -> None:
    environ = {"DG_API_KEY": "k", "DG_API_SECRET_FILE": "/run/secret"}
    assert merge_config(environ, {"DG_API_KEY": None, "DG_API_SECRET": None}) == {}


def test_a_value_overrides_the_file_and_the_other_way_round() -> None:
    assert merge_config({"DG_API_KEY_FILE": "/a"}, {"DG_API_KEY": "k"}) == {"DG_API_KEY": "k"}
    assert merge_config({"DG_API_KEY": "k"}, {"DG_API_KEY_FILE": "/a"}) == {"DG_API_KEY_FILE": "/a"}


def test_both_in_the_configuration_are_left_to_the_settings() -> None:
    config = {"DG_API_KEY": "k", "DG_API_KEY_FILE": "/a"}
    assert merge_config({}, config) == config


def test_values_of_other_types_are_problems_that_show_no_value() -> None:
    with pytest.raises(SettingsError) as caught:
        merge_config({}, {"WIDGETMW_PATH": {"shown": 1}, "DG_API_KEY": b"shown", "WIDGETMW_EXCLUDE": [1]})
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "WIDGETMW_PATH",
        "DG_API_KEY",
        "WIDGETMW_EXCLUDE",
    ]
    assert "shown" not in str(caught.value)


def test_which_names_are_variables() -> None:
    ours = {"WIDGETMW_TYPO": "x", "ORLO_PRIVATE_KEY_FILE": "x"}  # the first is reported as unknown
    config: dict[Any, str] = {**ours, "SECRET_KEY": "x", 7: "x"}
    assert merge_config({}, config) == ours
    assert {"WIDGETMW_PROXY", "GIOSG_ROOM_ID"} <= variable_names()


def test_the_dict_that_only_django_reads_is_refused() -> None:
    with pytest.raises(SettingsError, match="WIDGETMW is not read here; set WIDGETMW_DELIVERY"):
        merge_config({}, {"WIDGETMW": {"DELIVERY": "fetch"}})
