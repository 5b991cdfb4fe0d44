"""The built-in vendors. Each is a class, found through its entry point, and a JavaScript file beside it."""

#: The order in which the vendors are listed. Entry points have none: build tools sort them.
ORDER = (
    "digitalgenius",
    "hissuno",
    "orlo",
    "giosg",
    "intercom",
    "zendesk",
    "chatwoot",
    "crisp",
    "helpscout",
    "tawk",
    "front",
    "jwt",
    "hmac",
)
