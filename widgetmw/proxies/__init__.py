"""Authenticating proxies: those that send plain headers, and those that sign what they send."""

# by their names in WIDGETMW_PROXY: the module here, which is imported only if it is used, and the class in it
CLASSES = {
    "oauth2-proxy": ("headers", "OAuth2Proxy"),
    "oauth2-proxy-nginx": ("headers", "OAuth2ProxyNginx"),
    "authelia": ("headers", "Authelia"),
    "pomerium-claims": ("headers", "PomeriumClaims"),
    "headers": ("headers", "Headers"),
    "pomerium": ("assertion", "Pomerium"),
    "cloudflare-access": ("assertion", "CloudflareAccess"),
    "aws-alb": ("assertion", "AwsAlb"),
    "google-iap": ("assertion", "GoogleIap"),
}
