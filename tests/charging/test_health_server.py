"""What an SRE asks the daemon over HTTP."""

import asyncio

import pytest

from charging.health_server import HealthServer
from charging.metrics import Metrics
from rating_kernels.outcomes import Outcome


def ask(request: bytes, reasons=()) -> tuple[bytes, bytes]:
    """Status line and body of the answer."""

    async def play():
        server = HealthServer(Metrics(), lambda: list(reasons))
        await server.start("127.0.0.1", 0)
        host, port = server.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await server.stop()
        return answer

    head, _, body = asyncio.run(play()).partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], body


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def test_alive_and_ready():
    assert ask(get("/healthz")) == (b"HTTP/1.1 200 OK", b"alive\n")
    assert ask(get("/readyz")) == (b"HTTP/1.1 200 OK", b"ready\n")


def test_not_ready_says_why():
    status, body = ask(get("/readyz"), ["partition 3: the log ends at 41"])
    assert (status, body) == (b"HTTP/1.1 503 Service Unavailable", b"partition 3: the log ends at 41\n")


def test_every_series_that_the_docs_promise_is_on_the_page():
    _, body = ask(get("/metrics"))
    for name in (
        "charging_events_total",
        "charging_stage_seconds",
        "charging_end_to_end_seconds",
        "charging_batch_events",
        "charging_lag_messages",
        "charging_commits_total",
        "charging_cache_groups",
        "charging_decisions_above_floor",
        "charging_floor_age_seconds",
    ):
        assert f"# TYPE {name.removesuffix('_total')}".encode() in body, name


def test_outcomes_are_counted_by_name():
    metrics = Metrics()
    metrics.count_outcomes({int(Outcome.CHARGED): 3, int(Outcome.TOO_OLD): 1})
    page = metrics.page()
    assert b'charging_events_total{outcome="charged"} 3.0' in page
    assert b'charging_events_total{outcome="too_old"} 1.0' in page


def test_a_partition_that_another_daemon_has_taken_over_is_not_told_of_any_more():
    metrics = Metrics()
    metrics.show(metrics.lag, {0: 5, 1: 7})
    metrics.show(metrics.lag, {1: 3})
    told = [line for line in metrics.page().splitlines() if line.startswith(b"charging_lag_messages{")]
    assert told == [b'charging_lag_messages{partition="1"} 3.0']


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (get("/nothing"), b"HTTP/1.1 404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"HTTP/1.1 405 Method Not Allowed"),
        (b"nonsense\r\n\r\n", b""),
        (b"", b""),
        (b"GET /" + b"x" * 20_000, b""),
    ],
)
def test_what_is_no_question_gets_no_page(request_bytes, status):
    assert ask(request_bytes)[0] == status
