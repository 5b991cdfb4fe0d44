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
    "test_once_decided_one_chunk_goes_out_for_each_that_comes_in": _CHUNKS,
    "test_flushes_of_the_app_stay_flushes": _CHUNKS,
    "test_urls_carry_the_prefix_that_the_app_is_mounted_under": _MOUNT,
    "test_no_mount_can_send_our_script_elsewhere_or_break_out": _MOUNT,
    "test_an_unreadable_host_is_nobodys_origin": "the server itself rejects such a Host",
    "test_what_the_app_said_outranks_the_resolver": _PATCHED,
    "test_that_the_app_said_nobody_outranks_the_resolver": _PATCHED,
    "test_the_last_word_counts_and_a_copy_of_the_request_speaks_too": _PATCHED,
    "test_identify_takes_nothing_but_users": _PATCHED,
    "test_a_401_or_403_of_the_resolver_means_nobody": _ERRORS,
    "test_what_another_server_refused_does_not_mean_nobody": _ERRORS,
    "test_any_other_failure_leaves_the_page_and_closes_the_endpoint": _PATCHED,
    "test_two_users_one_after_the_other_get_their_own": _PATCHED,
    "test_a_doubled_middleware_injects_once": _PATCHED,
    "test_a_failing_signer_leaves_the_page": _PATCHED,
    "test_a_fault_of_ours_leaves_the_page": _PATCHED,
}

# Quirks of the servers, with or without this middleware: server, test and a part of the test's parameters.
OWN = {
    ("cheroot", "test_statuses_without_a_page_are_left_alone", "205"): "sends a body with a 205, without its length",
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
        for test in ("test_no_vendor_means_untouched", "test_disabled_means_untouched_and_no_endpoint")
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
