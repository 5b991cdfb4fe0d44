"""A sample site that demonstrates widgetmw on one machine, without an account or network access.

``create_app`` returns the site as a WSGI app. ``serve`` runs it until it is interrupted.
"""

from widgetmw.demo.app import create_app
from widgetmw.demo.server import PortError, serve

__all__ = ["PortError", "create_app", "serve"]
