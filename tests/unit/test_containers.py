"""Laws of Dockerfile, .dockerignore and docker-compose.yml: what they name exists, and what they run is confined.

No container engine is needed: the files are read, and compared with the program and with each other.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from ruamel.yaml import YAML

from tests.support.paths import ROOT
from workers.cli.app import app
from workers.settings import PREFIX, Settings, read_settings
from workers.source_files.reading import load_sources

DOCKERFILE: Final = (ROOT / "Dockerfile").read_text()
COMPOSE_TEXT: Final = (ROOT / "docker-compose.yml").read_text()
COMPOSE: Final[dict[str, Any]] = YAML(typ="safe", pure=True).load(COMPOSE_TEXT)
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())

LINGER: Final = [name for name, service in SERVICES.items() if service["image"].startswith("linger:")]
WORKERS: Final = [name for name in LINGER if SERVICES[name]["command"] == ["run"]]
EXAMPLE_TOPICS: Final = "example-topics"


# -- reading the two files -------------------------------------------------------------------------------------------


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """Return each instruction with its arguments, comments left out and continued lines joined."""
    lines = [line for line in dockerfile.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (word.upper(), rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


def final_stage() -> dict[str, list[str]]:
    """Return the arguments of every instruction of the last stage, by instruction."""
    every = instructions(DOCKERFILE)
    start = max(number for number, (word, _) in enumerate(every) if word == "FROM")
    stage: dict[str, list[str]] = {}
    for word, rest in every[start:]:
        stage.setdefault(word, []).append(rest)
    return stage


def the_only(values: Sequence[str]) -> str:
    (value,) = values
    return value


def words_of(arguments: str) -> list[str]:
    """Return the words of an exec form; a shell form is an error."""
    words = json.loads(arguments)
    assert isinstance(words, list)
    assert all(isinstance(word, str) for word in words)
    return words


def seconds(text: str) -> float:
    """Return the length of a duration as compose writes it: `30s`, `1m30s`."""
    parts = re.findall(r"(\d+)(h|m|s)", text)
    assert "".join(number + unit for number, unit in parts) == text, f"no duration of compose: {text!r}"
    return float(sum(int(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts))


def environment_of(service: str) -> dict[str, str]:
    return {name: str(value) for name, value in SERVICES[service].get("environment", {}).items()}


def settings_of(service: str) -> Settings:
    return read_settings(environment_of(service))


def require_command(words_after_linger: Sequence[str]) -> None:
    """Raise unless these words are a command of the program with arguments that it takes. Nothing is run."""
    command: Any = typer.main.get_command(app)
    words = list(words_after_linger)
    while hasattr(command, "commands"):
        assert words, f"`linger {' '.join(words_after_linger)}` needs a command"
        assert words[0] in command.commands, f"there is no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    command.make_context(command.name, words)


def lines_with_linger() -> Iterator[tuple[str, list[str]]]:
    """Return where each command line of the program comes from, and its words after `linger`."""
    stage = final_stage()
    entrypoint = words_of(the_only(stage["ENTRYPOINT"]))
    yield "Dockerfile CMD", [*entrypoint, *words_of(the_only(stage["CMD"]))][1:]
    yield "Dockerfile HEALTHCHECK", words_of(the_only(stage["HEALTHCHECK"]).partition("CMD ")[2])[1:]
    for name in LINGER:
        yield f"{name} command", SERVICES[name]["command"]
        if "test" in SERVICES[name]["healthcheck"]:
            form, program, *words = SERVICES[name]["healthcheck"]["test"]
            assert (form, program) == ("CMD", "linger")
            yield f"{name} health check", words
    for line in re.findall(r"^#.* exec worker linger (.+)$", COMPOSE_TEXT, re.M):
        yield "docker-compose.yml comment", line.split()


def image_versions() -> dict[str, str]:
    """Return each image that is fetched, with its tag."""
    stages = re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE, re.M)
    fetched = [image for image in re.findall(r"^FROM (\S+)", DOCKERFILE, re.M) if image not in stages]
    fetched += [service["image"] for name, service in SERVICES.items() if name not in LINGER]
    return dict(image.split(":", 1) for image in fetched)


# -- what they name exists -------------------------------------------------------------------------------------------


def test_there_is_a_service_that_runs_workers_and_more_than_one_of_them() -> None:
    assert WORKERS
    assert sum(SERVICES[name].get("deploy", {}).get("replicas", 1) for name in WORKERS) >= 2


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_that_is_set_is_a_setting(name: str) -> None:
    ours = {variable for variable in environment_of(name) if variable.startswith(PREFIX)}
    assert not ours or name in LINGER
    assert {variable for variable in ours if not is_setting(variable)} == set()


def test_every_variable_that_a_comment_names_is_a_setting() -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", DOCKERFILE + COMPOSE_TEXT))
    assert {variable for variable in named if not is_setting(variable)} == set()
    assert "LINGER_REDIS_PASSWORD_FILE" in named


def is_setting(variable: str) -> bool:
    name = variable.removeprefix(PREFIX).lower()
    return name in Settings.model_fields or name.removesuffix("_file") in Settings.model_fields


@pytest.mark.parametrize("name", LINGER)
def test_the_settings_of_every_service_of_linger_are_accepted(name: str) -> None:
    settings_of(name)


@pytest.mark.parametrize(("where", "words"), list(lines_with_linger()))
def test_every_command_line_of_linger_names_a_command_there_is(where: str, words: list[str]) -> None:
    require_command(words)


def test_a_command_that_is_not_there_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="there is no command 'topic'"):
        require_command(["topic", "create"])
    with pytest.raises(Exception, match="No such option: --quick"):
        require_command(["healthcheck", "--quick"])


@pytest.mark.parametrize("name", LINGER)
def test_linger_reaches_kafka_and_redis_by_the_names_they_have_here(name: str) -> None:
    settings = settings_of(name)
    advertised = environment_of("kafka")["KAFKA_ADVERTISED_LISTENERS"]
    assert f"INTERNAL://{settings.kafka_bootstrap_servers}" in advertised.split(",")
    assert settings.kafka_bootstrap_servers.startswith("kafka:")
    assert settings.redis_url.get_secret_value() == "redis://redis:6379/0"


def test_the_topics_are_made_as_the_workers_expect_them() -> None:
    made = settings_of("topics")
    for worker in map(settings_of, WORKERS):
        assert (made.topic_prefix, made.partitions) == (worker.topic_prefix, worker.partitions)
    assert made.topic_replication_factor == 1


def test_the_example_topics_are_those_of_the_sources_file() -> None:
    sources, problems = load_sources(ROOT / "sources.yaml")
    assert not problems
    assert sources is not None
    script = the_only(SERVICES[EXAMPLE_TOPICS]["command"])
    made = re.findall(r"for topic in ([^;]+);", script)
    assert the_only(made).split() == [source.topic for source in sources.sources]


@pytest.mark.parametrize("name", LINGER)
def test_rules_and_sources_are_mounted_read_only_where_linger_looks_for_them(name: str) -> None:
    workdir = Path(the_only(final_stage()["WORKDIR"]))
    settings = settings_of(name)
    mounted = {mount["target"]: mount for mount in SERVICES[name]["volumes"]}
    assert set(mounted) == {str(workdir / settings.rules), str(workdir / settings.sources)}
    for mount in mounted.values():
        assert mount["read_only"] is True
        assert (ROOT / mount["source"]).exists()


def test_everything_that_the_image_is_made_of_is_there_and_not_ignored() -> None:
    wanted = {"Dockerfile"}
    for word, rest in instructions(DOCKERFILE):
        if word == "COPY" and not rest.startswith("--from="):
            wanted |= set(rest.split()[:-1])
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {line.removeprefix("!") for line in rules if line.startswith("!")}
    assert allowed == wanted - {"Dockerfile"}
    assert {name for name in wanted if not (ROOT / name).exists()} == set()
    project, packages = PROJECT["project"], PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {project["readme"], *project["license-files"], *(name.removesuffix("*") for name in packages)} <= wanted


def test_the_version_of_the_image_is_that_of_the_project() -> None:
    version = PROJECT["project"]["version"]
    assert f'org.opencontainers.image.version="{version}"' in DOCKERFILE
    assert {SERVICES[name]["image"] for name in LINGER} == {f"linger:{version}"}


# -- what is fetched is pinned, and is what the tests ran with -------------------------------------------------------


def test_every_image_that_is_fetched_has_a_full_version() -> None:
    for image, tag in image_versions().items():
        assert re.match(r"\d+\.\d+\.\d+", tag), f"{image}:{tag} can change"


def test_kafka_is_the_one_that_the_tests_run() -> None:
    tested = re.findall(r"<kafka\.version>(.+)</kafka\.version>", (ROOT / "tests" / "kafka" / "pom.xml").read_text())
    assert image_versions()["apache/kafka"] == the_only(tested)


def test_python_is_the_one_that_the_types_are_checked_for() -> None:
    assert image_versions()["python"].startswith(PROJECT["tool"]["mypy"]["python_version"] + ".")


def test_the_image_installs_what_the_tests_ran_with_and_by_hash() -> None:
    run, tested = locked("requirements-run.lock"), locked("requirements.lock")
    assert set(run) - set(tested) == built_with() - set(tested)
    assert {name: version for name, version in run.items() if tested.get(name, version) != version} == {}
    assert re.search(r"install --require-hashes .*-r requirements-run\.lock", DOCKERFILE)


def test_the_image_has_no_embedded_broker_and_store() -> None:
    demo = {line.partition("==")[0] for line in PROJECT["project"]["optional-dependencies"]["demo"]}
    assert demo
    assert demo.isdisjoint(locked("requirements-run.lock"))


def test_the_image_compiles_the_core_and_keeps_nothing_that_it_was_built_with() -> None:
    builder = DOCKERFILE.partition("\nFROM base\n")[0]
    assert re.search(r"apt-get install .*\bgcc\b.*\blibc6-dev\b", builder)
    (kept_not,) = re.findall(r"pip uninstall --yes (.+)", builder)
    assert {name.lower() for name in kept_not.split()} == {*built_with(), "pip"}


def built_with() -> set[str]:
    return {re.split(r"[<>=!~ ]", line)[0].lower() for line in PROJECT["build-system"]["requires"]}


def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ]+)", (ROOT / name).read_text(), re.M))


# -- what runs is confined -------------------------------------------------------------------------------------------


def test_the_image_does_not_run_as_root_and_says_so_in_numbers() -> None:
    user, _, group = the_only(final_stage()["USER"]).partition(":")
    assert int(user) > 0
    assert int(group) > 0


def test_signals_reach_the_program_in_the_image_without_a_shell() -> None:
    stage = final_stage()
    assert words_of(the_only(stage["ENTRYPOINT"])) == ["linger"]
    assert words_of(the_only(stage["CMD"])) == ["run"]
    assert the_only(stage["STOPSIGNAL"]) == "SIGTERM"
    assert "RUN" not in stage


@pytest.mark.parametrize("name", SERVICES)
def test_no_port_is_published_beyond_loopback(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        host = (
            port.get("host_ip", "") if isinstance(port, Mapping) else str(port).rpartition(":")[0].rpartition(":")[0]
        )
        assert host == "127.0.0.1", f"{port} can be reached from other machines"


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_rights_to_lose(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert {"privileged", "cap_add", "network_mode", "pid", "devices"}.isdisjoint(service)
    assert "docker.sock" not in str(service.get("volumes"))


@pytest.mark.parametrize("name", LINGER)
def test_linger_writes_nowhere_but_in_a_tmp_of_bounded_size(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert re.match(r"/tmp:size=\d+m", the_only(service["tmpfs"]))


@pytest.mark.parametrize("name", SERVICES)
def test_logs_cannot_fill_the_disk(name: str) -> None:
    assert {"max-size", "max-file"} <= SERVICES[name]["logging"]["options"].keys()


def test_no_password_stands_in_a_variable() -> None:
    for name in SERVICES:
        for variable, value in environment_of(name).items():
            assert "PASSWORD" not in variable or variable.endswith("_FILE")
            assert not re.search(r"://[^/]*@", value)


# -- what runs together fits together --------------------------------------------------------------------------------


def dependencies() -> list[tuple[str, str, str]]:
    return [
        (name, other, how["condition"])
        for name, service in SERVICES.items()
        for other, how in service.get("depends_on", {}).items()
    ]


@pytest.mark.parametrize(("name", "other", "condition"), dependencies())
def test_every_condition_can_come_true(name: str, other: str, condition: str) -> None:
    awaited = SERVICES[other]
    if condition == "service_healthy":
        assert awaited["healthcheck"]["test"][0] == "CMD"
    else:
        assert condition == "service_completed_successfully"
        assert is_one_shot(awaited), f"{other} never ends"


def is_one_shot(service: Mapping[str, Any]) -> bool:
    return str(service["restart"]).partition(":")[0] in ("no", "on-failure") and "test" not in service.get(
        "healthcheck", {}
    )


@pytest.mark.parametrize("name", WORKERS)
def test_workers_wait_for_all_that_they_need_at_their_start(name: str) -> None:
    assert SERVICES[name]["depends_on"].keys() == SERVICES.keys() - set(WORKERS)


@pytest.mark.parametrize("name", [name for name in LINGER if name not in WORKERS])
def test_what_ends_by_itself_has_not_the_health_check_of_a_worker(name: str) -> None:
    assert SERVICES[name]["healthcheck"] == {"disable": True}


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_has_the_time_to_end_that_it_counts_on(name: str) -> None:
    assert seconds(SERVICES[name]["stop_grace_period"]) > settings_of(name).shutdown_grace_ms / 1000


@pytest.mark.parametrize("name", WORKERS)
def test_the_published_port_of_a_worker_is_the_one_it_listens_on(name: str) -> None:
    settings = settings_of(name)
    host_ports, _, port = the_only(SERVICES[name]["ports"]).removeprefix("127.0.0.1:").partition(":")
    first, _, last = host_ports.partition("-")
    assert int(port) == settings.http_port
    assert settings.http_host == "0.0.0.0"
    assert int(last) - int(first) + 1 >= SERVICES[name]["deploy"]["replicas"]


def test_redis_evicts_nothing_and_writes_everything_down() -> None:
    command = SERVICES["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--maxmemory-policy"] == "noeviction"
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "everysec"
    assert SERVICES["redis"]["volumes"] == ["redis-data:/data"]


def test_kafka_keeps_its_data_and_creates_no_topic_by_itself() -> None:
    environment = environment_of("kafka")
    assert SERVICES["kafka"]["volumes"] == [f"kafka-data:{environment['KAFKA_LOG_DIRS']}"]
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_kafka_sends_each_client_on_to_an_address_that_the_client_can_reach() -> None:
    environment = environment_of("kafka")
    listens = dict(listener.split("://:") for listener in environment["KAFKA_LISTENERS"].split(","))
    advertised = dict(listener.split("://") for listener in environment["KAFKA_ADVERTISED_LISTENERS"].split(","))
    protocols = dict(
        listener.split(":") for listener in environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    assert listens.keys() == protocols.keys() == advertised.keys() | {"CONTROLLER"}
    assert advertised["INTERNAL"] == f"kafka:{listens['INTERNAL']}"
    assert SERVICES["kafka"]["ports"] == [f"{advertised['HOST']}:{listens['HOST']}"]
