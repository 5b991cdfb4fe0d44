"""``make bench`` measures all and keeps the result; ``make bench-quick`` says what moved since.

With the names of sections, ``make bench ARGS="asgi wsgi"``, only those are measured, printed, and not kept.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from benchmarks import comparison, document, machine, plot, result, table
from benchmarks.effort import EFFORTS, FULL, QUICK, Effort
from benchmarks.finding import Section
from benchmarks.section import SectionError, run
from benchmarks.sections import ONLY_FULL, ORDER
from benchmarks.servers import wrk
from tests import components


def main(words: Sequence[str] | None = None) -> None:
    """Runs what was asked for."""
    options = _options(words)
    components.install([] if wrk() else ["wrk"])
    if machine.busy():
        print("Other programs keep this machine busy: expect more noise than the intervals say.", file=sys.stderr)
    effort = EFFORTS[options.effort]
    chosen = options.sections or [name for name in ORDER if effort is FULL or name not in ONLY_FULL]
    found, failed = _measured(chosen, effort)
    if effort is FULL and not options.sections and not failed:
        _keep(result.made(found))
    else:
        print(document.whole(result.made(found)))
    if effort is QUICK:
        _compare(found)
    if failed:
        sys.exit("\n".join(failed))


def _measured(names: Sequence[str], effort: Effort) -> tuple[dict[str, Section], list[str]]:
    """Returns what was found, and what failed; one section that fails does not keep the others from running."""
    found: dict[str, Section] = {}
    failed: list[str] = []
    for name in names:
        start = time.monotonic()
        try:
            found[name] = run(name, effort)
        except SectionError as error:
            failed.append(str(error))
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    return found, failed


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[[], *ORDER], metavar="section", help=", ".join(ORDER))
    parser.add_argument("--effort", choices=EFFORTS, default=FULL.name)
    return parser.parse_args(words)


def _keep(made: result.Result) -> None:
    result.FOLDER.mkdir(exist_ok=True)
    result.STORED.write_text(result.dumped(made), encoding="utf-8")
    if not plot.write(made):
        print("matplotlib is not installed: no plots were drawn", file=sys.stderr)
    document.write(made)
    print(table.targets(made))


def _compare(found: dict[str, Section]) -> None:
    try:
        stored = result.loaded()
    except OSError:
        print("There is no stored result to compare with: make bench keeps one.")
        return
    print(comparison.told(stored, found, machine.facts(), machine.versions()))


if __name__ == "__main__":
    main()
