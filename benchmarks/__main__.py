"""``make bench`` runs every section and stores the result; ``make bench-quick`` reports what has changed since.

``make bench ARGS="asgi wsgi"`` runs only the named sections; it prints the result and does not store it. Only sections
that count, such as ``sizes``, replace their part of the stored result: they find the same on a busy machine.
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
from benchmarks.sections import COUNTED, ONLY_FULL, ORDER
from benchmarks.servers import wrk
from tests import components


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the sections named on the command line, or all of them."""
    options = _options(argv)
    effort = EFFORTS[options.effort]
    chosen = options.sections or [name for name in ORDER if effort is FULL or name not in ONLY_FULL]
    only_counts = COUNTED.issuperset(chosen)
    if not only_counts:
        _prepare_timing()
    found, failed = _measure(chosen, effort)
    if failed or effort is not FULL or (options.sections and not only_counts):
        print(document.full_report(result.create(found)))
    else:
        _store(result.update(found) if only_counts else result.create(found))
    if effort is QUICK:
        _compare(found)
    if failed:
        sys.exit("\n".join(failed))


def _prepare_timing() -> None:
    components.install([] if wrk() else ["wrk"])
    if machine.is_busy():
        print("Other programs keep this machine busy: expect more noise than the intervals suggest.", file=sys.stderr)


def _measure(names: Sequence[str], effort: Effort) -> tuple[dict[str, Section], list[str]]:
    """Returns the results and the error messages; a section that fails does not stop the others."""
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


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[[], *ORDER], metavar="section", help=", ".join(ORDER))
    parser.add_argument("--effort", choices=EFFORTS, default=FULL.name)
    return parser.parse_args(argv)


def _store(new: result.Result) -> None:
    result.FOLDER.mkdir(exist_ok=True)
    result.STORED.write_text(result.dumps(new), encoding="utf-8")
    if not plot.write(new):
        print("matplotlib is not installed, so no plots were drawn", file=sys.stderr)
    document.write(new)
    print(table.targets_table(new))


def _compare(found: dict[str, Section]) -> None:
    try:
        stored = result.load()
    except OSError:
        print('There is no stored result to compare with: run "make bench" to store one.')
        return
    print(comparison.describe(stored, found, machine.describe(), machine.versions()))


if __name__ == "__main__":
    main()
