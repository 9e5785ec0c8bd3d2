"""Shell. The records in SQL: customers, what they bought, who pays for whom, their bills and bank files.

Amounts are integers: `*_minor` in the currency's smallest unit, `*_micro` in millionths of the currency.
Instants are microseconds since 1970, UTC (`*_us`); intervals are half-open, INFINITE_US is "no end".
What is bought is named by its code in the catalogue. Numbers (`id`) are given here and are what the
store and charging know; codes are the operator's own names. Nothing but statements of this package and
of billing_batch touches these tables; `activity_log` takes no change and no deletion.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)

from customer_care.table_columns import (
    ROW_ID,
    append_only,
    code,
    integer,
    metadata,
    numbered,
    row_id,
    row_of,
    status,
    validity,
)

# Grows with every change of the tables; `migrations` brings an older database here, another number is refused.
SCHEMA_VERSION = 4

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

# Who the customer is -----------------------------------------------------------------------------

customers = Table(
    "customers",
    metadata,
    numbered(),
    Column("code", String(200), nullable=False, unique=True),
    code("customer_type"),
    *status("open", "closed"),
    Column("since", Date, nullable=False),
    Column("first_name", String(200), nullable=False),
    Column("last_name", String(200), nullable=False),
    Column("email", String(320), nullable=False),
    Column("phone", String(50), nullable=False),
    integer("shard"),  # of the store; chosen at first import, of the owner of the customer's sharing groups
    Column("line", LargeBinary, nullable=False),  # the line it was last imported from, to see what changed
    integer("created_at_us"),
    integer("changed_at_us"),
)

addresses = Table(
    "addresses",
    metadata,
    row_id(),
    Column("customer_id", ROW_ID, ForeignKey("customers.id"), nullable=False, unique=True),
    Column("street", String(200), nullable=False),
    Column("house_number", String(50), nullable=False),
    Column("postcode", String(20), nullable=False),
    Column("city", String(200), nullable=False),
    Column("country", String(2), nullable=False),  # ISO 3166-1 alpha-2
)

# A customer who changes their account gives a new mandate; the old one ends and stays as evidence.
mandates = Table(
    "mandates",
    metadata,
    row_id(),
    row_of("customers"),
    Column("code", String(35), nullable=False, unique=True),  # the mandate's own id, as the bank knows it
    Column("signed_on", Date, nullable=False),
    Column("iban", String(34), nullable=False),
    Column("bic", String(11), nullable=False),  # empty: IBAN only
    *status("active", "stopped"),
    *validity(),
)

billing_profiles = Table(
    "billing_profiles",
    metadata,
    numbered(),
    row_of("customers"),
    Column("payment_type", String(20), nullable=False),  # prepaid, pay_now, postpaid
    Column("payment_method", String(20), nullable=False),  # invoice, direct_debit
    code("currency"),
    Column("interval_kind", Integer, nullable=False),  # group_image.CALENDAR_*
    Column("interval_count", Integer, nullable=False),
    Column("billing_day", Integer, nullable=False),  # DECISIONS 23
    Column("anchor_days", Integer, nullable=False),  # civil day of the first cycle, since 1970-01-01
    *status("active", "closed"),
    *validity(),
)

# What a bill below zero or an overpayment leaves, used on the next bills, oldest first (DECISIONS 27).
billing_credits = Table(
    "billing_credits",
    metadata,
    row_id(),
    row_of("billing_profiles"),
    row_of("bills"),  # where it comes from
    integer("amount_minor"),
    integer("left_minor"),
    integer("created_at_us"),
)

# What they bought --------------------------------------------------------------------------------

balance_groups = Table(
    "balance_groups",
    metadata,
    numbered(),
    row_of("customers"),
    row_of("billing_profiles"),
    code("name"),
    Column("credit_profile", String(200), nullable=False),  # empty: no limits
    *validity(),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    numbered(),
    Column("code", String(200), nullable=False, unique=True),
    row_of("customers"),
    row_of("balance_groups"),
    code("plan"),
    *status("active", "inactive", "closed"),
    *validity(),
)

purchased_products = Table(
    "purchased_products",
    metadata,
    row_id(),
    row_of("subscriptions"),
    code("bundle"),
    code("product"),
    *status("active", "inactive", "closed"),
    integer("purchased_at_us"),
    *validity(),
)

purchased_discounts = Table(
    "purchased_discounts",
    metadata,
    row_id(),
    row_of("subscriptions"),
    code("bundle"),
    code("discount"),
    *status("active", "inactive", "closed"),
    integer("purchased_at_us"),
    *validity(),
)

services = Table(
    "services",
    metadata,
    row_id(),
    row_of("subscriptions"),
    code("service_type"),
    Column("identifier", String(200), nullable=False, index=True),
    *status("active", "inactive", "closed"),
    *validity(),
)

# Who pays for whom -------------------------------------------------------------------------------

sharing_groups = Table(
    "sharing_groups",
    metadata,
    numbered(),
    Column("code", String(200), nullable=False, unique=True),
    row_of("customers", "owner_customer_id"),
    row_of("subscriptions"),
    code("policy"),
    *status("active", "inactive", "closed"),
    *validity(),
)

sharing_memberships = Table(
    "sharing_memberships",
    metadata,
    row_id(),
    row_of("sharing_groups"),
    row_of("customers", "member_customer_id"),
    integer("priority", 0),
    integer("joined_at_us"),
    *status("active", "inactive", "closed"),
    *validity(),
)
# One is not closed. Past ones stay: an event from their time may still come.
Index(
    "uq_sharing_memberships_active",
    sharing_memberships.c.sharing_group_id,
    sharing_memberships.c.member_customer_id,
    unique=True,
    sqlite_where=text("status = 'active'"),
    postgresql_where=text("status = 'active'"),
)

hierarchy_groups = Table(
    "hierarchy_groups",
    metadata,
    numbered(),
    Column("code", String(200), nullable=False, unique=True),
    row_of("billing_profiles", "owner_billing_profile_id"),
    *status("active", "closed"),
)

# A billing profile has one owner at a time, hence the unique column.
hierarchy_memberships = Table(
    "hierarchy_memberships",
    metadata,
    row_id(),
    row_of("hierarchy_groups"),
    Column("billing_profile_id", ROW_ID, ForeignKey("billing_profiles.id"), nullable=False, unique=True),
    integer("joined_at_us"),
)

# Bills -------------------------------------------------------------------------------------------

NUMBERED = text("number IS NOT NULL AND in_store")
bills = Table(
    "bills",
    metadata,
    row_id(),
    code("site"),
    Column("number", BigInteger),  # null until status `billing`; gapless in its site
    row_of("billing_profiles"),
    *status("inactive", "active", "billing", "closed"),
    integer("cycle_no"),
    integer("period_start_us"),
    integer("period_end_us"),
    code("currency"),
    integer("net_minor", 0),
    integer("tax_minor", 0),
    integer("total_minor", 0),
    integer("due_minor", 0),
    Column("issued_at_us", BigInteger),
    Column("due_at_us", BigInteger),
    Column("closed_at_us", BigInteger),
    Column("in_store", Boolean, nullable=False, server_default=true()),  # until the store forgot the cycle
    UniqueConstraint("site", "number"),
)
Index("ix_bills_in_store", bills.c.id, sqlite_where=NUMBERED, postgresql_where=NUMBERED)
Index(
    "uq_bills_active",
    bills.c.billing_profile_id,
    unique=True,
    sqlite_where=text("status = 'active'"),
    postgresql_where=text("status = 'active'"),
)
Index(
    "uq_bills_inactive",
    bills.c.billing_profile_id,
    unique=True,
    sqlite_where=text("status = 'inactive'"),
    postgresql_where=text("status = 'inactive'"),
)

bill_lines = Table(
    "bill_lines",
    metadata,
    row_id(),
    row_of("bills"),
    Column("position", Integer, nullable=False),
    Column("kind", String(30), nullable=False),
    Column("bill_item", String(200), nullable=False),
    Column("general_ledger", String(200), nullable=False),
    Column("tax", String(200), nullable=False),
    Column("text", String(500), nullable=False),
    integer("quantity", 0),  # in the smallest unit of the event types behind it
    integer("events", 0),
    integer("net_minor"),
    integer("residue_micro", 0),  # what is left below a minor unit
    integer("amount_micro", 0),  # all that was used
    integer("owed_micro", 0),  # the part that no credit covered
    row_of("bills", "child_bill_id", nullable=True),  # hierarchy: the bill that moved here
    Column("discount", String(200), nullable=False, default=""),  # whose line it is
    UniqueConstraint("bill_id", "position"),
)

bill_taxes = Table(
    "bill_taxes",
    metadata,
    row_id(),
    row_of("bills"),
    code("tax"),
    code("category"),
    integer("percent_micro"),  # millionths of a percent
    integer("base_minor"),
    integer("tax_minor"),
    # bill: computed from rate and base; rating: what was charged with the events, of which the rest is known.
    Column("at", String(10), nullable=False, default="bill"),
    integer("residue_micro", 0),  # what is left below a minor unit
    integer("amount_micro", 0),  # all that was charged
    integer("owed_micro", 0),  # the part that no credit covered
    UniqueConstraint("bill_id", "tax", "percent_micro"),
)

# Numbers without gaps, taken in the transaction that uses them. Those that the store knows are the same
# at every site: their site is empty.
sequences = Table(
    "sequences",
    metadata,
    Column("site", String(200), primary_key=True),
    Column("name", String(50), primary_key=True),
    integer("next", 1),
)

invoices = Table(
    "invoices",
    metadata,
    row_id(),
    Column("bill_id", ROW_ID, ForeignKey("bills.id"), nullable=False, unique=True),
    code("site"),
    integer("number"),
    integer("created_at_us"),
    Column("document", LargeBinary, nullable=False),  # JSON, from which every other form is rendered
    UniqueConstraint("site", "number"),
)

# Bank files --------------------------------------------------------------------------------------

sepa_files = Table(
    "sepa_files",
    metadata,
    row_id(),
    Column("message_id", String(35), nullable=False, unique=True),
    integer("created_at_us"),
    Column("collection_date", Date, nullable=False),
    integer("transactions"),
    integer("total_minor"),
    Column("sha256", String(64), nullable=False),
)

sepa_transactions = Table(
    "sepa_transactions",
    metadata,
    row_id(),
    row_of("sepa_files"),
    row_of("bills"),
    row_of("mandates"),
    Column("end_to_end_id", String(35), nullable=False, unique=True),
    Column("sequence_type", String(4), nullable=False),  # FRST, RCUR
    integer("amount_minor"),
    *status("open", "accepted", "rejected"),
    Column("reason", String(10), nullable=False, default=""),
)
# A bill that is in an unanswered file is not collected again.
Index(
    "uq_sepa_transactions_open",
    sepa_transactions.c.bill_id,
    unique=True,
    sqlite_where=text("status = 'open'"),
    postgresql_where=text("status = 'open'"),
)

# What happened, and what is still to do -----------------------------------------------------------

activity_log = Table(
    "activity_log",
    metadata,
    row_id(),
    integer("at_us"),
    code("actor"),
    code("action"),
    Column("customer_id", ROW_ID, ForeignKey("customers.id"), index=True),
    Column("before", Text, nullable=False),  # JSON; empty: there was nothing
    Column("after", Text, nullable=False),
    Column("command_id", String(200)),  # of a command on balances, as its caller made it
)
Index("uq_activity_log_command_id", activity_log.c.command_id, unique=True)

# What the store has not yet been told. Written with what it follows from, deleted after the store's answer;
# one row a customer, so it always says the newest.
outbox = Table(
    "outbox",
    metadata,
    Column("customer_id", ROW_ID, ForeignKey("customers.id"), primary_key=True, autoincrement=False),
    integer("shard"),
    Column("publication", LargeBinary, nullable=False),
)

append_only(activity_log)
