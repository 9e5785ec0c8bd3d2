"""Pure. A balance group as int64 words: the form in which kernels change it.

An image is a header and six sections of fixed-width rows, each section with a count and a capacity.
Images lie in one arena of words; a slot table maps a group's slot to the offset of its image, so an
image that outgrows its capacities can be laid out again elsewhere. The record in the store is the same
words packed by `balance_store.group_record`. Rows are appended at the end of their section and removed
by moving the later rows up, so their order is the order of creation.

Open and ended cycles share the tables of items and counters: each row carries its cycle's number.
"""

# Header words that are stored.
H_GROUP_ID = 0
H_CUSTOMER_ID = 1
H_CYCLE_NO = 2  # counts from 1
H_CYCLE_START_US = 3
H_CYCLE_END_US = 4
H_CALENDAR_KIND = 5  # CALENDAR_*
H_CALENDAR_COUNT = 6  # every n days, weeks, months or years
H_CALENDAR_DAY = 7  # billing day: 1..31, or ISO weekday 1..7, or 0
H_CALENDAR_ANCHOR = 8  # days since 1970-01-01 of the civil day the first cycle belongs to
H_ZONE_ID = 9  # id of the site's time zone name
H_CREDIT_ID = 10  # credit profile and payment type; 0 = no limits
H_NEXT_BALANCE_ID = 11
H_RING_NEXT = 12  # where the next event id goes once the ring is full
H_COMMAND_NEXT = 13  # 0: commands are kept in their order, and the oldest leave
H_CLOSED_AT_US = 14  # INFINITE_US while the account is open
HEADER_STORED = 15

# Header words that hold only while the image is in memory.
H_CALENDAR = 15  # index into CalendarTable
H_PROFILE_AT = 16  # offset of the customer's profile image in the profile arena
H_TOUCHED = 17  # number of the batch that changed it last
H_SECTIONS = 18  # then (count, capacity, offset from the image's start) for each section

SECTION_BALANCES, SECTION_ITEMS, SECTION_COUNTERS, SECTION_SNAPSHOTS, SECTION_RING, SECTION_COMMANDS = range(
    6
)
SECTIONS = 6
SECTION_WORDS = 3
# Short marks of the first ids in the ring, so that a new id seldom has to be compared with the ids themselves.
H_RING_MARKS = H_SECTIONS + SECTIONS * SECTION_WORDS
RING_MARK_WORDS = 8
HEADER_WORDS = H_RING_MARKS + RING_MARK_WORDS

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
# last RING_POSITIONS, then FORGOTTEN; the message's timestamp in whole hours since 1970.
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
