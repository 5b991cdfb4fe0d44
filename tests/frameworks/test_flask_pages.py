"""Flask: pages of every kind after all hooks, and scripts placed by a template."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import (
    Flask,
    Response,
    make_response,
    render_template_string,
    request,
    send_file,
    stream_template_string,
    stream_with_context,
)
from werkzeug.middleware.proxy_fix import ProxyFix

from tests.contract.site import MARK
from tests.frameworks.flask_app import PAGE, make, member, serve, signed_in, token
from tests.frameworks.visitor import BROWSER, ENDPOINT, HEAD, user_in
from widgetmw import Settings, User
from widgetmw.core.http.mark import mark_name
from widgetmw.flask import Widget, widgetmw_script

TEMPLATE = "<!doctype html><html><head><title>Shop</title>{{ widgetmw_script() }}</head><body>Hello"


def test_changes_of_hooks_to_the_page_are_seen(settings: Settings) -> None:
    app = make()

    @app.after_request
    def set_csp(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = "script-src 'nonce-abcdef'"
        response.add_etag()
        return response

    reply = signed_in(app, settings).get("/")
    assert user_in(reply.text) == "ada"
    assert reply.text.count('nonce="abcdef"') == 2
    assert "ETag" not in reply.headers
    assert reply.headers["Cache-Control"] == "private, no-store"
    assert reply.headers["Content-Length"] == str(len(reply.data))


def test_conditional_responses_never_revive_another_page(settings: Settings) -> None:
    app = make()

    @app.get("/conditional")
    def conditional() -> Response:
        response = make_response(PAGE)
        response.add_etag()
        return response.make_conditional(request)

    client = signed_in(app, settings)
    assert user_in(client.get("/conditional", headers={"If-None-Match": "*", **BROWSER}).text) == "ada"


def test_error_pages_are_injected(settings: Settings) -> None:
    app = make()
    serve(app, broken=lambda: [][1])
    app.register_error_handler(500, lambda error: (HEAD + "Oops", 500))
    client = signed_in(app, settings)
    for path, status in (("/broken", 500), ("/nowhere", 404)):
        reply = client.get(path)
        assert (reply.status_code, user_in(reply.text)) == (status, "ada")


def test_files_and_streams(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE)
    app = make()

    def chunks() -> Iterator[str]:
        for i in range(0, len(PAGE), 9):
            yield PAGE[i : i + 9]

    serve(
        app,
        file=lambda: send_file(tmp_path / "page.html"),
        stream=lambda: Response(chunks(), mimetype="text/html"),
        context=lambda: stream_with_context(chunk for chunk in chunks() if request.path),
        download=lambda: send_file(tmp_path / "page.html", as_attachment=True),
        gzip=lambda: Response(gzip.compress(PAGE.encode()), headers={"Content-Encoding": "gzip"}),
    )
    client = signed_in(app, settings)
    for path in ("/file", "/stream", "/context"):
        reply = client.get(path, headers={"Range": "bytes=0-9", "If-None-Match": "*", **BROWSER}, buffered=True)
        assert (reply.status_code, user_in(reply.text)) == (200, "ada")
        assert reply.text.endswith(PAGE[30:])
        assert reply.headers.get("Content-Length", str(len(reply.data))) == str(len(reply.data))
    assert user_in(gzip.decompress(client.get("/gzip").data).decode()) == "ada"
    assert client.get("/download", buffered=True).text == PAGE


def test_a_stream_is_forwarded_chunk_by_chunk_and_closed(settings: Settings) -> None:
    order: list[str] = []
    app = make()

    @app.get("/stream")
    def stream() -> Any:
        def chunks() -> Iterator[str]:
            try:
                for i in range(3):
                    order.append(f"made {i}")
                    yield PAGE if i == 0 else str(i)
            finally:
                order.append("closed")

        return chunks(), {"Content-Type": "text/html"}

    client = signed_in(app, settings)
    reply = client.get("/stream", buffered=False)
    for _ in reply.iter_encoded():
        order.append("got")
    reply.close()
    assert order == ["made 0", "got", "made 1", "got", "made 2", "got", "closed"]


def test_wsgi_layers_before_and_after(settings: Settings) -> None:
    app = make()
    inner = app.wsgi_app

    def tag(environ: Any, start_response: Any) -> Any:
        def starting(status: str, headers: Any, exc_info: Any = None) -> Any:
            return start_response(status, [*headers, ("Cache-Control", "public, max-age=60")], exc_info)

        return inner(environ, starting if environ["PATH_INFO"] == "/" else start_response)

    app.wsgi_app = tag  # type: ignore[method-assign]
    client = signed_in(app, settings)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    assert client.get("/").headers["X-Widgetmw"] == "skipped; reason=shared_cache"
    assert '"/behind/_widgetmw/token"' in client.get("/nowhere", headers={"X-Forwarded-Prefix": "/behind"}).text


# a script placed by a template


def with_templates(app: Flask) -> Flask:
    twice = TEMPLATE + "{{ widgetmw_script() }}"
    return serve(
        app,
        placed=lambda: render_template_string(TEMPLATE),
        twice=lambda: render_template_string(twice),
        streamed=lambda: stream_template_string(TEMPLATE),
    )


@pytest.mark.parametrize("path", ["/placed", "/twice"])
def test_a_template_may_place_the_script(settings: Settings, path: str) -> None:
    client = signed_in(with_templates(make()), settings)
    reply = client.get(path)
    assert user_in(reply.text) == "ada"
    assert reply.text.count("runtime.js") == 1
    assert reply.text.startswith("<!doctype html><html><head><title>Shop</title><script data-widgetmw>")
    assert reply.headers["Cache-Control"] == "private, no-store"
    assert reply.headers["Content-Length"] == str(len(reply.data))


def test_after_a_base_of_another_origin_the_script_is_in_the_page(settings: Settings) -> None:
    app = make()
    bases = {"other": "https://cdn.example/", "own": "/shop/"}
    pages = {name: TEMPLATE.replace("<title>", f'<base href="{url}"><title>') for name, url in bases.items()}
    serve(app, **{name: lambda page=page: render_template_string(page) for name, page in pages.items()})
    client = signed_in(app, settings)
    for name, links in (("other", 0), ("own", 1)):
        reply = client.get(f"/{name}")
        assert user_in(reply.text) == "ada"
        assert reply.text.count(" src=") == links, name
        assert reply.text.partition("<script")[0].endswith("</title>")
        assert reply.headers["Content-Length"] == str(len(reply.data))


def test_a_template_that_streams_gets_the_script_once(settings: Settings) -> None:
    reply = signed_in(with_templates(make()), settings).get("/streamed")
    assert user_in(reply.text) == "ada"
    assert reply.text.count("runtime.js") == 1


def test_an_anonymous_template_gets_no_script(settings: Settings) -> None:
    app = with_templates(make())
    Widget(app, settings, user=member)
    client = app.test_client()
    assert client.get("/placed").text == TEMPLATE.replace("{{ widgetmw_script() }}", "")
    client.set_cookie(MARK.removesuffix("=1"), "1")
    assert '"user":null' in client.get("/placed").text


def test_a_csp_set_later_by_a_hook_governs_the_placed_script(settings: Settings) -> None:
    app = with_templates(make())

    @app.after_request
    def set_csp(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = f"script-src {request.args['csp']}"
        return response

    Widget(app, settings, user=lambda: User("ada"))
    client = app.test_client()
    assert client.get("/placed?csp='nonce-abcdef'").text.count('nonce="abcdef"') == 2
    assert '<script type="application/json" data-widgetmw>' in client.get("/placed?csp='self'").text
    page = client.get("/placed?csp='none'").text
    assert "<script" not in page


def test_a_marker_removed_by_a_minifier_falls_back_to_the_head(settings: Settings) -> None:
    app = with_templates(make())

    @app.after_request
    def minify(response: Response) -> Response:
        response.set_data(re.sub(rb"<!--.*?-->", b"", response.get_data()))
        return response

    reply = signed_in(app, settings).get("/placed")
    assert user_in(reply.text) == "ada"
    assert "<head><script data-widgetmw>" in reply.text


def test_a_user_cannot_say_where_the_placed_script_goes(settings: Settings) -> None:
    app = make()

    @app.get("/comments")
    def comments() -> str:
        copied = re.findall("<!--.*?-->", earlier)
        text = json.dumps(["<!--widgetmw-->", *copied, "<img src=x onerror=alert(1)>"])
        data = f'<script type="application/json">{text}</script>'
        return "<!doctype html><title>Shop</title>" + data + render_template_string("{{ widgetmw_script() }}")

    client, earlier = signed_in(app, settings), ""
    for _ in range(2):
        earlier = reply = client.get("/comments").text
        assert user_in(reply) == "ada"
        assert reply.index("onerror=alert(1)") < reply.index("<script data-widgetmw>")


def test_widgetmw_script_is_empty_outside_a_request(settings: Settings) -> None:
    app = make()
    Widget(app, settings)
    with app.app_context():
        assert widgetmw_script() == ""
    with app.test_request_context():
        assert render_template_string("{{ widgetmw_script() }}") == ""
    with make().test_request_context():
        assert widgetmw_script() == ""


def test_a_failing_resolver_omits_the_placed_script(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    client = signed_in(with_templates(make()), settings, lambda: [][1])
    assert "<script" not in client.get("/placed").text
    assert caplog.text.count("IndexError") == 1


def test_fetch_delivery_with_a_placed_script(dg_env: dict[str, str]) -> None:
    app = with_templates(make())
    Widget(app, Settings.from_env({**dg_env, "WIDGETMW_DELIVERY": "fetch"}), user=lambda: User("ada"))
    client = app.test_client()
    reply = client.get("/placed")
    assert '"ask":true' in reply.text
    assert reply.text.startswith("<!doctype html><html><head><title>Shop</title><script")
    assert user_in(token(client).text) == "ada"
    assert client.get(ENDPOINT).status_code == 200


@pytest.mark.parametrize("root_path", ["", "/shop"])
def test_a_page_that_ends_a_session_checks_the_sign_out_also_below_a_prefix(settings: Settings, root_path: str) -> None:
    app = make()

    @app.after_request
    def end_session(response: Response) -> Response:
        response.headers.add("Set-Cookie", "session=; Max-Age=0; Path=/")
        return response

    Widget(app, settings, user=member)
    cookies = f"session=x; {mark_name(f'{root_path}/_widgetmw', 'localhost')}=1"
    client = app.test_client(use_cookies=False)
    reply = client.get("/", headers={"Cookie": cookies}, environ_overrides={"SCRIPT_NAME": root_path})
    assert "data-widgetmw" in reply.text
    assert user_in(reply.text) is None
