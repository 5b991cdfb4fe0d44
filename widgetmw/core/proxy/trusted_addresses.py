"""Which peers are a trusted proxy: a list of IP addresses and networks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from widgetmw.core.env.variable import comma_list

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

UNIX: Final = "unix"
ANY: Final = "any"
_WANTED: Final = "must be a comma list of IP addresses, networks such as 10.0.0.0/8, and the word unix; or the word any"
_LONGEST: Final = 64
_MAPPED: Final = IPv6Network("::ffff:0:0/96")


class Addresses:
    """A list of peers.

    An IPv4 address is the same in its IPv6 form (``::ffff:10.0.0.5``). A link-local address with a zone
    (``fe80::5%eth0``) is another machine in each zone, so that it matches only itself, with its zone.

    Args:
        networks: of one address each, where it is an address.
        zoned: addresses with a zone.
        unix: whether a peer without an address, behind a Unix socket, is one of them.
        any: whether everybody is.
    """

    def __init__(
        self, networks: Iterable[Network] = (), zoned: Iterable[Address] = (), unix: bool = False, any: bool = False
    ) -> None:
        self.any = any
        self.unix = unix
        self._networks = tuple(networks)
        self._zoned = frozenset(zoned)
        self._listed = lru_cache(256)(self._looked_up)  # proxies are few, and parsing costs more than looking up

    def __contains__(self, peer: str | None) -> bool:
        """Whether a peer is listed; ``None`` or empty for one behind a Unix socket."""
        if self.any or not peer:
            return self.any or self.unix
        return len(peer) <= _LONGEST and self._listed(peer)

    def __repr__(self) -> str:
        return "Addresses()"

    def _looked_up(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False  # a host name, or what a client wrote into a header
        if isinstance(address, IPv6Address):
            if address.scope_id is not None:
                return address in self._zoned
            address = address.ipv4_mapped or address
        return any(address in network for network in self._networks)


def addresses(text: str) -> Addresses:
    """Parses the list.

    Raises:
        ValueError: an item is no address or network, a network has host bits or is a whole family, or ``any``
            stands beside others.
    """
    items = comma_list(text)
    if items == (ANY,):
        return Addresses(any=True)
    try:
        zoned = [ip_address(item) for item in items if "%" in item]  # a network with a zone is none
        networks = [_network(item) for item in items if "%" not in item and item != UNIX]
    except ValueError:
        raise ValueError(_WANTED) from None
    if not items:
        raise ValueError(_WANTED)
    if any(network.prefixlen == 0 for network in networks):
        raise ValueError("must not list all addresses there are")
    return Addresses(networks, zoned, UNIX in items)


def _network(item: str) -> Network:
    network = ip_network(item)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return IPv4Network(f"{mapped}/{network.prefixlen - 96}")
    return network
