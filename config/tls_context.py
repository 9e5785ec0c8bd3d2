"""Shell. The files that settings name for TLS, as a context; what cannot be read is said by setting and file."""

import contextlib
import ssl
from collections.abc import Iterator
from typing import NamedTuple


class TlsFiles(NamedTuple):
    """Paths; without `authorities` those that this machine trusts, without `certificate` none of our own."""

    authorities: str
    certificate: str
    key: str
    key_password: str = ""


def tls_context(section: str, files: TlsFiles) -> ssl.SSLContext:
    """A client's context by the ssl_* settings of a section; raises OSError with setting and file."""
    with _said_of(f"{section}.ssl_cafile {files.authorities}"):
        context = ssl.create_default_context(cafile=files.authorities or None)
    if files.certificate:
        key = f", {section}.ssl_keyfile {files.key}" if files.key else ""
        with _said_of(f"{section}.ssl_certfile {files.certificate}{key}"):
            context.load_cert_chain(files.certificate, files.key or None, files.key_password or None)
    return context


@contextlib.contextmanager
def _said_of(what: str) -> Iterator[None]:
    """OpenSSL names no file, so the settings that name it are put before its words."""
    try:
        yield
    except OSError as error:
        raise OSError(f"{what}: {error.strerror or error}") from error
