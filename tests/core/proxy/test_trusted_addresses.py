from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgetmw.core.proxy.trusted_addresses import parse_addresses


@pytest.mark.parametrize(
    ("text", "trusted", "others"),
    [
        (
            "10.0.0.5",
            ["10.0.0.5", "::ffff:10.0.0.5", "::FFFF:a00:5"],
            ["10.0.0.6", "::10.0.0.5", "10.0.0.5%1", "", None],
        ),
        ("10.1.0.0/16, 10.2.0.1", ["10.1.2.3", "::ffff:10.1.2.3", "10.2.0.1"], ["10.2.0.2", "::a01:203"]),
        ("::ffff:10.0.0.5", ["10.0.0.5", "::ffff:10.0.0.5"], ["10.0.0.6"]),
        ("::ffff:10.1.0.0/112", ["10.1.2.3", "::ffff:10.1.2.3"], ["10.2.0.0"]),
        ("2001:db8::/32", ["2001:db8::1", "2001:DB8:0:0::1"], ["2001:db9::1", "10.0.0.5"]),
        ("::1", ["::1", "0:0:0:0:0:0:0:1"], ["127.0.0.1", "::ffff:127.0.0.1"]),
        ("fe80::/64", ["fe80::1"], ["fe80::1%eth0", "fe80:0:0:1::1"]),
        ("fe80::1%eth0", ["fe80::1%eth0"], ["fe80::1", "fe80::1%eth1", "fe80::2%eth0", "fe80::1%ETH0"]),
        ("unix", ["", None], ["10.0.0.5", "localhost", "unix"]),
        ("any", ["", None, "10.0.0.5", "anything"], []),
        ("10.0.0.5", [], ["x" * 100_000, "10.0.0.5\n", " 10.0.0.5", "10.0.0.5,10.0.0.5"]),
    ],
)
def test_only_listed_peers_are_trusted(text: str, trusted: list[Any], others: list[Any]) -> None:
    addresses = parse_addresses(text)
    assert [peer for peer in trusted if peer not in addresses] == []
    assert [peer for peer in others if peer in addresses] == []


def test_a_text_too_long_for_an_address_is_not_remembered() -> None:
    addresses = parse_addresses("10.0.0.5")
    assert "x" * 100_000 not in addresses
    assert addresses._matches.cache_info().currsize == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "shown.example",
        "10.0.0.5/8",
        "10.0.0",
        "10.0.0.5:80",
        "010.0.0.5",
        "fe80::1%eth0/64",
        "10.0.0.5 10.0.0.6",
        "any,10.0.0.5",
        "unix,shown",
        ",",
        "0.0.0.0/0",
        "::/0",
        "10.0.0.5,::ffff:0:0/96",
        "10.0.0.5%eth0",
    ],
)
def test_a_malformed_list_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must (be a comma-separated list|not list all addresses)") as caught:
        parse_addresses(text)
    assert "shown" not in str(caught.value)


def test_the_repr_shows_no_address() -> None:
    assert "10.0.0.5" not in repr(parse_addresses("10.0.0.5"))


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(1, 32))
def test_an_ipv4_address_is_trusted_in_either_form_if_its_network_is(
    peer: IPv4Address, other: IPv4Address, length: int
) -> None:
    network = IPv4Network((other, length), strict=False)
    addresses = parse_addresses(str(network))
    assert (str(peer) in addresses) == (f"::ffff:{peer}" in addresses) == (peer in network)


@given(st.ip_addresses(v=6), st.ip_addresses(v=6), st.integers(97, 128))
def test_an_ipv6_address_is_trusted_if_its_network_is(peer: IPv6Address, other: IPv6Address, length: int) -> None:
    network = IPv6Network((other, length), strict=False)
    addresses = parse_addresses(str(network))
    assert str(network.network_address) in addresses
    assert (str(peer) in addresses) == (peer in network)
