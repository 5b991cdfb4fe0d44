from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from widgetmw.core.env import secret_file
from widgetmw.core.env.secret_file import MAX_BYTES, MAX_DELAY, WATCH_PERIOD, SecretFile, SecretFileWatcher
from widgetmw.core.events import Events


def write(path: Path, content: str | bytes) -> SecretFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return SecretFile("KEY", str(path), "old")


@pytest.mark.parametrize("content", ["value", "value\n", "value\r\n"])
def test_the_trailing_newline_is_not_part_of_the_value(tmp_path: Path, content: str) -> None:
    assert write(tmp_path / "key", content).read() == "value"


def test_blanks_within_a_line_and_lines_of_a_longer_text_are_part_of_the_value(tmp_path: Path) -> None:
    assert write(tmp_path / "key", " value \n").read() == " value "
    assert write(tmp_path / "key", "-----BEGIN\nx\n-----END\n\n").read() == "-----BEGIN\nx\n-----END\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ("\r\n\n", "is empty"),
        (b"\xff", "is not UTF-8 text"),
        ("value".encode("utf-16-le"), "holds a NUL, so it is not complete or not UTF-8 text"),
        ("\ufeffvalue\n", "begins with a byte-order mark; save it without one"),
        ("value\n\n", "has a blank line before or after the value"),
        ("value\r\n\r\n", "has a blank line before or after the value"),
        ("\nvalue\n", "has a blank line before or after the value"),
        ("x" * (MAX_BYTES + 1), f"is larger than {MAX_BYTES} bytes"),
    ],
)
def test_an_unusable_content_is_described_but_not_shown(tmp_path: Path, content: str | bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        write(tmp_path / "key", content).read()


def test_a_missing_file_is_described_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^cannot be read \(No such file or directory\)$"):
        SecretFile("KEY", str(tmp_path / "missing")).read()


def test_a_missing_file_with_a_relative_path_is_said_to_be_relative() -> None:
    with pytest.raises(ValueError, match="the path is relative to the directory the process runs in") as caught:
        SecretFile("KEY", "missing-folder/key").read()
    assert "missing-folder" not in str(caught.value)


def test_a_pipe_is_not_read_a_second_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a regular file"):
        SecretFile("KEY", str(tmp_path / "pipe")).read(again=True)


def test_a_pipe_without_a_writer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_file, "PIPE_TIMEOUT", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"^is a pipe that nobody wrote to the end within 0\.1 seconds$"):
        SecretFile("KEY", str(tmp_path / "pipe")).read()


def test_a_pipe_that_is_written_slowly_is_read_to_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    def write_slowly() -> None:
        with (tmp_path / "pipe").open("w") as pipe:
            for part in ("first ", "second", "\n"):
                pipe.write(part)
                pipe.flush()
                time.sleep(0.05)

    writer = Thread(target=write_slowly)
    writer.start()
    assert SecretFile("KEY", str(tmp_path / "pipe")).read() == "first second"
    writer.join()


def test_a_pipe_that_never_ends_is_given_up_when_it_is_too_large(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    def write_for_ever() -> None:
        with suppress(BrokenPipeError), (tmp_path / "pipe").open("wb", buffering=0) as pipe:
            while True:
                pipe.write(b"x" * 4096)

    writer = Thread(target=write_for_ever)
    writer.start()
    with pytest.raises(ValueError, match="is larger than"):
        SecretFile("KEY", str(tmp_path / "pipe")).read()
    writer.join()


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_a_device_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"^is neither a file nor a pipe$"):
        SecretFile("KEY", path).read()


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^cannot be read \(Is a directory\)$"):
        SecretFile("KEY", str(tmp_path)).read()


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


def test_a_change_is_passed_on_once_when_two_looks_have_seen_it(tmp_path: Path) -> None:
    watched, _ = watcher(write(tmp_path / "key", "new"))
    configure = Configure()
    results = [watched.reload(turn * WATCH_PERIOD, configure) for turn in range(4)]
    assert results == [None, "configured", None, None]
    assert configure.calls == [{"KEY": "new"}]


def test_a_change_is_logged_with_the_name_of_its_variable_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    changed, same = write(tmp_path / "key", "new-text"), write(tmp_path / "same", "old")
    watched, _ = watcher(changed, replace(same, variable="SAME"))
    for turn in range(4):
        watched.reload(turn * WATCH_PERIOD, Configure())
    (record,) = caplog.records
    assert record.getMessage() == "widgetmw: token: key_changed: KEY_FILE: the new content is in use"
    assert record.levelno == logging.INFO


def test_a_content_that_is_still_being_written_is_not_passed_on(tmp_path: Path) -> None:
    watched, _ = watcher(write(tmp_path / "key", "old"))
    configure = Configure()
    for turn, content in enumerate(["ne", "new", "new-key", "new-key"]):
        assert configure.calls == []
        write(tmp_path / "key", content)
        watched.reload(turn * WATCH_PERIOD, configure)
    assert configure.calls == [{"KEY": "new-key"}]


def test_a_change_of_long_ago_is_passed_on_at_the_first_look(tmp_path: Path) -> None:
    watched, _ = watcher(write(tmp_path / "key", "new"))
    assert watched.reload(time.time() + 2 * MAX_DELAY, Configure()) == "configured"


def test_a_link_that_was_just_moved_to_an_old_file_is_looked_at_twice(tmp_path: Path) -> None:
    write(tmp_path / "target", "new")
    old = time.time() - 3600
    os.utime(tmp_path / "target", (old, old))
    (tmp_path / "key").symlink_to(tmp_path / "target")
    watched, _ = watcher(SecretFile("KEY", str(tmp_path / "key"), "old"))
    now = time.time()
    assert watched.reload(now, Configure()) is None
    assert watched.reload(now + WATCH_PERIOD, Configure()) == "configured"


def test_an_unchanged_content_is_not_passed_on(tmp_path: Path) -> None:
    watched, events = watcher(write(tmp_path / "key", "old"))
    configure = Configure()
    assert [watched.reload(turn * WATCH_PERIOD, configure) for turn in range(3)] == [None] * 3
    assert (configure.calls, dict(events.counts)) == ([], {})


def test_the_files_are_read_once_per_period(tmp_path: Path) -> None:
    watched, _ = watcher(write(tmp_path / "key", "new"))
    watched.reload(100, Configure())
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


def test_a_pair_is_passed_on_when_both_files_are_stable(tmp_path: Path) -> None:
    key, secret = write(tmp_path / "key", "old"), write(tmp_path / "secret", "old")
    configure = Configure()
    watched, _ = watcher(key, replace(secret, variable="SECRET"))
    write(tmp_path / "key", "new")
    watched.reload(0, configure)
    write(tmp_path / "secret", "new")
    watched.reload(WATCH_PERIOD, configure)
    assert configure.calls == []
    watched.reload(2 * WATCH_PERIOD, configure)
    assert configure.calls == [{"KEY": "new", "SECRET": "new"}]


def test_a_pair_of_which_one_file_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    key, secret = write(tmp_path / "key", "old"), write(tmp_path / "secret", "old")
    configure = Configure()
    watched, _ = watcher(key, replace(secret, variable="SECRET"))
    write(tmp_path / "key", "new")
    for turn, content in enumerate(["new\n\n", "\ufeffnew", "", "new", "new"]):
        assert configure.calls == []
        write(tmp_path / "secret", content)
        watched.reload(turn * WATCH_PERIOD, configure)
    assert configure.calls == [{"KEY": "new", "SECRET": "new"}]


def test_a_file_that_is_missing_for_a_moment_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched, events = watcher(write(tmp_path / "key", "old"))
    (tmp_path / "key").unlink()
    for turn in range(3):
        assert watched.reload(turn * WATCH_PERIOD, Configure()) is None
    assert events.counts["token:key_file_unreadable"] == 3
    (record,) = caplog.records
    assert "KEY_FILE cannot be read" in record.getMessage()
    assert record.getMessage().endswith("; the current content stays in use")
    write(tmp_path / "key", "new")
    assert watched.reload(8 * WATCH_PERIOD, Configure()) is None
    assert watched.reload(9 * WATCH_PERIOD, Configure()) == "configured"


def test_every_outage_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched, _ = watcher(write(tmp_path / "key", "old"))
    for turn, content in enumerate([None, None, "old", None, "", "", "old", ""]):
        (tmp_path / "key").unlink(missing_ok=True)
        if content is not None:
            write(tmp_path / "key", content)
        watched.reload(turn * WATCH_PERIOD, Configure())
    outages = [record.getMessage().rpartition("KEY_FILE ")[2][:8] for record in caplog.records]
    assert outages == ["cannot b", "cannot b", "is empty", "is empty"]


def test_an_interruption_leaves_no_frame_that_holds_the_contents(tmp_path: Path) -> None:
    def interrupted(contents: Mapping[str, str]) -> None:
        raise KeyboardInterrupt

    watched, _ = watcher(write(tmp_path / "key", "new"))
    watched.reload(0, interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        watched.reload(WATCH_PERIOD, interrupted)
    assert "new" not in str([frame.f_locals for frame, _ in list(traceback.walk_tb(caught.tb))[1:]])


def test_a_malformed_content_is_reported_once_and_tried_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched, events = watcher(write(tmp_path / "key", "secret-text"))
    configure = Configure()
    configure.malformed = True
    for turn in range(4):
        assert watched.reload(turn * WATCH_PERIOD, configure) is None
    assert len(configure.calls) == events.counts["token:key_file_malformed"] == 1
    (record,) = caplog.records
    assert (
        "KEY_FILE: the new content cannot be used: KEY must be better; the current one stays in use"
        in record.getMessage()
    )
    assert "secret-text" not in caplog.text
