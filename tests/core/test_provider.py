from __future__ import annotations

import zipfile
from importlib import import_module
from pathlib import Path

import pytest

from widgetmw import User
from widgetmw.core.env.variable import Variable, parse_text
from widgetmw.core.provider import MintedToken, Provider
from widgetmw.core.registry import load_provider, registered_names

SOURCE = """
from widgetmw.provider import MintedToken, Provider
class Vendor(Provider):
    name = "acme"
    variables = ()
    def mint(self, user, issued_at, expires_at): return MintedToken("t")
    def verify(self, token, user): pass
    def describe_key(self): return "no key"
"""


def load(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> type[Provider]:
    monkeypatch.syspath_prepend(str(folder))
    provider: type[Provider] = import_module(module).Vendor
    return provider


def test_the_script_has_the_name_of_the_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_one.py").write_text(SOURCE)
    (tmp_path / "acme_one.js").write_text("// é", encoding="utf-8")
    assert load(tmp_path, monkeypatch, "acme_one").script_source() == "// é"


def test_the_script_stands_beside_the_module_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_two").mkdir()
    (tmp_path / "acme_two" / "__init__.py").write_text(SOURCE)
    (tmp_path / "acme_two" / "acme_two.js").write_text("// two")
    assert load(tmp_path, monkeypatch, "acme_two").script_source() == "// two"


def test_the_script_may_have_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_three.py").write_text(SOURCE + "    script = 'three.js'\n")
    (tmp_path / "three.js").write_text("// three")
    assert load(tmp_path, monkeypatch, "acme_three").script_source() == "// three"


def test_the_script_may_stand_in_a_zip_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "acme.zip", "w") as archive:
        archive.writestr("acme_four.py", SOURCE)
        archive.writestr("acme_four.js", "// four")
    assert load(tmp_path / "acme.zip", monkeypatch, "acme_four").script_source() == "// four"


def test_a_missing_script_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_five.py").write_text(SOURCE)
    with pytest.raises(FileNotFoundError, match=r"^the script acme_five\.js is not beside the module acme_five$"):
        load(tmp_path, monkeypatch, "acme_five").script_source()


def test_a_script_of_another_encoding_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_six.py").write_text(SOURCE)
    (tmp_path / "acme_six.js").write_bytes(b"// \xe9")
    with pytest.raises(ValueError, match=r"^the script acme_six\.js beside the module acme_six is not UTF-8 text$"):
        load(tmp_path, monkeypatch, "acme_six").script_source()


class Minimal(Provider):
    """The least that a vendor defines."""

    name = "minimal"
    script = ""
    reserved_names = frozenset({"plan"})
    variables = (
        Variable("MINIMAL_APP_ID", "an id", parse_text, required=True),
        Variable("MINIMAL_SECRET", "signs", parse_text, required=True, secret=True),
        Variable("MINIMAL_COLOR", "a color", parse_text),
    )

    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        return MintedToken(f"token of {user.id}", {"secret": 1})

    def verify(self, token: str, user: User) -> None: ...

    def describe_key(self) -> str:
        return "no key"


def test_everything_else_has_a_default() -> None:
    provider = Minimal({})
    assert (provider.lifetime, provider.embeddable, provider.script_source()) == (None, False, "")
    assert (provider.browser_config(), provider.endpoint_extras("t"), provider.snippets()) == ({}, {}, {})
    assert (provider.script_urls(), provider.warnings()) == ((), ())


def test_an_attribute_never_takes_the_name_of_a_claim() -> None:
    user = User("ada", attributes={"plan": "pro", "level": 3})
    assert Minimal({}).custom_attributes(user) == {"level": 3}


def test_neither_values_nor_tokens_are_shown() -> None:
    provider = Minimal({"MINIMAL_SECRET": "secret-text"})
    assert repr(provider) == "<Minimal>"
    assert repr(provider.mint(User("ada"), 0, None)) == "MintedToken()"


def test_tests_get_the_required_variables() -> None:
    first, second = Minimal.example_variables(), Minimal.example_variables()
    assert first.keys() == {"MINIMAL_APP_ID", "MINIMAL_SECRET"}
    assert first["MINIMAL_APP_ID"] == second["MINIMAL_APP_ID"]
    assert first["MINIMAL_SECRET"] != second["MINIMAL_SECRET"]


@pytest.mark.parametrize("name", registered_names())
def test_each_built_in_vendor_has_its_script_and_its_variables_for_tests(name: str) -> None:
    provider = load_provider(name)
    assert provider.script == "" or "export default" in provider.script_source() or "late." in provider.script_source()
    values = {variable.name: None for variable in provider.variables}
    for variable in provider.variables:
        text = provider.example_variables().get(variable.name)
        values[variable.name] = variable.parse(text) if text else variable.default
    assert provider(values).name == name
