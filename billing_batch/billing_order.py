"""Pure. Children are billed before the owners that pay for them, at any depth (DECISIONS 22)."""


class HierarchyCycleError(Exception):
    """Somebody pays, through others, for themselves."""


def billing_levels(profiles: list[int], owner_of: dict[int, int]) -> list[list[int]]:
    """Billing profiles in levels: everything in a level may be billed at once, after the levels before it.

    `owner_of` maps a child's profile to its owner's. Raises HierarchyCycleError.
    """
    height: dict[int, int] = dict.fromkeys(profiles, 0)
    for profile in profiles:
        place, steps = profile, 0
        while place in owner_of:
            steps += 1
            if steps > len(owner_of):
                raise HierarchyCycleError(f"billing profile {profile} is in a circle of payers")
            place = owner_of[place]
            if place in height:
                height[place] = max(height[place], steps)
    levels: dict[int, list[int]] = {}
    for profile in profiles:
        levels.setdefault(height[profile], []).append(profile)
    return [sorted(levels[level]) for level in sorted(levels)]
