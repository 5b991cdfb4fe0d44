"""The configured vendors with the keys that their files hold now."""

from __future__ import annotations

from threading import Lock

from widgetmw.core.env.secret_file import SecretFileWatcher
from widgetmw.core.events import Events
from widgetmw.core.vendor import ConfiguredVendor


class Keyring:
    """The vendors, signing with the keys that their files hold now.

    Attributes:
        vendors: in order.
        version: increases with each change of keys.
        watched: whether any key came from a file.
    """

    def __init__(self, vendors: tuple[ConfiguredVendor, ...], events: Events) -> None:
        self.vendors: tuple[ConfiguredVendor, ...] = vendors
        self.version: int = 0
        self.watched: bool = any(vendor.files for vendor in vendors)
        self._watchers = [SecretFileWatcher(vendor.files, events, "token") for vendor in vendors]
        self._lock = Lock()

    def reload_if_due(self, now: float) -> None:
        """Reads the key files again if it is time to, and uses the keys that have changed."""
        if not any(watcher.is_due(now) for watcher in self._watchers):
            return
        with self._lock:
            vendors = tuple(
                watcher.reload(now, vendor.with_contents) or vendor
                for watcher, vendor in zip(self._watchers, self.vendors, strict=True)
            )
            if vendors != self.vendors:
                self.vendors = vendors
                self.version += 1
