"""Which setting and which file it is that TLS cannot be had with."""

import pytest

from charging.kafka_security import security_arguments
from config.settings import KafkaSecurity
from config.tls_context import TlsFiles, tls_context


def complaint(section, *files) -> str:
    with pytest.raises(OSError, match=section) as caught:
        tls_context(section, TlsFiles(*files))
    return str(caught.value)


def test_what_cannot_be_read_is_named_with_its_setting(tmp_path):
    missing, text = f"{tmp_path}/missing.pem", tmp_path / "text.pem"
    text.write_text("no certificate")
    assert complaint("store", missing, "", "") == f"store.ssl_cafile {missing}: No such file or directory"
    assert complaint("store", str(text), "", "").startswith(f"store.ssl_cafile {text}: ")
    said = complaint("store", "", str(text), missing)
    assert said.startswith(f"store.ssl_certfile {text}, store.ssl_keyfile {missing}: ")


def test_kafkas_files_are_named_by_their_settings(tmp_path):
    security = KafkaSecurity(security_protocol="SSL", ssl_cafile=f"{tmp_path}/missing.pem")
    with pytest.raises(OSError, match=r"^kafka\.security\.ssl_cafile .*missing\.pem: No such file"):
        security_arguments(security)
