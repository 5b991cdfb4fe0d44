from __future__ import annotations

from math import inf

from widgetmw import User
from widgetmw.core.tokens.token import Token, TokenSet

ADA = User("ada")
SHORT = Token("short", "secret-token", 100, 80, {})
LONG = Token("long", "secret-token", 200, 160, {"url": "https://a.example/secret"})
ETERNAL = Token("eternal", "secret-token", None, None, {})


def test_a_token_as_json_has_its_extras() -> None:
    assert LONG.as_json() == {
        "provider": "long",
        "token": "secret-token",
        "expires_at": 200,
        "refresh_at": 160,
        "url": "https://a.example/secret",
    }


def test_the_repr_shows_no_token() -> None:
    assert "secret" not in repr([SHORT, LONG])


def test_a_set_is_as_fresh_as_its_first_token() -> None:
    assert TokenSet(ADA, (ETERNAL, LONG, SHORT), (), 0).refresh_at == 80
    assert TokenSet(ADA, (ETERNAL,), (), 0).refresh_at == inf


def test_tokens_are_found_by_vendor_in_order() -> None:
    assert list(TokenSet(ADA, (LONG, SHORT), (), 0).by_provider.items()) == [("long", LONG), ("short", SHORT)]


def test_the_user_hash_tells_users_apart_and_names_nobody() -> None:
    hashes = {id: TokenSet(User(id), (), (), 0).user_hash for id in ("ada", "Ada", "bob", "ü")}
    assert len(set(hashes.values())) == len(hashes)
    assert all(len(text) == 16 and text.isascii() and "ada" not in text.lower() for text in hashes.values())
    assert hashes["ada"] == TokenSet(User("ada", "Ada"), (), (), 7).user_hash
