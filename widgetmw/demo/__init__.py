"""A sample site that shows the whole of widgetmw on one machine: no account, no network.

``create_app`` gives the site as a WSGI app, ``serve`` runs it until it is interrupted.
"""

from widgetmw.demo.app import create_app
from widgetmw.demo.server import PortError, serve

__all__ = ["PortError", "create_app", "serve"]
