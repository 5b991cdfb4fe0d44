from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.conftest import Clock
from widgetmw import Settings, User
from widgetmw.core.env.secret_file import WATCH_PERIOD
from widgetmw.core.events import Events
from widgetmw.core.provider import MintedToken, Provider
from widgetmw.core.tokens.cache import TokenCache
from widgetmw.core.vendor import ConfiguredVendor
from widgetmw.providers.digitalgenius import DigitalGenius

ADA = User("ada")


class Counting(Provider):
    """Signs nothing and counts; fails while ``broken``."""

    name = "counting"
    variables = ()

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.lifetime = values["lifetime"]
        self.minted: Counter[str] = Counter()
        self.broken = False
        self.before = lambda: None

    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        self.before()
        if self.broken:
            raise OSError("secret detail")
        self.minted[user.id] += 1
        return MintedToken(f"{user.id}#{self.minted[user.id]}")

    def verify(self, token: str, user: User) -> None: ...

    def describe_key(self) -> str:
        return "none"

    def browser_config(self) -> dict[str, str]:
        return {}


def make(clock: Clock, lifetime: int | None = 100, **settings: Any) -> tuple[TokenCache, Counting, Events]:
    provider, events = Counting({"lifetime": lifetime}), Events()
    return TokenCache(Settings(vendors=(ConfiguredVendor(provider),), **settings), clock, events), provider, events


def value(tokens: TokenCache, user: User = ADA) -> str:
    return tokens.get(user).by_provider["counting"].value


def test_a_token_is_kept_until_a_fifth_of_its_lifetime_is_left(clock: Clock) -> None:
    tokens, _, _ = make(clock)
    first = value(tokens)
    clock.turn(79.9)
    assert value(tokens) == first
    clock.turn(0.1)
    assert value(tokens) == "ada#2"


def test_the_margin_of_the_settings_counts_to_the_second(clock: Clock) -> None:
    tokens, _, _ = make(clock, refresh_margin=30)
    token = tokens.get(ADA).by_provider["counting"]
    assert (token.expires_at, token.refresh_at) == (int(clock.now) + 100, int(clock.now) + 70)
    clock.turn(69)
    assert value(tokens) == "ada#1"
    clock.turn(1)
    assert value(tokens) == "ada#2"


@pytest.mark.parametrize(("lifetime", "margin"), [(1, 0), (2, 1), (5, 1), (6, 2), (10, 2), (3600, 720)])
def test_the_default_margin_is_a_fifth_and_leaves_something(clock: Clock, lifetime: int, margin: int) -> None:
    assert make(clock)[0].refresh_margin(lifetime) == margin


def test_every_token_that_is_handed_out_is_good_for_its_margin(clock: Clock) -> None:
    tokens, _, _ = make(clock, lifetime=7, refresh_margin=3)
    for _ in range(200):
        token = tokens.get(ADA).by_provider["counting"]
        assert token.expires_at is not None
        assert token.expires_at - clock.now > 3
        clock.turn(0.37)


def test_a_token_without_expiry_is_kept(clock: Clock) -> None:
    tokens, _, _ = make(clock, lifetime=None)
    value(tokens)
    clock.turn(10**9)
    assert value(tokens) == "ada#1"


@pytest.mark.parametrize(
    "changed",
    [
        User("ada", "Ada"),
        User("ada", None, "a@example.com"),
        User("ada", attributes={"n": 1}),
        User("ada", attributes={"n": True}),
    ],
)
def test_a_changed_user_gets_a_new_token_never_the_old_one(clock: Clock, changed: User) -> None:
    tokens, _, _ = make(clock)
    value(tokens, User("ada", attributes={"n": 1.0}))
    assert value(tokens, changed) == "ada#2"
    assert tokens.get(changed).user == changed


def test_an_equal_user_in_another_object_gets_the_same_token(clock: Clock) -> None:
    tokens, _, _ = make(clock)
    assert value(tokens, User("ada", "A", None, {"n": 1})) == value(tokens, User("ada", "A", None, {"n": 1}))


def test_ids_that_look_alike_are_different_people(clock: Clock) -> None:
    tokens, provider, _ = make(clock)
    ids = ["1", "01", "１", "True", "1 ", "1\0", "a:b", "a", "b", "a/b", "😀", "x" * 10_000, "x" * 10_001]
    for _ in range(2):
        assert {id: tokens.get(User(id)).user.id for id in ids} == {id: id for id in ids}
    assert provider.minted == Counter(ids)
    assert len({tokens.get(User(id)).user_hash for id in ids}) == len(ids)


def test_a_clock_that_is_set_back_does_not_keep_tokens_of_the_future(clock: Clock) -> None:
    tokens, _, _ = make(clock)
    value(tokens)
    clock.turn(-3600)
    assert tokens.get(ADA).by_provider["counting"].expires_at == int(clock.now) + 100


def test_the_cache_is_bounded_and_the_oldest_go(clock: Clock) -> None:
    tokens, provider, _ = make(clock, cache_size=3)
    for id in "abcd":
        value(tokens, User(id))
    assert len(tokens) == 3
    for id in "bcd":
        value(tokens, User(id))
    assert provider.minted == Counter("abcd")
    value(tokens, User("a"))
    assert provider.minted["a"] == 2


def test_people_who_are_gone_are_forgotten_as_others_come(clock: Clock) -> None:
    tokens, _, _ = make(clock, cache_size=1000)
    for i in range(100):
        value(tokens, User(f"old{i}"))
    clock.turn(200)
    for i in range(100):
        value(tokens, User(f"new{i}"))
    assert len(tokens) == 100


def test_a_failing_signer_is_named_and_tried_again_soon(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    tokens, provider, events = make(clock)
    provider.broken = True
    for _ in range(50):
        token_set = tokens.get(ADA)
    assert (token_set.by_provider, token_set.failed) == ({}, ("counting",))
    assert events.counts["token_failures:counting"] == 1
    assert "OSError" in caplog.text
    assert "secret detail" not in caplog.text
    provider.broken = False
    clock.turn(6)
    assert value(tokens) == "ada#1"


def test_sixty_four_threads_that_ask_for_a_cold_user_make_one_mint(clock: Clock) -> None:
    tokens, provider, _ = make(clock)
    together = threading.Barrier(64)

    def ask() -> str:
        together.wait(10)
        return value(tokens)

    with ThreadPoolExecutor(64) as pool:
        found = {future.result() for future in [pool.submit(ask) for _ in range(64)]}
    assert found == {"ada#1"}
    assert provider.minted == Counter({"ada": 1})


def test_a_slow_mint_for_one_user_does_not_hold_up_another(clock: Clock) -> None:
    tokens, provider, _ = make(clock)
    other = next(User(f"u{i}") for i in range(1000) if hash(f"u{i}") % 64 != hash("ada") % 64)
    entered, leave = threading.Event(), threading.Event()

    def stop() -> None:
        entered.set()
        leave.wait(10)

    provider.before = stop
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(value, tokens)
        assert entered.wait(10)
        provider.before = lambda: None
        assert value(tokens, other) == f"{other.id}#1"
        leave.set()
        assert slow.result(10) == "ada#1"


def test_many_users_on_many_threads_never_get_each_others_tokens(clock: Clock) -> None:
    tokens, _, _ = make(clock, cache_size=20)
    users = [User(f"u{i}") for i in range(40)]

    def ask(seed: int) -> bool:
        for i in range(500):
            user = users[(i * 7 + seed) % 40]
            token_set = tokens.get(user)
            if token_set.user != user or not token_set.by_provider["counting"].value.startswith(f"{user.id}#"):
                return False
            if i % 100 == 0:
                clock.turn(1)
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))


# keys in files


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("first-key-first-key-first-key-first\n")
    return file


def watched(dg_env: dict[str, str], secret: Path, clock: Clock) -> tuple[TokenCache, Events]:
    del dg_env["DG_API_SECRET"]
    events = Events()
    return TokenCache(Settings.from_env({**dg_env, "DG_API_SECRET_FILE": str(secret)}), clock, events), events


def look_twice(tokens: TokenCache, clock: Clock) -> None:
    """Lets a change of key files take effect, which two looks must see."""
    for _ in range(2):
        clock.turn(WATCH_PERIOD)
        tokens.get(ADA)
    clock.turn(WATCH_PERIOD)


def signed_with(tokens: TokenCache, key: str, user: User = ADA) -> bool:
    token = tokens.get(user).by_provider["digitalgenius"].value
    try:
        jwt.decode(token, key, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
    except jwt.InvalidSignatureError:
        return False
    return True


def test_a_changed_key_file_is_used_within_ten_seconds(dg_env: dict[str, str], secret: Path, clock: Clock) -> None:
    tokens, _ = watched(dg_env, secret, clock)
    for _ in range(40):
        assert signed_with(tokens, "first-key-first-key-first-key-first")
        clock.turn(0.37)
    secret.write_text("second-key-second-key-second-key-second")
    for _ in range(20):
        tokens.get(ADA)
        tokens.get(User("bob"))
        clock.turn(0.5)
    assert signed_with(tokens, "second-key-second-key-second-key-second")
    assert signed_with(tokens, "second-key-second-key-second-key-second", User("bob"))


def test_a_key_file_that_is_swapped_by_a_link_of_same_size_and_time_is_noticed(
    dg_env: dict[str, str], secret: Path, clock: Clock, tmp_path: Path
) -> None:
    tokens, _ = watched(dg_env, secret, clock)
    tokens.get(ADA)
    other = tmp_path / "other"
    other.write_text("other-key-other-key-other-key-other\n")
    os.utime(other, ns=(secret.stat().st_atime_ns, secret.stat().st_mtime_ns))
    other.replace(secret)
    look_twice(tokens, clock)
    assert signed_with(tokens, "other-key-other-key-other-key-other")


def test_an_unchanged_key_file_costs_no_new_token(dg_env: dict[str, str], secret: Path, clock: Clock) -> None:
    tokens, events = watched(dg_env, secret, clock)
    for _ in range(100):
        tokens.get(ADA)
        clock.turn(1)
    assert events.counts["tokens_minted:digitalgenius"] == 1


@pytest.mark.parametrize("content", [None, "", "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----"])
def test_a_key_file_that_becomes_unusable_leaves_the_old_key_in_use(
    dg_env: dict[str, str], secret: Path, clock: Clock, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    tokens, _ = watched(dg_env, secret, clock)
    tokens.get(ADA)
    secret.unlink() if content is None else secret.write_text(content)
    for _ in range(10):
        clock.turn(10)
        assert signed_with(tokens, "first-key-first-key-first-key-first")
    assert len(caplog.records) == 1
    assert "DG_API_SECRET_FILE" in caplog.text
    secret.write_text("third-key-third-key-third-key-third")
    look_twice(tokens, clock)
    assert signed_with(tokens, "third-key-third-key-third-key-third")


def test_the_rsa_key_is_parsed_once(env: dict[str, str], clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    from widgetmw.providers import signing

    settings = Settings.from_env({**env, "WIDGETMW_PROVIDERS": "orlo"})

    def parse(*_: Any, **__: Any) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr(signing, "load_pem_private_key", parse)
    tokens = TokenCache(settings, clock, Events())
    assert [tokens.get(User(f"u{i}")).failed for i in range(3)] == [(), (), ()]


def test_a_mint_that_fails_for_one_vendor_leaves_the_others(env: dict[str, str], clock: Clock) -> None:
    good = Settings.from_env({**env, "WIDGETMW_PROVIDERS": "digitalgenius"}).vendors[0]
    broken = Counting({"lifetime": 10})
    broken.broken = True
    token_set = TokenCache(Settings(vendors=(ConfiguredVendor(broken), good)), clock, Events()).get(ADA)
    assert isinstance(good.provider, DigitalGenius)
    assert (list(token_set.by_provider), token_set.failed) == (["digitalgenius"], ("counting",))


def test_a_key_and_its_secret_change_together(dg_env: dict[str, str], tmp_path: Path, clock: Clock) -> None:
    files = {name: tmp_path / name for name in ("DG_API_KEY", "DG_API_SECRET")}
    for name, file in files.items():
        file.write_text(f"old-{name}-" + "x" * 32)
        del dg_env[name]
        dg_env[f"{name}_FILE"] = str(file)
    tokens = TokenCache(Settings.from_env(dg_env), clock, Events())

    def pair() -> tuple[str, bool]:
        token = tokens.get(ADA).by_provider["digitalgenius"].value
        return jwt.get_unverified_header(token)["kid"][:3], signed_with(tokens, "new-DG_API_SECRET-" + "x" * 32)

    assert pair() == ("old", False)
    files["DG_API_KEY"].write_text("\n")  # half way, and unusable
    files["DG_API_SECRET"].write_text("new-DG_API_SECRET-" + "x" * 32)
    look_twice(tokens, clock)
    assert pair() == ("old", False), "half of a pair was taken over"
    files["DG_API_KEY"].write_text("new-DG_API_KEY")
    look_twice(tokens, clock)
    assert pair() == ("new", True)


def test_a_key_file_that_becomes_a_pipe_blocks_nobody(dg_env: dict[str, str], secret: Path, clock: Clock) -> None:
    tokens, _ = watched(dg_env, secret, clock)
    tokens.get(ADA)
    secret.unlink()
    os.mkfifo(secret)
    clock.turn(10)
    assert signed_with(tokens, "first-key-first-key-first-key-first")


def test_a_user_whom_a_vendor_cannot_serve_gets_the_tokens_of_the_others(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    picky, other, events = Counting({"lifetime": 100}), Counting({"lifetime": 100}), Events()
    picky.cannot_serve = lambda user: "" if user.email else "email_missing"  # type: ignore[method-assign]
    tokens = TokenCache(Settings(vendors=(ConfiguredVendor(picky), ConfiguredVendor(other))), clock, events)
    for id in ("ada", "bob"):
        token_set = tokens.get(User(id))
        assert (token_set.refused, token_set.failed) == ((("counting", "email_missing"),), ())
        assert [token.value for token in token_set.tokens] == [f"{id}#1"]
    (line,) = caplog.messages  # once for all users
    assert "counting cannot identify a user (email_missing)" in line
    assert "set User.email" in line
    assert "ada" not in line
    assert tokens.get(User("ada", email="a@b.example")).refused == ()


@pytest.mark.parametrize("answer", [None, True, "Not a code!", 3])
def test_an_answer_that_is_no_code_costs_only_its_vendor(clock: Clock, answer: Any) -> None:
    tokens, provider, _ = make(clock)
    provider.cannot_serve = lambda user: answer  # type: ignore[method-assign]
    assert tokens.get(ADA).failed == ("counting",)
