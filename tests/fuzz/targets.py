"""What must hold for any bytes: the targets of coverage-guided fuzzing.

Run one for ten minutes, with ``atheris`` installed: ``python -m tests.fuzz scanner -max_total_time=600``. Keep a find
as a file in ``tests/fuzz/seeds/<target>/``, where the tests replay it.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator

from tests.core.html.pages import locate
from tests.core.http.policies import evaluate
from widgetmw.core.html.body_rewriter import BodyRewriter
from widgetmw.core.html.content_coding import Decoder
from widgetmw.core.html.head_scanner import NO_OFFSET, PENDING, HeadScanner
from widgetmw.core.http.csp import CspEvaluator, add_hash, hash_source
from widgetmw.core.reasons import SkipReason

SCRIPT = b"<script data-widgetmw>1</script>"
_PAGE = b"<!doctype html><html><head><title>x</title></head><body>y</body></html>"
_MAX_DECODED_BYTES = 50_000_000


def cut(data: bytes, sizes: bytes) -> Iterator[bytes]:
    """Cuts data into chunks of these sizes, and the rest."""
    start = 0
    for size in sizes:
        yield data[start : start + size]
        start += size
    yield data[start:]


def scan(chunks: Iterator[bytes], charset_declared: bool) -> tuple[int, SkipReason | None]:
    """Finds the insertion offset, and the reason if there is none."""
    scanner = HeadScanner(charset_declared)
    for chunk in chunks:
        if scanner.feed(chunk) != PENDING:
            break
    return scanner.finish(), scanner.reason


def scanner(data: bytes) -> None:
    """The offset does not depend on the chunks and lies within the page, or there is a reason."""
    if len(data) < 5:
        return
    sizes, charset_declared, page = data[:4], bool(data[4] & 1), data[5:]
    offset, reason = locate(page, charset_declared)
    assert (offset, reason) == scan(cut(page, sizes), charset_declared), "the offset depends on the chunks"
    single_bytes = (page[i : i + 1] for i in range(len(page)))
    assert (offset, reason) == scan(single_bytes, charset_declared), "the offset depends on the chunks"
    assert (offset == NO_OFFSET) == (reason is not None)
    assert offset == NO_OFFSET or 0 <= offset <= len(page)
    if offset != NO_OFFSET:
        # Nothing beyond the limit matters, and what is inserted does not move the offset of the next scan.
        again, _ = locate(page[:offset] + b"<title>x</title>" + page[offset:], charset_declared)
        assert again == NO_OFFSET or again <= offset + 1024


def policy(data: bytes) -> None:
    """No policy raises, the memo never changes a decision, and a hash is only ever added."""
    text = data.decode("latin-1")
    enforced, _, observed = text.partition("\n")
    headers, report_only = enforced.split("\r"), [observed] if observed else []
    decision = evaluate(headers, report_only, origin="https://a.example", base="/_widgetmw")
    evaluator = CspEvaluator()
    for _ in range(2):
        assert evaluator.evaluate(headers, report_only, "https://a.example", "/_widgetmw") == decision
    assert (decision.form is None) <= (decision.reason is not None)
    source = hash_source(b"x")
    with_hash = add_hash(headers[0], source)
    assert with_hash == headers[0] or source in with_hash
    assert add_hash(with_hash, source) == with_hash, "the hash is added twice"


def coding(data: bytes) -> None:
    """A compressed page becomes the page with the script, or stays the same. Nothing raises, nothing balloons."""
    if len(data) < 6:
        return
    kind, sizes, content = data[0], data[1:5], data[5:]
    name = "gzip" if kind & 1 else "deflate"
    if kind & 2:  # well-formed streams are rare among random bytes, so some are made here
        content = _encode(name, _PAGE + content, raw=bool(kind & 4), members=bool(kind & 8))
        content = content[: len(content) - kind // 16] if kind & 128 else content
    out, injected = _rewrite(name, content, sizes)
    if not injected:
        assert out == content
        return
    page, complete = _decode(name, content)
    result, result_complete = _decode(name, out)
    offset = result.find(SCRIPT)
    assert result[:offset] + result[offset + len(SCRIPT) :] == page, "the page has changed"
    assert complete == result_complete, "an incomplete stream was completed, or the other way round"


def _encode(name: str, page: bytes, raw: bool, members: bool) -> bytes:
    if name == "deflate":
        return zlib.compress(page)[2:-4] if raw else zlib.compress(page)
    half = len(page) // 2
    return gzip.compress(page[:half]) + gzip.compress(page[half:]) if members else gzip.compress(page)


def _rewrite(name: str, content: bytes, sizes: bytes) -> tuple[bytes, bool]:
    body, out, offset = BodyRewriter(True, name), [], PENDING
    chunks = [*cut(content, sizes), b""]
    for i, chunk in enumerate(chunks):
        last = i + 1 == len(chunks)
        if offset >= 0:
            out.append(body.rewrite(chunk, last))
            continue
        offset = body.find_offset(chunk, last)
        if offset == NO_OFFSET:
            return content, False
        if offset >= 0:
            out.append(body.insert(SCRIPT, last))
    return b"".join(out), True


def _decode(name: str, content: bytes) -> tuple[bytes, bool]:
    decoder, out, size = Decoder(name), [], 0
    try:
        for piece in decoder.decode(content):
            out.append(piece)
            size += len(piece)
            if size > _MAX_DECODED_BYTES:
                break
    except zlib.error:
        return b"".join(out), False
    return b"".join(out), decoder.complete


TARGETS: dict[str, Callable[[bytes], None]] = {"scanner": scanner, "policy": policy, "coding": coding}
