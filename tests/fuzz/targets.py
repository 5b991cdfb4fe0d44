"""What must hold for any bytes: the targets of coverage-guided fuzzing, and of the seeds that it left.

Run one for ten minutes, with ``atheris`` installed: ``python -m tests.fuzz scanner -max_total_time=600``. A find is
kept as a file in ``tests/fuzz/seeds/<target>/``, where the tests replay it.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator

from widgetmw.core.html.body_rewriter import Body
from widgetmw.core.html.content_coding import Corrupt, Decoder
from widgetmw.core.html.head_scanner import PENDING, REFUSED, HeadScanner, locate
from widgetmw.core.http.csp import Judge, amended, hash_source, judge

SPAN = b"<script data-widgetmw>1</script>"
_PAGE = b"<!doctype html><html><head><title>x</title></head><body>y</body></html>"


def pieces(data: bytes, cuts: bytes) -> Iterator[bytes]:
    """Cuts data as the bytes of ``cuts`` say."""
    at = 0
    for size in cuts:
        yield data[at : at + size]
        at += size
    yield data[at:]


def placed(chunks: Iterator[bytes], declared: bool) -> tuple[int, str | None]:
    scanner = HeadScanner(declared)
    for chunk in chunks:
        if scanner.feed(chunk) != PENDING:
            break
    return scanner.finish(), scanner.reason


def scanner(data: bytes) -> None:
    """The place is the same however the page is cut, lies within it, or there is a reason."""
    if len(data) < 5:
        return
    cuts, declared, page = data[:4], bool(data[4] & 1), data[5:]
    place, reason = locate(page, declared)
    assert (place, reason) == placed(pieces(page, cuts), declared), "cuts change the place"
    assert (place, reason) == placed((page[i : i + 1] for i in range(len(page))), declared), "single bytes do"
    assert (place == REFUSED) == (reason is not None)
    assert place == REFUSED or 0 <= place <= len(page)
    if place != REFUSED:
        # the decision looks at nothing behind the limit, and our own bytes do not move the place of the next
        again, _ = locate(page[:place] + b"<title>x</title>" + page[place:], declared)
        assert again == REFUSED or again <= place + 1024


def policy(data: bytes) -> None:
    """No text makes the judge raise; remembering changes no verdict; amending keeps every other byte."""
    text = data.decode("latin-1")
    enforced, _, watched = text.partition("\n")
    headers = enforced.split("\r")
    fresh = judge(headers, [watched] if watched else [], origin="https://a.example", base="/_widgetmw")
    remembering = Judge()
    for _ in range(2):
        assert remembering.verdict(headers, [watched] if watched else [], "https://a.example", "/_widgetmw") == fresh
    assert (fresh.form is None) <= (fresh.reason is not None)
    source = hash_source(b"x")
    changed = amended(headers[0], source)
    assert changed == headers[0] or source in changed
    assert amended(changed, source) == changed, "amending twice adds it twice"


def coding(data: bytes) -> None:
    """A compressed page comes out as the page with the span, or as it came; nothing raises, nothing balloons."""
    if len(data) < 6:
        return
    kind, cuts, content = data[0], data[1:5], data[5:]
    name = "gzip" if kind & 1 else "deflate"
    if kind & 2:  # sound streams are rare among random bytes: make some
        content = _coded(name, _PAGE + content, raw=bool(kind & 4), members=bool(kind & 8))
        content = content[: len(content) - kind // 16] if kind & 128 else content
    out, injected = _through(name, content, cuts)
    if not injected:
        assert out == content
        return
    plain, complete = _decoded(name, content)
    got, got_complete = _decoded(name, out)
    at = got.find(SPAN)
    assert got[:at] + got[at + len(SPAN) :] == plain, "the page is another"
    assert complete == got_complete, "a broken stream was mended, or a sound one broken"


def _coded(name: str, page: bytes, raw: bool, members: bool) -> bytes:
    if name == "deflate":
        return zlib.compress(page)[2:-4] if raw else zlib.compress(page)
    half = len(page) // 2
    return gzip.compress(page[:half]) + gzip.compress(page[half:]) if members else gzip.compress(page)


def _through(name: str, content: bytes, cuts: bytes) -> tuple[bytes, bool]:
    body, out, place = Body(True, name), [], PENDING
    chunks = [*pieces(content, cuts), b""]
    for i, chunk in enumerate(chunks):
        last = i + 1 == len(chunks)
        if place >= 0:
            out.append(body.passed(chunk, last))
            continue
        place = body.seek(chunk, last)
        if place == REFUSED:
            return content, False
        if place >= 0:
            out.append(body.opened(SPAN, last))
    return b"".join(out), True


def _decoded(name: str, content: bytes) -> tuple[bytes, bool]:
    decoder, out = Decoder(name), []
    try:
        for piece in decoder.pieces(content):
            out.append(piece)
            if sum(map(len, out)) > 50_000_000:
                break
    except Corrupt:
        return b"".join(out), False
    return b"".join(out), decoder.complete


TARGETS: dict[str, Callable[[bytes], None]] = {"scanner": scanner, "policy": policy, "coding": coding}
