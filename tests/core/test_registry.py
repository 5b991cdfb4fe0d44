"""Vendors of other distributions: an unusable one affects no other."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import forget_vendors
from widgetmw import Settings, SettingsError, User
from widgetmw.core import registry
from widgetmw.core.endpoint import TokenRequest
from widgetmw.core.engine import Engine
from widgetmw.core.registry import ProviderError
from widgetmw.providers import ORDER

GOOD = """
from widgetmw.provider import HmacProvider, Variable, hmac_key
class Vendor(HmacProvider):
    name = "acme"
    script = ""
    variables = (Variable("ACME_KEY", "signs", hmac_key, required=True, secret=True),)
    key_variable = "ACME_KEY"
"""
BAD = {
    "it raises": (
        "raise RuntimeError('secret detail')",
        r"cannot be imported \(RuntimeError at .*/acme_module\.py:1\)",
    ),
    "it does not parse": ("class Vendor(", r"cannot be imported \(SyntaxError"),
    "it lacks the class": ("", r"cannot be imported \(AttributeError"),
    "it needs another module": ("import no_such_module", r"cannot be imported \(ModuleNotFoundError"),
    "it is no class": ("Vendor = 7", "not a subclass of widgetmw.provider.Provider"),
    "it is another class": ("class Vendor: pass", "not a subclass of widgetmw.provider.Provider"),
    "it is abstract": (
        "from widgetmw.provider import Provider\nclass Vendor(Provider): name = 'acme'; variables = ()",
        "does not define describe_key, mint, verify",
    ),
    "its name is another": (GOOD.replace('"acme"', '"other"'), "its `name` differs from the name of the entry point"),
    "its variables are no tuple": (
        GOOD + "    variables = 'ACME_KEY'\n",
        "its `variables` must be a tuple of `Variable`",
    ),
    "it lacks a variable of its base class": (
        GOOD.replace("    key_variable", "    key"),
        "does not define key_variable",
    ),
    "it has no variables": (
        "from widgetmw.provider import HmacProvider\nclass Vendor(HmacProvider): name = 'acme'",
        "does not define key_variable",
    ),
    "its script raises": (
        GOOD + "    @classmethod\n    def script_source(cls): raise RuntimeError('secret detail')\n",
        r"its script cannot be read \(RuntimeError at \S*acme_module",
    ),
    "its script is missing": (
        GOOD + "    script = 'acme.js'\n",
        "the script acme.js is not beside the module acme_module",
    ),
}
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution of one module with an entry point."""
    modules: list[str] = []

    def install(source: str, name: str = "acme", distribution: str = "acme", has_metadata: bool = True) -> None:
        module = f"{distribution}_module"
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{distribution}-1.0.dist-info"
        info.mkdir()
        if has_metadata:
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[widgetmw.providers]\n{name} = {module}:Vendor\n")
        modules.append(module)
        forget_vendors()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield install
    for module in modules:
        sys.modules.pop(module, None)
    forget_vendors()


def test_the_built_in_vendors_come_first_and_the_others_by_name(install: Install) -> None:
    install(GOOD.replace("acme", "zulu"), "zulu", "zulu")
    install(GOOD)
    assert registry.registered_names() == (*ORDER, "acme", "zulu")


def test_a_good_one_is_loaded(install: Install, dg_env: dict[str, str]) -> None:
    install(GOOD)
    assert registry.load_provider("acme").name == "acme"
    assert Settings.from_env({**dg_env, "ACME_KEY": "x" * 32}).providers == ("digitalgenius", "acme")


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        registry.load_provider("nobody")


@pytest.mark.parametrize("case", BAD)
def test_a_bad_one_costs_only_itself(
    install: Install, dg_env: dict[str, str], case: str, caplog: pytest.LogCaptureFixture
) -> None:
    source, problem = BAD[case]
    install(source)
    with pytest.raises(ProviderError, match=problem) as caught:
        registry.load_provider("acme")
    assert "entry point acme = acme_module:Vendor of the distribution acme" in str(caught.value)
    with caplog.at_level(logging.WARNING):
        assert Settings.from_env(dg_env).providers == ("digitalgenius",)
    (record,) = caplog.records
    assert record.getMessage() == f"widgetmw: {caught.value}"
    assert record.exc_info is None
    assert "secret detail" not in caplog.text


def test_a_bad_one_of_a_folder_without_metadata_is_named_by_its_entry_point(install: Install) -> None:
    install("Vendor = 7", has_metadata=False)
    with pytest.raises(ProviderError, match=r"^the entry point acme = acme_module:Vendor cannot be used"):
        registry.load_provider("acme")


@pytest.mark.parametrize("case", BAD)
def test_a_bad_one_that_is_asked_for_is_a_problem(install: Install, dg_env: dict[str, str], case: str) -> None:
    install(BAD[case][0])
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**dg_env, "WIDGETMW_PROVIDERS": "digitalgenius,acme"})
    (problem,) = caught.value.problems
    assert problem.startswith("WIDGETMW_PROVIDERS names acme, but the entry point acme = acme_module:Vendor")


def test_a_bad_one_whose_variables_are_set_is_a_problem(install: Install, dg_env: dict[str, str]) -> None:
    install(BAD["its script is missing"][0])
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**dg_env, "ACME_KEY": "x" * 32})
    (problem,) = caught.value.problems
    assert problem.startswith("ACME_KEY is set, but the entry point acme")
    assert "x" * 32 not in problem


def test_a_bad_one_is_not_loaded_if_others_are_asked_for(
    install: Install, dg_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    install(BAD["it raises"][0])
    assert Settings.from_env({**dg_env, "WIDGETMW_PROVIDERS": "digitalgenius"}).active
    assert not caplog.records


def test_nobody_takes_the_name_of_a_built_in_vendor(
    install: Install, dg_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    install(GOOD.replace('"acme"', '"digitalgenius"'), "digitalgenius")
    settings = Settings.from_env(dg_env)
    assert type(settings.vendors[0].provider).__module__ == "widgetmw.providers.digitalgenius"
    assert "acme_module:Vendor of the distribution acme cannot be used: another vendor has this name" in caplog.text
    with pytest.raises(SettingsError, match="ACME_KEY is set, but the entry point digitalgenius = acme_module:Vendor"):
        Settings.from_env({**dg_env, "ACME_KEY": "x" * 32})


def test_of_two_with_one_name_one_is_used(
    install: Install, dg_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    install(GOOD)
    install(GOOD, "acme", "second")
    assert Settings.from_env({**dg_env, "WIDGETMW_PROVIDERS": "digitalgenius"}).active
    assert registry.load_provider("acme").__module__ == "acme_module"
    (rejected,) = registry.rejected_entry_points()
    assert "second_module:Vendor of the distribution second" in str(rejected)


@pytest.mark.parametrize("method", ["__init__(self, values)", "browser_config(self)", "snippets(self)"])
def test_a_class_that_fails_to_be_configured_is_a_problem(install: Install, method: str) -> None:
    install(GOOD + f"    def {method}: raise RuntimeError('secret detail')\n")
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ACME_KEY": "x" * 32})
    assert re.match(r"acme cannot be configured \(RuntimeError at \S*acme_module\.py:\d", caught.value.problems[0])
    assert "secret detail" not in str(caught.value)


def test_a_variable_of_a_vendor_may_have_our_prefix(install: Install, dg_env: dict[str, str]) -> None:
    install(GOOD.replace("ACME_KEY", "WIDGETMW_ACME_KEY"))
    assert Settings.from_env({**dg_env, "WIDGETMW_ACME_KEY": "x" * 32}).providers == ("digitalgenius", "acme")
    only = {**dg_env, "WIDGETMW_ACME_KEY": "x" * 32, "WIDGETMW_PROVIDERS": "digitalgenius"}
    assert Settings.from_env(only).providers == ("digitalgenius",)
    with pytest.raises(SettingsError, match="WIDGETMW_ACME_KEYS is not a variable of widgetmw"):
        Settings.from_env({**dg_env, "WIDGETMW_ACME_KEYS": "x"})


def test_a_secret_in_the_browsers_configuration_is_a_problem(install: Install) -> None:
    install(GOOD + "    def browser_config(self): return {'site': self.values['ACME_KEY'].decode()}\n")
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ACME_KEY": "k" * 32})
    assert caught.value.problems == ("acme cannot be configured: its browser_config() returns a secret as site",)


METHOD = "    def {}(self): return {}\n"
WRONG = {
    "a config that is None": (METHOD.format("browser_config", "None"), "browser_config() must return a mapping of str"),
    "a config of objects": (
        METHOD.format("browser_config", "{'a': object()}"),
        "browser_config() must return a mapping",
    ),
    "URLs of numbers": (METHOD.format("script_urls", "(5,)"), "script_urls() must return a tuple of str"),
    "snippets that are None": (METHOD.format("snippets", "None"), "cannot be configured (AttributeError"),
    "a snippet that ends its element": (
        METHOD.format("snippets", "{'a': \"function(){'</script>'}\"}"),
        "the snippet 'a' must have a plain name, be ASCII, and hold no script tag",
    ),
    "a snippet that is not ASCII": (METHOD.format("snippets", "{'a': 'function(){/* \u00e9 */}'}"), "be ASCII"),
    "a lifetime of text": ("    lifetime = '600'\n", "its lifetime must be None or a positive int"),
    "no call of the base class": ("    def __init__(self, values): pass\n", "does not call super().__init__(values)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_class_that_returns_the_wrong_things_is_a_problem(install: Install, case: str) -> None:
    source, problem = WRONG[case]
    install(GOOD + source)
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"ACME_KEY": "k" * 32})
    assert problem in str(caught.value)


FAILING = {
    "a token of bytes": "    def mint(self, user, issued_at, expires_at): return MintedToken(b't')\n",
    "an extra that is not JSON": "    def extra_values(self, user): return {'a': float('nan')}\n",
    "endpoint extras that are None": "    def endpoint_extras(self, token): return None\n",
    "an exit": "    def message(self, user): raise SystemExit\n",
}


@pytest.mark.parametrize("case", FAILING)
def test_a_class_that_fails_for_a_user_leaves_the_other_vendors_alone(
    install: Install, dg_env: dict[str, str], case: str
) -> None:
    install(GOOD.replace("import HmacProvider", "import HmacProvider, MintedToken") + FAILING[case])
    engine = Engine(Settings.from_env({**dg_env, "ACME_KEY": "k" * 32}))
    response = engine.endpoint.respond(TokenRequest("GET", "/token"), User("ada"))
    body = json.loads(response.body)
    assert (response.status, list(body["tokens"]), list(body["errors"])) == (200, ["digitalgenius"], ["acme"])
    assert engine.endpoint.respond(TokenRequest("GET", "/token/acme"), User("ada")).status == 503


def test_an_import_that_exits_the_interpreter_costs_only_that_vendor(install: Install, dg_env: dict[str, str]) -> None:
    install("import sys\nsys.exit()")
    assert Settings.from_env(dg_env).providers == ("digitalgenius",)
