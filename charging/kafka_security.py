"""Shell. The settings' security section as the arguments that aiokafka takes."""

from typing import Any

from config.settings import KafkaSecurity, aiokafka_security
from config.tls_context import TlsFiles, tls_context


def security_arguments(security: KafkaSecurity) -> dict[str, Any]:
    """Arguments for a consumer, producer or admin client; raises OSError where a named file cannot be read."""
    arguments: dict[str, Any] = dict(aiokafka_security(security))
    if "SSL" in security.security_protocol:
        files = TlsFiles(
            security.ssl_cafile, security.ssl_certfile, security.ssl_keyfile, security.ssl_password
        )
        arguments["ssl_context"] = tls_context("kafka.security", files)
    return arguments
