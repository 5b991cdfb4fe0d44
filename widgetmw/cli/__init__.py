"""The command line interface: ``widgetmw`` or ``python -m widgetmw``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from widgetmw import __version__
from widgetmw.core.errors import SettingsError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns 0, or 1 if the command found a problem. Usage errors exit with status 2."""
    options = _parser().parse_args(argv)
    try:
        status: int = options.run(options)
        return status
    except SettingsError as error:
        for problem in error.problems:
            print(f"problem: {problem}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader closed the pipe. Replace stdout, so that the interpreter does not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="widgetmw",
        description="Identity verification for chat widgets: signed tokens for ASGI and WSGI apps.",
    )
    parser.add_argument("--version", action="version", version=f"widgetmw {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    _demo(commands.add_parser("demo", help="run a sample site; needs no account and no network"))
    check = commands.add_parser(
        "check", help="validate the configuration and sign a test token per vendor; never prints secrets"
    )
    check.set_defaults(run=_command("check"))
    _token(commands.add_parser("token", help="print a user's tokens and their claims"))
    keygen = commands.add_parser("keygen", help="generate a key pair")
    keygen.add_argument("vendor", choices=["orlo"], help="the vendor the keys are for")
    keygen.add_argument(
        "--out", default=".", metavar="DIR", help="directory for the two files (default: the current one)"
    )
    keygen.set_defaults(run=_command("keygen"))
    env = commands.add_parser("env", help="print all environment variables as a Markdown table")
    env.set_defaults(run=_env)
    return parser


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port",
        type=int,
        default=8765,
        help="port to listen on; the next free one if it is in use (default: %(default)s)",
    )
    parser.add_argument("--ttl", type=int, default=20, help="token lifetime in seconds (default: %(default)s)")
    parser.add_argument("--open", action="store_true", help="open the site in the default browser")
    parser.set_defaults(run=_run_demo)


def _token(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", required=True, metavar="ID", help="the user's id")
    parser.add_argument(
        "--provider", metavar="P", help="print only this vendor's token (default: every configured vendor)"
    )
    parser.add_argument("--name", help="the user's name")
    parser.add_argument("--email", help="the user's email address")
    parser.set_defaults(run=_command("token"))


# Each command is imported only when it runs, so that `widgetmw env` loads neither a signer nor a server.


def _command(module: str) -> Callable[[argparse.Namespace], int]:
    return lambda options: import_module(f"widgetmw.cli.{module}").run(options)


def _run_demo(options: argparse.Namespace) -> int:
    from widgetmw.demo import serve

    serve(host=options.host, port=options.port, ttl=options.ttl, open_browser=options.open)
    return 0


def _env(options: argparse.Namespace) -> int:
    from widgetmw.core.env.variable import table
    from widgetmw.core.settings import variables

    print(table(variables()), end="")
    return 0
