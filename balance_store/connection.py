"""Shell. From the settings to the way to the servers: one server or a Cluster, by what they say themselves."""

from urllib.parse import parse_qs, unquote, urlsplit

from balance_store.cluster_map import Endpoint
from balance_store.requests import StoreMismatchError, StoreUnreachableError
from balance_store.resp_connection import Access, pack
from balance_store.server_facts import read_info
from balance_store.shard_link import (
    Acknowledgement,
    ClusterLink,
    Link,
    Node,
    SingleLink,
    answered,
    checked,
)
from config.masked_url import masked_url
from config.settings import Store as StoreSettings
from config.tls_context import TlsFiles, tls_context

PORT = 6_379


async def open_link(settings: StoreSettings) -> Link:
    """The way to the servers of `store.url`; several URLs with commas between are nodes of one Cluster.

    Raises StoreMismatchError where the settings cannot be right, StoreUnreachableError where none answers.
    """
    endpoints, access = read_urls(settings)
    deadline_s = settings.timeout_ms / 1000
    acknowledgement = Acknowledgement(settings.replicas_acknowledged, settings.acknowledge_ms)
    trouble = StoreUnreachableError("store.url names no server")
    for endpoint in endpoints:
        node = Node(endpoint, access, shared=not settings.replicas_acknowledged)
        try:
            (answer,) = await answered(node.exchange(pack("INFO"), 1), deadline_s, str(endpoint))
            clustered = read_info(checked(answer, endpoint)).clustered
        except StoreUnreachableError as error:
            trouble = error
            continue
        except BaseException:
            node.close()
            raise
        if not clustered:
            return SingleLink(node, deadline_s, acknowledgement)
        node.close()
        return ClusterLink(endpoints, access, deadline_s, acknowledgement)
    raise trouble


def read_urls(settings: StoreSettings) -> tuple[list[Endpoint], Access]:
    """Where the servers listen, and how to get in. Raises StoreMismatchError."""
    try:
        parts = [urlsplit(url.strip()) for url in settings.url.split(",")]
        schemes = {part.scheme for part in parts}
        if len(schemes) != 1 or not schemes <= {"redis", "rediss", "unix"}:
            raise StoreMismatchError(
                f"store.url {masked_url(settings.url)}: all URLs must begin with the same of redis://, rediss:// "
                "and unix://"
            )
        first = parts[0]
        if first.scheme == "unix":
            endpoints = [Endpoint("", 0, unquote(part.path)) for part in parts]
            database = ""
        else:
            endpoints = [Endpoint(part.hostname or "127.0.0.1", part.port or PORT) for part in parts]
            database = first.path.strip("/")
        files = TlsFiles(settings.ssl_cafile, settings.ssl_certfile, settings.ssl_keyfile)
        access = Access(
            unquote(first.username or "") or settings.username,
            unquote(first.password or "") or settings.password,
            int(parse_qs(first.query).get("db", [database])[0] or 0),
            tls_context("store", files) if first.scheme == "rediss" else None,
        )
    except ValueError as error:
        # Python's own words would show what stands where a number should: parts of a password.
        raise StoreMismatchError(
            f"store.url {masked_url(settings.url)}: port and database must be numbers, and a password's own marks "
            "written as %2F (/), %3A (:), %40 (@), %2C (,)"
        ) from error
    except OSError as error:
        raise StoreMismatchError(str(error)) from error
    return endpoints, access
