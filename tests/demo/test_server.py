"""Running the demo: choice of port, output and shutdown."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from widgetmw.demo import PortError, serve
from widgetmw.demo.server import bind, create_server


def test_uses_the_next_free_port_if_one_is_in_use() -> None:
    with bind("127.0.0.1", 0) as first:
        taken = first.getsockname()[1]
        with bind("127.0.0.1", taken) as second:
            assert taken < second.getsockname()[1] <= taken + 20


def test_reports_a_host_that_is_not_local_in_one_line() -> None:
    with pytest.raises(PortError, match=r"cannot listen on 192\.0\.2\.1 port \d+: ") as caught:
        bind("192.0.2.1", 8765)
    assert "\n" not in str(caught.value)


def test_reports_that_all_ports_are_in_use() -> None:
    with (
        bind("127.0.0.1", 65_535),
        pytest.raises(PortError, match=r"ports 65535 to 65535 on .* are all in use"),
    ):
        bind("127.0.0.1", 65_535)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_rejects_an_invalid_port(port: int) -> None:
    with pytest.raises(PortError, match=f"between 0 and 65535, not {port}"):
        bind("127.0.0.1", port)


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_lifetime_must_be_positive(ttl: int) -> None:
    with pytest.raises(ValueError, match="ttl"):
        serve(ttl=ttl)


def test_serves_over_a_socket_and_stays_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    server, url = create_server(port=0)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        with closing(urllib.request.urlopen(f"{url}/orlo", timeout=10)) as response:
            assert b"Orlo" in response.read()
    finally:
        server.shutdown()
        thread.join(10)
    assert capfd.readouterr() == ("", "")


# A shell makes its background jobs ignore Ctrl-C, and they and what they start would.
CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"


def test_prints_its_url_and_stops_cleanly_on_ctrl_c() -> None:
    code = f"{CTRL_C}; from widgetmw.demo import serve; serve(port=0, ttl=7)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        line = demo.stdout.readline().decode()
        url = line.split()[6]
        try:
            # A browser keeps its connection open, which must not keep the demo running.
            with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
                connection.request("GET", "/")
                assert b"valid for 7 seconds" in connection.getresponse().read()
                demo.send_signal(signal.SIGINT)
                out, err = demo.communicate(timeout=60)
        finally:
            demo.kill()
    assert line == f"The widgetmw demo is running at {url} (press Ctrl-C to stop)\n"
    assert (demo.returncode, out, err) == (0, b"The demo has stopped.\n", b"")


def test_prints_the_port_it_uses_instead() -> None:
    code = f"{CTRL_C}; import sys; from widgetmw.demo import serve; serve(port=int(sys.argv[1]))"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with subprocess.Popen([sys.executable, "-c", code, str(port)], stdout=subprocess.PIPE) as demo:
            assert demo.stdout is not None
            try:
                first, second = demo.stdout.readline().decode(), demo.stdout.readline().decode()
                demo.send_signal(signal.SIGINT)
                demo.communicate(timeout=60)
            finally:
                demo.kill()
    assert first.startswith(f"Port {port} is in use; using port ")
    assert f":{first.split()[-2]}/" in second
