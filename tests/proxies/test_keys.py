"""Public keys of proxies that sign: the forms they come in, and what is not accepted as one."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.core.proxy.proxies import jwk, key_for, pem
from widgetmw.proxies.keys import parse_public_keys

ALGORITHMS = ("RS256", "ES256")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_may_be_pem_with_real_or_written_line_breaks(algorithm: str) -> None:
    first, second = (key_for(algorithm, number) for number in range(2))
    text = pem(first) + pem(second)
    for form in (text, f" {text} ", text.replace("\n", "\\n")):
        keys = parse_public_keys(form, algorithm)
        assert [key.id for key in keys] == [None, None]
        assert [key.key for key in keys] == [first.public_key(), second.public_key()]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_may_be_a_key_set_or_pem_by_id(algorithm: str) -> None:
    first, second = (key_for(algorithm, number) for number in range(2))
    by_id = json.dumps({"a": pem(first), "b": pem(second)})
    key_set = json.dumps({"keys": [jwk(first, "a"), jwk(second, "b")]})
    for text in (by_id, key_set):
        keys = parse_public_keys(text, algorithm)
        assert [key.id for key in keys] == ["a", "b"]
        assert [key.key for key in keys] == [first.public_key(), second.public_key()]


def test_a_key_of_a_set_may_have_no_id() -> None:
    key = key_for("ES256", 0)
    ((id, public),) = parse_public_keys(json.dumps({"keys": [jwk(key, None)]}), "ES256")
    assert id is None
    assert public == key.public_key()


def test_keys_of_a_set_for_another_use_or_algorithm_are_ignored() -> None:
    wanted = key_for("RS256", 0)
    others = [
        jwk(key_for("RS256", 1), "key-0", use="enc"),
        jwk(key_for("RS256", 1), "key-0", alg="RS512"),
        jwk(key_for("ES256", 0), "key-0"),
    ]
    published = {
        "keys": [*others, jwk(wanted, "key-0", use="sig", alg="RS256")],
        "public_cert": {"kid": "key-0"},
    }
    ((_, key),) = parse_public_keys(json.dumps(published), "RS256")
    assert key == wanted.public_key()


def refused(algorithm: str) -> dict[str, str]:
    """Returns texts that hold no key for the algorithm, or a key that must not be there."""
    key, other = key_for(algorithm, 0), key_for("ES256" if algorithm == "RS256" else "RS256", 0)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    fit = jwk(key, "1")
    return {
        "empty": "",
        "text": "shown-text",
        "empty object": "{}",
        "malformed JSON": "{shown",
        "empty set": '{"keys": []}',
        "set of text": '{"keys": ["shown"]}',
        "set of objects without a type": '{"keys": [{"kid": "shown"}]}',
        "id without a PEM": '{"kid": "shown"}',
        "id with a number": '{"kid": 7}',
        "symmetric key": '{"keys": [{"kty": "oct", "k": "shown", "kid": "1"}]}',
        "private JWK": json.dumps({"keys": [{**fit, "d": "shown"}]}),
        "public and symmetric key": json.dumps({"keys": [fit, {"kty": "oct", "k": "shown", "kid": "2"}]}),
        "key for encryption": json.dumps({"keys": [{**fit, "use": "enc"}]}),
        "private PEM": private,
        "public and private PEM": pem(key) + private,
        "other algorithm": pem(other),
        "short RSA key": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        "other curve": pem(ec.generate_private_key(ec.SECP384R1())),
        "right and wrong PEM": pem(key) + pem(other),
        "PEM and the start of another": pem(key) + pem(key)[:100],
        "PEM and the first line of another": pem(key) + "-----BEGIN PUBLIC KEY-----",
        "PEM inside another": pem(key)[:80] + pem(key),
        "damaged PEM": pem(key)[:80] + "shown" + pem(key)[80:],
        "set that is not JSON": f'{{"keys": [{jwk(other, "1")!s}]}}',
    }


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_anything_else_is_refused_and_not_shown(algorithm: str) -> None:
    for name, text in refused(algorithm).items():
        with pytest.raises(ValueError, match=r"^must hold ") as caught:
            parse_public_keys(text, algorithm)
        assert "shown" not in str(caught.value), name
