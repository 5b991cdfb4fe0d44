from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from widgetmw.core.env.secret_file import MAX_BYTES, WATCH_PERIOD, SecretFile, SecretFileWatcher
from widgetmw.core.events import Events


def write(path: Path, content: str | bytes) -> SecretFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return SecretFile("KEY", str(path), "old")


@pytest.mark.parametrize("content", ["value", "value\n", "value\r\n"])
def test_the_trailing_newline_is_not_part_of_the_value(tmp_path: Path, content: str) -> None:
    assert write(tmp_path / "key", content).read() == "value"


def test_only_one_trailing_newline_is_removed(tmp_path: Path) -> None:
    assert write(tmp_path / "key", " value \n\n").read() == " value \n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        (b"\xff", "is not UTF-8 text"),
        ("x" * (MAX_BYTES + 1), f"is larger than {MAX_BYTES} bytes"),
    ],
)
def test_an_unusable_content_is_described_but_not_shown(tmp_path: Path, content: str | bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        write(tmp_path / "key", content).read()


def test_a_missing_file_is_described_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^cannot be read \(No such file or directory\)$"):
        SecretFile("KEY", str(tmp_path / "missing")).read()


def test_a_pipe_is_not_read_a_second_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a regular file"):
        SecretFile("KEY", str(tmp_path / "pipe")).read(again=True)


def test_the_repr_shows_neither_path_nor_content(tmp_path: Path) -> None:
    assert repr(write(tmp_path / "key", "value")) == "SecretFile(variable='KEY')"


class Configure:
    """Records the contents that it is called with."""

    def __init__(self) -> None:
        self.calls: list[dict[str, str]] = []
        self.malformed = False

    def __call__(self, contents: Mapping[str, str]) -> str:
        self.calls.append(dict(contents))
        if self.malformed:
            raise ValueError("KEY must be better")
        return "configured"


def watcher(*files: SecretFile) -> tuple[SecretFileWatcher, Events]:
    events = Events()
    return SecretFileWatcher(files, events, "token"), events


def test_a_changed_content_is_passed_on_once(tmp_path: Path) -> None:
    watched, _ = watcher(write(tmp_path / "key", "new"))
    configure = Configure()
    assert watched.reload(0, configure) == "configured"
    assert watched.reload(WATCH_PERIOD, configure) is None
    assert configure.calls == [{"KEY": "new"}]


def test_an_unchanged_content_is_not_passed_on(tmp_path: Path) -> None:
    watched, events = watcher(write(tmp_path / "key", "old"))
    configure = Configure()
    assert watched.reload(0, configure) is None
    assert (configure.calls, dict(events.counts)) == ([], {})


def test_the_files_are_read_once_per_period(tmp_path: Path) -> None:
    watched, _ = watcher(write(tmp_path / "key", "old"))
    watched.reload(100, Configure())
    write(tmp_path / "key", "new")
    assert not watched.is_due(100 + WATCH_PERIOD - 0.1)
    assert watched.reload(100 + WATCH_PERIOD - 0.1, Configure()) is None
    assert watched.is_due(100 + WATCH_PERIOD)
    assert watched.reload(100 + WATCH_PERIOD, Configure()) == "configured"


def test_the_files_are_read_again_after_the_clock_was_set_back(tmp_path: Path) -> None:
    watched, _ = watcher(write(tmp_path / "key", "old"))
    watched.reload(1_000_000, Configure())
    assert watched.is_due(500_000)


def test_a_watcher_without_files_is_never_due() -> None:
    assert not watcher()[0].is_due(0)


def test_files_of_one_vendor_change_together(tmp_path: Path) -> None:
    key, secret = write(tmp_path / "key", "old"), SecretFile("SECRET", str(tmp_path / "secret"), "old")
    (tmp_path / "secret").write_text("new")
    configure = Configure()
    watched, _ = watcher(key, secret)
    watched.reload(0, configure)
    assert configure.calls == [{"KEY": "old", "SECRET": "new"}]


def test_a_file_that_is_missing_for_a_moment_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched, events = watcher(write(tmp_path / "key", "old"))
    (tmp_path / "key").unlink()
    for turn in range(3):
        assert watched.reload(turn * WATCH_PERIOD, Configure()) is None
    assert events.counts["token:key_file_unreadable"] == 3
    (record,) = caplog.records
    assert "KEY_FILE cannot be read" in record.getMessage()
    write(tmp_path / "key", "new")
    assert watched.reload(9 * WATCH_PERIOD, Configure()) == "configured"


def test_a_malformed_content_is_reported_once_and_tried_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched, events = watcher(write(tmp_path / "key", "secret-text"))
    configure = Configure()
    configure.malformed = True
    for turn in range(3):
        assert watched.reload(turn * WATCH_PERIOD, configure) is None
    assert len(configure.calls) == events.counts["token:key_file_malformed"] == 1
    (record,) = caplog.records
    assert "KEY_FILE: the new content cannot be used: KEY must be better" in record.getMessage()
    assert "secret-text" not in caplog.text
