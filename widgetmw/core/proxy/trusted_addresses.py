"""Which peers are a trusted proxy: a list of IP addresses and networks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from widgetmw.core.env.variable import comma_list

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_EXPECTED: Final = (
    "must be a comma-separated list of IP addresses, networks such as 10.0.0.0/8, and the word unix; or the word any"
)
_MAX_ADDRESS_LENGTH: Final = 64
_IPV4_MAPPED: Final = IPv6Network("::ffff:0:0/96")


class TrustedAddresses:
    """The addresses of trusted peers.

    An IPv4 address also matches its IPv6 form (``::ffff:10.0.0.5``). A link-local address with a zone
    (``fe80::5%eth0``) is another machine in each zone, so it matches only itself, with its zone. ``trust_unix`` is for
    peers without an address, behind a Unix socket.
    """

    def __init__(
        self, networks: Iterable[Network], zoned: Iterable[Address], trust_unix: bool, trust_all: bool = False
    ) -> None:
        self.trust_all = trust_all
        self._trust_unix = trust_unix
        self._networks = tuple(networks)
        self._zoned = frozenset(zoned)
        self._matches = lru_cache(256)(self._match)  # proxies are few, and parsing costs more than a look-up

    def __contains__(self, peer: str | None) -> bool:
        """Whether a peer is trusted; ``None`` or empty for one behind a Unix socket."""
        if self.trust_all or not peer:
            return self.trust_all or self._trust_unix
        return len(peer) <= _MAX_ADDRESS_LENGTH and self._matches(peer)

    def _match(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False  # a host name, or what a client wrote into a header
        if isinstance(address, IPv6Address):
            if address.scope_id is not None:
                return address in self._zoned
            address = address.ipv4_mapped or address
        return any(address in network for network in self._networks)


def parse_addresses(text: str) -> TrustedAddresses:
    """Parses a comma-separated list.

    Raises:
        ValueError: an item is neither an address nor a network, a network has host bits or covers all addresses, or
            ``any`` is not the only item.
    """
    items = comma_list(text)
    if items == ("any",):
        return TrustedAddresses((), (), trust_unix=True, trust_all=True)
    try:
        zoned = [ip_address(item) for item in items if "%" in item]  # fails for a network with a zone
        networks = [_parse_network(item) for item in items if "%" not in item and item != "unix"]
        if not items:
            raise ValueError
    except ValueError:
        raise ValueError(_EXPECTED) from None
    if any(network.prefixlen == 0 for network in networks):
        raise ValueError("must not list all addresses there are")
    return TrustedAddresses(networks, zoned, trust_unix="unix" in items)


def _parse_network(item: str) -> Network:
    network = ip_network(item)
    if isinstance(network, IPv6Network) and network.subnet_of(_IPV4_MAPPED):
        return IPv4Network(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}")
    return network
