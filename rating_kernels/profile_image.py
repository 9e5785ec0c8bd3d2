"""Pure. What charging must know of a customer, as int64 words: the kernels' form of a profile.

Built from the stored profile and one catalogue version, so plans, policies, service types
and resources are indexes of that version, and groups are slots of the cache.
"""

# Header.
P_CUSTOMER_ID = 0
P_SERVICES = 1  # number of rows
P_SERVICES_AT = 2  # offset from the image's start; the same for the next three
P_CANDIDATES_AT = 3
P_MEMBERSHIPS_AT = 4
P_RECURRING = 5
P_RECURRING_AT = 6
P_DISCOUNTS_AT = 7
PROFILE_HEADER_WORDS = 8

# Services. An identifier's number is its place among the customer's identifiers.
(
    V_IDENTIFIER_NO,
    V_SERVICE_TYPE,
    V_VALID_FROM_US,
    V_VALID_TO_US,
    V_SUBSCRIPTION_ID,
    V_GROUP_SLOT,
    V_CANDIDATE_FIRST,
    V_CANDIDATES,
    V_MEMBERSHIP_FIRST,
    V_MEMBERSHIPS,
    V_DISCOUNT_FIRST,
    V_DISCOUNTS,
) = range(12)
SERVICE_WORDS = 12

# Products that may rate a service's events, best first.
K_PRODUCT_ID, K_PLAN, K_VALID_FROM_US, K_VALID_TO_US = range(4)
CANDIDATE_WORDS = 4

# Sharing groups the customer is a member of, best first; valid only while all that it depends on is.
G_SHARING_ID, G_POLICY, G_OWNER_SLOT, G_VALID_FROM_US, G_VALID_TO_US = range(5)
MEMBERSHIP_WORDS = 5

# Discounts of the service's subscription, in the order in which they come off.
D_DISCOUNT, D_VALID_FROM_US, D_VALID_TO_US = range(3)
DISCOUNT_WORDS = 3

# What each cycle of a group starts with: an allowance (amount < 0) or a fee (amount > 0, with its item).
# What is left of an allowance may be used for some cycles more, up to so much of a cycle's and in all.
(
    Y_GROUP_ID,
    Y_PRODUCT_ID,
    Y_RESOURCE,
    Y_ITEM_ID,
    Y_AMOUNT,
    Y_VALID_FROM_US,
    Y_VALID_TO_US,
    Y_ROLLOVER_CYCLES,
    Y_ROLLED_A_CYCLE,
    Y_ROLLED_IN_ALL,
) = range(10)
RECURRING_WORDS = 10

# In place of an image's offset, where the group's customer is not here.
NO_PROFILE = -1
