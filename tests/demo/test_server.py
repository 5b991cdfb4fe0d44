"""Running the demo: its port, its one line, its end."""

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
from widgetmw.demo.server import bind, make


def test_takes_the_next_free_port_where_one_is_in_use() -> None:
    with bind("127.0.0.1", 0) as first:
        taken = first.getsockname()[1]
        with bind("127.0.0.1", taken) as second:
            assert taken < second.getsockname()[1] <= taken + 20


def test_says_in_one_line_that_the_host_is_not_this_machine() -> None:
    with pytest.raises(PortError, match=r"cannot listen on 192\.0\.2\.1 port \d+: ") as caught:
        bind("192.0.2.1", 8765)
    assert "\n" not in str(caught.value)


def test_says_that_all_ports_are_in_use() -> None:
    with (
        bind("127.0.0.1", 65_535),
        pytest.raises(PortError, match=r"ports 65535 to 65535 of .* are all in use"),
    ):
        bind("127.0.0.1", 65_535)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_says_what_a_port_is(port: int) -> None:
    with pytest.raises(PortError, match=f"from 0 to 65535, not {port}"):
        bind("127.0.0.1", port)


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_lifetime_must_be_positive(ttl: int) -> None:
    with pytest.raises(ValueError, match="ttl"):
        serve(ttl=ttl)


def test_answers_over_a_socket_and_stays_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    server, url = make(port=0)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        with closing(urllib.request.urlopen(f"{url}/orlo", timeout=10)) as answer:
            assert b"Orlo" in answer.read()
    finally:
        server.shutdown()
        thread.join(10)
    assert capfd.readouterr() == ("", "")


def test_prints_where_it_is_and_ends_cleanly_on_ctrl_c() -> None:
    code = "from widgetmw.demo import serve; serve(port=0, ttl=7)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        line = demo.stdout.readline().decode()
        url = line.split()[5]
        try:
            # A browser keeps its connection; that must not keep the demo.
            with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
                connection.request("GET", "/")
                assert b"lives for 7 seconds" in connection.getresponse().read()
                demo.send_signal(signal.SIGINT)
                out, err = demo.communicate(timeout=20)
        finally:
            demo.kill()
    assert line == f"The widgetmw demo is at {url} (press Ctrl-C to stop it)\n"
    assert (demo.returncode, out, err) == (0, b"The demo has stopped.\n", b"")


def test_says_which_port_it_took_instead() -> None:
    code = "import sys; from widgetmw.demo import serve; serve(port=int(sys.argv[1]))"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with subprocess.Popen([sys.executable, "-c", code, str(port)], stdout=subprocess.PIPE) as demo:
            assert demo.stdout is not None
            first, second = demo.stdout.readline().decode(), demo.stdout.readline().decode()
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=20)
    assert first.startswith(f"Port {port} is in use, so this is port ")
    assert f":{first.split()[-1].rstrip('.')}/" in second
