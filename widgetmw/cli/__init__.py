"""The command line: ``widgetmw`` and ``python -m widgetmw``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from widgetmw import __version__
from widgetmw.core.errors import SettingsError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: the words after the program's name; those of the process where it is ``None``.

    Returns:
        the exit status: 0, 1 where something is wrong with the environment, 2 for a command that is none.
    """
    options = _parser().parse_args(argv)
    try:
        status: int = options.run(options)
        return status
    except SettingsError as error:
        for problem in error.problems:
            print(f"problem: {problem}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # whoever reads us has seen enough; keep the interpreter from complaining at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="widgetmw",
        description="Tells a vendor's chat widget who is signed in, for any ASGI or WSGI app.",
    )
    parser.add_argument("--version", action="version", version=f"widgetmw {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    _demo(commands.add_parser("demo", help="serve a sample site; no account and no network needed"))
    check = commands.add_parser("check", help="look at the environment, and mint and verify a token per vendor")
    check.set_defaults(run=_check)
    _token(commands.add_parser("token", help="print a token and its claims"))
    keygen = commands.add_parser("keygen", help="write a key pair")
    keygen.add_argument("vendor", choices=["orlo"])
    keygen.add_argument("--out", default=".", metavar="DIR", help="where to write it (default: here)")
    keygen.set_defaults(run=_keygen)
    env = commands.add_parser("env", help="print the table of settings")
    env.set_defaults(run=_env)
    return parser


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8765, help="port to listen at (default: %(default)s)")
    parser.add_argument("--ttl", type=int, default=20, help="seconds that a token lives (default: %(default)s)")
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    parser.set_defaults(run=_run_demo)


def _token(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", required=True, metavar="ID", help="the user's id")
    parser.add_argument("--provider", metavar="P", help="one vendor (default: all that are configured)")
    parser.add_argument("--name", help="the user's name")
    parser.add_argument("--email", help="the user's email address")
    parser.set_defaults(run=_run_token)


# Each command is imported when it runs: `widgetmw env` needs no signer and no server.


def _run_demo(options: argparse.Namespace) -> int:
    from widgetmw.demo import serve

    serve(host=options.host, port=options.port, ttl=options.ttl, open_browser=options.open)
    return 0


def _check(options: argparse.Namespace) -> int:
    from widgetmw.cli.check import check

    return check(os.environ)


def _run_token(options: argparse.Namespace) -> int:
    from widgetmw.cli.token import token

    return token(os.environ, options.user, options.provider, options.name, options.email)


def _keygen(options: argparse.Namespace) -> int:
    from widgetmw.cli.keygen import keygen

    return keygen(options.vendor, options.out)


def _env(options: argparse.Namespace) -> int:
    from widgetmw.cli.env import settings_table

    print(settings_table(), end="")
    return 0
