"""Pure. A balance group as int64 words: the form in which kernels change it.

An image is a header and six sections of fixed-width rows, each section with a count and room for more.
Images lie in one arena of words; a slot table maps a group's slot to the offset of its image, so an
image that outgrows its capacities can be laid out again elsewhere. The record in the store is the same
words packed by `balance_store.group_record`. Rows are appended at the end of their section and removed
by moving the later rows up, so their order is the order of creation.

Open and ended cycles share the tables of items and counters: each row carries its cycle's number.
"""

# Header words. What nearly every event reads stands in the first three cache lines, the rest behind it. What it
# writes stands in the first but for the marks of the ring, which are the third.
H_GROUP_ID = 0
H_CUSTOMER_ID = 1
H_CYCLE_NO = 2  # counts from 1
H_CYCLE_START_US = 3
H_CYCLE_END_US = 4
H_CREDIT_ID = 5  # credit profile and payment type; 0 = no limits
H_TOUCHED = 6  # number of the batch that changed it last
H_RING_NEXT = 7  # where the next event id goes once the ring is full
H_NEXT_BALANCE_ID = 8
H_CLOSED_AT_US = 9  # INFINITE_US while the account is open
H_SECTIONS = (
    10  # a word for each section: its rows, how many more it has room for, and where (`group_layout`)
)
# Short marks of the first ids in the ring, so that a new id seldom has to be compared with the ids themselves.
H_RING_MARKS = 16
H_CALENDAR_KIND = 24  # CALENDAR_*
H_CALENDAR_COUNT = 25  # every n days, weeks, months or years
H_CALENDAR_DAY = 26  # billing day: 1..31, or ISO weekday 1..7, or 0
H_CALENDAR_ANCHOR = 27  # days since 1970-01-01 of the civil day the first cycle belongs to
H_ZONE_ID = 28  # id of the site's time zone name
H_COMMAND_NEXT = 29  # 0: commands are kept in their order, and the oldest leave
H_CALENDAR = 30  # index into CalendarTable
H_PROFILE_AT = 31  # offset of the customer's profile image in the profile arena
HEADER_WORDS = 32

# Those that are stored, in the order of the record; the others hold only while the image is in memory.
STORED_WORDS = (
    H_GROUP_ID,
    H_CUSTOMER_ID,
    H_CYCLE_NO,
    H_CYCLE_START_US,
    H_CYCLE_END_US,
    H_CALENDAR_KIND,
    H_CALENDAR_COUNT,
    H_CALENDAR_DAY,
    H_CALENDAR_ANCHOR,
    H_ZONE_ID,
    H_CREDIT_ID,
    H_NEXT_BALANCE_ID,
    H_RING_NEXT,
    H_COMMAND_NEXT,
    H_CLOSED_AT_US,
)

SECTION_BALANCES, SECTION_ITEMS, SECTION_COUNTERS, SECTION_SNAPSHOTS, SECTION_RING, SECTION_COMMANDS = range(
    6
)
SECTIONS = 6
RING_MARK_WORDS = H_CALENDAR_KIND - H_RING_MARKS
assert H_SECTIONS + SECTIONS == H_RING_MARKS

# Sub-balances: one per resource and validity.
B_ID, B_RESOURCE_ID, B_AMOUNT, B_VALID_FROM_US, B_VALID_TO_US, B_CREATED_US, B_PRIORITY, B_GRANTED, B_KIND = (
    range(9)
)
BALANCE_WORDS = 9
# A grant or top-up; the current cycle's balance that takes what is left; an allowance that outlives its cycle.
KIND_CREDIT, KIND_OWED, KIND_ROLLED = range(3)

# Item totals: what a cycle's bill is made of. amount = all impacts; owed = the part of it that no credit covered.
I_CYCLE_NO, I_ITEM_ID, I_AMOUNT, I_OWED, I_QUANTITY, I_EVENTS = range(6)
ITEM_WORDS = 6

# Counters of a cycle: quantities that tiers, caps and the like go by.
C_CYCLE_NO, C_COUNTER_ID, C_AMOUNT = range(3)
COUNTER_WORDS = 3

# Ended cycles that billing has not taken yet.
S_CYCLE_NO, S_START_US, S_END_US, S_SEALED = range(4)
SNAPSHOT_WORDS = 4

# Recent event ids: lower bits of a hash of (source, id); where it was first decided, as long as it is one of the
# last RING_POSITIONS, then FORGOTTEN (until it is packed, what still stands there counts as that: `recent_events`);
# the message's timestamp in whole hours since 1970.
R_ID_HASH, R_POSITION, R_MESSAGE_HOUR = range(3)
ID_HASH_BITS = 48
RING_WORDS = 3
RING_POSITIONS = 8
HOUR_US = 3_600_000_000
POSITION_PARTITION_SHIFT = 48  # position = partition << 48 | offset
FORGOTTEN = 2**63 - 1  # no message is there: the last offset of the last partition

# Recent commands with their answers: hash of the command's id; what was done; the balance it went to, or 0; the
# total of its resource before and after; when.
M_ID_HASH, M_COMMAND, M_BALANCE_ID, M_BEFORE, M_AFTER, M_DONE_US = range(6)
COMMAND_WORDS = 6

SECTION_ROW_WORDS = (BALANCE_WORDS, ITEM_WORDS, COUNTER_WORDS, SNAPSHOT_WORDS, RING_WORDS, COMMAND_WORDS)

# Cycle calendars.
CALENDAR_DAYS, CALENDAR_WEEKS, CALENDAR_MONTHS, CALENDAR_YEARS = range(4)

# 9999-01-01T00:00:00Z: no end.
INFINITE_US = 253_370_764_800_000_000

# Stored units. 2**53 - 1 keeps amounts exact where a double may touch them (Lua, JSON readers).
AMOUNT_MAX = 2**53 - 1
QUANTITY_MAX = 2**53 - 1

# A position must stay positive: 15 bits of partition, 48 of offset.
assert (2**15 - 1) << POSITION_PARTITION_SHIFT | (2**48 - 1) == 2**63 - 1
