"""Why a page was not modified: one code per reason, with what it means and how to fix it.

The codes are public: they appear in ``X-Widgetmw``, in the counters and in the documentation, whose table is generated
from :class:`SkipReason`.
"""

from __future__ import annotations

import logging
from enum import Enum, unique
from typing import Final, final

_NO_ACTION: Final = "No action is needed."
_NOT_LOGGED: Final = None  # every site sends such responses, or what failed is logged with its cause where it fails


class Reason(Enum):
    """A reason, with what a user of this package needs to know about it.

    Attributes:
        code: the public name: that of the member in lower case.
        text: what it means.
        remedy: what to do about it.
    """

    def __init__(self, text: str, remedy: str) -> None:
        self.code: str = self.name.lower()
        self.text = text
        self.remedy = remedy


@final
@unique
class SkipReason(Reason):
    """A reason to send a response as the app made it.

    ``CSP_BLOCKS_CONNECT``, ``CSP_BLOCKS_LOADER``, ``CSP_TRUSTED_TYPES`` and ``INTEGRITY_BLOCKS_LOADER`` are also
    counted for pages that do carry the script, but without renewal or without a vendor's loader.

    Attributes:
        log_level: at which the first page that is skipped for this reason is logged; ``None`` for no log line.
    """

    def __init__(self, text: str, remedy: str, log_level: int | None = logging.WARNING) -> None:
        super().__init__(text, remedy)
        self.log_level = log_level

    # the user
    ANONYMOUS = (
        "No user is signed in.",
        "If a user should be signed in, check how the user is resolved, and look for `no_user_source` in the log.",
        logging.DEBUG,
    )
    RESOLVER_FAILED = ("The user resolver failed.", "The log line names the cause.", _NOT_LOGGED)
    MINT_FAILED = ("No token could be signed, for any vendor.", "The log line names the cause.", _NOT_LOGGED)

    # the request
    METHOD = (
        "The request method is not GET, HEAD or POST.",
        "No action is needed: other methods do not load pages.",
        _NOT_LOGGED,
    )
    EXCLUDED = (
        "The path is excluded by `WIDGETMW_EXCLUDE`, or the page is not the site's own: Django's admin, or FastAPI's "
        "documentation.",
        "To include pages that a plugin excludes, set `WIDGETMW_INCLUDE`.",
        _NOT_LOGGED,
    )
    CROSS_SITE_FRAME = (
        "The page is shown in a frame on another site, or read by a script of another origin.",
        "Open the page in a tab of its own.",
        _NOT_LOGGED,
    )

    # the response headers
    NOT_HTML = (
        "The Content-Type is not `text/html`.",
        "If this is a page, let the app send it as `text/html`.",
        _NOT_LOGGED,
    )
    STATUS = ("The status is 1xx, 204, 205, 206 or 3xx.", _NO_ACTION, _NOT_LOGGED)
    PARTIAL = (
        "The response has a `Content-Range`, or names a file that the server sends (`X-Sendfile`, `X-Accel-Redirect`).",
        _NO_ACTION,
        _NOT_LOGGED,
    )
    ATTACHMENT = ("The response is a download.", _NO_ACTION, _NOT_LOGGED)
    AMBIGUOUS = ("The response has several Content-Type or Content-Length headers.", "Send one of each.")
    NO_TRANSFORM = (
        "`Cache-Control: no-transform` forbids changes.",
        "Remove `no-transform` from pages that should have a widget.",
    )
    CONTENT_ENCODING = (
        "The Content-Encoding is not supported.",
        "Add the compressing middleware outside this one, or compress with gzip or deflate. For a fragment "
        "that a script loads, no action is needed.",
    )
    SHARED_CACHE = (
        "The response headers allow shared caches to store the page.",
        "Mark pages for signed-in users `private`, or set `WIDGETMW_DELIVERY=fetch`.",
    )
    CROSS_ORIGIN = (
        "Other origins may read the page with the user's cookies.",
        "Remove `Access-Control-Allow-Credentials` from pages.",
    )
    SIGNING_OUT = (
        "The response signs the user out: it clears cookies or storage (`Clear-Site-Data`), or a session cookie.",
        "If this is no sign-out URL, the site has rejected the session, which may be tied to the browser's address and "
        "User-Agent: run `widgetmw check --url` where the browser runs, with `--header 'User-Agent: …'`.",
        _NOT_LOGGED,
    )

    # the body
    FILE_SENT = (
        "The app hands the server a file to send.",
        "Serve HTML files that need a widget as ordinary responses.",
    )
    INCOMPLETE = (
        "The app returned without finishing the response, as it does when the client has left.",
        "No action is needed, unless it happens to every client. Then fix the app.",
        logging.DEBUG,
    )
    CORRUPT = (
        "The body is not valid gzip or deflate data, although Content-Encoding says so.",
        "Fix what compresses the page.",
    )
    ALREADY_INJECTED = (
        "The page holds the script already: a cache inside the app returned it, or another `widgetmw` behind the app.",
        _NO_ACTION,
        _NOT_LOGGED,
    )
    AMP = ("The page is an AMP page, which any script of ours would make invalid.", _NO_ACTION, _NOT_LOGGED)
    FRAGMENT = (
        "The response is a fragment: it has no doctype, html, head or body tag before its content.",
        "If it is meant to be a page, start it with `<!doctype html>`.",
        logging.DEBUG,
    )
    HEAD_NOT_FOUND = (
        "The head does not start within the scan limit, or the page ends inside a comment or tag before it.",
        "Close the comment or tag, and move long comments into the head.",
    )
    NUL = (
        "There is a NUL byte before the head, so the encoding is probably not a superset of ASCII.",
        "Send the page as UTF-8, without NUL bytes.",
    )
    ENCODING = (
        "The page is in UTF-16, UTF-32, UTF-7 or an ISO-2022 encoding, in which an ASCII script means something else.",
        "Send the page as UTF-8, with `Content-Type: text/html; charset=utf-8`.",
    )
    CHARSET_MISSING = (
        "The first 1,024 bytes declare no encoding and the first 1,536 are not plain ASCII: browsers guess, and an "
        "inserted script may change the guess.",
        "Send `Content-Type: text/html; charset=utf-8`, or move `<meta charset>` to the start of the head.",
    )
    CHARSET_LATE = (
        "Only a meta tag declares the encoding, and the script can go neither after it (a script, a policy or the end "
        "of the head comes first, or the tag is inside a comment, script or title) nor before it.",
        "Send `Content-Type: text/html; charset=utf-8`, or make `<meta charset>` the first tag in the head.",
    )

    # the Content-Security-Policy
    CSP_SANDBOX = (
        "The CSP sandboxes the page without scripts or without its own origin.",
        "Add `allow-scripts allow-same-origin` to the `sandbox` directive, or leave the page without a widget.",
    )
    CSP_NONE = (
        "The CSP allows no scripts at all.",
        "Add a nonce or `'self'` to `script-src`. `WIDGETMW_CSP=amend` does not open such a page.",
    )
    CSP_BLOCKS_SCRIPT = (
        "The CSP allows neither an inline script nor a script from our URL, or several policies allow different ones.",
        "Give `script-src` a nonce for each response, or `'self'`; or set `WIDGETMW_CSP=amend`.",
    )
    CSP_BLOCKS_CONNECT = (
        "The CSP does not let the browser call the token endpoint: a token in the page cannot be renewed, and a page "
        "that has to fetch its token gets no script.",
        "Add `'self'` to `connect-src`.",
    )
    CSP_BLOCKS_LOADER = (
        "The CSP does not allow the script of a vendor in `WIDGETMW_EMBED`, so its loader is left out.",
        "Add the vendor's host to `script-src`, or use a nonce with `'strict-dynamic'`.",
    )
    CSP_TRUSTED_TYPES = (
        "The page requires Trusted Types, so no vendor's loader can be added by a script.",
        "Put the vendor's own script element into the page's template instead of using `WIDGETMW_EMBED`.",
    )

    # other policies
    INTEGRITY_BLOCKS_LOADER = (
        "The `Integrity-Policy` blocks the script of a vendor in `WIDGETMW_EMBED`, which no hash can describe, so its "
        "loader is left out.",
        "Remove `script` from the header's `blocked-destinations` on pages that should have a widget.",
    )
    BASE_OF_OTHER_ORIGIN = (
        "A `<base>` of another origin comes before the place that the template chose, and the CSP allows only scripts "
        "with a URL, which would be loaded from there.",
        "Put `widgetmw_script` ahead of `<base>`, or give `script-src` a nonce.",
    )

    # this package
    URLS_MISSING = (
        "Only in Django: urls.py, or the URLconf that a middleware has chosen for the request, does not include "
        "widgetmw.django.urls.",
        'Add `path("_widgetmw/", include("widgetmw.django.urls"))` to `urlpatterns`.',
    )
    INTERNAL_ERROR = ("An internal error in widgetmw.", "Please report it with the log line.", _NOT_LOGGED)
