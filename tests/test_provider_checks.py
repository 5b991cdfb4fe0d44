"""``testing.check_provider``: the built-in vendors pass it, and each mistake of a vendor's class is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from secrets import token_hex
from typing import Any

import pytest

from tests.conftest import forget_vendors
from widgetmw import testing
from widgetmw.core import registry
from widgetmw.core.registry import load_provider
from widgetmw.provider import (
    EmailHmacProvider,
    HmacProvider,
    JwtProvider,
    MintedToken,
    Origin,
    Scalar,
    User,
    Variable,
    ec_key,
    hmac_key,
    parse_int,
    rsa_key,
)
from widgetmw.providers import ORDER
from widgetmw.providers.signing import example_key

CUSTOMER_DATA = 'window.orloCustomer = ["JWT_TOKEN"];'
SCRIPT = (
    "export default {\n  connect(vendor) {\n    return { embed() {}, update() { vendor.getToken(); } };\n  },\n};\n"
)
APP_ID = Variable("ACME_APP_ID", "the app's id", str, required=True)
KEY = Variable("ACME_KEY", "signs", hmac_key, required=True, from_file=True, secret=True)
TTL = Variable("ACME_TTL", "lifetime", parse_int(1), 60)


class Acme(JwtProvider):
    """A vendor without a mistake."""

    name = "acme"
    variables = (APP_ID, KEY, TTL)
    key_variable = "ACME_KEY"
    lifetime_variable = "ACME_TTL"
    reserved_names = JwtProvider.reserved_names | {"sub"}
    embeddable = True
    code = SCRIPT

    def payload(self, user: User) -> Mapping[str, Any]:
        return {**self.custom_attributes(user), "sub": user.id}

    def browser_config(self) -> Mapping[str, str]:
        return {"appId": self.values["ACME_APP_ID"]}

    def script_urls(self) -> tuple[str, ...]:
        return ("https://cdn.acme.example/widget.js",)

    def origins(self) -> tuple[Origin, ...]:
        return (Origin("script-src", "https://*.acme.example"), Origin("style-src", "'unsafe-inline'"))

    @classmethod
    def script_source(cls) -> str:
        return cls.code


Check = Callable[..., tuple[str, ...]]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Iterator[Check]:
    """Registers a class and checks it."""

    class Entry:
        value, dist, name = "acme:Acme", None, "acme"

        def __init__(self, kind: type) -> None:
            self.load = lambda: kind

    def run(kind: type[Any], **variables: str) -> tuple[str, ...]:
        monkeypatch.setattr(registry, "entry_points_by_name", lambda: {"acme": [Entry(kind)]})
        registry.load_provider.cache_clear()
        return testing.check_provider(kind, **variables)

    yield run
    monkeypatch.undo()
    forget_vendors()


def problems(check: Check, kind: type[Any], **variables: str) -> list[str]:
    with pytest.raises(AssertionError) as caught:
        check(kind, **variables)
    first, *lines = str(caught.value).split("\n  - ")
    assert first == "the vendor acme has problems:"
    return lines


@pytest.mark.parametrize("name", ORDER)
def test_a_built_in_vendor_passes(name: str) -> None:
    assert testing.check_provider(load_provider(name)) == ()


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("orlo", {"ORLO_CUSTOMER_DATA_SNIPPET": CUSTOMER_DATA, "ORLO_TOKEN_TTL": "0"}),
        ("orlo", {"ORLO_EMBED_SNIPPET": CUSTOMER_DATA, "ORLO_MOBILE_URL": "https://orlo.example/JWT_TOKEN"}),
        ("jwt", {"WIDGETMW_JWT_CLAIMS": json.dumps({"a": {"b": ["{attributes.plan}", "{email}"]}, "c": "{id}"})}),
        ("hmac", {"WIDGETMW_HMAC_MESSAGE": "{email}", "WIDGETMW_HMAC_KEY_ENCODING": "hex"}),
        ("hmac", {"WIDGETMW_HMAC_MESSAGE": "{id}:{attributes.plan}", "WIDGETMW_HMAC_ALGORITHM": "sha512"}),
    ],
)
def test_a_built_in_vendor_passes_with_other_settings(name: str, variables: dict[str, str]) -> None:
    assert testing.check_provider(load_provider(name), **variables) == ()


def test_a_vendor_without_a_mistake_passes(check: Check) -> None:
    assert check(Acme, ACME_TTL="5") == ()


def test_what_could_not_be_checked_is_returned(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert check(Acme) == ("the syntax of the script was not checked: Node.js is not installed",)


def test_a_class_that_is_not_registered_is_refused() -> None:
    class Other(Acme):
        name = "other"

    with pytest.raises(AssertionError, match=r"no entry point of the group widgetmw.providers has its name"):
        testing.check_provider(Other)


def test_a_class_in_the_place_of_another_is_refused(check: Check) -> None:
    class Twin(Acme):
        pass

    check(Acme)
    with pytest.raises(
        AssertionError, match=r"the entry point acme of the group widgetmw.providers names another class"
    ):
        testing.check_provider(Twin)


def test_a_class_that_cannot_be_used_is_named(check: Check) -> None:
    class Incomplete(HmacProvider):
        name = "acme"
        variables = (KEY,)
        script = ""

    (problem,) = problems(check, Incomplete)
    assert problem.endswith("cannot be used: it does not define key_variable")


def test_example_variables_that_configure_nothing_are_named(check: Check) -> None:
    class Poor(Acme):
        @classmethod
        def example_variables(cls) -> dict[str, str]:
            return {"ACME_APP_ID": "app-1"}

    (problem,) = problems(check, Poor)
    assert problem.startswith("with what example_variables() returns: ACME_KEY is not set, and acme needs it")


def telling(text: str) -> str:
    raise ValueError(f"must not be {text.strip()[:80]}")


def failing(text: str) -> str:
    return {"app-1": "app-1"}.get(text) or text[999]


class Variables(Acme):
    variables = (
        Variable("ACME_APP_ID", "", str, required=True),
        Variable("ACME_KEY", "signs", hmac_key, required=True, secret=True),
        Variable("Acme-Mode", "mode", str, "a"),
        Variable("ACME_TTL", "lifetime", parse_int(1), 60),
        Variable("ACME_TTL", "lifetime", parse_int(1), 60),
        Variable("ACME_TELLING", "tells", telling, "a"),
        Variable("ACME_FAILING", "fails", failing, "a"),
    )


def test_problems_of_the_variables_are_named(check: Check) -> None:
    assert problems(check, Variables) == [
        "the variable ACME_TTL is declared twice",
        "ACME_APP_ID has no help text",
        "ACME_KEY is secret, and cannot come from a file: set from_file=True",
        "the variable Acme-Mode must have a name of capital letters, digits and _",
        "the message about a malformed ACME_TELLING shows its value",
        "the parser of ACME_FAILING raises IndexError instead of ValueError",
    ]


def lower_hex(text: str) -> bytes:
    return bytes.fromhex(text)


def test_a_message_that_cannot_follow_the_name_of_the_variable_is_named(check: Check) -> None:
    class Hex(Acme):
        variables = (APP_ID, replace(KEY, parse=lower_hex), TTL)

    (problem,) = problems(check, Hex)
    assert problem.startswith(
        'a message of the parser of ACME_KEY must begin with "must", since it follows the name: non-'
    )


def test_warnings_that_are_one_text_are_named(check: Check) -> None:
    class Warning(Acme):
        def warnings(self) -> tuple[str, ...]:
            return "one text"  # type: ignore[return-value]

    assert problems(check, Warning) == ["warnings() must return a tuple of str"]


def test_a_vendor_of_email_addresses_that_lists_no_variable_for_trust_is_named(check: Check) -> None:
    class Emails(EmailHmacProvider):
        name = "acme"
        variables = (KEY,)
        key_variable = "ACME_KEY"
        script = ""

    (problem,) = problems(check, Emails)
    assert problem.endswith("failed: the `variables` of the vendor's class must list TRUST_EMAILS of widgetmw.provider")


class Leaking(Acme):
    def describe_key(self) -> str:
        return f"the key {self.values['ACME_KEY'].decode()}"

    def __repr__(self) -> str:
        return f"Leaking({self.values})"

    def payload(self, user: User) -> Mapping[str, Any]:
        return {"sub": user.id}

    def endpoint_extras(self, token: str) -> Mapping[str, Any]:
        return {"key": self.values["ACME_KEY"].decode(), "token": token}


def test_a_secret_that_is_shown_is_named(check: Check) -> None:
    found = problems(check, Leaking)
    assert found[:2] == ["repr() shows the value of ACME_KEY", "describe_key() shows the value of ACME_KEY"]
    assert "for every user, endpoint_extras() must not be called token" in found
    assert "for every user, the token or what stands beside it shows the value of ACME_KEY" in found


class Attributes(Acme):
    def payload(self, user: User) -> Mapping[str, Any]:
        own: dict[str, Scalar] = {"sub": user.id, "roles": "none"}
        return {**own, **user.attributes}

    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        return MintedToken(self.sign({"exp": expires_at, **self.payload(user)}))


def test_a_claim_that_an_attribute_overrides_is_named(check: Check) -> None:
    assert problems(check, Attributes) == [
        f"a user's attribute overrides its claim {name}: add the name to reserved_names"
        for name in ("exp", "iat", "nbf", "roles", "sub")
    ]


class Nameless(Acme):
    def payload(self, user: User) -> Mapping[str, Any]:
        return {"name": (user.name or "").upper() or None, "email": user.email.lower()}  # type: ignore[union-attr]


def test_a_user_for_whom_minting_fails_is_described(check: Check) -> None:
    (*found,) = problems(check, Nameless)
    assert [problem.partition(",")[0] for problem in found] == [
        "for a user without an email address",
        "for a user with an id alone",
    ]
    assert "ended with AttributeError at tests/test_provider_checks.py" in found[0]


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({"algorithm": "RS256"}, "ACME_KEY: RS256 needs a key that rsa_key parses, not one of the type bytes"),
        (
            {"algorithm": "HS25"},
            "ACME_KEY: the algorithm must be one of HS256, HS384, HS512, RS256, RS384, RS512, ES256",
        ),
        ({"headers": {"kid": 7}}, "the `kid` in `headers` must be a text"),
    ],
)
def test_what_keeps_every_token_from_being_signed_is_named_once(
    check: Check, attributes: dict[str, Any], problem: str
) -> None:
    class Unsigned(Acme):
        @classmethod
        def example_variables(cls) -> dict[str, str]:
            return {"ACME_APP_ID": "app-1", "ACME_KEY": token_hex(32)}

    for name, value in attributes.items():
        setattr(Unsigned, name, value)
    assert problems(check, Unsigned) == [f"for every user, minting or verifying a token failed: {problem}"]


def test_an_rsa_key_for_an_algorithm_with_a_shared_key_is_named(check: Check) -> None:
    class Rsa(Acme):
        variables = (APP_ID, replace(KEY, parse=rsa_key), TTL)

        @classmethod
        def example_variables(cls) -> dict[str, str]:
            return {"ACME_APP_ID": "app-1", "ACME_KEY": example_key("RS256")}

    (problem,) = problems(check, Rsa)
    assert problem.endswith("ACME_KEY: HS256 needs a key that hmac_key parses, not one of the type RSAPrivateKey")


@pytest.mark.parametrize(("algorithm", "parser"), [("RS384", rsa_key), ("ES256", ec_key)])
def test_an_algorithm_with_a_private_key_needs_no_example_variables(
    check: Check, algorithm: str, parser: Callable[[str], Any]
) -> None:
    class Private(Acme):
        variables = (APP_ID, replace(KEY, parse=parser), TTL)

    Private.algorithm = algorithm
    assert check(Private) == ()


class Headers(Acme):
    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.headers["kid"] = values["ACME_APP_ID"]  # type: ignore[index]


def test_the_headers_that_all_vendors_share_cannot_be_changed(check: Check) -> None:
    (problem,) = problems(check, Headers)
    assert problem.startswith(
        "with what example_variables() returns: acme cannot be configured (TypeError at tests/test_provider_checks.py:"
    )
    assert JwtProvider.headers == {}


class Careless(HmacProvider):
    name = "acme"
    variables = (KEY,)
    key_variable = "ACME_KEY"
    script = ""

    def message(self, user: User) -> str:
        return "everybody"

    def verify(self, token: str, user: User) -> None:
        pass

    def extra_values(self, user: User) -> Mapping[str, Any]:
        return {"score": float("inf")}

    def cannot_serve(self, user: User) -> str:
        return "" if user.email else "No email!"


def test_a_token_that_proves_nothing_is_named(check: Check) -> None:
    found = problems(check, Careless)
    assert "for a user without an email address, cannot_serve() must return a code" in "".join(found)
    assert "for every user, the token's extra values must be JSON values" in "".join(found)
    assert found[-4:-1] == [
        "two users get the same token",
        "verify() accepts a token that was altered",
        "verify() accepts a token of another key",
    ]


class Refusing(Acme):
    def cannot_serve(self, user: User) -> str:
        return "plan_missing"


def test_a_vendor_that_serves_nobody_is_named(check: Check) -> None:
    found = problems(check, Refusing)
    assert found[0] == "it refuses even a user with an id, a name and a verified email address"


class Fixed(Acme):
    @classmethod
    def example_variables(cls) -> dict[str, str]:
        return {"ACME_APP_ID": "app-1", "ACME_KEY": FIXED_KEY}


FIXED_KEY = token_hex(32)


def test_a_key_that_is_always_the_same_is_named(check: Check) -> None:
    assert problems(check, Fixed) == ["example_variables() must return another key each time"]


class Timeless(Acme):
    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.lifetime = None

    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        return MintedToken(self.sign({**self.payload(user), "exp": issued_at + 60}))


class Expiring(HmacProvider):
    """Sets what only a JSON Web Token has."""

    name = "acme"
    variables = (KEY, TTL)
    key_variable = "ACME_KEY"
    lifetime_variable = "ACME_TTL"
    script = ""


def test_a_lifetime_variable_that_has_no_effect_is_named(check: Check) -> None:
    assert problems(check, Expiring) == [
        "lifetime_variable has an effect only in a JwtProvider: set lifetime in __init__"
    ]


def test_a_lifetime_that_the_token_contradicts_is_named(check: Check) -> None:
    assert problems(check, Timeless) == ["its lifetime is None, and a token issued at 1767225600 has exp=1767225660"]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("const x = 1; // embed\n", "the script holds 0 lines that begin with `export default` instead of one"),
        ("import x from 'x'; // embed\n" + SCRIPT, "its script imports a module; it must be one file"),
        (SCRIPT + "// </script>\n", "line 6 of the script holds '</script', which is not allowed in a page"),
        (SCRIPT.replace("};", "}};"), "its script is not valid JavaScript"),
        (SCRIPT.replace("embed", "load"), "it is embeddable, and its script has no `embed` hook"),
        ("", "it is embeddable, and has no script that could add the loader"),
    ],
)
def test_a_script_that_cannot_be_used_is_named(check: Check, code: str, problem: str) -> None:
    class Scripted(Acme):
        pass

    Scripted.code = code
    (found,) = problems(check, Scripted)
    assert found.startswith(problem)


def test_a_token_that_nothing_requests_is_named(check: Check) -> None:
    class OnRequest(Acme):
        in_page = False
        code = SCRIPT.replace("getToken", "token")

    assert problems(check, OnRequest) == ["its token is not in pages, and its script never calls vendor.getToken()"]


class Embedding(Acme):
    def script_urls(self) -> tuple[str, ...]:
        return ("https://cdn.other.example/widget.js", "widget.js")

    def origins(self) -> tuple[Origin, ...]:
        return (*super().origins(), Origin("script", "https://a.example"), Origin("img-src", "a; b"))

    def cookies(self) -> tuple[str, ...]:
        return ("acme", "widgetmw_5eed")


def test_problems_of_the_embedding_are_named(check: Check) -> None:
    assert problems(check, Embedding) == [
        "origins() has a source that no Content-Security-Policy can hold, of script",
        "origins() has a source that no Content-Security-Policy can hold, of img-src",
        "origins() does not allow the loader https://cdn.other.example/widget.js in script-src",
        "script_urls() has widget.js, which is not an absolute URL",
        "cookies() names widgetmw_5eed, which is ours",
    ]


class Raising(Acme):
    def origins(self) -> tuple[Origin, ...]:
        if self.values["ACME_APP_ID"] == "raise":
            raise RuntimeError("no origins")
        return super().origins()

    def endpoint_extras(self, token: str) -> Mapping[str, Any]:
        raise RuntimeError("no extras")


def test_what_a_class_raises_is_a_problem_of_its_own(check: Check) -> None:
    found = problems(check, Raising)
    assert all("minting or verifying a token ended with RuntimeError at tests/" in problem for problem in found)
