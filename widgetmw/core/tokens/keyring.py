"""The configured vendors with the keys that their files hold now."""

from __future__ import annotations

from math import inf
from threading import Lock

from widgetmw.core.env.secret_file import SecretFile
from widgetmw.core.events import Events
from widgetmw.core.settings import Vendor

# A key file is read every 4 s, and a user's tokens are checked 4 s later: a change takes effect within 10 s.
KEY_PERIOD = 4.0


class Keyring:
    """The vendors, signing with the keys that their files hold now.

    Attributes:
        vendors: in order.
        version: increases with each change of keys.
        watched: whether any key came from a file.
    """

    def __init__(self, vendors: tuple[Vendor, ...], events: Events) -> None:
        self.vendors = vendors
        self.version = 0
        self.watched = any(vendor.files for vendor in vendors)
        self._events = events
        # by vendor: the contents that were read last, used or found malformed
        self._seen = [{file.variable: file.content for file in vendor.files} for vendor in vendors]
        self._next = -inf
        self._lock = Lock()

    def reload_if_due(self, now: float) -> None:
        """Reads the key files again if it is time to, and uses the keys that have changed."""
        if not self.watched or self._next - KEY_PERIOD <= now < self._next:
            return
        with self._lock:
            self._next = now + KEY_PERIOD
            vendors = tuple(self._current(index, vendor) for index, vendor in enumerate(self.vendors))
            if vendors != self.vendors:
                self.vendors = vendors
                self.version += 1

    def _current(self, index: int, vendor: Vendor) -> Vendor:
        try:
            contents = {file.variable: self._read(file) for file in vendor.files}
        except ValueError as error:
            # between two versions a file may be missing; the current keys are still valid
            self._events.once("token", "key_file_unreadable", str(error))
            return vendor
        if contents == self._seen[index]:
            return vendor
        self._seen[index] = contents
        try:
            return vendor.with_contents(contents)  # all of them: a pair of key and secret changes together
        except ValueError as error:
            names = ", ".join(f"{name}_FILE" for name in contents)
            self._events.failure("token", "key_file_malformed", f"{names}: the new content cannot be used: {error}")
            return vendor

    def _read(self, file: SecretFile) -> str:
        try:
            return file.read(again=True)
        except ValueError as error:
            raise ValueError(f"{file.variable}_FILE {error}") from None
