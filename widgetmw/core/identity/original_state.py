"""The state of an ASGI request as it came to the app's routes, before they have changed it."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from widgetmw.core.identity.request_identity import ScopeOrEnviron

ORIGINAL_STATE: Final = "widgetmw.original_state"
"""Key of an ASGI scope: what its state held before the app's routes ran, if anything.

The state is one dict for all layers.
"""

SESSION_HANDLER: Final = "session_handler"
"""Key of an ASGI scope: what loads the session, of starsessions."""


def with_original_state(scope: ScopeOrEnviron) -> ScopeOrEnviron:
    """Returns the scope with the state that came to routes and mounts; what they have emptied may be a sign-out."""
    state, original = scope.get("state"), scope.get(ORIGINAL_STATE)
    if original is None or not state:
        return scope
    if len(state) == len(original) and all(original.get(key) is value for key, value in state.items()):
        return scope
    known = ((key, value, original[key]) for key, value in state.items() if key in original)
    shown = {key: value if value is before or is_empty(value) else before for key, value, before in known}
    # Not a copy of the scope: a resolver may load the session in the request's.
    return ChainMap({"state": _ShownState(shown, state)}, scope)


class _ShownState(dict[str, Any]):
    """What a resolver sees of a request's state, which also gets what the resolver adds.

    The app's layers may look for it there, such as for a database session that they close.
    """

    def __init__(self, shown: Mapping[str, Any], request_state: MutableMapping[str, Any]) -> None:
        super().__init__(shown)
        self._request_state = request_state

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._request_state.setdefault(key, value)


def has_loaded_session(request: ScopeOrEnviron, original: Mapping[str, Any]) -> bool:
    """Whether a route has loaded the session that came with the request, as it does with starsessions.

    Until then its place is taken by an object that refuses to be read, so this is no session of a mounted app.
    """
    handler = request.get(SESSION_HANDLER)
    if handler is None or handler is not original.get(SESSION_HANDLER) or not getattr(handler, "is_loaded", False):
        return False
    try:
        return not hasattr(original["session"], "keys")
    except Exception:
        return True


def is_empty(value: object) -> bool:
    """Whether a value is false, or the user object of an anonymous visitor.

    A state may hold anything, and arrays of NumPy refuse to say.
    """
    try:
        return not getattr(value, "is_authenticated", value)
    except Exception:
        return False
