"""Tracks who is signed in: an in-memory session table, and a signed cookie with the session id."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict

COOKIE = "widgetmw_demo_session"
_MAX_SESSIONS = 1000


class Sessions:
    """The sample site's sessions: bounded, thread-safe, lost when the process ends."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._person_by_session: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, person: str) -> str:
        """Signs ``person`` in and returns the cookie value."""
        session_id = secrets.token_urlsafe(18)
        with self._lock:
            self._person_by_session[session_id] = person
            if len(self._person_by_session) > _MAX_SESSIONS:
                self._person_by_session.popitem(last=False)
        return f"{session_id}.{self._sign(session_id)}"

    def person(self, cookie: str | None) -> str | None:
        """Returns the key of the signed-in person, or ``None`` if the cookie is forged or its session has ended."""
        session_id = self._session_id(cookie)
        if session_id is None:
            return None
        with self._lock:
            return self._person_by_session.get(session_id)

    def end(self, cookie: str | None) -> None:
        """Signs out. Copies of the cookie stop working too."""
        session_id = self._session_id(cookie)
        if session_id is not None:
            with self._lock:
                self._person_by_session.pop(session_id, None)

    def _sign(self, session_id: str) -> str:
        return hmac.new(self._key, session_id.encode(), hashlib.sha256).hexdigest()

    def _session_id(self, cookie: str | None) -> str | None:
        session_id, _, signature = (cookie or "").partition(".")
        expected = self._sign(session_id).encode()
        return session_id if hmac.compare_digest(signature.encode(), expected) else None
