"""Settings: file, environment and faults."""

import pytest

from config.describe_settings import settings_table, settings_text
from config.faults import ConfigError
from config.load import load_settings
from config.settings import KafkaSecurity, Settings, aiokafka_security


def faults_of(tmp_path, text, environ=None):
    file = tmp_path / "chargeline.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(str(file), environ or {})
    return [(fault.path, fault.message, fault.cure) for fault in caught.value.faults]


def test_no_file_and_no_environment_give_the_defaults():
    assert load_settings(None, {"HOME": "/", "CHARGELINE_SERVICE_HOST": "10.0.0.1"}) == Settings()


def test_environment_goes_before_file_and_file_before_default(tmp_path):
    file = tmp_path / "chargeline.toml"
    file.write_text('[store]\nshards = 32\ntimeout_ms = 100\n[kafka.topics]\nusage = "calls"\n')
    environ = {
        "CHARGELINE_STORE__SHARDS": "64",
        "CHARGELINE_STORE__REQUIRE_DURABLE": "false",
        "CHARGELINE_KAFKA__SECURITY__SASL_PLAIN_PASSWORD": "123",
    }
    settings = load_settings(str(file), environ)
    assert (settings.store.shards, settings.store.timeout_ms, settings.store.require_durable) == (
        64,
        100,
        False,
    )
    assert settings.kafka.topics.usage == "calls"
    assert settings.kafka.security.sasl_plain_password == "123"
    assert settings.kafka.partitions == Settings().kafka.partitions


def test_every_fault_is_reported_at_once_with_its_place_and_cure(tmp_path):
    faults = faults_of(
        tmp_path,
        '[store]\nshard = 3\ntimeout_ms = 1\n[http]\nport = "80"\n[charging]\noutput_format = "xml"\n',
        {
            "CHARGELINE_STORE__SHARDZ": "3",
            "CHARGELINE_HTTP__PORT_": "1",
            "CHARGELINE_CHARGING__RING_MAX": "many",
        },
    )
    assert {path: message for path, message, _ in faults} == {
        "CHARGELINE_STORE__SHARDZ": "names no setting",
        "CHARGELINE_HTTP__PORT_": "names no setting",
        "CHARGELINE_CHARGING__RING_MAX": "expected `int`, got `str`",
        "store.shard": "is not known",
        "store.timeout_ms": "1 is out of bounds",
        "http.port": "expected `int`, got `str`",
        "charging.output_format": "'xml' is not one of its values",
    }
    assert ("store.shard", "is not known", "did you mean shards?") in faults


def test_a_section_is_no_setting_and_a_setting_no_section(tmp_path):
    faults = faults_of(tmp_path, "", {"CHARGELINE_KAFKA__TOPICS": "1", "CHARGELINE_STORE__SHARDS__X": "1"})
    assert [message for _, message, _ in faults] == ["names no setting", "names no setting"]


def test_a_file_that_is_missing_or_no_toml_is_one_fault(tmp_path):
    assert "is not TOML" in faults_of(tmp_path, "a = ")[0][1]
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(str(tmp_path / "none.toml"), {})


def test_a_fault_of_the_whole_file_names_no_place_in_it(tmp_path):
    missing = tmp_path / "none.toml"
    with pytest.raises(ConfigError) as caught:
        load_settings(str(missing), {})
    assert str(caught.value) == f"{missing}: cannot be read: No such file or directory; check the path"


def test_a_password_without_quotes_is_not_shown(tmp_path):
    for value in ("123456", "123.456"):
        faults = faults_of(tmp_path, f"[store]\npassword = {value}\n")
        assert faults == [("store.password", "is no text", "write it in quotes")]


def test_a_float_is_put_right_by_what_the_setting_is(tmp_path):
    whole = "write a whole number, with no point and no quotes"
    assert faults_of(tmp_path, "[store]\ntimeout_ms = 1.5\n[log]\nlevel = 1.5\n") == [
        ("store.timeout_ms", "1.5 is no whole number", whole),
        ("log.level", "1.5 is not one of its values", "write debug, info, warning, error"),
    ]
    assert faults_of(tmp_path, "[sepa]\ncreditor_name = 1.5\n")[0][2] == 'write it in quotes: "1.5"'


def test_the_table_has_a_row_for_every_setting_and_says_unit_bounds_default_and_reason():
    rows = {row.name: row for row in settings_table()}
    assert rows["store.shards"].default == "4"
    assert rows["store.shards"].bounds == "1..4096"
    assert rows["charging.output_format"].bounds == "json | msgpack"
    assert rows["kafka.topics.usage"].environment == "CHARGELINE_KAFKA__TOPICS__USAGE"
    assert all(all(row) for row in rows.values())
    assert len(settings_text().splitlines()) == len(rows) + 1


def test_every_default_lies_within_its_own_bounds(tmp_path):
    file = tmp_path / "chargeline.toml"
    for row in settings_table():
        section, _, key = row.name.rpartition(".")
        value = (
            row.default
            if row.default in ("true", "false", '""') or row.default.isdigit()
            else f'"{row.default}"'
        )
        file.write_text(f"[{section}]\n{key} = {value}\n")
        assert load_settings(str(file), {}) == Settings(), row.name


def test_sasl_settings_are_handed_on_only_with_a_sasl_protocol():
    plain = KafkaSecurity(sasl_plain_username="me")
    assert aiokafka_security(plain) == {"security_protocol": "PLAINTEXT"}
    sasl = KafkaSecurity("SASL_SSL", "SCRAM-SHA-512", "me", "secret")
    assert aiokafka_security(sasl) == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "me",
        "sasl_plain_password": "secret",
        "sasl_kerberos_service_name": "kafka",
    }
