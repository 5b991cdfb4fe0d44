"""Who is signed in: a table in memory, and a signed cookie that names a row of it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict

COOKIE = "widgetmw_demo_session"
_MOST = 1000


class Sessions:
    """Sessions of the sample site; bounded, thread-safe, gone when the process ends."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._people: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, person: str) -> str:
        """Sign ``person`` in; returns the value of the cookie."""
        number = secrets.token_urlsafe(18)
        with self._lock:
            self._people[number] = person
            if len(self._people) > _MOST:
                self._people.popitem(last=False)
        return f"{number}.{self._sign(number)}"

    def person(self, cookie: str | None) -> str | None:
        """The key of the person whose session the cookie names; ``None`` for a forged or an ended one."""
        number = self._verified(cookie)
        if number is None:
            return None
        with self._lock:
            return self._people.get(number)

    def end(self, cookie: str | None) -> None:
        """Sign out. A cookie that was copied before is worth nothing afterwards."""
        number = self._verified(cookie)
        if number is not None:
            with self._lock:
                self._people.pop(number, None)

    def _sign(self, number: str) -> str:
        return hmac.new(self._key, number.encode(), hashlib.sha256).hexdigest()

    def _verified(self, cookie: str | None) -> str | None:
        number, _, signature = (cookie or "").partition(".")
        expected = self._sign(number).encode()
        return number if hmac.compare_digest(signature.encode(), expected) else None
