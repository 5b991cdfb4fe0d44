"""The vendor accounts, generated at each start. They are never stored or printed."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from importlib import resources

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True, repr=False)
class Keys:
    """One account per vendor: its public ids and the secrets that site and vendor share.

    There is no generated ``repr``, so that a traceback or a log line cannot leak a secret.
    """

    dg_api_key: str = field(default_factory=lambda: secrets.token_hex(8))
    dg_api_secret: str = field(default_factory=lambda: secrets.token_hex(32))
    hissuno_secret_key: str = field(default_factory=lambda: "sk_live_" + secrets.token_hex(24))
    orlo_private_key: rsa.RSAPrivateKey = field(default_factory=_rsa_key)
    giosg_organization: str = field(default_factory=lambda: str(uuid.uuid4()))
    giosg_room: str = field(default_factory=lambda: str(uuid.uuid4()))
    giosg_signing_key: str = field(default_factory=lambda: secrets.token_hex(20))
    zendesk_key_id: str = field(default_factory=lambda: "app_" + secrets.token_hex(12))
    zendesk_secret: str = field(default_factory=lambda: secrets.token_urlsafe(64))
    intercom_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    chatwoot_hmac_token: str = field(default_factory=lambda: secrets.token_hex(16))
    crisp_secret: str = field(default_factory=lambda: secrets.token_hex(32))
    helpscout_secret: str = field(default_factory=lambda: secrets.token_hex(32))
    tawk_secret: str = field(default_factory=lambda: secrets.token_hex(20))
    front_secret: str = field(default_factory=lambda: secrets.token_hex(32))

    def environ(self, ttl: int, base_url: str) -> dict[str, str]:
        """Returns the environment variables of a site that uses these accounts.

        Args:
            ttl: lifetime of every token in seconds.
            base_url: the URL the site is served at, ``http://host:port`` without a trailing slash.
        """
        return {
            "WIDGETMW_DEBUG": "true",
            "WIDGETMW_EXCLUDE": "/vendor",
            "WIDGETMW_TRUST_EMAILS": "true",  # nobody can register at this shop
            "DG_API_KEY": self.dg_api_key,
            "DG_API_SECRET": self.dg_api_secret,
            "DG_WIDGET_ID": "demo-widget",
            "DG_TOKEN_TTL": str(ttl),
            "HISSUNO_PROJECT_ID": "demo-project",
            "HISSUNO_SECRET_KEY": self.hissuno_secret_key,
            "HISSUNO_API_URL": f"{base_url}/vendor/hissuno/chat",
            "HISSUNO_TOKEN_TTL": str(ttl),
            "ORLO_PRIVATE_KEY": self._orlo_pem(),
            "ORLO_CUSTOMER_DATA_SNIPPET": _orlo_snippet(),
            "ORLO_TOKEN_TTL": str(ttl),
            "GIOSG_ORGANIZATION_ID": self.giosg_organization,
            "GIOSG_ROOM_ID": self.giosg_room,
            "GIOSG_SIGNING_KEY": self.giosg_signing_key,
            "GIOSG_TOKEN_TTL": str(ttl),
            "INTERCOM_APP_ID": "demo-app",
            "INTERCOM_SECRET": self.intercom_secret,
            "INTERCOM_TOKEN_TTL": str(ttl),
            "ZENDESK_WIDGET_KEY": "demo-widget",
            "ZENDESK_KEY_ID": self.zendesk_key_id,
            "ZENDESK_SECRET": self.zendesk_secret,
            "ZENDESK_TOKEN_TTL": str(ttl),
            "CHATWOOT_BASE_URL": f"{base_url}/vendor/chatwoot",
            "CHATWOOT_WEBSITE_TOKEN": "demo-inbox",
            "CHATWOOT_HMAC_TOKEN": self.chatwoot_hmac_token,
            "CRISP_WEBSITE_ID": "demo-website",
            "CRISP_SECRET": self.crisp_secret,
            "HELPSCOUT_BEACON_ID": "demo-beacon",
            "HELPSCOUT_SECRET": self.helpscout_secret,
            "TAWK_PROPERTY_ID": "demo-property",
            "TAWK_WIDGET_ID": "default",
            "TAWK_SECRET": self.tawk_secret,
            "FRONT_CHAT_ID": "demo-chat",
            "FRONT_SECRET": self.front_secret,
        }

    def _orlo_pem(self) -> str:
        return self.orlo_private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode("ascii")


def _orlo_snippet() -> str:
    """Returns the snippet an operator would copy from Orlo's dashboard. This one calls the stand-in."""
    return (resources.files("widgetmw.demo") / "templates" / "orlo-snippet.html").read_text("utf-8")
