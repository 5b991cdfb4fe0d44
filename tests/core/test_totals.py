from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from widgetmw import User, testing
from widgetmw.core.engine import Engine
from widgetmw.core.events import Events
from widgetmw.core.metrics import PAGES, TOKEN_CACHE, TOKENS_MINTED
from widgetmw.core.tokens.cache import TokenCache
from widgetmw.core.totals import Totals

SETTINGS = testing.settings("digitalgenius", "hissuno")
ADA, BOB = User("ada"), User("bob")


def added(totals: Totals) -> Engine:
    engine = Engine(SETTINGS)
    totals.add(engine.tokens, engine.events)
    return engine


def test_the_apps_of_a_process_add_up() -> None:
    totals = Totals()
    one, two = added(totals), added(totals)
    one.outcomes["injected"] += 2
    two.outcomes["injected"] += 3
    one.tokens.get(ADA)
    two.tokens.get(ADA)
    two.tokens.get(BOB)
    assert totals.sum().counter(PAGES.kind)["injected"] == 5
    assert totals.sum().counter(TOKENS_MINTED.kind) == {"digitalgenius": 3, "hissuno": 3}
    assert totals.cached_users() == 3
    assert [sum(each.counts) for each in totals.sum().mint_seconds.values()] == [3, 3]


def test_counts_are_there_before_the_first_event() -> None:
    totals = Totals()
    engine = added(totals)
    assert dict(totals.sum().counter(PAGES.kind)) == dict.fromkeys(engine.outcomes, 0)
    assert dict(totals.sum().counter(TOKENS_MINTED.kind)) == {"digitalgenius": 0, "hissuno": 0}
    assert dict(totals.sum().counter(TOKEN_CACHE.kind)) == {"hit": 0, "miss": 0}


def test_an_app_that_goes_away_leaves_its_counts_and_nothing_else() -> None:
    totals = Totals()
    gc.freeze()  # or each collection would look through the objects of all other tests
    for _ in range(50):
        engine = added(totals)
        engine.outcomes["injected"] += 1
        engine.tokens.get(ADA)
        del engine
        gc.collect()
    last = added(totals)
    assert totals.sum().counter(PAGES.kind)["injected"] == 50
    assert sum(totals.sum().mint_seconds["hissuno"].counts) == 50
    assert totals.cached_users() == len(last.tokens) == 0
    assert len(totals._apps) == 2


def test_a_reader_never_sees_a_count_go_backwards_while_apps_come_and_go() -> None:
    totals, done, seen = Totals(), threading.Event(), []

    def read() -> None:
        while not done.is_set():
            seen.append(totals.sum().counter(PAGES.kind)["injected"])

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for _ in range(200):
            tokens, events = TokenCache(SETTINGS, lambda: 0.0, Events()), Events()
            totals.add(tokens, events)
            events.count("page", "injected")
        done.set()
        reading.result()
    assert seen == sorted(seen)
    assert totals.sum().counter(PAGES.kind)["injected"] == 200


def test_many_threads_lose_no_count() -> None:
    totals = Totals()
    engine: Any = added(totals)

    def count() -> None:
        for _ in range(20_000):
            engine.outcomes["injected"] += 1

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(count) for _ in range(4)]:
            future.result()
    assert totals.sum().counter(PAGES.kind)["injected"] == 80_000
