"""Checks of what reaches a page: the script, the loader and the token."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from wsgiref.util import setup_testing_defaults

from widgetmw.browser import assets
from widgetmw.browser.syntax import is_valid_script
from widgetmw.core.http.csp_parser import SourceList, parse_url
from widgetmw.core.identity.user import User
from widgetmw.core.script_tags import find_data
from widgetmw.core.settings import Settings
from widgetmw.provider_checks.subject import BASE, USERS, Subject
from widgetmw.wsgi import WidgetMiddleware

_DIRECTIVES: Final = frozenset(
    f"{kind}-src" for kind in ("child", "connect", "default", "font", "frame", "img", "manifest", "media", "object")
) | {"script-src", "script-src-elem", "style-src", "style-src-elem", "worker-src", "form-action"}
_SCRIPT_DIRECTIVES: Final = ("script-src", "default-src")
_IMPORT: Final = re.compile(r"^\s*import\b", re.MULTILINE)


def script(subject: Subject) -> Iterator[str]:
    """The script can stand in a page, parses, and has the hooks that the class promises."""
    provider, source = subject.provider, subject.provider.script_source()
    if not source:
        if provider.embeddable:
            yield "it is embeddable, and has no script that could add the loader"
        if not provider.in_page:
            yield "its token is not in pages, and it has no script that could request it"
        return
    if not provider.in_page and "getToken" not in source:
        yield "its token is not in pages, and its script never calls vendor.getToken()"
    if provider.embeddable and not re.search(r"\bembed\b", source):
        yield "it is embeddable, and its script has no `embed` hook"
    if assets.is_built_in(provider.name):
        return  # a part of the bundles, which the build has parsed
    if _IMPORT.search(source):
        yield "its script imports a module; it must be one file"
        return
    try:
        code = assets.vendor_script(provider.name, source).content.decode()
    except ValueError as error:
        yield str(error)
        return
    is_valid = is_valid_script(code)
    if is_valid is None:
        subject.notes.append("the syntax of the script was not checked: Node.js is not installed")
    elif not is_valid:
        yield "its script is not valid JavaScript"


def embedding(subject: Subject) -> Iterator[str]:
    """The loader's URLs are among the origins, and what a sign-out expires is not ours."""
    provider = subject.provider
    if provider.embeddable and not provider.script_urls() and not provider.snippets():
        yield "it is embeddable, and script_urls() names no loader"
    origins = provider.origins()
    for origin in origins:
        if origin.directive not in _DIRECTIVES or not origin.source.strip() or set(origin.source) & set(";,\n"):
            yield f"origins() has a source that no Content-Security-Policy can hold, of {origin.directive}"
    scripts = SourceList(" ".join(each.source for each in origins if each.directive.startswith(_SCRIPT_DIRECTIVES)))
    for url in provider.script_urls():
        parsed = parse_url(url)
        if parsed is None:
            yield f"script_urls() has {url}, which is not an absolute URL"
        elif origins and not scripts.allows_script_url(parsed):
            yield f"origins() does not allow the loader {url} in script-src"
    yield from (f"cookies() names {name}, which is ours" for name in provider.cookies() if name.startswith("widgetmw"))


def page(subject: Subject) -> Iterator[str]:
    """A page carries the token if it should, and never a secret."""
    hostile = USERS["with markup in every field"]
    user = BASE if subject.provider.cannot_serve(hostile) else hostile
    subject.mint(user)  # what fails here is not a problem of the page
    html = _page_of(subject.settings, user)
    data = next(find_data(html), {})
    has_token = bool(data.get("vendors", {}).get(subject.provider.name, {}).get("token"))
    if has_token is not subject.provider.in_page:
        yield f"in_page is {subject.provider.in_page}, and a page has {'a' if has_token else 'no'} token"
    if name := subject.find_secret(html):
        yield f"a page shows the value of {name}"


def _page_of(settings: Settings, user: User) -> str:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [b"<!doctype html><html><head><title>Page</title></head><body></body></html>"]

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    body = WidgetMiddleware(app, settings, user=lambda environ: user)(environ, lambda *_: lambda data: None)
    return b"".join(body).decode()
