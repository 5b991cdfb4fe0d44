"""The table of docs/servers.md, made from what the tests run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from tests.servers.cases import LOCAL, OWN
from tests.servers.matrix import HTTP2_PAIRS, IMPOSSIBLE, SERVERS, UNSERVED, USUAL_PAIRS, Feature, Pair, Place, Server

FEATURES: tuple[Feature, ...] = get_args(Feature)


def table() -> str:
    """Returns the generated part of the page, in Markdown."""
    reasons = list(dict.fromkeys(why for server in SERVERS.values() for why in server.lacks.values()))
    head = ["server", "adapters, HTTP/1.1", "adapters, HTTP/2", *(f for f in FEATURES if f != "HTTP/2")]
    rows = [_row(name, server, reasons) for name, server in SERVERS.items()]
    sections = [
        "\n".join(_line(cells) for cells in (head, ["---"] * len(head), *rows)),
        "## Why not supported\n\n" + _numbered(reasons),
        "## Adapters tested without a server\n\n" + _listed(UNSERVED.items()),
        "## Unsupported combinations\n\n"
        "`make test` runs each adapter on one server, and HTTP/2 on three; the further tests named above on one server "
        "of each interface. `make servers` runs them on all servers, and every adapter of a server's interface on it, "
        "but for these:\n\n" + _pairs(),
        "## Quirks of the servers, with or without this middleware\n\n" + _listed(_own()),
        "## Contract cases that run in process only\n\n" + _local(),
        "## How each server was started\n\n"
        + _listed((name, f"`{_command(server)}`") for name, server in SERVERS.items()),
    ]
    return "\n\n".join(sections) + "\n"


def _row(name: str, server: Server, reasons: list[str]) -> list[str]:
    def run(pairs: Iterable[Pair], protocol: str) -> str:
        return ", ".join(pair.adapter for pair in pairs if (pair.server, pair.protocol) == (name, protocol))

    def mark(feature: Feature) -> str:
        return f"no ({reasons.index(server.lacks[feature]) + 1})" if feature in server.lacks else "yes"

    modern = run(HTTP2_PAIRS, "2") or mark("HTTP/2")
    return [
        f"`{name}`",
        run(USUAL_PAIRS, "1.1") or server.gateway,
        modern,
        *(mark(feature) for feature in FEATURES if feature != "HTTP/2"),
    ]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _numbered(texts: Iterable[str]) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1))


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- `{name}`: {text}" for name, text in pairs)


def _own() -> list[tuple[str, str]]:
    return list(dict.fromkeys((server, why) for (server, _, _), why in OWN.items()))


def _pairs() -> str:
    return _listed((f"{server}` with `{adapter}", why) for (server, adapter), why in IMPOSSIBLE.items())


def _local() -> str:
    names = {why: [n.removeprefix("test_") for n in LOCAL if LOCAL[n] == why] for why in dict.fromkeys(LOCAL.values())}
    return "\n".join(f"- {why}: {', '.join(f'`{name}`' for name in found)}" for why, found in names.items())


def _command(server: Server) -> str:
    return " ".join(server.words(Place("app:app", 8000))).removeprefix("!")


def unaccounted(adapters: Iterable[str]) -> set[str]:
    """Returns adapters of the contract that the table neither runs nor mentions."""
    known = {pair.adapter for pair in USUAL_PAIRS} | UNSERVED.keys()
    return set(adapters) - known


def misplaced(pairs: Iterable[Pair], gateways: dict[str, str]) -> set[Pair]:
    """Returns pairs of an adapter and a server with different gateway interfaces."""
    return {pair for pair in pairs if SERVERS[pair.server].gateway != gateways[pair.adapter]}
