"""What the pages say about each vendor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class VendorPage:
    """What one vendor's page says about how the identity travels."""

    key: str
    name: str
    brief: str
    lead: str
    carrier: str
    renewal: str
    ending: str


_VENDORS = (
    VendorPage(
        "digitalgenius",
        "DigitalGenius",
        "A token in the configuration of the page.",
        "A token signed with your API secret waits in the page's configuration before the widget starts.",
        "DG_CHAT_WIDGET_CONFIG.metadata.auth_token",
        'dgchat.methods.sendSystemMessage({name: "auth_token"})',
        "dgchat.methods.resetChat()",
    ),
    VendorPage(
        "hissuno",
        "Hissuno",
        "A token as a prop of a React component.",
        "A React component takes the token as a prop. A new token renders it again, in the same chat.",
        "HISSUNO_WIDGET_CONFIG.widgetToken",
        'widgetmw.subscribe("hissuno", render)',
        "its conversations leave localStorage",
    ),
    VendorPage(
        "orlo",
        "Orlo",
        "A token through the snippet from the dashboard.",
        "A token signed with your RSA key, handed over by the JavaScript from Orlo's dashboard.",
        "the customer-data snippet, with JWT_TOKEN replaced",
        "the snippet runs again",
        "the page listens to widgetmw:signedout",
    ),
    VendorPage(
        "giosg",
        "giosg",
        "Signed visitor data, and a signed address.",
        "Signed visitor data for the script on your page, and a signed address for links and frames.",
        '_giosg("visitor", "submit", token, "HS256")',
        "submitted again; links get a new address",
        '_giosg("visitor", "removeAll") and _giosg("chat", "close")',
    ),
)

VENDORS: Mapping[str, VendorPage] = MappingProxyType({vendor.key: vendor for vendor in _VENDORS})
