"""A fault planted in the server's functions is found by the random calls that hold them to their model."""

import pytest

from balance_store import commit_call
from balance_store.deployment import functions_source
from balance_store.model import ModelStore
from balance_store.requests import StoreMismatchError
from tests.balance_store.conftest import Twins
from tests.balance_store.own_valkey import own_valkey
from tests.balance_store.test_model_twin import PLAYS, Clock, play_alike

pytestmark = pytest.mark.live

SEEDS = 6
# What was written, and what a tired person might have written.
FAULTS = {
    "the first commit since is passed over": (
        "    else\n      if #g > 0 then groups",
        "    elseif i > 2 then\n      if #g > 0 then groups",
    ),
    "another store's version is taken for ours": (
        "if n ~= seen or t ~= seen_tag then",
        "if n ~= seen then",
    ),
    "the newest version's tag is not compared": ("if tag ~= seen_tag then return nil end", ""),
    "what was only read may change": ("overlap(groups, {args[6], args[8]})", "overlap(groups, {args[6]})"),
    "profiles that were read may change": (
        "overlap(profiles, {args[9], args[11]})",
        "overlap(profiles, {args[9]})",
    ),
    "ids that meet are stepped over": ("i, j = i + 1, j + 1", "i, j = i + 2, j + 1"),
    "a promise is not kept": ("#overlap({ids}, {args[6], args[8]}) > 0", "false"),
    "a promise never ends": ("until_ms > now_ms() and", "until_ms >= 0 and"),
    "a promise outlives its holder's commit": ("if reservation and holds or", "if"),
    "a floor drops one too many": (">= next_offset then", "> next_offset then"),
    "a floor leaves one too many": ("then return i - 1 end", "then return math.max(i - 2, 0) end"),
    "a claim hands over what the floor has passed": ("1 + (floor and passed_by", "1 + (false and passed_by"),
    "who never claimed may commit": (
        "if h[8 + i] ~= args[at + 1]",
        "if h[8 + i] and h[8 + i] ~= args[at + 1]",
    ),
    "the same claim is granted twice": ("attempt > held_attempt", "attempt >= held_attempt"),
    "the lowest catalogue is refused": (
        "tonumber(args[5]) < tonumber(catalogue)",
        "tonumber(args[5]) <= tonumber(catalogue)",
    ),
    "commits are forgotten one too early": ("bytes > tonumber(args[13])", "bytes >= tonumber(args[13])"),
    "what was refused is written": ("local taken = accepted == args[1]", "local taken = true"),
    "what was accepted is dropped": ("local taken = accepted == args[1]", "local taken = false"),
    "the removed stay": ("  remove_some(keys, args, fields)\n", ""),
}


@pytest.fixture(scope="module")
def faulty_url(tmp_path_factory):
    """A server of this module's own: its functions are not those that others rely on."""
    with own_valkey(tmp_path_factory.mktemp("faults")) as (url, _):
        yield url


def differ(url: str, source: str, monkeypatch, seeds: int = SEEDS) -> bool:
    """Whether any of the plays tells this library from the model."""
    for seed in range(seeds):
        for reservation_ms, recent_bytes_max, _ in PLAYS:
            monkeypatch.setattr(commit_call, "RESERVATION_MS", reservation_ms)
            monkeypatch.setattr(commit_call, "RECENT_BYTES_MAX", recent_bytes_max)
            twins = Twins(url, source)
            twins.empty()
            clock = Clock(url)
            model = ModelStore(1, lambda clock=clock: clock.now_ms, reservation_ms, recent_bytes_max)

            async def play(store, _, model=model, clock=clock, seed=seed):
                await play_alike(store, model, clock, seed)

            try:
                twins.run(play)
            except (AssertionError, StoreMismatchError):
                return True
    return False


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(faulty_url, monkeypatch, fault):
    written, wrong = FAULTS[fault]
    source = functions_source()
    assert source.count(written) == 1
    assert differ(faulty_url, source.replace(written, wrong), monkeypatch)


def test_nothing_is_found_where_nothing_is_planted(faulty_url, monkeypatch):
    assert not differ(faulty_url, functions_source(), monkeypatch, seeds=1)
