"""The New Relic agent's insertion of its browser script, by its own ASGI and WSGI wrappers.

The agent runs in its developer mode: it believes that it is connected, and no data leaves the process. Its wrappers
also trace each request, which is not what is compared here; so the agent is measured twice, with its insertion and
with it switched off, and the difference is the insertion's.
"""

from __future__ import annotations

import os
from typing import Any, Final

from benchmarks.rounds import Batch
from benchmarks.traffic import AsgiApp, WsgiApp

WITH: Final = "New Relic agent, tracing and inserting"
WITHOUT: Final = "New Relic agent, tracing only"
ALONE: Final = "New Relic agent, its insertion alone"
_ENVIRONMENT: Final = {
    "NEW_RELIC_DEVELOPER_MODE": "true",
    "NEW_RELIC_LICENSE_KEY": "0" * 40,
    "NEW_RELIC_APP_NAME": "benchmarks",
    "NEW_RELIC_LOG_LEVEL": "critical",
    # it would ask the network which cloud it is in
    **{f"NEW_RELIC_UTILIZATION_DETECT_{cloud}": "false" for cloud in ("AWS", "AZURE", "GCP", "PCF", "ECS")},
    **{f"NEW_RELIC_UTILIZATION_DETECT_{kind}": "false" for kind in ("DOCKER", "KUBERNETES", "AZUREFUNCTION")},
}


class Agent:
    """The agent at work.

    Args:
        settings: of its application, which it reads anew at each request.
    """

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def asgi(self, app: AsgiApp) -> AsgiApp:
        """Its ASGI wrapper."""
        from newrelic.api.asgi_application import ASGIApplicationWrapper

        wrapped: AsgiApp = ASGIApplicationWrapper(app)
        return wrapped

    def wsgi(self, app: WsgiApp) -> WsgiApp:
        """Its WSGI wrapper."""
        from newrelic.api.wsgi_application import WSGIApplicationWrapper

        wrapped: WsgiApp = WSGIApplicationWrapper(app)
        return wrapped

    def switch(self, inserting: bool) -> None:
        """Turns its insertion on or off, from the next request on."""
        self._settings.browser_monitoring.enabled = inserting

    def cases(self, batch: Batch) -> dict[str, Batch]:
        """The same app with insertion, and without."""
        return {WITH: self._switched(batch, True), WITHOUT: self._switched(batch, False)}

    def _switched(self, batch: Batch, inserting: bool) -> Batch:
        def calls(count: int) -> float:
            self.switch(inserting)
            return batch(count)

        return calls


def start() -> Agent | None:
    """Starts the agent in this process, and patches what it knows; ``None`` where it cannot be had."""
    os.environ.update(_ENVIRONMENT)
    try:
        import newrelic.agent
    except ImportError:
        return None
    newrelic.agent.initialize()
    application = newrelic.agent.register_application(timeout=10)
    return Agent(application.settings) if application.enabled else None
