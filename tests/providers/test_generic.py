"""The generic vendors, ``jwt`` and ``hmac``: what they sign comes from settings alone."""

from __future__ import annotations

import json
import re
import shlex
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from widgetmw import Settings, SettingsError, User, testing
from widgetmw.provider import Provider

SECRET = "widgetmw-test-secret-0123456789abcdef"
HEX_SECRET = "00112233445566778899aabbccddeeff" * 2
ADA = User("42", "Ada", "Ada@Example.org", {"plan": "pro", "seats": 7, "trial": False, "User ID": "u-1"}, True)
ISSUED, EXPIRES = 1767225600, 1767226200


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def provider(environ: dict[str, str]) -> Provider:
    (vendor,) = Settings.from_env(environ).vendors
    return vendor.provider


def jwt_env(claims: object = None, **variables: str) -> dict[str, str]:
    text = claims if isinstance(claims, str) else json.dumps(claims or {"sub": "{id}"})
    return {"WIDGETMW_JWT_KEY": SECRET, "WIDGETMW_JWT_CLAIMS": text} | {
        f"WIDGETMW_JWT_{name}": value for name, value in variables.items()
    }


def hmac_env(**variables: str) -> dict[str, str]:
    return {f"WIDGETMW_HMAC_{name}": value for name, value in ({"KEY": SECRET} | variables).items()}


def claims(environ: dict[str, str], user: User = ADA) -> dict[str, Any]:
    token = provider(environ).mint(user, ISSUED, EXPIRES).value
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return {name: value for name, value in found.items() if name not in ("iat", "exp")}


def digest(environ: dict[str, str], user: User = ADA) -> str:
    return provider(environ).mint(user, ISSUED, None).value


def problem(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    (text,) = caught.value.problems
    return text


@pytest.mark.parametrize(
    ("template", "signature"),
    [
        (
            {"user_id": "{id}", "email": "{email}", "name": "{name}"},  # Intercom
            "4NKxSe8TUJT-VVsIkPKujVJ4g7NBNs4Ub6GH1fy_0Lk",
        ),
        (
            {
                "email": "{email}",
                "name": "{name}",
                "contact_external_id": "{id}",
                "aud": "0f8e7d6c-5b4a-4938-8271-605f4e3d2c1b",
            },  # Pylon
            "C4AVnvW7cyQ2pJKQheCQ8eNR8tfeeNbZlYGnllzPBVM",
        ),
        (
            {"userId": "{id}", "email": "{email}", "name": "{name}"},  # Featurebase
            "Qwqfqp73BFeOSEYTDHrQu0k0tD0FSIScS2UBV1VKw2U",
        ),
    ],
)
def test_the_token_is_that_of_other_implementations(template: dict[str, str], signature: str) -> None:
    token = provider(jwt_env(template)).mint(ADA, ISSUED, EXPIRES).value
    assert token.rpartition(".")[2] == signature


def test_further_fields_of_the_header_are_signed() -> None:
    template = {"scope": "user", "external_id": "{id}", "name": "{name}", "email": "{email}", "email_verified": True}
    made = provider(jwt_env(template, HEADER='{"kid": "app_5f1e2d3c4b5a69788796a5b4"}')).mint(ADA, ISSUED, EXPIRES)
    assert made.value.rpartition(".")[2] == "R4EinXQ2h1Ib40I_xwOJ2850LI1sRcy8Dc4982gKaqw"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (
            ADA,
            {
                "sub": "42",
                "label": "Ada <Ada@Example.org>",
                "plan": "pro",
                "seats": 7,
                "trial": False,
                "note": "7 seats, false",
                "spaced": "u-1",
                "company": {"plan": "pro"},
                "roles": ["chat", "pro"],
                "nothing": None,
                "version": 2,
            },
        ),
        (
            User("42", name=""),
            {
                "sub": "42",
                "label": " <>",
                "note": " seats, ",
                "company": {},
                "roles": ["chat"],
                "nothing": None,
                "version": 2,
            },
        ),
    ],
    ids=["complete", "sparse"],
)
def test_claims_are_filled_with_the_fields_of_the_user(user: User, expected: dict[str, Any]) -> None:
    template = {
        "sub": "{id}",
        "name_again": "{attributes.missing}",
        "label": "{name} <{email}>",
        "plan": "{attributes.plan}",
        "seats": "{attributes.seats}",
        "trial": "{attributes.trial}",
        "note": "{attributes.seats} seats, {attributes.trial}",
        "spaced": "{attributes.User ID}",
        "company": {"plan": "{attributes.plan}"},
        "roles": ["chat", "{attributes.plan}"],
        "nothing": None,
        "version": 2,
    }
    assert claims(jwt_env(template), user) == expected


def test_values_are_never_expanded_again() -> None:
    user = User("{email}", "{id} {attributes.x}", "e@example.org", {"x": "{name}"})
    template = {"sub": "{id}", "x": "{attributes.x}", "text": "{name}, {attributes.x}"}
    assert claims(jwt_env(template), user) == {
        "sub": "{email}",
        "x": "{name}",
        "text": "{id} {attributes.x}, {name}",
    }


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256"])
def test_every_algorithm_signs_and_verifies(algorithm: str, rsa_key: rsa.RSAPrivateKey) -> None:
    keys = {"H": SECRET * 2, "R": pem(rsa_key), "E": pem(ec.generate_private_key(ec.SECP256R1()))}
    key = keys[algorithm[0]]
    vendor = provider(jwt_env(KEY=key, ALGORITHM=algorithm))
    token = vendor.mint(ADA, ISSUED, EXPIRES).value
    vendor.verify(token, ADA)
    public = key if algorithm[0] == "H" else load_pem_private_key(key.encode(), None).public_key()
    options: Any = {"verify_exp": False, "verify_iat": False}
    assert jwt.decode(token, public, [algorithm], options=options)["sub"] == "42"  # type: ignore[arg-type]
    assert vendor.describe_key().startswith(f"{algorithm} key of ")
    assert vendor.warnings() == ()


def test_a_key_may_be_written_on_one_line(rsa_pem: str) -> None:
    assert provider(jwt_env(KEY=rsa_pem.replace("\n", "\\n"), ALGORITHM="RS256")).describe_key() == (
        "RS256 key of 2048 bits"
    )


def test_the_lifetime_is_an_hour_unless_it_is_set() -> None:
    assert provider(jwt_env()).lifetime == 3600
    assert provider(jwt_env(TTL="60")).lifetime == 60
    assert provider(jwt_env(TTL="0")).lifetime is None
    assert provider(hmac_env()).lifetime is None


def test_the_key_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET + "\n")
    environ = hmac_env(KEY="", KEY_FILE=str(tmp_path / "key"))
    assert digest(environ) == digest(hmac_env())


def test_a_key_that_has_changed_in_its_file_is_decoded_and_checked_again() -> None:
    other = HEX_SECRET[::-1]
    (vendor,) = Settings.from_env(hmac_env(KEY=HEX_SECRET, KEY_ENCODING="hex")).vendors
    changed = vendor.with_contents({"WIDGETMW_HMAC_KEY": other}).provider
    assert changed.mint(ADA, 0, None).value == digest(hmac_env(KEY=other, KEY_ENCODING="hex"))
    (vendor,) = Settings.from_env(jwt_env()).vendors
    vendor.with_contents({"WIDGETMW_JWT_KEY": "o" * 32}).provider.verify(
        provider(jwt_env(KEY="o" * 32)).mint(ADA, 0, 60).value, ADA
    )
    with pytest.raises(ValueError, match="WIDGETMW_JWT_KEY must be the vendor's shared secret, not a PEM or SSH key"):
        vendor.with_contents({"WIDGETMW_JWT_KEY": "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----"})


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ("{", "must be a JSON object; line 1, column 2 is not JSON"),
        ('["{id}"]', "must be a JSON object"),
        ('{"a": NaN}', "must be a JSON object of finite numbers"),
        ('{"a": "\\ud800"}', "must be a JSON object of texts that UTF-8 can encode"),
        ('{"a": "{password}"}', "must use braces only for {id}, {name}, {email} and {attributes.x}"),
        ('{"a": "{{id}}"}', "must use braces only for {id}, {name}, {email} and {attributes.x}"),
        ('{"a": "{attributes.}"}', "must use braces only for {id}, {name}, {email} and {attributes.x}"),
        ('{"a": ["{id"]}', "must use braces only for {id}, {name}, {email} and {attributes.x}"),
        ('{"{id}": 1}', "must have placeholders in values only, not in names"),
        ('{"exp": 1, "sub": "{id}"}', "must not set exp: WIDGETMW_JWT_TTL says how long a token is valid"),
        ('{"nbf": 1, "iat": "{id}"}', "must not set iat, nbf: WIDGETMW_JWT_TTL says how long a token is valid"),
    ],
)
def test_malformed_claims_are_named_without_a_value(claims: str, expected: str) -> None:
    assert problem(jwt_env(claims)) == f"WIDGETMW_JWT_CLAIMS {expected}"


def test_claims_that_are_nested_without_end_are_refused() -> None:
    assert problem(jwt_env('{"a":' * 100_000)).startswith("WIDGETMW_JWT_CLAIMS ")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("kid", "must be a JSON object; line 1, column 1 is not JSON"),
        ('{"alg": "none"}', "must not set alg: WIDGETMW_JWT_ALGORITHM does"),
        ('{"b64": false}', "must not set b64, which would change the form of the token"),
        ('{"crit": ["b64"]}', "must not set crit, which would change the form of the token"),
        ('{"kid": 1}', "must have texts as kid and typ"),
    ],
)
def test_a_malformed_header_is_named_without_a_value(header: str, expected: str) -> None:
    assert problem(jwt_env(HEADER=header)) == f"WIDGETMW_JWT_HEADER {expected}"


def test_a_key_that_does_not_fit_is_named_without_a_value(rsa_pem: str) -> None:
    small = pem(rsa.generate_private_key(65537, 1024))  # type: ignore[arg-type]
    p384 = pem(ec.generate_private_key(ec.SECP384R1()))
    for algorithm, key, expected in (
        ("HS256", rsa_pem, "must be the vendor's shared secret, not a PEM or SSH key"),
        ("RS256", SECRET, "must be an RSA private key in PEM"),
        ("RS512", small, "must have 2048 bits or more, not 1024"),
        ("RS256", p384, "must be an RSA private key, not a key of another type"),
        ("ES256", rsa_pem, "must be an EC private key, not a key of another type"),
        ("ES256", p384, "must be an EC private key of the curve P-256"),
    ):
        text = problem(jwt_env(KEY=key, ALGORITHM=algorithm))
        assert text == f"WIDGETMW_JWT_KEY {expected}, since WIDGETMW_JWT_ALGORITHM is {algorithm}"


def test_an_algorithm_that_signs_nothing_is_refused() -> None:
    assert problem(jwt_env(ALGORITHM="none")).startswith("WIDGETMW_JWT_ALGORITHM must be one of HS256, ")


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({"WIDGETMW_JWT_KEY": SECRET}, "WIDGETMW_JWT_CLAIMS is not set, and jwt needs it"),
        ({"WIDGETMW_JWT_CLAIMS": '{"sub": "{id}"}'}, "WIDGETMW_JWT_KEY is not set, and jwt needs it"),
        ({"WIDGETMW_HMAC_KEY": "", "WIDGETMW_PROVIDERS": "hmac"}, "WIDGETMW_HMAC_KEY is not set, and hmac needs it"),
    ],
)
def test_what_is_missing_is_named(environ: dict[str, str], missing: str) -> None:
    assert problem(environ).startswith(missing)


def test_claims_that_do_not_name_the_user_are_warned_of() -> None:
    (note,) = provider(jwt_env({"aud": "shop", "name": "{name}"})).warnings()
    assert note == "WIDGETMW_JWT_CLAIMS does not say who the user is: use {id}"


def test_claims_that_rest_on_the_email_alone_are_warned_of_unless_it_is_trusted() -> None:
    environ = jwt_env({"email": "{email}", "nested": [{"name": "{name}"}]})
    (note,) = provider(environ).warnings()
    assert note.startswith("WIDGETMW_JWT_CLAIMS names the user by the email address alone")
    assert provider(environ | {"WIDGETMW_TRUST_EMAILS": "true"}).warnings() == ()


def test_a_short_key_is_measured_against_its_algorithm() -> None:
    (note,) = provider(jwt_env(ALGORITHM="HS512")).warnings()
    assert note.startswith("WIDGETMW_JWT_KEY has 37 bytes; HS512 needs 64 or more (RFC 7518, 3.2); ")


@pytest.mark.parametrize(
    ("message", "user", "expected"),
    [
        ("{id}", ADA, "84d54e8f23fb39c612cf299b149a851727ade273f2a3226f917628958df7b5a7"),
        ("{email}", ADA, "9634a6849e4ec76cd75e697eb62b8a491a3fecb1de8fa64ef5fc95db3c81a3ac"),
        ("{name}", User("1", name="Zo\u00eb"), "662e59c8b9add83bee726b1da46e5ba67bdc158c805322c3c909b026c822bb47"),
        ("{id}", User("042"), "e7e220e0c5165f24d44d2732bff3f97335207362d02fe3a6e4d1b86c9a8345d9"),
    ],
)
def test_the_digest_is_that_of_other_implementations(message: str, user: User, expected: str) -> None:
    assert digest(hmac_env(MESSAGE=message), user) == expected


@pytest.mark.parametrize(
    ("encoding", "key"),
    [
        ("hex", HEX_SECRET),
        ("hex", HEX_SECRET.upper()),
        ("base64", b64encode(bytes.fromhex(HEX_SECRET)).decode()),
        ("base64", urlsafe_b64encode(bytes.fromhex(HEX_SECRET)).decode().rstrip("=")),
    ],
)
def test_the_key_is_decoded_first(encoding: str, key: str) -> None:
    environ = hmac_env(KEY=key, KEY_ENCODING=encoding, MESSAGE="{email}")
    assert digest(environ) == "fa52383457e399b7670b5006f05ff61355512dab5213712ced7b1c514533925c"  # Pylon
    assert provider(environ).describe_key() == "HMAC-SHA256 key of 32 bytes"


@pytest.mark.parametrize(
    ("encoding", "key", "expected"),
    [
        ("hex", "0g", "must be pairs of hexadecimal digits"),
        ("hex", "00 11", "must be pairs of hexadecimal digits"),
        ("hex", "001", "must be pairs of hexadecimal digits"),
        ("base64", "AA*A", "must be base64 text"),
        ("base64", "AAAAA", "must be base64 text"),
        ("base64", "====", "must be base64 text"),
    ],
)
def test_a_key_of_another_encoding_is_named_without_a_value(encoding: str, key: str, expected: str) -> None:
    text = problem(hmac_env(KEY=key, KEY_ENCODING=encoding))
    assert text == f"WIDGETMW_HMAC_KEY {expected}, since WIDGETMW_HMAC_KEY_ENCODING is {encoding}"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("{user}", "must use braces only for {id}, {name}, {email} and {attributes.x}"),
        ("hello", "must have a placeholder: otherwise all users would have the same message"),
        ('"{id}"', "is in quotes, which count as a part of it; remove them"),
        ("{id}\n", ""),
        ("{id}\n{email}", "must be printable text on one line"),
    ],
)
def test_a_malformed_message_is_named_without_a_value(message: str, expected: str) -> None:
    if expected:
        assert problem(hmac_env(MESSAGE=message)) == f"WIDGETMW_HMAC_MESSAGE {expected}"
    else:
        assert digest(hmac_env(MESSAGE=message)) == digest(hmac_env())


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
def test_every_hash_function_signs_and_verifies(algorithm: str) -> None:
    vendor = provider(hmac_env(KEY=SECRET * 2, ALGORITHM=algorithm))
    vendor.verify(vendor.mint(ADA, 0, None).value, ADA)
    assert vendor.describe_key() == f"HMAC-{algorithm.upper()} key of 74 bytes"


def test_the_message_stands_beside_its_hash() -> None:
    minted = provider(hmac_env(MESSAGE="{id}:{email}:{attributes.none}")).mint(ADA, 0, None)
    assert minted.extra == {"message": "42:Ada@Example.org:"}


UNVERIFIED = User("42", "Ada", "Ada@Example.org")


@pytest.mark.parametrize(
    ("message", "user", "code"),
    [
        ("{email}", ADA, ""),
        ("{email}", UNVERIFIED, "email_unverified"),
        ("{email}", User("42"), "email_missing"),
        ("mail:{email}", UNVERIFIED, "email_unverified"),
        ("{name}:{email}", UNVERIFIED, "email_unverified"),
        ("{id}:{email}", UNVERIFIED, ""),
        ("{id}:{email}", User("42"), ""),
        ("{name}", User("42"), "message_missing"),
        ("{attributes.account}", ADA, "message_missing"),
        ("tenant:{attributes.account}", ADA, "message_missing"),
        ("{attributes.plan}", ADA, ""),
    ],
)
def test_a_user_without_a_message_of_their_own_is_refused(message: str, user: User, code: str) -> None:
    assert provider(hmac_env(MESSAGE=message)).cannot_serve(user) == code


def test_a_trusted_email_is_signed() -> None:
    environ = hmac_env(MESSAGE="{email}") | {"WIDGETMW_TRUST_EMAILS": "true"}
    assert provider(environ).cannot_serve(UNVERIFIED) == ""


def test_messages_that_two_users_may_share_are_warned_of() -> None:
    assert provider(hmac_env(MESSAGE="{id}:{email}")).warnings() == ()
    (name,) = provider(hmac_env(MESSAGE="{name}")).warnings()
    (adjacent,) = provider(hmac_env(MESSAGE="t-{attributes.tenant}{id}")).warnings()
    assert "made of the name alone" in name
    assert "placeholders without a character between them" in adjacent


@pytest.mark.parametrize("vendor", ["jwt", "hmac"])
def test_they_have_a_token_without_a_script_and_without_a_loader(vendor: str) -> None:
    settings = testing.settings(vendor)
    assert settings.providers == (vendor,)
    assert settings.vendors[0].provider.script_source() == ""
    assert problem(testing.environ(vendor) | {"WIDGETMW_EMBED": vendor}).startswith(f"WIDGETMW_EMBED names {vendor}")


DOCUMENT = Path(__file__).parents[2] / "docs" / "vendors" / "generic.md"
RECIPES = {
    "Gleap": "84d54e8f23fb39c612cf299b149a851727ade273f2a3226f917628958df7b5a7",
    "Plain": "9634a6849e4ec76cd75e697eb62b8a491a3fecb1de8fa64ef5fc95db3c81a3ac",
    "Pylon": "fa52383457e399b7670b5006f05ff61355512dab5213712ced7b1c514533925c",
    "Featurebase": "Qwqfqp73BFeOSEYTDHrQu0k0tD0FSIScS2UBV1VKw2U",
    "Chatbase": "84d54e8f23fb39c612cf299b149a851727ade273f2a3226f917628958df7b5a7",
    "Customerly": "9634a6849e4ec76cd75e697eb62b8a491a3fecb1de8fa64ef5fc95db3c81a3ac",
}


def documented_settings(recipe: str) -> dict[str, str]:
    """The variables of a recipe, with a key."""
    section = DOCUMENT.read_text(encoding="utf-8").partition(f"### {recipe}\n")[2].partition("\n##")[0]
    words = [word for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for word in shlex.split(block)]
    variables = dict(word.split("=", 1) for word in words if word != "export")
    key = HEX_SECRET if "hex" in variables.values() else SECRET
    return {name: key if value == "…" else value for name, value in variables.items()}


def test_every_recipe_is_tested() -> None:
    recipes = DOCUMENT.read_text(encoding="utf-8").partition("## Recipes")[2]
    assert re.findall("^### (.+)$", recipes, re.MULTILINE) == list(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_signs_what_the_vendor_expects(recipe: str) -> None:
    token = provider(documented_settings(recipe)).mint(ADA, ISSUED, EXPIRES).value
    assert token.rpartition(".")[2] == RECIPES[recipe]
