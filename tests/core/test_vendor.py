"""Which vendors are active, and every problem of their variables by name."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.core.test_settings import problems, the_problem
from widgetmw import Settings
from widgetmw.core.env import secret_file
from widgetmw.core.vendor import ConfiguredVendor
from widgetmw.providers.digitalgenius import DigitalGenius


def test_all_four_vendors_in_their_order(env: dict[str, str]) -> None:
    assert Settings.from_env(env).providers == ("digitalgenius", "hissuno", "orlo", "giosg")


@pytest.mark.parametrize("name", ["DG_API_KEY", "DG_API_SECRET", "DG_WIDGET_ID"])
def test_a_vendor_with_some_of_its_variables_names_the_missing(dg_env: dict[str, str], name: str) -> None:
    del dg_env[name]
    assert the_problem(dg_env).startswith(f"{name} is not set")


def test_a_missing_secret_may_also_come_from_a_file(dg_env: dict[str, str]) -> None:
    del dg_env["DG_API_SECRET"]
    assert the_problem(dg_env).startswith(
        "DG_API_SECRET is not set, and digitalgenius needs it (or DG_API_SECRET_FILE)"
    )


def test_a_vendor_that_is_named_but_not_configured_is_a_problem(dg_env: dict[str, str]) -> None:
    found = problems({**dg_env, "WIDGETMW_PROVIDERS": "digitalgenius,hissuno"})
    assert [p.split()[0] for p in found] == ["HISSUNO_PROJECT_ID", "HISSUNO_SECRET_KEY"]


def test_a_lifetime_alone_does_not_activate_a_vendor(dg_env: dict[str, str]) -> None:
    assert Settings.from_env({**dg_env, "HISSUNO_TOKEN_TTL": "60"}).providers == ("digitalgenius",)


def test_providers_limits_and_orders(env: dict[str, str]) -> None:
    assert Settings.from_env({**env, "WIDGETMW_PROVIDERS": " giosg , hissuno "}).providers == (
        "giosg",
        "hissuno",
    )


def test_vendors_outside_of_providers_are_not_read(env: dict[str, str]) -> None:
    env.update(WIDGETMW_PROVIDERS="digitalgenius", ORLO_PRIVATE_KEY="broken", GIOSG_TOKEN_TTL="x")
    assert Settings.from_env(env).providers == ("digitalgenius",)


def test_a_secret_from_a_file_without_its_newline(dg_env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(dg_env.pop("DG_API_SECRET") + "\n")
    settings = Settings.from_env({**dg_env, "DG_API_SECRET_FILE": str(file)})
    assert [f.variable for f in settings.vendors[0].files] == ["DG_API_SECRET"]


def test_both_a_value_and_a_file_is_a_problem(dg_env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("other")
    assert "DG_API_SECRET and DG_API_SECRET_FILE" in the_problem({**dg_env, "DG_API_SECRET_FILE": str(file)})


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_an_unusable_file_is_named_without_its_path(
    dg_env: dict[str, str], tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "hidden-name"
    if content is not None:
        file.write_bytes(content)
    del dg_env["DG_API_SECRET"]
    found = problems({**dg_env, "DG_API_SECRET_FILE": str(file)})
    assert found[0].startswith("DG_API_SECRET_FILE ")
    assert "hidden-name" not in "".join(found)


@pytest.mark.parametrize("name", ["HISSUNO_PROJECT_ID", "HISSUNO_API_URL"])
def test_a_secret_pasted_where_pages_show_it_is_refused(env: dict[str, str], name: str) -> None:
    secret = env["HISSUNO_SECRET_KEY"]
    env[name] = secret if name.endswith("ID") else f"https://a.example/{secret}/chat"
    problem = the_problem(env)
    assert problem.startswith(f"{name} must not hold a secret")
    assert secret not in problem


def pem(key: Any, encryption: Any = None) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


def test_only_rsa_private_keys_of_2048_bits_and_more(env: dict[str, str], rsa_public_pem: str, rsa_key: Any) -> None:
    bad = {
        "elliptic": pem(ec.generate_private_key(ec.SECP256R1())),
        "short": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        "public": rsa_public_pem,
        "encrypted": pem(rsa_key, BestAvailableEncryption(b"pass")),
        "cut": env["ORLO_PRIVATE_KEY"][:300],
    }
    for kind, key in bad.items():
        assert the_problem({**env, "ORLO_PRIVATE_KEY": key}).startswith("ORLO_PRIVATE_KEY must"), kind


def test_a_pem_with_escaped_line_breaks_as_env_files_have_it(env: dict[str, str]) -> None:
    env["ORLO_PRIVATE_KEY"] = env["ORLO_PRIVATE_KEY"].replace("\n", "\\n")
    assert "orlo" in Settings.from_env(env).providers


def test_a_placeholder_without_its_value_is_a_problem(env: dict[str, str]) -> None:
    del env["ORLO_WIDGET_ID"]
    env["ORLO_MOBILE_URL"] = "https://m.example/WIDGET_ID?t=JWT_TOKEN"
    assert the_problem(env).startswith("ORLO_WIDGET_ID")


def test_a_data_snippet_without_the_placeholder_is_a_problem(env: dict[str, str]) -> None:
    env["ORLO_CUSTOMER_DATA_SNIPPET"] = "hello();"
    assert the_problem(env).startswith("ORLO_CUSTOMER_DATA_SNIPPET must hold the placeholder")


@pytest.mark.parametrize("name", ["DG_WIDGET_ID", "ORLO_WIDGET_ID", "GIOSG_ROOM_ID", "HISSUNO_PROJECT_ID"])
def test_no_vendors_secret_may_stand_in_anothers_public_value(env: dict[str, str], name: str) -> None:
    env[name] = env["GIOSG_SIGNING_KEY"]
    assert the_problem(env).startswith(f"{name} must not hold a secret")


def test_a_short_secret_is_compared_as_a_whole(dg_env: dict[str, str]) -> None:
    dg_env.update(DG_API_SECRET="abc", DG_WIDGET_ID="abc")
    assert the_problem(dg_env).startswith("DG_WIDGET_ID must not hold a secret")


@pytest.mark.parametrize("name", ["DG_TOKEN_TTL", "DG_ENV", "GIOSG_URL_ALGORITHM", "ORLO_TOKEN_TTL"])
def test_a_malformed_value_of_a_vendor_that_is_not_set_up_is_a_problem_too(name: str) -> None:
    assert the_problem({name: "nonsense"}).startswith(name)


def test_a_blank_secret_is_refused(dg_env: dict[str, str]) -> None:
    assert the_problem({**dg_env, "DG_API_SECRET": "   "}).startswith("DG_API_SECRET")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_is_read_once(dg_env: dict[str, str]) -> None:
    secret = dg_env.pop("DG_API_SECRET")
    reading, writing = os.pipe()
    os.write(writing, secret.encode())
    os.close(writing)
    try:
        assert Settings.from_env({**dg_env, "DG_API_SECRET_FILE": f"/dev/fd/{reading}"}).active
    finally:
        os.close(reading)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_named_pipe_is_read_once_and_never_watched(dg_env: dict[str, str], tmp_path: Path) -> None:
    secret, pipe = dg_env.pop("DG_API_SECRET"), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=(secret,))
    writer.start()
    (vendor,) = Settings.from_env({**dg_env, "DG_API_SECRET_FILE": str(pipe)}).vendors
    writer.join()
    assert (vendor.provider.values["DG_API_SECRET"], vendor.files) == (secret.encode(), ())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_named_pipe_without_a_writer_does_not_block_the_start(
    dg_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_file, "PIPE_TIMEOUT", 0.1)
    del dg_env["DG_API_SECRET"]
    os.mkfifo(tmp_path / "pipe")
    found = the_problem({**dg_env, "DG_API_SECRET_FILE": str(tmp_path / "pipe")})
    assert found.startswith("DG_API_SECRET_FILE is a pipe that nobody wrote to the end")


def test_new_contents_make_a_new_vendor(dg_env: dict[str, str]) -> None:
    (vendor,) = Settings.from_env(dg_env).vendors
    changed = vendor.with_contents({"DG_API_SECRET": "another-secret-of-32-bytes-or-so"})
    assert isinstance(changed, ConfiguredVendor)
    assert changed.provider.values["DG_API_SECRET"] == b"another-secret-of-32-bytes-or-so"
    assert changed.provider.values["DG_API_KEY"] == vendor.provider.values["DG_API_KEY"]
    assert repr(changed) == "ConfiguredVendor(<DigitalGenius>)"
    with pytest.raises(ValueError, match=r"^DG_API_SECRET begins or ends with white space"):
        vendor.with_contents({"DG_API_SECRET": " "})


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("cookies", ("a b",)),
        ("cookies", ("a=1",)),
        ("cookies", (1,)),
        ("cookies", "acme_id"),
        ("script_urls", "https://a.example/loader.js"),
        ("origins", ("https://a.example",)),
    ],
)
def test_what_a_vendor_returns_in_the_wrong_form_is_named(
    dg_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, method: str, value: tuple[Any, ...]
) -> None:
    monkeypatch.setattr(DigitalGenius, method, lambda self: value)
    assert the_problem(dg_env).startswith(f"digitalgenius cannot be configured: {method}() must return")
