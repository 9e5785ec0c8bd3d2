"""Shell. Makes the topics that are missing; changes nothing that is there."""

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from charging.kafka_security import security_arguments
from config.settings import Kafka

HOUR_MS = 3_600_000


async def create_topics(settings: Kafka) -> list[str]:
    """A line for each topic: made, or what was there. Raises KafkaError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap, **security_arguments(settings.security))
    await admin.start()
    try:
        names = [getattr(settings.topics, field) for field in settings.topics.__struct_fields__]
        configuration = {"retention.ms": str(settings.retention_hours * HOUR_MS), "cleanup.policy": "delete"}
        # Made first and looked at afterwards: some brokers make a topic, their own way, when it is looked at.
        answer = await admin.create_topics(
            [
                NewTopic(name, settings.partitions, settings.replication, topic_configs=configuration)
                for name in names
            ]
        )
        made = set()
        for topic, code, *_ in answer.topic_errors:
            if code == 0:
                made.add(topic)
            elif code != TopicAlreadyExistsError.errno:
                raise for_code(code)(f"topic {topic}")
        there = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics(names)}
        return [_line(name, None if name in made else there[name], settings.partitions) for name in names]
    finally:
        await admin.close()


def _line(name: str, partitions: int | None, wanted: int) -> str:
    if partitions is None:
        return f"{name}: made with {wanted} partitions"
    note = "" if partitions == wanted else f"; the settings say {wanted}, left as it is"
    return f"{name}: is there with {partitions} partitions{note}"
