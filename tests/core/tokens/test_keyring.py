from __future__ import annotations

from pathlib import Path

import pytest

from widgetmw import Settings
from widgetmw.core.env.secret_file import WATCH_PERIOD
from widgetmw.core.events import Events
from widgetmw.core.tokens.keyring import Keyring

OLD, NEW = "old-key-" * 5, "new-key-" * 5


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(OLD)
    return path


def keyring(environ: dict[str, str], file: Path | None = None) -> Keyring:
    if file is not None:
        environ = {name: text for name, text in environ.items() if name != "DG_API_SECRET"}
        environ["DG_API_SECRET_FILE"] = str(file)
    return Keyring(Settings.from_env(environ).vendors, Events())


def test_keys_of_the_environment_are_not_watched(dg_env: dict[str, str]) -> None:
    ring = keyring(dg_env)
    ring.reload_if_due(0)
    assert (ring.watched, ring.version) == (False, 0)


def look_twice(ring: Keyring) -> None:
    for now in (0, WATCH_PERIOD):
        ring.reload_if_due(now)


def test_a_changed_file_makes_a_new_version(dg_env: dict[str, str], file: Path) -> None:
    ring = keyring(dg_env, file)
    before = ring.vendors
    ring.reload_if_due(0)
    assert (ring.watched, ring.version, ring.vendors) == (True, 0, before)
    file.write_text(NEW)
    ring.reload_if_due(WATCH_PERIOD)
    assert ring.version == 0
    ring.reload_if_due(2 * WATCH_PERIOD)
    assert ring.version == 1
    assert ring.vendors[0].provider.values["DG_API_SECRET"] == NEW.encode()


def test_the_other_vendors_keep_their_keys(env: dict[str, str], file: Path) -> None:
    ring = keyring(env, file)
    before = ring.vendors
    file.write_text(NEW)
    look_twice(ring)
    assert ring.vendors[0] is not before[0]
    assert ring.vendors[1:] == before[1:]


def test_a_malformed_file_leaves_the_version(
    dg_env: dict[str, str], file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ring = keyring(dg_env, file)
    file.write_text("-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----")
    look_twice(ring)
    assert ring.version == 0
    assert "DG_API_SECRET_FILE: the new content cannot be used: DG_API_SECRET must be" in caplog.text


def test_a_pair_that_changes_half_by_half_is_never_mixed(dg_env: dict[str, str], tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("DG_API_KEY", "DG_API_SECRET")}
    for name, file in files.items():
        file.write_text(f"old-{name}")
        dg_env[f"{name}_FILE"] = str(file)
        del dg_env[name]
    ring = keyring(dg_env)
    seen = []
    for turn, name in enumerate(["", "DG_API_KEY", "DG_API_SECRET", "", ""]):
        if name:
            files[name].write_text(f"new-{name}")
        ring.reload_if_due(turn * WATCH_PERIOD)
        values = ring.vendors[0].provider.values
        seen.append((values["DG_API_KEY"][:3], values["DG_API_SECRET"][:3].decode()))
    assert seen == [("old", "old")] * 3 + [("new", "new")] * 2
