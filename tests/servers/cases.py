"""The contract cases that run over a socket, and why the others run in process only."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract import test_delivery, test_endpoint, test_identity, test_pages
from tests.servers.matrix import Pair

MODULES = (test_pages, test_delivery, test_endpoint, test_identity)
_CHUNKS = "a server may join and split the app's chunks"
_MOUNT = "the server sets the mount prefix; see test_operation.py"
_PATCHED = "inspects or patches objects in the app's process"
_ERRORS = "raises exceptions that are defined in the test modules"

LOCAL = {
    "test_each_chunk_after_the_decision_is_forwarded_as_one_chunk": _CHUNKS,
    "test_flushes_of_the_app_are_preserved": _CHUNKS,
    "test_urls_carry_the_root_path": _MOUNT,
    "test_a_root_path_can_neither_redirect_the_script_nor_break_out_of_it": _MOUNT,
    "test_an_invalid_host_matches_no_origin": "the server itself rejects such a Host",
    "test_identify_overrides_the_resolver": _PATCHED,
    "test_identify_with_none_overrides_the_resolver": _PATCHED,
    "test_the_last_identify_call_wins_also_on_a_copy_of_the_request": _PATCHED,
    "test_identify_accepts_only_a_user_or_none": _PATCHED,
    "test_a_401_or_403_of_the_resolver_means_anonymous": _ERRORS,
    "test_a_401_or_403_of_another_server_is_a_failure": _ERRORS,
    "test_any_other_failure_skips_the_page_and_makes_the_endpoint_return_503": _PATCHED,
    "test_consecutive_users_get_their_own_tokens": _PATCHED,
    "test_a_middleware_installed_twice_injects_once": _PATCHED,
    "test_a_failing_signer_skips_the_page": _PATCHED,
    "test_an_internal_error_skips_the_page": _PATCHED,
}

# Quirks of the servers, with or without this middleware: server, test and a part of the test's parameters.
OWN = {
    (
        "daphne-tls",
        "test_a_page_that_only_its_own_origin_may_read_with_cookies_gets_a_token",
        "http://shop.example",
    ): "serves https, so an origin with http is another one",
    ("cheroot", "test_statuses_without_a_page_are_skipped", "205"): "sends a body with a 205, without its length",
    ("cheroot", "test_a_body_of_100_mb_sent_to_the_endpoint_is_not_stored", ""): (
        "reads the unread rest of a request body into memory at once"
    ),
    **{
        (server, "test_a_stream_to_an_http_1_0_client_ends_with_the_connection", ""): why
        for server, why in {
            "uvicorn": "sends chunked responses to HTTP/1.0 clients",
            "uvicorn-zttp": "sends chunked responses to HTTP/1.0 clients",
            "gunicorn-asgi": "keeps the connection of an HTTP/1.0 client open without sending a Content-Length",
            "hypercorn-trio": "does not close the connection if the app has waited for `http.disconnect`",
        }.items()
    },
    **{
        ("granian-wsgi", test, "-wsgi-generator]"): (
            "loses status and headers if the app calls `start_response` after it has returned, unless this middleware "
            "is in between"
        )
        for test in ("test_no_vendor_means_unmodified_pages", "test_disabled_means_unmodified_pages_and_no_endpoint")
    },
    ("gunicorn-threads", "test_a_stream_reset_by_the_client_is_closed_and_others_continue", ""): (
        "handles the requests of one HTTP/2 connection one at a time, and does not notice that one was reset"
    ),
    ("uwsgi", "test_other_paths_below_the_prefix_are_404_and_never_reach_the_app", "/../x"): (
        "normalizes the path before the app sees it"
    ),
}


def differs(item: pytest.Item) -> bool:
    """Whether a server has a quirk that makes the test fail."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    run = params.get("pair", params.get("deployment"))
    server = run.server if isinstance(run, Pair) else run
    return any(server == own and item.name.startswith(f"{test}[") and part in item.name for own, test, part in OWN)


def cases() -> dict[str, Callable[..., Any]]:
    """Returns the contract cases that can run over a socket, by name."""
    found = {
        name: function
        for module in MODULES
        for name, function in vars(module).items()
        if name.startswith("test_") and "make" in inspect.signature(function).parameters
    }
    assert found.keys() >= LOCAL.keys(), "a case was renamed"
    return {name: function for name, function in found.items() if name not in LOCAL}
