"""The text of each vendor's page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class VendorPage:
    """What one vendor's page says about how the token reaches the widget.

    ``summary`` is for the overview, ``lead`` for the page itself. ``on_load``, ``on_renewal`` and
    ``on_sign_out`` say what happens at each of these moments. Code is set in backticks. ``needs_email`` vendors cannot
    identify a user without an email address.
    ``missing`` says why a page has no token, if that is no failure.
    """

    key: str
    name: str
    summary: str
    lead: str
    on_load: str
    on_renewal: str
    on_sign_out: str
    missing: str = ""
    needs_email: bool = False


_VENDORS = (
    VendorPage(
        "digitalgenius",
        "DigitalGenius",
        "A token in the widget's configuration object.",
        "A token signed with your API secret is in the widget's configuration before the widget starts.",
        "`DG_CHAT_WIDGET_CONFIG.metadata.auth_token`",
        '`dgchat.methods.sendSystemMessage({name: "auth_token"})`',
        "`dgchat.methods.resetChat()`",
    ),
    VendorPage(
        "hissuno",
        "Hissuno",
        "A token as a prop of a React component.",
        "A React component takes the token as a prop. A new token re-renders it; the conversation continues.",
        "`HISSUNO_WIDGET_CONFIG.widgetToken`",
        '`widgetmw.subscribe("hissuno", render)`',
        "The widget's conversations are removed from `localStorage`.",
    ),
    VendorPage(
        "orlo",
        "Orlo",
        "A token passed by the snippet from Orlo's dashboard.",
        "A token signed with your RSA key, passed to the widget by the JavaScript snippet from Orlo's dashboard.",
        "The customer-data snippet runs with the token in place of `JWT_TOKEN`.",
        "The snippet runs again.",
        "Orlo documents no logout call. The page listens for `widgetmw:signedout`.",
    ),
    VendorPage(
        "giosg",
        "giosg",
        "Signed visitor data and a signed chat URL.",
        "Signed visitor data for the script on your page, and a signed chat URL for links and frames.",
        '`_giosg("visitor", "submit", token, "HS256")`',
        "The same call is repeated, and links get a new signed URL.",
        '`_giosg("visitor", "removeAll")` and `_giosg("chat", "close")`',
    ),
    VendorPage(
        "intercom",
        "Intercom",
        "A token in the Messenger's settings, renewed by updates.",
        "A token signed with your Messenger secret is in the page's settings before the Messenger boots.",
        "`intercomSettings.intercom_user_jwt`",
        '`Intercom("update", {intercom_user_jwt})`',
        '`Intercom("shutdown")`, then `Intercom("boot")` for a visitor. The server expires `intercom-session-…`.',
    ),
    VendorPage(
        "zendesk",
        "Zendesk",
        "A token that the widget asks for.",
        "The widget calls a function, which fetches a token signed with your shared secret. No page carries one.",
        '`zE("messenger", "loginUser", …)` gets a function that fetches the token.',
        "The widget calls the function again and gets a token that is still good.",
        '`zE("messenger", "logoutUser")`',
        missing="Sent when the widget asks",
    ),
    VendorPage(
        "chatwoot",
        "Chatwoot",
        "A signed id for each conversation.",
        "A signature of the user's id, which does not expire. Chatwoot's server remembers the user of a conversation.",
        "`$chatwoot.setUser(id, {name, email, identifier_hash})`, after the event `chatwoot:ready`.",
        "None: the signature does not expire.",
        "`$chatwoot.reset()`, and the cookies of the conversation are deleted.",
    ),
    VendorPage(
        "crisp",
        "Crisp",
        "A signed email address for the chat's session.",
        "A signature of the email address, which does not expire. Crisp shows the address as verified.",
        '`$crisp.push(["set", "user:email", [email, signature]])`, in the queue if Crisp has not loaded.',
        "None: the signature does not expire.",
        '`$crisp.push(["do", "session:reset"])`, and the cookie of the session expires.',
        needs_email=True,
    ),
    VendorPage(
        "helpscout",
        "Help Scout",
        "A signed email address for the Beacon.",
        "A signature of the email address, which does not expire. With it, Help Scout shows the visitor's history.",
        '`Beacon("identify", {name, email, signature})`, in the queue if the Beacon has not loaded.',
        "None: the signature does not expire.",
        '`Beacon("logout", {endActiveChat: true})`',
        needs_email=True,
    ),
    VendorPage(
        "tawk",
        "tawk.to",
        "A signed id with which the widget logs in.",
        "A signature of the user's id, which does not expire. The widget logs the visitor in with it.",
        "`Tawk_API.login({userId, hash, name, email})`, when the widget calls `Tawk_API.onBeforeLoad`.",
        "None: the signature does not expire.",
        "`Tawk_API.logout()`, then `Tawk_API.shutdown()`",
    ),
    VendorPage(
        "front",
        "Front",
        "A signed id that the widget is started with.",
        "A signature of the user's id, which does not expire. The widget is started with it, or gets it afterwards.",
        '`FrontChat("identity", {userId, userHash, email, name})`, or the same in `FrontChat("init", …)`',
        "None: the signature does not expire.",
        '`FrontChat("shutdown", {clearSession: true})`',
    ),
)

VENDORS: Mapping[str, VendorPage] = MappingProxyType({vendor.key: vendor for vendor in _VENDORS})
