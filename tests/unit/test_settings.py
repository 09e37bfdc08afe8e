"""Laws of the settings: every mistake is named with what was probably meant, and no secret is ever shown."""

import os
import shutil
import subprocess
import traceback
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka.conn import collect_hosts
from pydantic import SecretStr
from redis.asyncio.connection import parse_url

from workers.errors import StartupError
from workers.settings import FILES, MASK, OWN_TOPICS, Settings, read_settings

SECRET: Final = "s3cret-Ümläut"
SECRETS: Final = (
    "kafka_sasl_password",
    "kafka_ssl_key_password",
    "redis_password",
    "redis_sentinel_password",
    "log_key",
    "id_key",
    "hold_out_key",
    "marks_key",
    "redis_url",
    "schema_registry_url",
    "schema_registry_password",
)


def problems(**variables: str) -> tuple[str, ...]:
    """What is wrong with some variables, given without their prefix."""
    with pytest.raises(StartupError) as caught:
        settings(**variables)
    return caught.value.problems


def tls(**variables: str) -> Settings:
    """Settings in which a key has its certificate."""
    beside = {name.replace("KEYFILE", "CERTFILE"): os.devnull for name in variables if name.endswith("KEYFILE")}
    return settings(**variables, **beside)


def certificate(folder: Path) -> str:
    """The path of a certificate that signs itself, with its key in `key.pem` beside it."""
    if shutil.which("openssl") is None:
        pytest.skip("makes a certificate with openssl")
    names = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "ca.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tests", *names],
        check=True,
        capture_output=True,
    )
    return str(folder / "ca.pem")


def settings(**variables: str) -> Settings:
    return read_settings({f"LINGER_{name}": text for name, text in variables.items()})


# --- reading ------------------------------------------------------------------------------------------------------


def test_nothing_has_to_be_set() -> None:
    assert read_settings({}) == Settings()


def test_what_is_not_lingers_is_none_of_its_business() -> None:
    assert read_settings({"PATH": "/bin", "PARTITIONS": "x", "XLINGER_FOO": "x", "linger_foo": "x"}) == Settings()


def test_a_variable_is_read_into_the_type_of_its_field() -> None:
    read = settings(PARTITIONS="16", MAX_FUTURE="2 hours", RULES="/etc/rules", KAFKA_ENABLE_IDEMPOTENCE="false")
    assert (read.partitions, read.max_future.total_seconds(), read.rules) == (16, 7200, Path("/etc/rules"))
    assert read.kafka_enable_idempotence is False


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert settings(PARTITIONS="", KAFKA_SASL_PASSWORD="", NO_SUCH_THING="") == Settings()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().partitions = 5  # type: ignore[misc]


def test_the_environment_is_read_only_where_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGER_PARTITIONS", "3")
    assert read_settings({}).partitions == 64


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_says_what_it_is(name: str) -> None:
    assert (Settings.model_fields[name].description or "").endswith(".")


# --- mistakes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("KAFKA_BOOTSTRAP_SERVER", "LINGER_KAFKA_BOOTSTRAP_SERVERS"),
        ("PARTITION", "LINGER_PARTITIONS"),
        ("REDIS_PASWORD", "LINGER_REDIS_PASSWORD"),
        ("KAFKA_SASL_PASSWORT_FILE", "LINGER_KAFKA_SASL_PASSWORD"),
    ],
)
def test_an_unknown_variable_is_named_with_what_was_probably_meant(wrong: str, meant: str) -> None:
    (problem,) = problems(**{wrong: SECRET})
    assert f"LINGER_{wrong} is no setting" in problem
    assert f"did you mean {meant}?" in problem
    assert SECRET not in problem


def test_an_unknown_variable_that_resembles_nothing_says_where_to_look() -> None:
    assert problems(XYZZY="1") == ("LINGER_XYZZY is no setting of Linger; see `linger config show`",)


def test_combinations_are_reported_beside_values_and_not_if_one_of_them_could_not_be_read() -> None:
    messages = problems(
        PARTITIONS="many",
        KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        KAFKA_REQUEST_TIMEOUT_MS="1",
        KAFKA_HEARTBEAT_INTERVAL_MS="soon",
        REDIS_SENTINELS="a:1",
        SCHEMA_REGISTRY_USER="me",
    )
    assert [message.split()[0].strip(":") for message in messages] == [
        "LINGER_KAFKA_HEARTBEAT_INTERVAL_MS",
        "LINGER_PARTITIONS",
        "KAFKA_SECURITY_PROTOCOL",
        "KAFKA_REQUEST_TIMEOUT_MS",
        "SCHEMA_REGISTRY_USER",
        "SCHEMA_REGISTRY_USER",
        "REDIS_SENTINELS",
    ]


def test_every_file_is_reported_at_once_and_only_where_it_is_used(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_text("hush-hush")
    given = {
        "KAFKA_SSL_CAFILE": str(tmp_path / "pipe"),
        "REDIS_SSL_CA_CERTS": str(tmp_path / "text"),
        "SCHEMA_REGISTRY_CA": str(tmp_path / "nothing"),
    }
    used = {
        "KAFKA_SECURITY_PROTOCOL": "SSL",
        "REDIS_URL": "rediss://redis",
        "SCHEMA_REGISTRY_URL": "https://registry",
        "PARTITIONS": "0",
    }
    read_settings({f"LINGER_{name}": text for name, text in given.items()}, *FILES)
    with pytest.raises(StartupError) as caught:
        read_settings({f"LINGER_{name}": text for name, text in {**given, **used}.items()}, *FILES)
    partitions, kafka, redis, registry = caught.value.problems
    assert partitions.startswith("LINGER_PARTITIONS: ")
    assert kafka == f"LINGER_KAFKA_SSL_CAFILE: cannot read '{tmp_path}/pipe': not a regular file"
    assert redis.startswith("the files for TLS to Redis cannot be used")
    assert redis.endswith("check LINGER_REDIS_SSL_CA_CERTS")
    assert registry == f"LINGER_SCHEMA_REGISTRY_CA: cannot read '{tmp_path}/nothing': No such file or directory"
    assert "hush" not in str(caught.value)


def test_a_key_and_its_certificate_that_fit_are_accepted(tmp_path: Path) -> None:
    path = certificate(tmp_path)
    tls = {"KAFKA_SSL_CAFILE": path, "KAFKA_SSL_CERTFILE": path, "KAFKA_SSL_KEYFILE": str(tmp_path / "key.pem")}
    variables = {"KAFKA_SECURITY_PROTOCOL": "SSL", **tls}
    read = read_settings({f"LINGER_{name}": text for name, text in variables.items()}, *FILES)
    assert read.ssl_context() is not None


@pytest.mark.parametrize(
    "name", ["KAFKA_SSL_KEYFILE", "KAFKA_SSL_CAFILE", "REDIS_SSL_CERTFILE", "SCHEMA_REGISTRY_CA"]
)
@pytest.mark.parametrize(
    "content", ["-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 40]
)
def test_the_content_of_a_file_is_no_path_and_not_shown(name: str, content: str) -> None:
    (problem,) = problems(**{name: content})
    assert problem.startswith(f"LINGER_{name}: is ")
    assert "MC4C" not in problem
    assert "MIIE" not in problem
    assert "\n" not in problem


def test_no_topic_of_linger_has_a_longer_name_than_kafka_takes() -> None:
    longest = settings(TOPIC_PREFIX="x" * 100)
    assert max(len(longest.topic(name)) for name in OWN_TOPICS) <= 249
    assert problems(TOPIC_PREFIX="x" * 101)


@pytest.mark.parametrize("name", ["KAFKA_GROUP_ID", "KAFKA_CLIENT_ID"])
def test_a_group_or_client_has_a_name_of_one_line(name: str) -> None:
    settings(**{name: "x" * 249})
    for text in ("x" * 250, " linger", "linger\n", "lin\tger"):
        (problem,) = problems(**{name: text})
        assert problem.startswith(f"LINGER_{name}: ")


@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields if name.endswith("_ms")])
def test_a_time_is_a_day_at_most(name: str) -> None:
    (problem,) = problems(**{name: "86400001"})
    assert problem.startswith(f"LINGER_{name}: Input should be less than or equal to ")


@pytest.mark.parametrize("copies", ["0", "-2", "33"])
def test_a_topic_has_a_copy(copies: str) -> None:
    (problem,) = problems(TOPIC_REPLICATION_FACTOR=copies)
    assert problem.startswith("LINGER_TOPIC_REPLICATION_FACTOR: ")


@pytest.mark.parametrize(
    "host", ["http://a", "a:8080", "a b", "*", "-a", "a..b", "256.1.1.1", "1.2.3", "[::1", "::g", "x" * 254, "ä"]
)
def test_a_host_that_is_none_is_refused(host: str) -> None:
    (problem,) = problems(HTTP_HOST=host)
    assert problem.startswith("LINGER_HTTP_HOST: is no host; write ")


@pytest.mark.parametrize(
    ("written", "host"), [("[::1]", "::1"), ("0.0.0.0", "0.0.0.0"), ("worker-1.example.", "worker-1.example.")]
)
def test_a_host_is_an_address_or_a_name(written: str, host: str) -> None:
    assert settings(HTTP_HOST=written).http_host == host


def test_hosts_that_may_be_asked_are_compared_in_small_letters() -> None:
    assert settings(HTTP_ALLOWED_HOSTS="Linger.example, 10.0.0.7").allowed_hosts == {"linger.example", "10.0.0.7"}
    assert Settings().allowed_hosts == frozenset()
    assert problems(HTTP_ALLOWED_HOSTS="a,,b")
    assert problems(HTTP_ALLOWED_HOSTS="https://a")


@pytest.mark.parametrize(
    "secret",
    ["P@ssSECRET#word", "pa/SECRET", "12/SECRET", "pa?SECRET", "12?SECRET", "p%SECRET", "[SECRET", "SEC\\RET",
     "SEC RET", "P@SECRET/x", "P@SECRET?x", "p\tSECRET"],
)  # fmt: skip
@pytest.mark.parametrize("user", ["", "user"])
@pytest.mark.parametrize(
    ("name", "scheme", "rest"), [("REDIS_URL", "redis", ":6379/0"), ("SCHEMA_REGISTRY_URL", "http", ":8081/api")]
)
def test_a_password_that_must_be_encoded_in_a_url_is_refused_with_how_and_not_shown(
    secret: str, user: str, name: str, scheme: str, rest: str
) -> None:
    (problem,) = problems(**{name: f"{scheme}://{user}:{secret}@127.0.0.1{rest}"})
    assert problem.startswith(f"LINGER_{name}: ")
    assert "write @ : / ? # [ ] % and blanks as %40 %3A %2F %3F %23 %5B %5D %25 %20" in problem
    assert "SECRET" not in problem
    assert "secret" not in problem


def test_an_encoded_password_in_a_url_is_the_password() -> None:
    parsed = parse_url(settings(REDIS_URL="redis://:P%40ss%23w%2Fo%3Frd@h:6379/2").redis_connection()["url"])
    assert (parsed["password"], parsed["host"], parsed["db"]) == ("P@ss#w/o?rd", "h", 2)


@pytest.mark.parametrize(
    "url",
    ["redis://h:0", "redis://h:65536", "redis://h:", "redis://h/x", "redis://h/0/1", "redis://h?x", "redis://h?no_such=1",
     "redis://h?db=x", "redis://::1:6379", "redis://", "unix:///tmp/redis", "redis://h,g/0", "redis://a..b"],
)  # fmt: skip
def test_a_redis_url_is_of_one_form(url: str) -> None:
    (problem,) = problems(REDIS_URL=url)
    assert problem.startswith("LINGER_REDIS_URL: ")


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://[::1]:6379/", "rediss://u:p@h.example:6380/15", "redis://h?health_check_interval=10",
     "redis://:p%20w@h", "redis://u@h", "redis://h:6379/0?username=me&password=x%2Fy"],
)  # fmt: skip
def test_redis_urls_that_work_are_accepted(url: str) -> None:
    assert settings(REDIS_URL=url).redis_url == SecretStr(url)


@pytest.mark.parametrize("name", ["KAFKA_BOOTSTRAP_SERVERS", "REDIS_SENTINELS"])
@pytest.mark.parametrize("servers", ["user:SECRET@h:9092", "redis://:SECRET@h:1", "SASL_SSL://u:SECRET@h:1,b:2"])
def test_a_password_among_servers_is_not_shown(name: str, servers: str) -> None:
    more = {"REDIS_SENTINEL_SERVICE": "m"} if name == "REDIS_SENTINELS" else {}
    (problem,) = problems(**{name: servers}, **more)
    assert f"LINGER_{name}: " in problem
    assert "SECRET" not in problem


@pytest.mark.parametrize("server", ["h", "h:0", "h:65536", "h:9092/", ":9092", "::1:9092", "[h]:1", "a b:1", "h:٣"])
def test_a_server_is_a_host_and_a_port(server: str) -> None:
    (problem,) = problems(KAFKA_BOOTSTRAP_SERVERS=server)
    assert "is no server; write host:port, several with commas between" in problem


@pytest.mark.parametrize("name", [name.upper() for name in SECRETS if "password" in name])
def test_a_password_with_a_line_break_is_refused(name: str) -> None:
    messages = problems(**{name: f"{SECRET}\n"})
    assert f"LINGER_{name}: holds a control character, perhaps a line break at its end" in messages
    assert SECRET not in str(messages)


def test_every_mistake_is_reported_at_once() -> None:
    messages = problems(PARTITIONS="many", HTTP_PORT="70000", XYZZY="1", KAFKA_SECURITY_PROTOCOL="TLS")
    assert [message.partition(":")[0].split()[0] for message in messages] == [
        "LINGER_XYZZY",
        "LINGER_KAFKA_SECURITY_PROTOCOL",
        "LINGER_PARTITIONS",
        "LINGER_HTTP_PORT",
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("PARTITIONS", "0", "greater than or equal to 1"),
        ("PARTITIONS", "4097", "less than or equal to 4096"),
        ("PARTITIONS", "1.5", "integer"),
        ("MAX_FUTURE", "5", "5 minutes|45 days|unit"),
        ("MAX_FUTURE", "1 month", "30 days"),
        ("DEAD_LETTER_MAX_RATIO", "0", "greater than 0"),
        ("TICK_MS", "1", "greater than or equal to 20"),
        ("TOPIC_PREFIX", "a b", "pattern"),
        ("REDIS_NAMESPACE", "{x}", "pattern"),
    ],
)
def test_a_value_that_cannot_be_is_shown_with_what_was_expected(name: str, text: str, message: str) -> None:
    (problem,) = problems(**{name: text})
    assert problem.startswith(f"LINGER_{name}: ")
    assert repr(text) in problem
    assert any(part in problem for part in message.split("|"))


@pytest.mark.parametrize("given", [{}, {"KAFKA_SASL_USERNAME": "linger"}, {"KAFKA_SASL_PASSWORD": SECRET}])
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_sasl_needs_a_user_and_a_password(protocol: str, given: dict[str, str]) -> None:
    (problem,) = problems(KAFKA_SECURITY_PROTOCOL=protocol, **given)
    assert protocol in problem
    assert "KAFKA_SASL_PASSWORD_FILE" in problem
    assert SECRET not in problem


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"KAFKA_REQUEST_TIMEOUT_MS": "30000"}, "KAFKA_REQUEST_TIMEOUT_MS must be longer"),
        ({"KAFKA_HEARTBEAT_INTERVAL_MS": "10001"}, "a third of"),
    ],
)
def test_times_that_do_not_fit_together_are_named(given: dict[str, str], message: str) -> None:
    (problem,) = problems(**given)
    assert message in problem


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost:6379", "redis://localhost:port/0"])
def test_a_redis_url_that_is_none_is_named(url: str) -> None:
    (problem,) = problems(REDIS_URL=url)
    assert "LINGER_REDIS_URL" in problem


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"REDIS_CLUSTER": "true", "REDIS_SENTINELS": "a:1", "REDIS_SENTINEL_SERVICE": "m"}, "both set"),
        ({"REDIS_SENTINELS": "a:1"}, "belong together"),
        ({"REDIS_SENTINEL_SERVICE": "mymaster"}, "belong together"),
        ({"REDIS_SENTINEL_USERNAME": "linger"}, "need REDIS_SENTINELS"),
        ({"REDIS_SENTINEL_PASSWORD": SECRET}, "need REDIS_SENTINELS"),
        ({"REDIS_URL": f"redis://:{SECRET}@a,redis://:{SECRET}@b"}, "set REDIS_CLUSTER"),
        ({"REDIS_URL": "redis://a,rediss://b", "REDIS_CLUSTER": "true"}, "with and without TLS"),
        ({"REDIS_URL": "redis://a/0,redis://b/3", "REDIS_CLUSTER": "true"}, "another database than 0"),
        ({"REDIS_SENTINELS": "a:1,b", "REDIS_SENTINEL_SERVICE": "m"}, "LINGER_REDIS_SENTINELS: 'b' is no server"),
        ({"REDIS_URL": "redis://a,http://b", "REDIS_CLUSTER": "true"}, "LINGER_REDIS_URL"),
    ],
)
def test_servers_of_redis_that_do_not_fit_together_are_named(given: dict[str, str], message: str) -> None:
    (problem,) = problems(**given)
    assert message in problem
    assert SECRET not in problem


@pytest.mark.parametrize("servers", ["a:9092,,b:9092", "kafka://a:9092", "a:port"])
def test_a_list_of_brokers_that_is_none_is_named(servers: str) -> None:
    (problem,) = problems(KAFKA_BOOTSTRAP_SERVERS=servers)
    assert "LINGER_KAFKA_BOOTSTRAP_SERVERS" in problem


def test_blanks_between_brokers_mean_nothing() -> None:
    servers = settings(KAFKA_BOOTSTRAP_SERVERS="a:9092, b:9092").kafka_connection()["bootstrap_servers"]
    assert sorted(place[:2] for place in collect_hosts(servers)) == [("a", 9092), ("b", 9092)]


# --- values from files --------------------------------------------------------------------------------------------


def test_any_variable_can_be_given_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{SECRET}\n")
    (tmp_path / "partitions").write_text("16")
    read = settings(REDIS_PASSWORD_FILE=str(tmp_path / "password"), PARTITIONS_FILE=str(tmp_path / "partitions"))
    assert read.redis_password == SecretStr(SECRET)
    assert read.partitions == 16


def test_a_setting_whose_own_name_ends_in_file_is_a_path(tmp_path: Path) -> None:
    assert settings(KAFKA_SSL_CAFILE="/etc/ca.pem").kafka_ssl_cafile == Path("/etc/ca.pem")
    (tmp_path / "where").write_text("/etc/ca.pem")
    assert settings(KAFKA_SSL_CAFILE_FILE=str(tmp_path / "where")).kafka_ssl_cafile == Path("/etc/ca.pem")


def test_a_variable_and_its_file_cannot_both_be_set(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(SECRET)
    (problem,) = problems(REDIS_PASSWORD=SECRET, REDIS_PASSWORD_FILE=str(tmp_path / "password"))
    assert problem == "LINGER_REDIS_PASSWORD_FILE and LINGER_REDIS_PASSWORD are both set; keep one"


def test_an_empty_variable_beside_its_file_is_not_set(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(SECRET)
    read = settings(REDIS_PASSWORD="", REDIS_PASSWORD_FILE=str(tmp_path / "password"))
    assert read.redis_password == SecretStr(SECRET)


@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_a_file_that_cannot_be_read_is_named_and_its_content_is_not(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "password"
    if kind == "folder":
        place.mkdir()
    if kind == "binary":
        place.write_bytes(b"s3cret\xff")
    (problem,) = problems(REDIS_PASSWORD_FILE=str(place))
    assert problem.startswith("LINGER_REDIS_PASSWORD_FILE: cannot read the file that it names: ")
    assert "s3cret" not in problem


# --- secrets ------------------------------------------------------------------------------------------------------


def with_secrets() -> Settings:
    return settings(
        KAFKA_SASL_PASSWORD=SECRET,
        KAFKA_SSL_KEY_PASSWORD=SECRET,
        REDIS_PASSWORD=SECRET,
        REDIS_SENTINELS="s1:26379",
        REDIS_SENTINEL_SERVICE="mymaster",
        REDIS_SENTINEL_PASSWORD=SECRET,
        LOG_KEY=SECRET,
        ID_KEY=SECRET,
        HOLD_OUT_KEY=SECRET,
        MARKS_KEY=SECRET,
        REDIS_URL=f"rediss://linger:{SECRET}@redis.example:6380/3",
        SCHEMA_REGISTRY_URL="https://registry.example",
        SCHEMA_REGISTRY_PASSWORD=SECRET,
    )


def test_every_secret_is_kept_as_one() -> None:
    secret = [name for name in Settings.model_fields if isinstance(getattr(with_secrets(), name), SecretStr)]
    assert sorted(secret) == sorted(SECRETS)
    plain = [name for name in Settings.model_fields if "password" in name or name.endswith("_key")]
    assert set(plain) <= set(SECRETS)


def test_a_hold_out_key_or_a_log_key_may_have_any_length() -> None:
    for size in (1, 64, 65, 128, 10_000):
        read = settings(HOLD_OUT_KEY="k" * size, LOG_KEY="k" * size)
        assert read.hold_out_key is not None
        assert len(read.hold_out_key.get_secret_value()) == size


@pytest.mark.parametrize("name", [*(name.upper() for name in SECRETS), "KAFKA_GROUP_ID", "REDIS_USERNAME"])
def test_what_is_not_utf8_is_refused_at_the_start_and_never_shown(name: str) -> None:
    text = b"0123456789abcdef\xff".decode(errors="surrogateescape")
    (problem,) = problems(**{name: f"redis://:{text}@r:1" if name == "REDIS_URL" else text})
    assert problem == f"LINGER_{name} is not UTF-8"


def test_a_path_may_be_of_any_bytes() -> None:
    assert settings(RULES=b"rules\xff".decode(errors="surrogateescape")).rules.name.encode(
        errors="surrogateescape"
    ) == (b"rules\xff")


@pytest.mark.parametrize(
    "token", ["x" * 15, "x" * 4097, "x" * 20 + "\n" + "y" * 20, "x" * 20 + "\x00", " " + "x" * 20]
)
def test_a_token_that_no_header_could_carry_is_refused(token: str) -> None:
    (problem,) = problems(HTTP_TOKEN=token)
    assert problem.startswith("LINGER_HTTP_TOKEN: must be 16 to 4096 ASCII characters on one line")
    assert token not in problem


def test_a_group_instance_id_is_one_that_brokers_accept() -> None:
    assert settings(KAFKA_GROUP_INSTANCE_ID="w" * 249).kafka_group_instance_id == "w" * 249
    for text in ("w" * 250, "worker 1", "wörker"):
        (problem,) = problems(KAFKA_GROUP_INSTANCE_ID=text)
        assert problem.startswith("LINGER_KAFKA_GROUP_INSTANCE_ID: ")


def test_shown_settings_show_every_variable_and_no_secret() -> None:
    shown = with_secrets().shown()
    assert list(shown) == [f"LINGER_{name.upper()}" for name in Settings.model_fields]
    assert SECRET not in str(shown)
    assert shown["LINGER_REDIS_PASSWORD"] == MASK
    assert shown["LINGER_REDIS_URL"] == f"rediss://linger:{MASK}@redis.example:6380/3"


def test_a_secret_that_is_not_set_is_shown_as_not_set() -> None:
    assert Settings().shown()["LINGER_REDIS_PASSWORD"] == ""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://:p@ss@host/0", f"redis://:{MASK}@host/0"),
        ("redis://user:p:w@host/0", f"redis://user:{MASK}@host/0"),
        ("redis://user@host/0", f"redis://user:{MASK}@host/0"),
        ("redis://:a,b@host/0", f"redis://:{MASK}@host/0"),
    ],
)
def test_the_password_in_a_url_is_masked_and_the_rest_is_shown(url: str, shown: str) -> None:
    assert settings(REDIS_URL=url).shown()["LINGER_REDIS_URL"] == shown


def test_a_password_in_the_query_of_a_url_is_masked_too() -> None:
    shown = settings(REDIS_URL=f"redis://host:6379/0?username=linger&password={SECRET}").shown()
    assert SECRET not in shown["LINGER_REDIS_URL"]


def test_no_way_of_printing_settings_shows_a_secret() -> None:
    read = with_secrets()
    for text in (repr(read), str(read), f"{read.model_dump()}", read.model_dump_json(), f"{read.redis_url}"):
        assert SECRET not in text


@pytest.mark.parametrize("name", [name.upper() for name in SECRETS])
@pytest.mark.parametrize(
    "more", [{"PARTITIONS": "x"}, {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, {"XYZZY": "1"}, {"HTTP_HOST": ""}]
)
def test_no_error_shows_a_secret(name: str, more: dict[str, str]) -> None:
    try:
        settings(**{name: SECRET}, **more)
    except StartupError as error:
        output = "".join(traceback.format_exception(error)) + repr(error) + str(error.problems)
        assert SECRET not in output


def test_a_model_made_by_hand_hides_its_secrets_in_its_errors_too() -> None:
    with pytest.raises(ValueError, match="partitions") as caught:
        Settings(partitions=0, kafka_sasl_password=SecretStr(SECRET))
    assert SECRET not in str(caught.value)


# --- what others are given ----------------------------------------------------------------------------------------


def test_the_clients_of_kafka_are_given_the_password_itself() -> None:
    connection = settings(
        KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT", KAFKA_SASL_USERNAME="linger", KAFKA_SASL_PASSWORD=SECRET
    ).kafka_connection()
    assert connection["sasl_plain_password"] == SECRET
    assert connection["security_protocol"] == "SASL_PLAINTEXT"
    assert connection["sasl_mechanism"] == "SCRAM-SHA-512"
    assert connection["ssl_context"] is None


def test_several_brokers_are_separated_by_commas() -> None:
    assert settings(KAFKA_BOOTSTRAP_SERVERS="a:1,b:2").kafka_connection()["bootstrap_servers"] == ["a:1", "b:2"]


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL"])
def test_tls_to_kafka_checks_the_broker(protocol: str) -> None:
    context = settings(
        KAFKA_SECURITY_PROTOCOL=protocol, KAFKA_SASL_USERNAME="linger", KAFKA_SASL_PASSWORD=SECRET
    ).ssl_context()
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_redis_is_given_its_url_and_only_what_is_set() -> None:
    assert Settings().redis_connection() == {"url": "redis://127.0.0.1:6379/0"}
    given: dict[str, Any] = settings(REDIS_USERNAME="linger", REDIS_PASSWORD=SECRET).redis_connection()
    assert (given["username"], given["password"]) == ("linger", SECRET)


def test_every_node_to_ask_first_of_a_cluster_is_shown_without_its_password() -> None:
    read = settings(REDIS_CLUSTER="true", REDIS_URL=f"redis://linger:{SECRET}@a:7000, redis://x:{SECRET}@b")
    assert read.shown()["LINGER_REDIS_URL"] == f"redis://linger:{MASK}@a:7000,redis://x:{MASK}@b"
    given = read.redis_connection()
    assert (given["url"], given["cluster"]) == (f"redis://linger:{SECRET}@a:7000", [("a", 7000), ("b", 6379)])


def test_redis_is_given_its_sentinels_with_credentials_of_their_own() -> None:
    given = settings(
        REDIS_SENTINELS="a:26379, [::1]:26380", REDIS_SENTINEL_SERVICE="mymaster", REDIS_SENTINEL_PASSWORD=SECRET
    ).redis_connection()
    assert given["sentinels"] == [("a", 26379), ("::1", 26380)]
    assert (given["service"], given["sentinel_username"], given["sentinel_password"]) == ("mymaster", None, SECRET)


def test_certificates_for_redis_are_used_with_tls_alone(tmp_path: Path) -> None:
    path = certificate(tmp_path)
    assert "ssl_ca_certs" not in settings(REDIS_SSL_CA_CERTS=path).redis_connection()
    with_tls = settings(REDIS_SSL_CA_CERTS=path, REDIS_URL="rediss://host").redis_connection()
    assert with_tls["ssl_ca_certs"] == path


@pytest.mark.parametrize("name", ["KAFKA_SSL_CAFILE", "KAFKA_SSL_CERTFILE", "KAFKA_SSL_KEYFILE"])
def test_a_file_for_tls_to_kafka_that_is_not_there_is_named_with_its_setting(name: str) -> None:
    with pytest.raises(StartupError, match=f"LINGER_{name}: cannot read '/nowhere.pem': No such file"):
        tls(KAFKA_SECURITY_PROTOCOL="SSL", **{name: "/nowhere.pem"}).kafka_connection()


@pytest.mark.parametrize("name", ["REDIS_SSL_CA_CERTS", "REDIS_SSL_CERTFILE", "REDIS_SSL_KEYFILE"])
def test_a_file_for_tls_to_redis_that_is_not_there_is_named_with_its_setting(name: str) -> None:
    with pytest.raises(StartupError, match=f"LINGER_{name}: cannot read '/nowhere.pem': No such file"):
        tls(REDIS_URL="rediss://host", **{name: "/nowhere.pem"}).redis_connection()


def test_a_file_for_tls_to_kafka_that_is_no_certificate_is_reported_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hush-hush")
    with pytest.raises(StartupError, match="check LINGER_KAFKA_SSL_CAFILE") as refused:
        settings(KAFKA_SECURITY_PROTOCOL="SSL", KAFKA_SSL_CAFILE=str(tmp_path / "ca.pem")).kafka_connection()
    assert "hush" not in str(refused.value)


def test_topics_carry_the_prefix() -> None:
    assert settings(TOPIC_PREFIX="eu.linger").topic("at-risk") == "eu.linger.at-risk"


@pytest.mark.parametrize(
    ("given", "user", "password"),
    [
        ({}, "", None),
        ({"USER": "linger", "PASSWORD": SECRET}, "linger", SECRET),
        ({"PASSWORD": SECRET}, "", SECRET),
        ({"URL": "https://me%40x:p%2Fw@registry:8081/apis/ccompat/v7"}, "me@x", "p/w"),
    ],
)
def test_a_schema_registry_is_given_one_way_in(given: dict[str, str], user: str, password: str | None) -> None:
    variables = {"URL": "https://registry:8081/apis/ccompat/v7", **given}
    read = settings(**{f"SCHEMA_REGISTRY_{name}": text for name, text in variables.items()})
    connection = read.registry_connection()
    assert connection is not None
    assert connection["url"] == "https://registry:8081/apis/ccompat/v7"
    assert (connection["user"], connection["password"], connection["timeout_seconds"]) == (user, password, 5)


def test_without_a_url_there_is_no_schema_registry() -> None:
    assert Settings().registry_connection() is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"URL": "registry:8081"}, "LINGER_SCHEMA_REGISTRY_URL: is no URL"),
        ({"URL": f"ftp://x:{SECRET}@registry"}, "LINGER_SCHEMA_REGISTRY_URL: is no URL"),
        ({"URL": "http://registry?x=1"}, "LINGER_SCHEMA_REGISTRY_URL: is no URL"),
        ({"PASSWORD": SECRET}, "need SCHEMA_REGISTRY_URL"),
        ({"URL": "http://r", "USER": "linger"}, "needs SCHEMA_REGISTRY_PASSWORD"),
        ({"URL": f"http://x:{SECRET}@r", "PASSWORD": SECRET}, "keep one"),
    ],
)
def test_ways_into_a_schema_registry_that_do_not_fit_together_are_named(given: dict[str, str], message: str) -> None:
    (problem,) = problems(**{f"SCHEMA_REGISTRY_{name}": text for name, text in given.items()})
    assert message in problem
    assert SECRET not in problem


def test_authorities_of_a_schema_registry_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for path, message in (
        (tmp_path / "ca.pem", "cannot be used .*check LINGER_SCHEMA_REGISTRY_CA"),
        (tmp_path / "no.pem", "cannot read"),
    ):
        read = settings(SCHEMA_REGISTRY_URL="https://registry", SCHEMA_REGISTRY_CA=str(path))
        with pytest.raises(StartupError, match=message):
            read.registry_connection()


def test_the_password_in_the_url_of_a_schema_registry_is_masked() -> None:
    shown = settings(SCHEMA_REGISTRY_URL=f"https://me:{SECRET}@registry/apis").shown()
    assert shown["LINGER_SCHEMA_REGISTRY_URL"] == f"https://me:{MASK}@registry/apis"
