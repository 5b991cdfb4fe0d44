"""``widgetmw check --url``: fetches a page and explains what happened to it and what to change."""
