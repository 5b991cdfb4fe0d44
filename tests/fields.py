"""Which vendor receives which field of a user: the generated part of docs/user.md, asked of the vendors' classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from widgetmw import User, testing
from widgetmw.provider import HmacProvider
from widgetmw.providers import ORDER

#: A user whose values can be told apart wherever they appear.
USER = User("the-id", name="the-name", email="the-email", attributes={"plan": "the-plan"})
_FIELDS = {"`id`": "the-id", "`name`": "the-name", "`email`": "the-email", "an attribute `plan`": "the-plan"}


def claims(vendor: str, user: User) -> dict[str, Any]:
    """Returns what a vendor's token says about a user, or what goes with it, without the times."""
    (configured,) = testing.settings(vendor).vendors
    provider = configured.provider
    says = provider.extra_values if isinstance(provider, HmacProvider) else provider.payload  # type: ignore[attr-defined]
    return dict(says(user))


def table() -> str:
    """Returns the table in Markdown: for each field, the names under which each vendor receives it."""
    sent = {vendor: list(_sent(vendor)) for vendor in ORDER}
    rows = [
        [field, *(", ".join(f"`{name}`" for name, value in sent[vendor] if value == text) or "–" for vendor in ORDER)]
        for field, text in _FIELDS.items()
    ]
    lines = [["field", *ORDER], ["---"] * (len(ORDER) + 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _sent(vendor: str) -> Iterator[tuple[str, Any]]:
    """Yields names and values of the token, and of a signed URL beside it."""
    (configured,) = testing.settings(vendor).vendors
    yield from _flat(claims(vendor, USER))
    extra = configured.provider.mint(USER, 0, 60).extra
    for url in extra.values():
        yield from parse_qsl(urlsplit(str(url)).query)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
