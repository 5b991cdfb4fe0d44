"""Fetch delivery, loaders, and the page after a sign-out."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from typing import Any

import pytest

from tests.contract.conftest import Make
from tests.contract.site import BODY, HTML, Page, Reply
from tests.contract.test_pages import TOKEN, span

MARKED = {"Cookie": "theme=dark; widgetmw=1"}


def data(reply: Reply) -> Any:
    """What the browser side is given, in whichever form."""
    match = re.search(rb'(?:\(|data-widgetmw>)(\{"url".*?\})(?:\);|</script>)', reply.body, re.DOTALL)
    assert match
    return json.loads(match[1])


def test_fetch_delivery_carries_nothing_personal_and_stays_cacheable(make: Make) -> None:
    headers = [HTML, ("Cache-Control", "public, max-age=60"), ("Content-Length", str(len(BODY))), ("Vary", "Accept")]
    pages = {}
    for user in (None, ...):
        site = make(user=user, page=Page(headers=headers), WIDGETMW_DELIVERY="fetch")
        reply = site.get()
        assert site.seen.asked == 0
        assert reply.header("Cache-Control") == "public, max-age=60"
        assert reply.header("Vary") == "Accept"
        assert reply.header("Content-Length") == str(len(reply.body))
        pages[str(user)] = reply.body
    assert len(set(pages.values())) == 1
    assert not TOKEN.search(reply.body)
    assert data(reply) == {
        "url": "/_widgetmw/token",
        "ask": True,
        "vendors": {"digitalgenius": {"config": {"widgetId": "widget-7", "env": "eu"}}},
    }


def test_fetch_delivery_weakens_the_etag_and_drops_digests(make: Make) -> None:
    headers = [
        HTML,
        ("ETag", '"abc"'),
        ("Last-Modified", "x"),
        ("Content-MD5", "x"),
        ("Repr-Digest", "x"),
        ("Accept-Ranges", "bytes"),
    ]
    reply = make(page=Page(headers=headers), WIDGETMW_DELIVERY="fetch").get()
    assert reply.header("ETag") == 'W/"abc"'
    assert reply.header("Last-Modified") == "x"
    for gone in ("Content-MD5", "Repr-Digest", "Accept-Ranges"):
        assert reply.header(gone) is None


def test_inline_data_has_all_that_the_browser_needs(make: Make, env: dict[str, str]) -> None:
    found = data(make(env=env).get())
    assert list(found) == ["url", "now", "user", "vendors"]
    assert list(found["vendors"]) == ["digitalgenius", "hissuno", "orlo", "giosg"]
    assert found["vendors"]["hissuno"]["config"] == {"projectId": "project-1", "apiUrl": env["HISSUNO_API_URL"]}
    assert found["vendors"]["giosg"]["token"]["url"].startswith("https://service.giosg.com/")
    assert all(v["token"]["provider"] == name for name, v in found["vendors"].items())


# after a sign-out


def test_the_page_after_a_sign_out_cleans_up(make: Make) -> None:
    reply = make(user=None).get(**MARKED)
    assert span(reply)
    assert data(reply)["user"] is None
    assert not TOKEN.search(reply.body)
    assert reply.header("Cache-Control") == "private, no-store"
    assert reply.header("Vary") == "Cookie"


def test_the_clean_up_page_may_be_one_that_the_app_shares(make: Make) -> None:
    page = Page(headers=[HTML, ("Cache-Control", "public, max-age=60"), ("ETag", '"1"')])
    reply = make(user=None, page=page).get(**MARKED)
    assert reply.header("Cache-Control") == "private, no-store"
    assert reply.header("ETag") is None


@pytest.mark.parametrize("cookie", ["xwidgetmw=1", "widgetmw=10", "a=widgetmw=1", "widgetmw=0", "other=1"])
def test_a_browser_that_never_signed_in_gets_nothing(make: Make, cookie: str) -> None:
    assert make(user=None).get(Cookie=cookie).body == BODY


def test_a_signed_in_page_does_not_care_for_the_mark(make: Make) -> None:
    assert data(make().get(**MARKED))["user"]


# loaders


def test_embed_gives_everybody_the_loader_and_nobody_else_a_token(make: Make) -> None:
    signed_in = data(make(WIDGETMW_EMBED="digitalgenius").get())
    assert signed_in["embed"] == ["digitalgenius"]
    assert signed_in["vendors"]["digitalgenius"]["token"]
    reply = make(user=None, WIDGETMW_EMBED="digitalgenius").get()
    assert data(reply) == {
        "url": "/_widgetmw/token",
        "vendors": {"digitalgenius": {"config": {"widgetId": "widget-7", "env": "eu"}}},
        "embed": ["digitalgenius"],
    }
    assert reply.header("Cache-Control") is None


def test_without_embed_no_loader(make: Make) -> None:
    assert "embed" not in data(make().get())


# policies


def csp(*values: str) -> Page:
    return Page(headers=[HTML, *[("Content-Security-Policy", value) for value in values]])


def test_the_answers_own_nonce_is_used_on_every_element(make: Make) -> None:
    for nonce in ("r4nd0m+/=", "base64-url_x"):
        reply = make(page=csp(f"script-src 'nonce-{nonce}'")).get()
        assert span(reply).count(f'<script data-widgetmw nonce="{nonce}"'.encode()) == 2


def test_self_gets_a_data_block_and_our_script(make: Make) -> None:
    added = span(make(page=csp("script-src 'self'")).get())
    assert added.startswith(b'<script type="application/json" data-widgetmw>{')
    assert re.search(rb'</script><script data-widgetmw src="/_widgetmw/runtime\.js\?v=\w+"></script>$', added)


def test_inline_without_our_url_gets_everything_in_one_script(make: Make) -> None:
    site = make(page=csp("script-src 'unsafe-inline'"))
    added = span(site.get())
    assert added.count(b"<script") == 1
    assert site.engine.script_tags.scripts.bundled_runtime in added


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("script-src https://cdn.example", "csp_blocks_script"),
        ("script-src 'none'", "csp_none"),
        ("sandbox allow-forms", "csp_sandbox"),
        ("script-src 'strict-dynamic' 'sha256-AAAA'", "csp_blocks_script"),
    ],
)
def test_a_policy_that_forbids_us_leaves_the_page_alone(make: Make, policy: str, reason: str) -> None:
    site = make(page=csp(policy))
    reply = site.get()
    assert (reply.body, reply.reason) == (BODY, reason)


def test_a_policy_that_forbids_the_endpoint_keeps_the_runtime_from_asking(make: Make) -> None:
    site = make(page=csp("connect-src https://api.example"))
    assert data(site.get())["connect"] is False
    assert site.engine.events.counts["page:csp_blocks_connect"] == 1


def test_the_policy_reaches_the_browser_unchanged(make: Make) -> None:
    policies = ["script-src 'self' 'nonce-abc'; img-src *", "default-src 'self' 'nonce-abc'"]
    assert make(page=csp(*policies)).get().all("Content-Security-Policy") == policies


def test_amend_adds_the_hash_of_exactly_our_script(make: Make) -> None:
    import hashlib
    from base64 import b64encode

    reply = make(page=csp("script-src https://cdn.example; img-src *"), WIDGETMW_CSP="amend").get()
    script = span(reply).removeprefix(b"<script data-widgetmw>").removesuffix(b"</script>")
    digest = b64encode(hashlib.sha256(script).digest()).decode()
    assert reply.header("Content-Security-Policy") == f"script-src https://cdn.example 'sha256-{digest}'; img-src *"


# compressed by the app

CODERS = {
    "gzip": (gzip.compress, gzip.decompress),
    "deflate": (zlib.compress, zlib.decompress),
    "x-gzip": (gzip.compress, gzip.decompress),
}


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("coding", CODERS)
@pytest.mark.parametrize("size", [1, 11, 10_000])
def test_a_compressed_page_is_decoded_and_encoded_again(make: Make, coding: str, size: int) -> None:
    encode, decode = CODERS[coding]
    coded = encode(BODY + b"<p>" * 3000)
    headers = [HTML, ("Content-Encoding", coding), ("Content-Length", str(len(coded)))]
    reply = make(page=Page(body=cut(coded, size), headers=headers)).get()
    plain = Reply(reply.status, reply.headers, [decode(reply.body)])
    assert span(plain, BODY + b"<p>" * 3000)
    assert reply.header("Content-Encoding") == coding
    assert reply.header("Content-Length") in (None, str(len(reply.body)))


def test_a_compressed_page_for_nobody_is_the_apps_own_bytes(make: Make) -> None:
    coded = gzip.compress(BODY)
    reply = make(user=None, page=Page(body=cut(coded, 9), headers=[HTML, ("Content-Encoding", "gzip")])).get()
    assert reply.body == coded


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_is_not_what_it_says_passes_as_it_is(make: Make, coding: str) -> None:
    page = Page(body=[b"this is not compressed", b" at all"], headers=[HTML, ("Content-Encoding", coding)])
    reply = make(page=page).get()
    assert (reply.body, reply.reason) == (page.whole, "corrupt")


def test_a_stream_that_breaks_off_stays_broken_off(make: Make) -> None:
    coded = gzip.compress(BODY + bytes(range(256)) * 100)[:-20]
    reply = make(page=Page(body=cut(coded, 50), headers=[HTML, ("Content-Encoding", "gzip")])).get()
    assert b"data-widgetmw" in zlib.decompressobj(31).decompress(reply.body)
    with pytest.raises(EOFError):
        gzip.decompress(reply.body)


def test_several_gzip_members_are_one_page(make: Make) -> None:
    coded = gzip.compress(BODY[:30]) + gzip.compress(BODY[30:])
    reply = make(page=Page(body=coded, headers=[HTML, ("Content-Encoding", "gzip")])).get()
    assert span(Reply(200, reply.headers, [gzip.decompress(reply.body)]))


def test_flushes_of_the_app_stay_flushes(make: Make) -> None:
    coder = zlib.compressobj(6, zlib.DEFLATED, 31)
    first = coder.compress(BODY) + coder.flush(zlib.Z_SYNC_FLUSH)
    chunks = [first]
    for i in range(5):
        chunks.append(coder.compress(b"<p>%d</p>" % i) + coder.flush(zlib.Z_SYNC_FLUSH))
    chunks.append(coder.flush())
    reply = make(page=Page(body=chunks, headers=[HTML, ("Content-Encoding", "gzip")])).get()
    reader = zlib.decompressobj(31)
    assert b"data-widgetmw" in reader.decompress(reply.chunks[0])
    for i in range(5):
        assert reader.decompress(reply.chunks[i + 1]) == b"<p>%d</p>" % i


def test_a_loader_that_the_policy_refuses_is_left_out_and_the_token_comes(make: Make) -> None:
    site = make(page=csp("script-src 'nonce-abc'"), WIDGETMW_EMBED="digitalgenius")
    found = data(site.get())
    assert "embed" not in found
    assert found["vendors"]["digitalgenius"]["token"]
    assert site.engine.events.counts["page:csp_blocks_loader"] == 1


def test_a_loader_that_the_policy_allows_is_added(make: Make) -> None:
    policy = "script-src 'nonce-abc' https://chat.digitalgenius.com"
    assert data(make(page=csp(policy), WIDGETMW_EMBED="digitalgenius").get())["embed"] == ["digitalgenius"]


def test_no_loader_is_added_under_trusted_types(make: Make, env: dict[str, str]) -> None:
    policy = "script-src 'nonce-abc' https://chat.digitalgenius.com; require-trusted-types-for 'script'"
    variables = {"WIDGETMW_EMBED": "digitalgenius,orlo", "ORLO_EMBED_SNIPPET": "chat('WIDGET_ID')"}
    site = make(env=env, page=csp(policy), **variables)
    assert "embed" not in data(site.get())
    assert site.engine.events.counts["page:csp_trusted_types"] == 1


@pytest.mark.parametrize(
    ("policy", "elements"),
    [("script-src 'self'", b'type="application/json"'), ("script-src 'nonce-abc'", b' nonce="abc"')],
)
def test_a_policy_that_only_reports_chooses_the_form(make: Make, policy: str, elements: bytes) -> None:
    page = Page(headers=[HTML, ("Content-Security-Policy-Report-Only", policy)])
    assert elements in span(make(page=page).get())


@pytest.mark.parametrize("policy", ["script-src 'none'", "sandbox", "script-src https://cdn.example"])
def test_a_policy_that_only_reports_never_refuses(make: Make, policy: str) -> None:
    page = Page(headers=[HTML, ("Content-Security-Policy-Report-Only", policy)])
    assert span(make(page=page).get())
