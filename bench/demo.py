"""Shell. `make demo`: the main job on the embedded servers, every step a command that a person could type.

Nothing here does anything itself: it types commands, shows what they print, and watches /metrics while
the daemon works. Ctrl-C stops what it started, in order.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from bench.scrape import DIRECT, Scrape, read_page

DATA = Path("demo-data")
MARKER = DATA / ".chargeline-demo"
CATALOGUE = "config/samples/mobile_operator"
CUSTOMERS = 1_000
EVENTS = 200_000
# A pace that leaves the daemon room on two cores, so that the latencies shown are of charging, not of a queue.
EVENTS_PER_SECOND = 12_000
AS_OF = "2026-11-01T01:00:00Z"
BIN = Path(sys.executable).parent
STOP_SECONDS = 30

console = Console(highlight=False)


class DemoError(Exception):
    """A step failed; what it printed is above."""


def main() -> int:
    """Run the demo; 0 when everything agreed, 130 after Ctrl-C, 1 where a step failed."""
    started = time.monotonic()
    # Whoever ends us with TERM expects nothing left running either.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _prepare()
        with _servers():
            _onboard()
            _charge()
            _bill()
        _say_what_is_where(time.monotonic() - started)
    except KeyboardInterrupt:
        console.print("\n[yellow]stopped; nothing is left running[/]")
        return 130
    except DemoError as error:
        console.print(f"\n[red]{error}[/]")
        return 1
    return 0


# Steps -----------------------------------------------------------------------------------------


def _prepare() -> None:
    """A fresh folder: the demo's own, never somebody's data."""
    if DATA.exists():
        if not MARKER.exists():
            raise DemoError(f"{DATA} exists and is not a demo's folder; move it away first")
        _run("charging", "servers", "stop", "--data-dir", str(DATA))
        shutil.rmtree(DATA)
    DATA.mkdir()
    MARKER.touch()


@contextlib.contextmanager
def _servers() -> Iterator[None]:
    _title("Servers: a real Kafka and a real Valkey, on free ports of this machine")
    # Should the demo itself be killed, the servers end with it.
    watched = ("--parent-pid", str(os.getpid()))
    settings = ("--settings", _file("settings.toml"))
    _run("charging", "servers", "start", "--data-dir", str(DATA), "--allow-tansu", *settings, *watched)
    try:
        with (DATA / "settings.toml").open("a") as file:
            file.write(_more_settings())
        yield
    finally:
        _title("Stopping the servers")
        _run("charging", "servers", "stop", "--data-dir", str(DATA))


def _more_settings() -> str:
    """What the demo sets beside the servers' addresses."""
    return f"""
[catalogue]
directory = "{CATALOGUE}"

[charging]
horizon_hours = 0 # the demo replays a month that is over
ahead_seconds = 0

[http]
port = {_free_port()}

[records]
url = "sqlite:///{DATA}/records.sqlite"

[billing]
output_directory = "{DATA}"

[sepa]
creditor_name = "Alpha Mobile GmbH"
iban = "AT611904300234573201"
bic = "BKAUATWW"
creditor_id = "AT61ZZZ01234567890"

[log]
level = "warning"
"""


def _onboard() -> None:
    _title("The catalogue and the customers")
    _run("charging", "catalog", "check", CATALOGUE)
    _run("charging", "topics", "create", "--config", _file("settings.toml"))
    _run("charging", "store", "create", "--config", _file("settings.toml"))
    _run_into("customers.ndjson", "python", "-m", "bench.workload", "customers", "--count", str(CUSTOMERS))
    _run("care", "import", _file("customers.ndjson"), "--config", _file("settings.toml"))


def _charge() -> None:
    _title(f"{EVENTS:,} events of October, charged as they come")
    _run_into(
        "usage.ndjson",
        *("python", "-m", "bench.workload", "usage", "--count", str(CUSTOMERS), "--events", str(EVENTS)),
        *("--exponent", "0.5"),
    )
    daemon = _start("charging", "run", "--config", _file("settings.toml"))
    try:
        address = _http_address()
        _wait_until_ready(daemon, address)
        pace = ("--rate", str(EVENTS_PER_SECOND), "--config", _file("settings.toml"))
        sender = _start("charging", "send", "--usage", _file("usage.ndjson"), *pace)
        try:
            _watch(daemon, sender, address)
        finally:
            _stop(sender)
    finally:
        _stop(daemon)


def _bill() -> None:
    _title("The cycle closes: bills, invoices, the bank file, and whether it all agrees")
    config = ("--config", _file("settings.toml"))
    _run("care", "show", "C0000000", *config)
    _run("billing", "run", "--as-of", AS_OF, *config)
    _run("billing", "invoices", "--out", _file("invoices"), *config)
    _run("billing", "sepa", "export", "--as-of", AS_OF, "--out", _file("sepa"), *config)
    _run("billing", "audit", *config)


def _say_what_is_where(seconds: float) -> None:
    invoices = sorted((DATA / "invoices").glob("*.html"))
    files = sorted((DATA / "sepa").glob("*.xml"))
    _title(f"Done in {seconds:.0f} s")
    console.print(f"  invoices    {DATA}/invoices ({len(invoices)} as HTML, and as JSON); open {invoices[0]}")
    console.print(f"  bank file   {', '.join(str(file) for file in files)}")
    console.print(f"  records     {DATA}/records.sqlite\n  settings    {DATA}/settings.toml")
    console.print("\nNext, with the servers started again:")
    for command in (
        f"charging servers start --data-dir {DATA}",
        f"care show C0000012 --config {DATA}/settings.toml",
        f"billing bills --config {DATA}/settings.toml",
        f"charging run --config {DATA}/settings.toml",
        f"charging servers stop --data-dir {DATA}",
    ):
        console.print(f"  .venv/bin/{command}")


# Commands --------------------------------------------------------------------------------------


def _title(text: str) -> None:
    console.rule(f"[bold]{text}", align="left")


def _file(name: str) -> str:
    return str(DATA / name)


def _show(command: tuple[str, ...], into: str = "") -> None:
    console.print(f"[cyan]$ {' '.join(command)}{f' > {into}' if into else ''}[/]", soft_wrap=True)


def _command(command: tuple[str, ...]) -> list[str]:
    return [str(BIN / command[0]), *command[1:]]


def _run(*command: str) -> None:
    _show(command)
    if subprocess.run(_command(command), check=False).returncode != 0:  # noqa: S603  # our own commands
        raise DemoError(f"{' '.join(command)} failed")


def _run_into(name: str, *command: str) -> None:
    _show(command, _file(name))
    with (DATA / name).open("wb") as file:
        if subprocess.run(_command(command), stdout=file, check=False).returncode != 0:  # noqa: S603  # our own
            raise DemoError(f"{' '.join(command)} failed")


def _start(*command: str) -> subprocess.Popen[bytes]:
    _show((*command, "&"))
    return subprocess.Popen(_command(command), start_new_session=True)  # noqa: S603  # our own commands


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# Watching --------------------------------------------------------------------------------------


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _http_address() -> str:
    for line in (DATA / "settings.toml").read_text().splitlines():
        if line.startswith("port = "):
            return f"http://127.0.0.1:{line.removeprefix('port = ')}"
    raise DemoError("the settings name no port for metrics")


def _wait_until_ready(daemon: subprocess.Popen[bytes], address: str) -> None:
    with console.status("waiting until the daemon is ready (the first time it compiles its kernels)"):
        while True:
            if daemon.poll() is not None:
                raise DemoError("the daemon ended; its message is above")
            try:
                with DIRECT.open(f"{address}/readyz", timeout=1):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)


def _watch(daemon: subprocess.Popen[bytes], sender: subprocess.Popen[bytes], address: str) -> None:
    """Show events/s, lag, latencies and outcomes until every event has its outcome."""
    started = time.monotonic()
    last = Scrape.empty()
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            time.sleep(0.25)
            if daemon.poll() is not None or sender.poll() not in (None, 0):
                raise DemoError("a process ended; its message is above")
            now = read_page(address)
            live.update(_progress(now, last, time.monotonic() - started))
            if now.events >= EVENTS:
                return
            last = now


def _progress(now: Scrape, last: Scrape, seconds: float) -> Table:
    table = Table.grid(padding=(0, 3))
    rate = (now.events - last.events) / max(now.at - last.at, 1e-6) if last.at else 0.0
    table.add_row("charged", f"{now.events:,.0f} of {EVENTS:,}", f"{rate:,.0f} events/s", f"{seconds:.1f} s")
    table.add_row("waiting", f"{now.lag:,.0f} messages", "", "")
    table.add_row(
        "send to record", f"p50 {now.quantile_ms(0.5):,.0f} ms", f"p99 {now.quantile_ms(0.99):,.0f} ms", ""
    )
    for outcome, count in sorted(now.outcomes.items(), key=lambda pair: -pair[1]):
        table.add_row("", outcome, f"{count:,.0f}", "")
    return table


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
