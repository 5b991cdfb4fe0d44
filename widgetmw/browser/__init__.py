"""The browser side: JavaScript that pages and the runtime are made of, and :mod:`widgetmw.browser.assets`."""
