from __future__ import annotations

import subprocess
import sys

import pytest

from widgetmw import Settings, SettingsError
from widgetmw.core import exporters
from widgetmw.core.exporters import NAMES, parse_exporters, start_exporter


def test_the_exporters_of_a_list_are_loaded() -> None:
    assert parse_exporters(" opentelemetry, prometheus,") == ("opentelemetry", "prometheus")


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_library_names_the_variable_and_the_extra(
    dg_env: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"widgetmw.metrics.{name}", raising=False)
    for module in ("prometheus_client", "opentelemetry.metrics"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**dg_env, "WIDGETMW_METRICS": name})
    (problem,) = caught.value.problems
    assert problem == (f"WIDGETMW_METRICS names {name}, whose library is not installed: pip install 'widgetmw[{name}]'")


@pytest.mark.parametrize("text", ["statsd", "prometheus,statsd", ",", "Prometheus"])
def test_an_unknown_exporter_is_refused_without_its_name(dg_env: dict[str, str], text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**dg_env, "WIDGETMW_METRICS": text})
    (problem,) = caught.value.problems
    assert problem == (
        "WIDGETMW_METRICS must be a comma-separated list of prometheus, opentelemetry;"
        " each is an extra, as in widgetmw[prometheus]"
    )


def test_an_exporter_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    fake = type("module", (), {"start": staticmethod(lambda: started.append(1))})
    monkeypatch.setattr(exporters, "_load", {"prometheus": fake}.__getitem__)
    start_exporter("prometheus")
    assert started == [1]


def test_no_library_is_imported_unless_it_is_named(env: dict[str, str]) -> None:
    code = (
        "import sys; from widgetmw import Settings; from widgetmw.core.engine import Engine;"
        " Engine(Settings.from_env()); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"prometheus_client", "opentelemetry"}
