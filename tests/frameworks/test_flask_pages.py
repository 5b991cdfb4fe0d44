"""Flask: pages of every kind as the whole app leaves them, and the place that a template names."""

from __future__ import annotations

import gzip
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

from tests.frameworks.flask_app import PAGE, make, member, serve, signed_in, token
from tests.frameworks.visitor import BROWSER, ENDPOINT, HEAD, whose
from widgetmw import Settings, User
from widgetmw.flask import Widget, widgetmw_script

HAND = "<!doctype html><html><head><title>Shop</title>{{ widgetmw_script() }}</head><body>Hello"


def test_hooks_that_change_the_page_are_seen(settings: Settings) -> None:
    app = make()

    @app.after_request
    def policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = "script-src 'nonce-abcdef'"
        response.add_etag()
        return response

    reply = signed_in(app, settings).get("/")
    assert whose(reply.text) == "ada"
    assert reply.text.count('nonce="abcdef"') == 2
    assert "ETag" not in reply.headers
    assert reply.headers["Cache-Control"] == "private, no-store"
    assert reply.headers["Content-Length"] == str(len(reply.data))


def test_conditional_answers_never_bring_back_another_page(settings: Settings) -> None:
    app = make()

    @app.get("/conditional")
    def conditional() -> Response:
        response = make_response(PAGE)
        response.add_etag()
        return response.make_conditional(request)

    client = signed_in(app, settings)
    assert whose(client.get("/conditional", headers={"If-None-Match": "*", **BROWSER}).text) == "ada"


def test_error_pages_are_pages(settings: Settings) -> None:
    app = make()
    serve(app, broken=lambda: [][1])
    app.register_error_handler(500, lambda error: (HEAD + "Oops", 500))
    client = signed_in(app, settings)
    for path, status in (("/broken", 500), ("/nowhere", 404)):
        reply = client.get(path)
        assert (reply.status_code, whose(reply.text)) == (status, "ada")


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
        assert (reply.status_code, whose(reply.text)) == (200, "ada")
        assert reply.text.endswith(PAGE[30:])
        assert reply.headers.get("Content-Length", str(len(reply.data))) == str(len(reply.data))
    assert whose(gzip.decompress(client.get("/gzip").data).decode()) == "ada"
    assert client.get("/download", buffered=True).text == PAGE


def test_a_stream_is_passed_on_as_it_comes_and_closed(settings: Settings) -> None:
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


# the place that a template names


def hand(app: Flask) -> Flask:
    twice = HAND + "{{ widgetmw_script() }}"
    return serve(
        app,
        hand=lambda: render_template_string(HAND),
        twice=lambda: render_template_string(twice),
        streamed=lambda: stream_template_string(HAND),
    )


@pytest.mark.parametrize("path", ["/hand", "/twice"])
def test_a_template_may_say_where_the_script_goes(settings: Settings, path: str) -> None:
    client = signed_in(hand(make()), settings)
    reply = client.get(path)
    assert whose(reply.text) == "ada"
    assert reply.text.count("runtime.js") == 1
    assert reply.text.startswith("<!doctype html><html><head><title>Shop</title><script data-widgetmw>")
    assert reply.headers["Cache-Control"] == "private, no-store"
    assert reply.headers["Content-Length"] == str(len(reply.data))


def test_a_template_that_streams_gets_the_script_once(settings: Settings) -> None:
    reply = signed_in(hand(make()), settings).get("/streamed")
    assert whose(reply.text) == "ada"
    assert reply.text.count("runtime.js") == 1


def test_for_nobody_the_template_gets_nothing(settings: Settings) -> None:
    app = hand(make())
    Widget(app, settings, user=member)
    client = app.test_client()
    assert client.get("/hand").text == HAND.replace("{{ widgetmw_script() }}", "")
    client.set_cookie("widgetmw", "1")
    assert '"user":null' in client.get("/hand").text


def test_the_policy_that_a_hook_sets_afterwards_rules_the_script_placed_by_hand(settings: Settings) -> None:
    app = hand(make())

    @app.after_request
    def policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = f"script-src {request.args['policy']}"
        return response

    Widget(app, settings, user=lambda: User("ada"))
    client = app.test_client()
    assert client.get("/hand?policy='nonce-abcdef'").text.count('nonce="abcdef"') == 2
    assert '<script type="application/json" data-widgetmw>' in client.get("/hand?policy='self'").text
    left = client.get("/hand?policy='none'").text
    assert "<script" not in left


def test_a_marker_that_a_minifier_takes_away_is_not_missed(settings: Settings) -> None:
    app = hand(make())

    @app.after_request
    def minify(response: Response) -> Response:
        response.set_data(response.get_data().replace(b"<!--widgetmw-->", b""))
        return response

    reply = signed_in(app, settings).get("/hand")
    assert whose(reply.text) == "ada"
    assert "<head><script data-widgetmw>" in reply.text


def test_the_script_by_hand_outside_of_a_request_is_nothing(settings: Settings) -> None:
    app = make()
    Widget(app, settings)
    with app.app_context():
        assert widgetmw_script() == ""
    with app.test_request_context():
        assert render_template_string("{{ widgetmw_script() }}") == ""
    with make().test_request_context():
        assert widgetmw_script() == ""


def test_the_script_by_hand_when_the_user_cannot_be_found(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    client = signed_in(hand(make()), settings, lambda: [][1])
    assert "<script" not in client.get("/hand").text
    assert caplog.text.count("IndexError") == 1


def test_fetch_delivery_by_hand(dg_env: dict[str, str]) -> None:
    app = hand(make())
    Widget(app, Settings.from_env({**dg_env, "WIDGETMW_DELIVERY": "fetch"}), user=lambda: User("ada"))
    client = app.test_client()
    reply = client.get("/hand")
    assert '"ask":true' in reply.text
    assert reply.text.startswith("<!doctype html><html><head><title>Shop</title><script")
    assert whose(token(client).text) == "ada"
    assert client.get(ENDPOINT).status_code == 200
