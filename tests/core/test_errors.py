from __future__ import annotations

import re
import uuid
from types import TracebackType

import pytest

from widgetmw import SettingsError, User
from widgetmw.core.errors import ResolverError, WidgetError, describe_error


def test_settings_errors_list_every_problem_and_are_value_errors() -> None:
    error = SettingsError(["A is not set", "B must be a number"])
    assert isinstance(error, ValueError)
    assert error.problems == ("A is not set", "B must be a number")
    assert str(error) == "widgetmw cannot be configured:\n  - A is not set\n  - B must be a number"


def test_all_errors_share_a_base_class() -> None:
    assert issubclass(SettingsError, WidgetError)
    assert issubclass(ResolverError, WidgetError)


def test_an_error_is_described_by_type_and_place_and_never_by_its_text() -> None:
    description = ""
    try:
        {}["secret"]
    except KeyError as error:
        description = describe_error(error)
    assert description.startswith("KeyError at core/test_errors.py:")
    assert "secret" not in description


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert describe_error(ValueError("secret")) == "ValueError"


def test_the_innermost_line_outside_of_this_package_is_named_and_our_message_kept() -> None:
    with pytest.raises(TypeError) as caught:
        User(["secret"])  # type: ignore[arg-type]
    description = describe_error(caught.value)
    assert re.fullmatch(
        r"UserTypeError at core/test_errors.py:\d+: User.id must be a string, an int or a UUID, not list", description
    )


def test_an_error_that_only_this_package_has_seen_is_described_by_its_innermost_line() -> None:
    with pytest.raises(TypeError) as caught:
        User(["secret"])  # type: ignore[arg-type]
    assert caught.tb.tb_next is not None
    own = caught.value.with_traceback(caught.tb.tb_next)
    assert re.match(r"UserTypeError at identity/user.py:\d+: ", describe_error(own))
    assert describe_error(own) != describe_error(own.with_traceback(only(caught.tb.tb_next)))


def only(traceback: TracebackType) -> TracebackType:
    """Returns the outermost entry of a traceback alone."""
    return TracebackType(None, traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno)


def test_for_a_library_s_line_that_of_the_app_is_named_too() -> None:
    with pytest.raises(ValueError, match="badly formed") as caught:
        uuid.UUID("secret")
    assert re.fullmatch(
        r"ValueError at python[\d.]+/uuid.py:\d+, called from core/test_errors.py:\d+", describe_error(caught.value)
    )
