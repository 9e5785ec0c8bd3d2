"""Shell. The `charging` command: arguments to calls, nothing else. Parts are imported when they are used."""

import asyncio
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter

from charging.server_commands import app as servers_app
from charging.store_commands import app as store_app
from config.catalogue import Catalogue
from config.faults import ConfigError
from config.load import load_settings
from config.settings import Settings

Config = Annotated[
    str | None, Parameter(name=["--config", "-c"], help="Settings file (TOML); without it the defaults.")
]
# A single dash is a file name here, not an option.
UsageFile = Annotated[str, Parameter(allow_leading_hyphen=True)]

app = cyclopts.App(
    name="charging",
    help="Charge usage events in real time.",
    version=lambda: metadata.version("chargeline"),
)
app.command(servers_app)
app.command(
    "charging.sharing_commands:app", name="sharing", help="Sharing groups: members use what the owner has."
)
app.command(
    "charging.balance_commands:app",
    name="balance",
    help="Balances of customers. WHO is a customer's code, a service identifier or a balance group's number. Amounts "
    "shown are positive where owed, negative where prepaid or free; what you type is above 0, and --credit or --debit "
    "says which way it goes.",
)
catalog_app = cyclopts.App(name="catalog", help="The catalogue: what is sold, and at what price.")
topics_app = cyclopts.App(name="topics", help="The topics of the event stream.")
app.command(catalog_app)
app.command(topics_app)
app.command(store_app)


def _settings(config: str | None) -> Settings:
    return load_settings(config, os.environ)


@app.command
def run(*, config: Config = None) -> None:
    """Charge events until TERM or INT: finish what is in flight, then stop. HUP: look at the catalogue now."""
    from charging.daemon import run_daemon

    run_daemon(_settings(config))


@app.command
def rate(
    *,
    catalog: str,
    customers: str,
    usage: UsageFile,
    notifications: bool = False,
    explain: bool = False,
    json: bool = False,
    event: str | None = None,
) -> None:
    """Rate a file of usage with no server at all; records go to standard output, in order.

    Parameters
    ----------
    catalog
        Folder of the catalogue.
    customers
        NDJSON file, one customer a line, as for `care import`.
    usage
        NDJSON file, one event a line; `-` reads standard input.
    notifications
        Print the notifications of crossed thresholds, too.
    explain
        In place of each record, say why the event was decided as it was (docs/EXPLAIN.md).
    json
        With --explain: one JSON object a line.
    event
        With --explain: only the event of this id; those before it are charged all the same.
    """
    from charging.rate_files import Explained, rate_usage
    from config.load import load_compiled_catalogue
    from customer_care.onboarding import onboard_lines

    if (json or event is not None) and not explain:
        print("--json and --event are for --explain: add it, or leave them out", file=sys.stderr)
        sys.exit(2)
    catalogue = load_compiled_catalogue(catalog)
    with Path(customers).open("rb") as file:
        onboarded, faults = onboard_lines(file, catalogue, 1)
    if faults:
        for fault in faults:
            print(f"{customers}: {fault}", file=sys.stderr)
        sys.exit(2)
    source = sys.stdin.buffer if usage == "-" else Path(usage).open("rb")  # noqa: SIM115  # closed with the process
    explained = Explained(event, json) if explain else None
    call = rate_usage(
        catalogue,
        onboarded,
        source,
        sys.stdout.buffer,
        notifications=notifications,
        explained=explained,
    )
    asyncio.run(call)


@app.command
def send(
    *, usage: UsageFile, config: Config = None, wire: Literal["json", "msgpack"] = "json", rate: int = 0
) -> None:
    """Put usage events from an NDJSON file on the usage topic, as a network element would.

    Parameters
    ----------
    usage
        NDJSON file, one event a line; `-` reads standard input.
    wire
        How the events travel.
    rate
        Events a second at the most; 0 sends as fast as the broker takes them.
    """
    from charging.send_usage import send_usage

    settings = _settings(config)
    source = sys.stdin.buffer if usage == "-" else Path(usage).open("rb")  # noqa: SIM115  # closed with the process
    total = asyncio.run(send_usage(settings.kafka, source, wire, rate))
    print(f"{total} events sent to {settings.kafka.topics.usage}")


@app.command(name="settings")
def show_settings() -> None:
    """Print every setting with its unit, bounds, default, environment variable and the reason for it."""
    from config.describe_settings import settings_text

    print(settings_text())


@catalog_app.command
def check(directory: str) -> None:
    """Compile a catalogue; report every fault with file, place and cure."""
    from config.load import load_compiled_catalogue

    catalogue = load_compiled_catalogue(directory)
    print(f"{directory}: catalogue version {catalogue.version} is in order")


@catalog_app.command
def show(directory: str) -> None:
    """Print a catalogue as people read it."""
    from config.describe_catalogue import describe
    from config.load import load_compiled_catalogue

    print(describe(load_compiled_catalogue(directory)))


@catalog_app.command
def publish(*, config: Config = None) -> None:
    """Close the store to older catalogues than the configured one, once every daemon can read it.

    A daemon that has an older one by then waits until it finds one that is new enough. Doing it again changes
    nothing; it cannot be taken back.
    """
    from charging.publish_catalogue import publish_catalogue

    version = asyncio.run(publish_catalogue(_settings(config)))
    print(f"the store accepts catalogue {version} or newer")


@catalog_app.command
def import_cgrates(
    directory: str,
    out: str,
    *,
    tenant: str = "",
    category: tuple[str, ...] = (),
    unit: tuple[str, ...] = (),
    currency: str = "EUR",
    time_zone: str = "UTC",
    quantity_max: int = 604_800,
) -> None:
    """Write a catalogue from the tariff-plan CSV files of CGRateS; list what could not be carried over.

    Parameters
    ----------
    directory
        Folder of the CSV files.
    out
        Folder of the catalogue; new or empty.
    tenant
        Whose rating profiles; needed if there are several tenants.
    category
        Only this category; may be repeated.
    unit
        CATEGORY=UNIT: the category counts this instead of seconds; may be repeated.
    currency
        Code of the money the rates are in.
    time_zone
        Where timings are local.
    quantity_max
        Largest quantity of an event, in its unit.
    """
    from config.cgrates_tables import ImportOptions
    from config.import_cgrates import import_tariff_plan

    options = ImportOptions(tenant, category, unit, currency, time_zone, quantity_max)
    report = import_tariff_plan(directory, out, options)
    for line in report.left_out:
        print(line)
    print(f"{out}: {len(report.rate_plans)} rate plans, {len(report.left_out)} things not carried over")
    if not report.rate_plans:
        print("nothing could be carried over, and nothing was written", file=sys.stderr)
        sys.exit(2)


@catalog_app.command
def diff(before: str, after: str, *, json: bool = False) -> None:
    """Compare two folders of a catalogue, and warn of what must not change within one deployment.

    Exit status 0: they say the same; 1: they differ; 2: one of them has faults.

    Parameters
    ----------
    before
        Folder of the version that is in force.
    after
        Folder of the version that would follow.
    json
        A list of changes for programs: table, code, path, before, after.
    """
    import msgspec

    from config.diff_catalogue import catalogue_changes, describe_changes, forbidden_changes

    old, new = _both_catalogues(before, after)
    changes = catalogue_changes(old, new)
    if json:
        print(msgspec.json.encode([change._asdict() for change in changes]).decode())
    else:
        print(describe_changes(changes), end="")
    for fault in forbidden_changes(old, new):
        print(f"warning: {fault}", file=sys.stderr)
    if changes:
        sys.exit(1)


def _both_catalogues(before: str, after: str) -> tuple[Catalogue, Catalogue]:
    """Two catalogues as written; with faults in either, all of them and status 2."""
    from config.load import load_catalogue

    loaded = []
    for directory in (before, after):
        try:
            loaded.append(load_catalogue(directory))
        except ConfigError as error:
            print(f"{directory} has faults:", *error.faults, sep="\n", file=sys.stderr)
    if len(loaded) < len((before, after)):
        sys.exit(2)
    return loaded[0], loaded[1]


@topics_app.command(name="create")
def create_topics(*, config: Config = None) -> None:
    """Make the topics that are missing, as configured."""
    from charging.topics import create_topics as create

    for line in asyncio.run(create(_settings(config).kafka)):
        print(line)


def main() -> None:
    """Run the command; faults of files and servers are one clear message and exit status 2."""
    from charging.fault_messages import explain

    sys.exit(explain(app))
