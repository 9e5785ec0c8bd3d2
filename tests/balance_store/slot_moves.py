"""Shell. Moving a slot from one master to another, by the ways that servers offer."""

import asyncio

from tests.balance_store.own_cluster import MASTERS, OwnCluster, until


async def move_by_keys(cluster: OwnCluster, slot: int, source: int, target: int) -> None:
    """Key by key, as every version can: while it lasts, a shard of several keys is on neither side."""
    async with cluster.node(source) as old, cluster.node(target) as new:
        old_id, new_id = [await node.execute_command("CLUSTER", "MYID") for node in (old, new)]
        await new.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", old_id)
        await old.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", new_id)
        while keys := await old.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1):
            await old.execute_command(
                "MIGRATE", "127.0.0.1", cluster.ports[target], "", 0, 5_000, "KEYS", *keys
            )
            await asyncio.sleep(0.02)
        for number in (target, source, *({*range(MASTERS)} - {source, target})):
            async with cluster.node(number) as node:
                await node.execute_command("CLUSTER", "SETSLOT", slot, "NODE", new_id)


async def move_as_a_whole(cluster: OwnCluster, slot: int, source: int, target: int) -> None:
    """By the atomic migration of Valkey 9."""
    async with cluster.node(source) as old, cluster.node(target) as new:
        new_id = await new.execute_command("CLUSTER", "MYID")
        await old.execute_command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", new_id)
        await until(lambda: _has(new, slot, cluster.ports[target]))
        await until(lambda: _has(old, slot, cluster.ports[target]))


async def _has(node, slot: int, port: int) -> bool:
    """Whether a node says that the slot is served on this port."""
    ranges = await node.execute_command("CLUSTER", "SLOTS")
    return any(int(one[0]) <= slot <= int(one[1]) and int(one[2][1]) == port for one in ranges)
