"""Shell. The settings' security section as the arguments that aiokafka takes."""

import ssl
from typing import Any

from aiokafka.helpers import create_ssl_context

from config.settings import KafkaSecurity, aiokafka_security


def security_arguments(security: KafkaSecurity) -> dict[str, Any]:
    """Arguments for a consumer, producer or admin client; raises OSError where a named file cannot be read."""
    arguments: dict[str, Any] = dict(aiokafka_security(security))
    if "SSL" in security.security_protocol:
        context: ssl.SSLContext = create_ssl_context(
            cafile=security.ssl_cafile or None,
            certfile=security.ssl_certfile or None,
            keyfile=security.ssl_keyfile or None,
            password=security.ssl_password or None,
        )
        arguments["ssl_context"] = context
    return arguments
