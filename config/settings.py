"""Pure. Every setting of the running system: unit, bounds, default and the reason for the default.

`Annotated` carries all four, so the table that people read (`describe_settings`), the check of a file
and the documentation cannot differ. What customers pay is in the catalogue, not here.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field


def _meta(unit: str, reason: str, ge: int | None = None, le: int | None = None) -> Meta:
    """What is said about a setting; bounds are inclusive."""
    return Meta(description=reason, ge=ge, le=le, extra={"unit": unit})


_TEXT, _HOST, _PATH = "text", "host", "path"


class Topics(Struct, frozen=True, forbid_unknown_fields=True):
    """Names of the topics."""

    usage: Annotated[str, _meta(_TEXT, "events come in here")] = "usage"
    rated: Annotated[str, _meta(_TEXT, "one record for each decided event")] = "rated"
    notifications: Annotated[str, _meta(_TEXT, "crossed thresholds")] = "notifications"
    rejected: Annotated[str, _meta(_TEXT, "events that could not be decided")] = "rejected"


class KafkaSecurity(Struct, frozen=True, forbid_unknown_fields=True):
    """How to get past the broker's door; handed on to aiokafka under the same names."""

    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"],
        _meta("name", "the embedded broker listens on 127.0.0.1 only and asks for nothing"),
    ] = "PLAINTEXT"
    sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI"],
        _meta("name", "read only with a SASL protocol"),
    ] = "PLAIN"
    sasl_plain_username: Annotated[str, _meta(_TEXT, "user name, for PLAIN and SCRAM too")] = ""
    sasl_plain_password: Annotated[str, _meta("secret", "best given by the environment")] = ""
    sasl_kerberos_service_name: Annotated[str, _meta(_TEXT, "what brokers are called by default")] = "kafka"
    sasl_kerberos_domain_name: Annotated[str, _meta(_TEXT, "empty: as the broker's host")] = ""
    ssl_cafile: Annotated[str, _meta(_PATH, "empty: the authorities this machine trusts")] = ""
    ssl_certfile: Annotated[str, _meta(_PATH, "our own certificate, where the broker wants one")] = ""
    ssl_keyfile: Annotated[str, _meta(_PATH, "its key")] = ""
    ssl_password: Annotated[str, _meta("secret", "of the key; best given by the environment")] = ""


class Kafka(Struct, frozen=True, forbid_unknown_fields=True):
    """The event stream."""

    bootstrap: Annotated[
        str, _meta("host:port, ...", "Kafka's own port; the embedded broker takes a free one and says which")
    ] = "127.0.0.1:9092"
    group_id: Annotated[str, _meta(_TEXT, "daemons of one group share the partitions")] = "charging"
    partitions: Annotated[
        int,
        _meta(
            "count",
            "of `usage`; more than the daemons one will ever run, few enough to stay batched",
            1,
            1_000,
        ),
    ] = 8
    replication: Annotated[int, _meta("copies", "the embedded broker is one node; 3 in production", 1, 9)] = 1
    retention_hours: Annotated[
        int, _meta("hours", "a week: time to notice, correct and replay", 1, 87_600)
    ] = 168
    session_timeout_ms: Annotated[
        int,
        _meta(
            "milliseconds",
            "how long the others wait for a daemon that died; below 6,000 brokers refuse",
            6_000,
            300_000,
        ),
    ] = 10_000
    metadata_max_age_ms: Annotated[
        int,
        _meta(
            "milliseconds",
            "how soon partitions that were added to a running topic are found; a question a minute costs nothing",
            1_000,
            600_000,
        ),
    ] = 60_000
    idempotent: Annotated[
        bool,
        _meta(
            "yes or no", "the broker drops what a retry repeats; without, a record may come twice, same id"
        ),
    ] = True
    compression: Annotated[
        Literal["none", "lz4", "zstd"],
        _meta("name", "of the records we publish; lz4 costs nobody time and is a quarter of the bytes"),
    ] = "lz4"
    topics: Topics = field(default_factory=Topics)
    security: KafkaSecurity = field(default_factory=KafkaSecurity)


class Store(Struct, frozen=True, forbid_unknown_fields=True):
    """Balances: Redis or Valkey."""

    url: Annotated[
        str,
        _meta(
            "redis://, rediss:// or unix://",
            "the server's own port; the embedded one has a socket only; several with commas are nodes of one Cluster",
        ),
    ] = "redis://127.0.0.1:6379/0"
    username: Annotated[str, _meta(_TEXT, "where the URL names none; empty: the server's default user")] = ""
    password: Annotated[str, _meta("secret", "where the URL has none; best given by the environment")] = ""
    ssl_cafile: Annotated[str, _meta(_PATH, "for rediss://; empty: the authorities this machine trusts")] = ""
    ssl_certfile: Annotated[str, _meta(_PATH, "our own certificate, where the server wants one")] = ""
    ssl_keyfile: Annotated[str, _meta(_PATH, "its key; empty: in the same file")] = ""
    shards: Annotated[
        int,
        _meta("count", "set once per deployment; few, so that calls are large; 64 for a cluster", 1, 4_096),
    ] = 4
    timeout_ms: Annotated[
        int,
        _meta("milliseconds", "a store that takes longer is down, and the daemon claims again", 10, 60_000),
    ] = 5_000
    replicas_acknowledged: Annotated[
        int,
        _meta(
            "replicas",
            "that must have a write on disk before it counts; the embedded server has none, 1 with replicas",
            0,
            9,
        ),
    ] = 0
    acknowledge_ms: Annotated[
        int,
        _meta(
            "milliseconds",
            "how long a write waits for its replicas; below timeout_ms, so that the reason can be said",
            1,
            60_000,
        ),
    ] = 1_000
    tied_customers_max: Annotated[
        int,
        _meta("customers", "tied by sharing groups, they live in one shard and move in one call", 2, 100_000),
    ] = 4_000
    require_durable: Annotated[
        bool, _meta("true/false", "refuse a server that may forget an answered commit or evict keys")
    ] = True


class Records(Struct, frozen=True, forbid_unknown_fields=True):
    """Customers, bills, payments: SQL."""

    url: Annotated[str, _meta("SQLAlchemy URL", "a file beside the data of the embedded servers")] = (
        "sqlite:///chargeline.sqlite"
    )


class Charging(Struct, frozen=True, forbid_unknown_fields=True):
    """The charging daemon."""

    batch_events_max: Annotated[
        int,
        _meta("events", "large enough to make a store call cheap, small enough to stay quick", 1, 100_000),
    ] = 16_000
    batch_linger_ms: Annotated[
        int, _meta("milliseconds", "how long an unfilled batch waits for more events", 0, 1_000)
    ] = 5
    horizon_hours: Annotated[
        int,
        _meta(
            "hours; 0 = off",
            "45 days: roaming records come weeks late; older than that is a mistake",
            0,
            87_600,
        ),
    ] = 1_080
    ahead_seconds: Annotated[
        int, _meta("seconds; 0 = off", "network clocks differ by seconds, rarely by minutes", 0, 86_400)
    ] = 300
    ring_max: Annotated[
        int,
        _meta(
            "event ids", "of each balance group, to find an event sent twice; part of its record", 0, 4_096
        ),
    ] = 32
    ring_window_hours: Annotated[
        int,
        _meta("hours", "network elements repeat within a day; an id that leaves sooner is counted", 1, 8_760),
    ] = 24
    snapshots_max: Annotated[
        int, _meta("cycles", "ended cycles a group keeps for billing; half a year of monthly bills", 1, 64)
    ] = 6
    cache_rows_max: Annotated[
        int,
        _meta(
            "balance groups",
            "about 2 KiB each with the customer, never above 4.5, and half as many again that were used before: in 4 GiB; of those used last half stay",
            100,
            100_000_000,
        ),
    ] = 500_000
    message_bytes_max: Annotated[
        int,
        _meta(
            "bytes", "what Kafka brokers take by default; larger messages are rejected", 1_024, 64 * 1_024**2
        ),
    ] = 1_048_576
    output_format: Annotated[
        Literal["json", "msgpack"], _meta("name", "of rated, notifications and rejected; JSON reads itself")
    ] = "json"
    sweep_seconds: Annotated[
        int, _meta("seconds", "how often idle shards learn how far the partitions are done", 1, 3_600)
    ] = 5
    drain_seconds: Annotated[
        int,
        _meta(
            "seconds",
            "to finish what is in flight after TERM; past it the next owner finishes; below a supervisor's KILL",
            1,
            3_600,
        ),
    ] = 20
    catalogue_check_seconds: Annotated[
        int,
        _meta(
            "seconds; 0 = off",
            "how often the catalogue's folder is looked at; SIGHUP and the store can ask at any time",
            0,
            86_400,
        ),
    ] = 10


class Http(Struct, frozen=True, forbid_unknown_fields=True):
    """Where /metrics, /healthz and /readyz answer."""

    host: Annotated[str, _meta(_HOST, "nobody but this machine, unless told")] = "127.0.0.1"
    port: Annotated[int, _meta("port; 0 = any", "beside the range that exporters use", 0, 65_535)] = 9_464


class Billing(Struct, frozen=True, forbid_unknown_fields=True):
    """Closing cycles and writing bills."""

    grace_minutes: Annotated[
        int,
        _meta("minutes", "after a cycle's end, if the input's lag is not known to have passed it", 0, 10_080),
    ] = 60
    payment_terms_days: Annotated[int, _meta("days", "from the bill to its due date", 0, 365)] = 14
    output_directory: Annotated[str, _meta(_PATH, "invoices and bank files are written here")] = (
        "billing-output"
    )


class Sepa(Struct, frozen=True, forbid_unknown_fields=True):
    """The creditor of direct debits; empty = no bank files."""

    creditor_name: Annotated[str, _meta(_TEXT, "as the bank knows it, up to 70 characters")] = ""
    iban: Annotated[str, _meta("IBAN", "the account that is credited")] = ""
    bic: Annotated[str, _meta("BIC", "empty: IBAN only, which SEPA allows")] = ""
    creditor_id: Annotated[str, _meta("creditor identifier", "given by the national bank")] = ""
    lead_days: Annotated[
        int, _meta("banking days", "banks differ in their cut-off; 2 suits all known", 1, 14)
    ] = 2


class CatalogueSource(Struct, frozen=True, forbid_unknown_fields=True):
    """What is sold, and at what price."""

    directory: Annotated[str, _meta(_PATH, "its *.toml files are the catalogue; empty: the sample")] = ""


class Log(Struct, frozen=True, forbid_unknown_fields=True):
    """Logs go to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _meta("name", "one line for what a person would want to know"),
    ] = "info"
    format: Annotated[Literal["json", "console"], _meta("name", "machines read logs more often")] = "json"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings, by section."""

    kafka: Kafka = field(default_factory=Kafka)
    store: Store = field(default_factory=Store)
    records: Records = field(default_factory=Records)
    charging: Charging = field(default_factory=Charging)
    http: Http = field(default_factory=Http)
    billing: Billing = field(default_factory=Billing)
    sepa: Sepa = field(default_factory=Sepa)
    catalogue: CatalogueSource = field(default_factory=CatalogueSource)
    log: Log = field(default_factory=Log)


def aiokafka_security(security: KafkaSecurity) -> dict[str, str]:
    """The arguments aiokafka takes as they are; the shell makes `ssl_context` from the ssl_* files."""
    arguments: dict[str, str] = {"security_protocol": security.security_protocol}
    if security.security_protocol.startswith("SASL"):
        for name in security.__struct_fields__:
            if name.startswith("sasl") and getattr(security, name):
                arguments[name] = getattr(security, name)
    return arguments
