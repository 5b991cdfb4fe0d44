"""Fetch delivery, loaders, Content-Security-Policy, compression, and the page after a sign-out."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from base64 import b64encode
from typing import Any

import pytest

from tests.contract.conftest import Make
from tests.contract.site import BODY, HTML, MARK, Page, Reply
from tests.contract.test_pages import TOKEN, added_script

WITH_MARK = {"Cookie": f"theme=dark; {MARK}"}


def page_data(reply: Reply) -> Any:
    """The data for the browser, in whichever form the page carries it."""
    match = re.search(rb'(?:\(|data-widgetmw>)(\{"url".*?\})(?:\);|</script>)', reply.body, re.DOTALL)
    assert match
    return json.loads(match[1])


def test_fetch_delivery_carries_nothing_personal_and_stays_cacheable(make: Make) -> None:
    headers = [HTML, ("Cache-Control", "public, max-age=60"), ("Content-Length", str(len(BODY))), ("Vary", "Accept")]
    pages = {}
    for user in (None, ...):
        site = make(user=user, page=Page(headers=headers), WIDGETMW_DELIVERY="fetch")
        reply = site.get()
        assert site.seen.resolver_calls == 0
        assert reply.header("Cache-Control") == "public, max-age=60"
        assert reply.header("Vary") == "Accept"
        assert reply.header("Content-Length") == str(len(reply.body))
        pages[str(user)] = reply.body
    assert len(set(pages.values())) == 1
    assert not TOKEN.search(reply.body)
    assert page_data(reply) == {
        "url": "/_widgetmw/token",
        "key": MARK.removesuffix("=1"),
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
    for removed in ("Content-MD5", "Repr-Digest", "Accept-Ranges"):
        assert reply.header(removed) is None


def test_inline_data_has_everything_the_browser_needs(make: Make, env: dict[str, str]) -> None:
    data = page_data(make(env=env).get())
    assert list(data) == ["url", "key", "now", "user", "vendors"]
    assert list(data["vendors"]) == ["digitalgenius", "hissuno", "orlo", "giosg"]
    assert data["vendors"]["hissuno"]["config"] == {"projectId": "project-1", "apiUrl": env["HISSUNO_API_URL"]}
    assert data["vendors"]["giosg"]["token"]["url"].startswith("https://service.giosg.com/")
    assert all(v["token"]["provider"] == name for name, v in data["vendors"].items())


# after a sign-out


def test_an_anonymous_page_asks_whether_the_marked_user_is_signed_out(make: Make) -> None:
    reply = make(user=None).get(**WITH_MARK)
    assert added_script(reply)
    data = page_data(reply)
    assert (data["user"], data["ask"], f"{data['key']}=1") == (None, True, MARK)
    assert not TOKEN.search(reply.body)
    assert reply.header("Cache-Control") == "private, no-store"
    assert reply.header("Vary") == "Cookie"


def test_a_page_that_ends_a_session_asks_whether_that_was_the_marked_users(make: Make) -> None:
    site = make(page=Page(headers=[HTML, ("Set-Cookie", "session=; Path=/; Max-Age=0")]))
    if site.driver.startswith("falcon"):
        pytest.skip("Falcon sets cookies by a method of its own")
    reply = site.get(Cookie=f"session=abc; {MARK}")
    data = page_data(reply)
    assert (data["user"], data["ask"]) == (None, True)
    assert not TOKEN.search(reply.body)
    assert reply.header("Cache-Control") == "private, no-store"


def test_a_signed_in_page_names_the_mark_by_path_and_port(make: Make) -> None:
    site = make()
    names = {page_data(site.get(Host=host))["key"] for host in ("a.example", "b.example", "[::1]")}
    assert names == {MARK.removesuffix("=1")}
    others = [page_data(site.get(Host=host))["key"] for host in ("a.example:81", "[::1]:82")]
    assert len({*names, *others}) == 3
    assert make(user=None).get(Host="a.example:81", Cookie=f"{others[0]}=1").body != BODY
    assert make(user=None).get(Host="a.example:81", Cookie=MARK).body == BODY


def test_the_check_page_may_be_one_that_shared_caches_may_store(make: Make) -> None:
    page = Page(headers=[HTML, ("Cache-Control", "public, max-age=60"), ("ETag", '"1"')])
    reply = make(user=None, page=page).get(**WITH_MARK)
    assert reply.header("Cache-Control") == "private, no-store"
    assert reply.header("ETag") is None


OTHER_COOKIES = [
    f"x{MARK}",
    f"{MARK}0",
    f"a={MARK}",
    MARK.replace("=1", "=0"),
    "widgetmw_00000000=1",
    "widgetmw=1",
    "other=1",
]


@pytest.mark.parametrize("cookie", OTHER_COOKIES)
def test_a_browser_that_never_signed_in_gets_nothing(make: Make, cookie: str) -> None:
    assert make(user=None).get(Cookie=cookie).body == BODY


def test_the_mark_does_not_matter_on_a_signed_in_page(make: Make) -> None:
    assert page_data(make().get(**WITH_MARK))["user"]


# loaders


def test_embed_gives_every_visitor_the_loader_but_only_signed_in_users_a_token(make: Make) -> None:
    signed_in = page_data(make(WIDGETMW_EMBED="digitalgenius").get())
    assert signed_in["embed"] == ["digitalgenius"]
    assert signed_in["vendors"]["digitalgenius"]["token"]
    reply = make(user=None, WIDGETMW_EMBED="digitalgenius").get()
    assert page_data(reply) == {
        "url": "/_widgetmw/token",
        "key": MARK.removesuffix("=1"),
        "vendors": {"digitalgenius": {"config": {"widgetId": "widget-7", "env": "eu"}}},
        "embed": ["digitalgenius"],
    }
    assert reply.header("Cache-Control") is None


def test_without_embed_there_is_no_loader(make: Make) -> None:
    assert "embed" not in page_data(make().get())


# Content-Security-Policy


def page_with_csp(*values: str) -> Page:
    return Page(headers=[HTML, *[("Content-Security-Policy", value) for value in values]])


def test_the_nonce_of_the_response_is_used_on_every_script(make: Make) -> None:
    for nonce in ("r4nd0m+/=", "base64-url_x"):
        reply = make(page=page_with_csp(f"script-src 'nonce-{nonce}'")).get()
        assert added_script(reply).count(f'<script data-widgetmw nonce="{nonce}"'.encode()) == 2


def test_csp_self_leads_to_a_data_block_and_an_external_script(make: Make) -> None:
    script = added_script(make(page=page_with_csp("script-src 'self'")).get())
    assert script.startswith(b'<script type="application/json" data-widgetmw>{')
    assert re.search(rb'</script><script data-widgetmw src="/_widgetmw/runtime\.js\?v=\w+"></script>$', script)


def test_csp_unsafe_inline_leads_to_one_bundled_script(make: Make) -> None:
    site = make(page=page_with_csp("script-src 'unsafe-inline'"))
    script = added_script(site.get())
    assert script.count(b"<script") == 1
    assert site.engine.script_tags.scripts.bundled_runtime in script


@pytest.mark.parametrize("name", ["Integrity-Policy", "Integrity-Policy-Report-Only"])
def test_an_integrity_policy_leads_to_one_bundled_script_or_to_a_hash(make: Make, name: str) -> None:
    policy, csp = (name, "blocked-destinations=(script)"), ("Content-Security-Policy", "script-src 'self'")
    reply = make(page=Page(headers=(HTML, policy))).get()
    assert added_script(reply).count(b"<script") == 1
    assert reply.header(name) == policy[1]
    script = added_script(make(page=Page(headers=(HTML, policy, csp))).get())
    (digest,) = re.findall(rb'<script data-widgetmw src="[^"]+" crossorigin integrity="sha256-([^"]+)">', script)
    runtime = make().get("/_widgetmw/runtime.js").body
    assert b64encode(hashlib.sha256(runtime).digest()) == digest


@pytest.mark.parametrize(
    ("csp", "reason"),
    [
        ("script-src https://cdn.example", "csp_blocks_script"),
        ("script-src 'none'", "csp_none"),
        ("sandbox allow-forms", "csp_sandbox"),
        ("script-src 'strict-dynamic' 'sha256-AAAA'", "csp_blocks_script"),
    ],
)
def test_a_csp_that_forbids_the_script_skips_the_page(make: Make, csp: str, reason: str) -> None:
    site = make(page=page_with_csp(csp))
    reply = site.get()
    assert (reply.body, reply.reason) == (BODY, reason)


def test_a_csp_that_forbids_the_endpoint_keeps_the_runtime_from_fetching(make: Make) -> None:
    site = make(page=page_with_csp("connect-src https://api.example"))
    assert page_data(site.get())["connect"] is False
    assert site.engine.events.counts["note:csp_blocks_connect"] == 1


def test_the_csp_reaches_the_browser_unchanged(make: Make) -> None:
    policies = ["script-src 'self' 'nonce-abc'; img-src *", "default-src 'self' 'nonce-abc'"]
    assert make(page=page_with_csp(*policies)).get().all("Content-Security-Policy") == policies


def test_amend_adds_only_the_hash_of_the_injected_script(make: Make) -> None:
    reply = make(page=page_with_csp("script-src https://cdn.example; img-src *"), WIDGETMW_CSP="amend").get()
    script = added_script(reply).removeprefix(b"<script data-widgetmw>").removesuffix(b"</script>")
    digest = b64encode(hashlib.sha256(script).digest()).decode()
    assert reply.header("Content-Security-Policy") == f"script-src https://cdn.example 'sha256-{digest}'; img-src *"


# compressed by the app

CODECS = {
    "gzip": (gzip.compress, gzip.decompress),
    "deflate": (zlib.compress, zlib.decompress),
    "x-gzip": (gzip.compress, gzip.decompress),
}


def split(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("coding", CODECS)
@pytest.mark.parametrize("size", [1, 11, 10_000])
def test_a_compressed_page_is_decoded_and_reencoded(make: Make, coding: str, size: int) -> None:
    encode, decode = CODECS[coding]
    compressed = encode(BODY + b"<p>" * 3000)
    headers = [HTML, ("Content-Encoding", coding), ("Content-Length", str(len(compressed)))]
    reply = make(page=Page(body=split(compressed, size), headers=headers)).get()
    plain = Reply(reply.status, reply.headers, [decode(reply.body)])
    assert added_script(plain, BODY + b"<p>" * 3000)
    assert reply.header("Content-Encoding") == coding
    assert reply.header("Content-Length") in (None, str(len(reply.body)))


def test_a_compressed_anonymous_page_passes_byte_for_byte(make: Make) -> None:
    compressed = gzip.compress(BODY)
    reply = make(user=None, page=Page(body=split(compressed, 9), headers=[HTML, ("Content-Encoding", "gzip")])).get()
    assert reply.body == compressed


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_body_that_does_not_match_its_content_encoding_passes_unmodified(make: Make, coding: str) -> None:
    page = Page(body=[b"this is not compressed", b" at all"], headers=[HTML, ("Content-Encoding", coding)])
    reply = make(page=page).get()
    assert (reply.body, reply.reason) == (page.whole, "corrupt")


def test_a_truncated_compressed_stream_stays_truncated(make: Make) -> None:
    compressed = gzip.compress(BODY + bytes(range(256)) * 100)[:-20]
    reply = make(page=Page(body=split(compressed, 50), headers=[HTML, ("Content-Encoding", "gzip")])).get()
    assert b"data-widgetmw" in zlib.decompressobj(31).decompress(reply.body)
    with pytest.raises(EOFError):
        gzip.decompress(reply.body)


def test_several_gzip_members_are_one_page(make: Make) -> None:
    compressed = gzip.compress(BODY[:30]) + gzip.compress(BODY[30:])
    reply = make(page=Page(body=compressed, headers=[HTML, ("Content-Encoding", "gzip")])).get()
    assert added_script(Reply(200, reply.headers, [gzip.decompress(reply.body)]))


def test_flushes_of_the_app_are_preserved(make: Make) -> None:
    compressor = zlib.compressobj(6, zlib.DEFLATED, 31)
    first = compressor.compress(BODY) + compressor.flush(zlib.Z_SYNC_FLUSH)
    chunks = [first]
    for i in range(5):
        chunks.append(compressor.compress(b"<p>%d</p>" % i) + compressor.flush(zlib.Z_SYNC_FLUSH))
    chunks.append(compressor.flush())
    reply = make(page=Page(body=chunks, headers=[HTML, ("Content-Encoding", "gzip")])).get()
    decompressor = zlib.decompressobj(31)
    assert b"data-widgetmw" in decompressor.decompress(reply.chunks[0])
    for i in range(5):
        assert decompressor.decompress(reply.chunks[i + 1]) == b"<p>%d</p>" % i


def test_a_loader_that_the_csp_refuses_is_omitted_and_the_token_stays(make: Make) -> None:
    site = make(page=page_with_csp("script-src 'nonce-abc'"), WIDGETMW_EMBED="digitalgenius")
    data = page_data(site.get())
    assert "embed" not in data
    assert data["vendors"]["digitalgenius"]["token"]
    assert site.engine.events.counts["note:csp_blocks_loader"] == 1


def test_a_loader_that_the_csp_allows_is_added(make: Make) -> None:
    csp = "script-src 'nonce-abc' https://chat.digitalgenius.com"
    assert page_data(make(page=page_with_csp(csp), WIDGETMW_EMBED="digitalgenius").get())["embed"] == ["digitalgenius"]


def test_no_loader_is_added_under_trusted_types(make: Make, env: dict[str, str]) -> None:
    csp = "script-src 'nonce-abc' https://chat.digitalgenius.com; require-trusted-types-for 'script'"
    variables = {"WIDGETMW_EMBED": "digitalgenius,orlo", "ORLO_EMBED_SNIPPET": "chat('WIDGET_ID')"}
    site = make(env=env, page=page_with_csp(csp), **variables)
    assert "embed" not in page_data(site.get())
    assert site.engine.events.counts["note:csp_trusted_types"] == 1


@pytest.mark.parametrize(
    ("csp", "elements"),
    [("script-src 'self'", b'type="application/json"'), ("script-src 'nonce-abc'", b' nonce="abc"')],
)
def test_a_report_only_csp_chooses_the_form_of_the_script(make: Make, csp: str, elements: bytes) -> None:
    page = Page(headers=[HTML, ("Content-Security-Policy-Report-Only", csp)])
    assert elements in added_script(make(page=page).get())


@pytest.mark.parametrize("csp", ["script-src 'none'", "sandbox", "script-src https://cdn.example"])
def test_a_report_only_csp_never_refuses_the_script(make: Make, csp: str) -> None:
    page = Page(headers=[HTML, ("Content-Security-Policy-Report-Only", csp)])
    assert added_script(make(page=page).get())


# a vendor whose widget asks for its token


ZENDESK = {
    "ZENDESK_WIDGET_KEY": "key-1",
    "ZENDESK_KEY_ID": "app_1",
    "ZENDESK_SECRET": "zendesk-secret-4f1d2a9c8b7e6f5a",
}


@pytest.mark.parametrize("delivery", ["inline", "fetch"])
def test_a_token_that_is_only_given_on_request_is_at_the_endpoint_and_in_no_page(make: Make, delivery: str) -> None:
    site = make(env=ZENDESK, WIDGETMW_DELIVERY=delivery)
    reply = site.get()
    assert added_script(reply)
    assert not TOKEN.search(reply.body)
    data = page_data(reply)
    assert data["vendors"] == {"zendesk": {"config": {"key": "key-1"}}}
    assert data.get("errors") == ({"zendesk": "on_request"} if delivery == "inline" else None)
    token = site.get("/_widgetmw/token/zendesk").json["token"]
    assert TOKEN.fullmatch(token.encode())
    assert site.get("/_widgetmw/token").json["tokens"]["zendesk"]["token"] == token
