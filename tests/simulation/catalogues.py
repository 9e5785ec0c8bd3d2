"""Shell. The catalogues of simulated worlds: the sample, and what follows it."""

import functools
from decimal import Decimal

import msgspec

from config.compile_catalogue import compile_catalogue
from config.load import load_compiled_catalogue


@functools.cache
def sample():
    return load_compiled_catalogue("")


@functools.cache
def catalogues():
    """The sample, and what follows it: dearer each time, and with other indexes of everything."""
    return {1: sample()} | {version: compile_catalogue(dearer(version)) for version in (2, 3, 4)}


def dearer(version: int):
    before = sample().catalogue
    plans = {code: _dearer_plan(plan, version) for code, plan in before.rate_plans.items()}
    return msgspec.structs.replace(
        before,
        version=version,
        rate_plans=_turned(plans, version),
        resources=_turned(before.resources, version),
        sharing_policies=_turned(before.sharing_policies, version),
    )


def _dearer_plan(plan, version: int):
    fee = Decimal(version) / 100
    versions = tuple(
        msgspec.structs.replace(
            one,
            price={
                name: msgspec.structs.replace(price, connect_fee=fee) if price.periods else price
                for name, price in one.price.items()
            },
        )
        for one in plan.version
    )
    return msgspec.structs.replace(plan, version=versions)


def _turned(rows: dict, by: int) -> dict:
    """The same rows, beginning elsewhere: what was the first plan is another one now."""
    items = list(rows.items())
    return dict(items[by % len(items) :] + items[: by % len(items)])
