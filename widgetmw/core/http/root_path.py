"""The root path with which an app makes its own URLs."""

from __future__ import annotations


def root_path_of_app(root_path: str, path: str, new_root_path: str, new_path: str) -> str:
    """Returns the root path of the app, given root path and path as we saw them and as the app's layers left them.

    A layer that knows the prefix of a reverse proxy puts it in front of everything. A dispatcher moves the start of the
    path into the root path, which is true only of the app that it calls.
    """
    whole = new_root_path + new_path
    return whole[: len(whole) - len(path)] if whole.endswith(path) else root_path
