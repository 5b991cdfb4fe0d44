"""The command line interface: ``widgetmw`` or ``python -m widgetmw``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from widgetmw import __version__
from widgetmw.core.env.variable import parse_int
from widgetmw.core.errors import SettingsError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns 0, or 1 if the command found a problem. Usage errors exit with status 2."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.command == "check" and not options.url and (options.cookie or options.header):
        parser.error("--cookie and --header need --url")
    # Each command is imported only when it runs, so that `widgetmw env` loads neither a signer nor a server.
    run = {"demo": _demo, "env": _env}.get(options.command)
    try:
        status: int = (run or import_module(f"widgetmw.cli.{options.command.replace('-', '_')}").run)(options)
        return status
    except SettingsError as error:
        for problem in error.problems:
            print(f"problem: {problem}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader closed the pipe. Replace stdout, so that the interpreter does not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # such as an address that cannot be listened on
        print(f"problem: {error.strerror or type(error).__name__}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    description = "Identity verification for chat widgets: signed tokens for ASGI and WSGI apps."
    parser = argparse.ArgumentParser(prog="widgetmw", description=description)
    parser.add_argument("--version", action="version", version=f"widgetmw {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command", dest="command")

    demo = commands.add_parser("demo", help="run a sample site; needs no account and no network")
    demo.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    port_help = "port to listen on; the next free one if it is in use (default: %(default)s)"
    demo.add_argument("--port", type=_option(parse_int(0, 65535)), default=8765, help=port_help)
    ttl_help = "token lifetime in seconds (default: %(default)s)"
    demo.add_argument("--ttl", type=_option(parse_int(1)), default=20, help=ttl_help)
    demo.add_argument("--open", action="store_true", help="open the site in the default browser")

    check_help = "validate the configuration and sign a test token per vendor; never prints secrets"
    check = commands.add_parser("check", help=check_help)
    check.add_argument("--strict", action="store_true", help="fail on warnings, too")
    check.add_argument("--json", action="store_true", help="print the result as JSON")
    check.add_argument("--url", type=_fetch_option("normal_url"), help="fetch a page, and explain what happened to it")
    cookie_help = "NAME=VALUE or a whole Cookie header for the page; may be given several times"
    check.add_argument(
        "--cookie", type=_fetch_option("parse_cookies"), action="extend", default=[], metavar="COOKIE", help=cookie_help
    )
    header_help = "a header for the page; may be given several times"
    check.add_argument(
        "--header",
        type=_fetch_option("parse_header"),
        action="append",
        default=[],
        metavar="NAME: VALUE",
        help=header_help,
    )

    token = commands.add_parser("token", help="print a user's tokens and their claims")
    token.add_argument("--user", required=True, metavar="ID", help="the user's id")
    token.add_argument(
        "--provider", metavar="P", help="print only this vendor's token (default: every configured vendor)"
    )
    token.add_argument("--name", help="the user's name")
    token.add_argument("--email", help="the user's email address")
    token.add_argument(
        "--email-verified", action="store_true", default=None, help="say that the email address is known to be theirs"
    )
    attribute_help = "a further attribute; may be given several times"
    token.add_argument("--attribute", action="append", default=[], metavar="KEY=VALUE", help=attribute_help)
    token.add_argument("--json", action="store_true", help="print one JSON document with all tokens")

    verify = commands.add_parser("verify", help="say whose key signed a token or URL, and whether it is still valid")
    verify.add_argument("token", metavar="TOKEN_OR_URL", help="a token, or a signed URL")

    keygen = commands.add_parser("keygen", help="generate a key pair")
    keygen.add_argument("vendor", choices=["orlo"], help="the vendor the keys are for")
    out_help = "directory for the two files (default: the current one)"
    keygen.add_argument("--out", default=".", metavar="DIR", help=out_help)

    new = commands.add_parser("new-provider", help="write a distribution with a vendor of your own, and its tests")
    new.add_argument("name", metavar="NAME", help="the vendor's name, such as acme-chat")
    kind_help = "a JSON Web Token, a keyed hash of the id or of the email address alone, or a token of another form"
    kinds = ["jwt", "hmac", "email-hmac", "provider"]
    new.add_argument(
        "--kind", choices=kinds, default="jwt", help=f"what the vendor asks for: {kind_help} (default: jwt)"
    )
    new.add_argument("--out", default=".", metavar="DIR", help="where the new folder goes (default: the current one)")

    commands.add_parser("env", help="print all environment variables as a Markdown table")
    return parser


def _option(parse: Callable[[str], object]) -> Callable[[str], object]:
    """Returns a parser whose ``ValueError`` argparse reports with its message."""

    def parse_option(text: str) -> object:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_option


def _fetch_option(name: str) -> Callable[[str], object]:
    """Returns what parses an option with a function of ``widgetmw.cli.page.fetch``, which is imported only then."""
    return _option(lambda text: getattr(import_module("widgetmw.cli.page.fetch"), name)(text))


def _demo(options: argparse.Namespace) -> int:
    from widgetmw.demo import serve

    serve(host=options.host, port=options.port, ttl=options.ttl, open_browser=options.open)
    return 0


def _env(options: argparse.Namespace) -> int:
    from widgetmw.core.env.variable import table
    from widgetmw.core.settings import variables

    print(table(variables()), end="")
    return 0
