"""The table of docs/servers.md is what the tests run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.contract.bridges import BRIDGES
from tests.generated import rendered
from tests.servers.cases import OWN, cases
from tests.servers.conftest import KINDS
from tests.servers.matrix import ALL_PAIRS, PAIRS, SERVERS
from tests.servers.table import misplaced, unaccounted

HERE = Path(__file__).parent


def test_the_page_has_the_table() -> None:
    text, expected = rendered("docs/servers.md")
    assert text == expected, "run: make docs"


def test_every_adapter_of_the_contract_is_in_the_table() -> None:
    assert unaccounted([*KINDS, *(kind.driver for kind in BRIDGES)]) == set()


def test_no_pair_is_run_twice_and_each_speaks_one_gateway() -> None:
    assert max(Counter(PAIRS).values()) == 1
    assert misplaced(PAIRS, {name: kind.gateway for name, kind in KINDS.items()}) == set()


def test_every_server_runs_an_adapter_each_day_and_its_bare_driver_in_the_full_matrix() -> None:
    assert {pair.server for pair in PAIRS} == SERVERS.keys()
    assert {(pair.server, pair.adapter) for pair in ALL_PAIRS} >= {(name, s.gateway) for name, s in SERVERS.items()}


def test_what_servers_do_in_their_own_way_names_tests_that_are_there() -> None:
    tests = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    assert [key for key in OWN if key[0] not in SERVERS] == []
    assert [test for _, test, _ in OWN if test not in cases() and f"def {test}(" not in tests] == []
