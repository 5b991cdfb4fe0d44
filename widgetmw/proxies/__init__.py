"""Authenticating proxies: those that send plain headers, and those that sign what they send."""

from __future__ import annotations

from widgetmw.core.proxy.base import register

register("oauth2-proxy", "widgetmw.proxies.headers:OAuth2Proxy")
register("oauth2-proxy-nginx", "widgetmw.proxies.headers:OAuth2ProxyNginx")
register("authelia", "widgetmw.proxies.headers:Authelia")
register("pomerium-claims", "widgetmw.proxies.headers:PomeriumClaims")
register("headers", "widgetmw.proxies.headers:Headers")
register("pomerium", "widgetmw.proxies.assertion:Pomerium")
register("cloudflare-access", "widgetmw.proxies.assertion:CloudflareAccess")
register("aws-alb", "widgetmw.proxies.assertion:AwsAlb")
register("google-iap", "widgetmw.proxies.assertion:GoogleIap")
