"""The New Relic agent, whose ASGI and WSGI wrappers insert a browser script.

The agent runs in developer mode, in which it acts as if connected and sends no data. Its wrappers also trace each
request, which we do not want to compare. So the agent is measured with its insertion on and off, and the difference is
the cost of the insertion.
"""

from __future__ import annotations

import os
from typing import Any, Final

from benchmarks.rounds import Batch
from benchmarks.traffic import AsgiApp, WsgiApp

WITH: Final = "New Relic agent, tracing and insertion"
WITHOUT: Final = "New Relic agent, tracing only"
ALONE: Final = "New Relic agent, insertion only"
_ENVIRONMENT: Final = {
    "NEW_RELIC_DEVELOPER_MODE": "true",
    "NEW_RELIC_LICENSE_KEY": "0" * 40,
    "NEW_RELIC_APP_NAME": "benchmarks",
    "NEW_RELIC_LOG_LEVEL": "critical",
    # otherwise it queries the network to find out which cloud it runs in
    **{f"NEW_RELIC_UTILIZATION_DETECT_{cloud}": "false" for cloud in ("AWS", "AZURE", "GCP", "PCF", "ECS")},
    **{f"NEW_RELIC_UTILIZATION_DETECT_{kind}": "false" for kind in ("DOCKER", "KUBERNETES", "AZUREFUNCTION")},
}


class Agent:
    """The running agent.

    Args:
        settings: Its application settings, which it reads at each request.
    """

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def asgi(self, app: AsgiApp) -> AsgiApp:
        """Wraps an ASGI app."""
        from newrelic.api.asgi_application import ASGIApplicationWrapper

        wrapped: AsgiApp = ASGIApplicationWrapper(app)
        return wrapped

    def wsgi(self, app: WsgiApp) -> WsgiApp:
        """Wraps a WSGI app."""
        from newrelic.api.wsgi_application import WSGIApplicationWrapper

        wrapped: WsgiApp = WSGIApplicationWrapper(app)
        return wrapped

    def switch(self, inserting: bool) -> None:
        """Turns the insertion on or off for the requests that follow."""
        self._settings.browser_monitoring.enabled = inserting

    def cases(self, batch: Batch) -> dict[str, Batch]:
        """Returns the same batch with and without insertion."""
        return {WITH: self._switched(batch, True), WITHOUT: self._switched(batch, False)}

    def _switched(self, batch: Batch, inserting: bool) -> Batch:
        def calls(count: int) -> float:
            self.switch(inserting)
            return batch(count)

        return calls


def start() -> Agent | None:
    """Starts the agent, which patches the frameworks it knows. Returns ``None`` if it is not available."""
    os.environ.update(_ENVIRONMENT)
    try:
        import newrelic.agent
    except ImportError:
        return None
    newrelic.agent.initialize()
    application = newrelic.agent.register_application(timeout=10)
    return Agent(application.settings) if application.enabled else None
