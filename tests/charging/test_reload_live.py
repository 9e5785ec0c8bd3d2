"""The catalogue changes while events flow: none is lost, and each costs what its catalogue version says."""

import re
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from decimal import Decimal

import msgspec
import pytest

from balance_store.group_record import unpack_group
from billing_batch.cut_cycle import all_items
from charging.command_line import app
from tests.charging.deployment import Deployment
from tests.charging.reload_catalogue import customer, write

pytestmark = [pytest.mark.live, pytest.mark.slow]

CUSTOMERS = 40
CHUNKS, CHUNK_EVENTS = 48, 500
PRICES = {1: "0.10", 2: "0.20", 4: "0.40"}
PUBLISHED = 4


def chunk(number: int):
    for event in range(number * CHUNK_EVENTS, (number + 1) * CHUNK_EVENTS):
        service = f"api-{event % CUSTOMERS}"
        yield (
            service.encode(),
            msgspec.json.encode(
                {
                    "id": f"e{event}",
                    "source": "test",
                    "type": "call",
                    "service": service,
                    "time": "2026-10-05T12:00:00Z",
                    "quantity": 1,
                    "fields": {},
                }
            ),
            [],
            1_791_201_600_000,
        )


class Stream(threading.Thread):
    """Sends chunk after chunk until told how many there may be at the most, so that events flow all the while."""

    def __init__(self, deployment: Deployment) -> None:
        super().__init__(name="stream")
        self._deployment = deployment
        self.sent = 0
        self._allowed = threading.Semaphore(0)

    def run(self) -> None:
        while self.sent < CHUNKS:
            self._allowed.acquire()
            self._deployment.send(chunk(self.sent))
            self.sent += 1

    def send(self, chunks: int) -> None:
        """Let so many more go out, beside us."""
        for _ in range(chunks):
            self._allowed.release()


def readiness(deployment: Deployment) -> str:
    (address,) = re.findall(r'"metrics":"([^"]+)"', deployment.log.read_text())
    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=5) as page:
            return page.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def test_no_event_is_lost_and_each_is_priced_by_the_catalogue_it_names(
    tmp_path, live_servers, store_url, topic_prefix
):
    folder = tmp_path / "catalogue"
    folder.mkdir()
    write(folder, 1, PRICES[1])
    deployment = Deployment(
        tmp_path, live_servers, store_url, topic_prefix, str(folder), catalogue_check_seconds=1
    )
    deployment.create([msgspec.json.encode(customer(number)) for number in range(CUSTOMERS)])
    stream = Stream(deployment)
    stream.start()
    daemon = deployment.start_daemon()
    try:
        deployment.wait_until_charging()
        stream.send(12)
        write(folder, 2, PRICES[2])
        deployment.wait_for_log('"catalogue":2')
        stream.send(12)
        write(folder, 3, "a lot")
        deployment.wait_for_log('"result":"faulty"')
        stream.send(6)
        # The store is closed to what the daemon has, before it can have a newer one.
        away = tmp_path / "elsewhere"
        away.mkdir()
        write(away, 4, PRICES[4])
        settings = tmp_path / "elsewhere.toml"
        settings.write_text(deployment.file.read_text().replace(str(folder), str(away)))
        app(["catalog", "publish", "--config", str(settings)], result_action="return_value")
        stream.send(6)
        deployment.wait_for_log("the store accepts catalogue 4 or newer, ours is 2")
        assert "waiting: the store accepts catalogue 4 or newer, this daemon has 2" in readiness(deployment)
        stream.send(6)
        time.sleep(1)
        write(folder, 4, PRICES[4])
        deployment.wait_for_log('"catalogue":4')
        stream.send(CHUNKS)
        records = deployment.read("rated", CHUNKS * CHUNK_EVENTS)
        assert readiness(deployment) == "ready\n"
    finally:
        stream.send(CHUNKS)
        stream.join()
        assert deployment.stop_daemon(daemon) == 0, deployment.log_tail()
    check(records)
    booked = sum(
        item.amount for record in deployment.groups().values() for item in all_items(unpack_group(record))
    )
    assert booked == sum(Decimal(PRICES[record["catalogue"]]) for record in records) * 1_000_000


def check(records) -> None:
    """Every event once, at the price of the version it names; for no customer do versions go back."""
    assert len(records) == CHUNKS * CHUNK_EVENTS
    assert {record["event"]["id"] for record in records} == {f"e{n}" for n in range(CHUNKS * CHUNK_EVENTS)}
    assert {record["outcome_name"] for record in records} == {"CHARGED"}
    versions = Counter(record["catalogue"] for record in records)
    assert versions.keys() == PRICES.keys()
    assert min(versions.values()) > CHUNK_EVENTS, versions
    for record in records:
        assert Decimal(record["amounts"]["EUR"]) == Decimal(PRICES[record["catalogue"]]), record
    by_customer: dict[int, list[tuple[int, int]]] = {}
    by_partition: dict[str, list[tuple[int, int]]] = {}
    for record in records:
        _, partition, offset, _ = record["id"].split("/")
        place = int(offset), record["catalogue"]
        by_customer.setdefault(record["customer"], []).append(place)
        # The store is closed shard by shard: of the batch that is being committed, some shards take the old version.
        if record["catalogue"] != PUBLISHED:
            by_partition.setdefault(partition, []).append(place)
    for places in (*by_customer.values(), *by_partition.values()):
        in_order = [version for _, version in sorted(places)]
        assert in_order == sorted(in_order)
