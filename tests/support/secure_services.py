"""A real Apache Kafka and a real Redis that refuse everything that is not allowed, for the tests of security.

Kafka: SASL_SSL with SCRAM-SHA-512 on one port, TLS with client certificates on another, and an authorizer that
denies what no ACL allows. Redis: TLS only, users from an ACL file, no default user. Certificates are made by
`openssl` for the run and are gone with its folder. A certificate's common name and a SCRAM user of the same name are
one principal.
"""

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int8, Int16, Int32, Schema, String

from tests.support.services import ServiceError, running_broker
from workers.demo.embedded import HOST, Pair, free_ports, running_server
from workers.kafka.topics import Connected, _ask

ADMIN = "admin"
KEY_PASSWORD = "key-password-7f3a"
ADMIN_PASSWORD = "admin-password-51cd"

_SECURE_LISTENERS = """\
listeners=SASL_SSL://{host}:{scram_port},SSL://{host}:{mtls_port},CONTROLLER://{host}:{controller_port}
advertised.listeners=SASL_SSL://{host}:{scram_port},SSL://{host}:{mtls_port}
inter.broker.listener.name=SSL
listener.security.protocol.map=SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={folder}/server-keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/
listener.name.ssl.ssl.client.auth=required
listener.name.controller.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:server;User:admin
"""


@dataclass(frozen=True)
class SecurePair(Pair):
    """Where the two answer, and the files that let one in.

    Attributes:
        mtls_servers: `host:port` of the listener that wants client certificates.
        folder: `ca.pem`, `other-ca.pem` (trusted by no server), and for each client `<name>.pem` and `<name>.key`.
    """

    mtls_servers: str = ""
    folder: Path = field(default_factory=Path)

    def variables(self) -> dict[str, str]:
        """Return the variables of the test itself, which may do everything."""
        return {
            **super().variables(),
            "LINGER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "LINGER_KAFKA_SSL_CAFILE": str(self.folder / "ca.pem"),
            "LINGER_KAFKA_SASL_USERNAME": ADMIN,
            "LINGER_KAFKA_SASL_PASSWORD": ADMIN_PASSWORD,
            "LINGER_REDIS_USERNAME": ADMIN,
            "LINGER_REDIS_PASSWORD": ADMIN_PASSWORD,
            "LINGER_REDIS_SSL_CA_CERTS": str(self.folder / "ca.pem"),
        }


def missing_openssl() -> str | None:
    """Say why certificates cannot be made here and how to change that, or None if they can."""
    if shutil.which("openssl") is None:
        return "certificates are made with openssl; on Debian: apt-get install openssl"
    return None


@contextmanager
def running_secure_pair(
    log_dir: Path, scram_users: Mapping[str, str], certificates: Sequence[str], redis_users: Sequence[str]
) -> Iterator[SecurePair]:
    """Run both until the block ends.

    Args:
        log_dir: where `kafka.log` and `redis.log` are written.
        scram_users: passwords by name, besides the administrator's.
        certificates: names of clients that get one; their keys are encrypted with `KEY_PASSWORD`.
        redis_users: lines of an ACL file, besides the administrator's.
    """
    scram_port, mtls_port, controller_port, redis_port = free_ports(4)
    with tempfile.TemporaryDirectory(prefix="linger-secure-") as name:
        folder = Path(name)
        make_certificates(folder, certificates)
        listeners = _SECURE_LISTENERS.format(
            host=HOST, scram_port=scram_port, mtls_port=mtls_port, controller_port=controller_port, folder=folder
        )
        with (
            _running_redis(folder, redis_port, log_dir, redis_users),
            running_broker(
                folder / "kafka",
                controller_port,
                listeners,
                log_dir,
                lambda: _shakes_hands(scram_port, folder / "ca.pem"),
                *_scram_options({ADMIN: ADMIN_PASSWORD, **scram_users}),
            ),
        ):
            yield SecurePair(
                f"{HOST}:{scram_port}",
                f"rediss://{HOST}:{redis_port}/0",
                mtls_servers=f"{HOST}:{mtls_port}",
                folder=folder,
            )


def make_certificates(folder: Path, clients: Sequence[str]) -> None:
    """Make an authority, another one that is not trusted, and certificates for the servers and some clients."""
    for authority in ("ca", "other-ca"):
        subject = ["-subj", f"/CN={authority}", "-days", "2", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        _openssl(folder, "req", "-x509", *_new_key(f"{authority}.key"), "-out", f"{authority}.pem", *subject)
    for name in ("server", *clients):
        _openssl(folder, "req", *_new_key(f"{name}.plain"), "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "extensions").write_text(
            "basicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
            f"subjectAltName=IP:{HOST},DNS:localhost\n"
        )
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extensions"]
        _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)
        encrypted = ["-topk8", "-v2", "aes256", "-passout", f"pass:{KEY_PASSWORD}"]
        _openssl(folder, "pkcs8", "-in", f"{name}.plain", "-out", f"{name}.key", *encrypted)
    keystore = (folder / "server.plain").read_text() + (folder / "server.pem").read_text()
    (folder / "server-keystore.pem").write_text(keystore)


def _new_key(name: str) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", name]


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["openssl", *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise ServiceError(f"openssl {' '.join(arguments)}: {done.stderr}")


def _scram_options(users: Mapping[str, str]) -> list[str]:
    return [f"--add-scram=SCRAM-SHA-512=[name={name},password={users[name]}]" for name in users]


@contextmanager
def _running_redis(folder: Path, port: int, log_dir: Path, users: Sequence[str]) -> Iterator[None]:
    admin = f"user {ADMIN} on >{ADMIN_PASSWORD} ~* &* +@all"
    (folder / "users.acl").write_text("\n".join(["user default off", admin, *users]) + "\n")
    files = ["--tls-cert-file", "server.pem", "--tls-key-file", "server.plain", "--tls-ca-cert-file", "ca.pem"]
    listener = ["--bind", HOST, "--port", "0", "--tls-port", str(port), "--tls-auth-clients", "optional"]
    files += ["--aclfile", "users.acl"]
    rest = ["--dir", str(folder), "--appendonly", "yes", "--save", ""]
    with running_server(
        ["redis-server", *rest, *listener, *_absolute(folder, files)],
        log_dir / "redis.log",
        lambda: _shakes_hands(port, folder / "ca.pem"),
        environment=os.environ,
    ):
        yield


def _absolute(folder: Path, arguments: Sequence[str]) -> list[str]:
    return [part if part.startswith("--") else str(folder / part) for part in arguments]


def _shakes_hands(port: int, authority: Path) -> bool:
    context = ssl.create_default_context(cafile=str(authority))
    try:
        with (
            socket.create_connection((HOST, port), timeout=1.0) as plain,
            context.wrap_socket(plain, server_hostname=HOST),
        ):
            return True
    except OSError:
        return False


# -- ACLs: what `kafka-acls.sh` sends ----------------------------------------------------------------------------

_RESOURCES = {"--topic": 2, "--group": 3, "--transactional-id": 5}
_OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
_PATTERNS = {"literal": 3, "prefixed": 4}
_ALLOW = 3


class _CreateAclsResponse(Response):  # type: ignore[misc]
    API_KEY = 30
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32), ("results", Array(("error_code", Int16), ("error_message", String("utf-8"))))
    )


class _CreateAclsStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 30
    API_VERSION = 1
    RESPONSE_TYPE = _CreateAclsResponse
    SCHEMA = Schema(
        (
            "creations",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                ("pattern", Int8),
                ("principal", String("utf-8")),
                ("host", String("utf-8")),
                ("operation", Int8),
                ("permission", Int8),
            ),
        )
    )


class _CreateAcls(Request[_CreateAclsStruct]):  # type: ignore[misc]
    API_KEY = 30

    def __init__(self, creations: list[tuple[Any, ...]]) -> None:
        self._creations = creations

    def build(self, request_struct_class: type[_CreateAclsStruct]) -> _CreateAclsStruct:
        return request_struct_class(self._creations)


def acls_of_script(script: Path, **variables: str) -> list[tuple[Any, ...]]:
    """Run a script of `kafka-acls.sh` calls and return what they would create, each as CreateAcls has it.

    The jars of the tests have no command line for ACLs, so `kafka-acls.sh` is one that only notes its arguments.
    What is not understood here is an error.
    """
    with tempfile.TemporaryDirectory() as name:
        noted, tool = Path(name, "noted"), Path(name, "kafka-acls.sh")
        tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" "" >> {noted}\n')
        tool.chmod(0o755)
        environment = {"PATH": os.environ["PATH"], "KAFKA_ACLS": str(tool), **variables}
        subprocess.run(["sh", str(script)], env=environment, check=True, capture_output=True)
        calls = noted.read_text().strip("\n").split("\n\n")
    return [creation for call in calls for creation in _creations(call.split("\n"))]


def _creations(call: list[str]) -> list[tuple[Any, ...]]:
    resources: list[tuple[int, str]] = []
    principal, pattern, operations, given = "", "literal", list[str](), iter(call)
    for option in given:
        if option in _RESOURCES:
            resources.append((_RESOURCES[option], next(given)))
        elif option == "--operation":
            operations.append(next(given))
        elif option == "--allow-principal":
            principal = next(given)
        elif option == "--resource-pattern-type":
            pattern = next(given)
        elif option in ("--bootstrap-server", "--command-config"):
            next(given)
        elif option != "--add":
            raise ServiceError(f"kafka-acls.sh {' '.join(call)}: '{option}' is not understood here")
    return [
        (kind, name, _PATTERNS[pattern], principal, "*", _OPERATIONS[operation], _ALLOW)
        for kind, name in resources
        for operation in operations
    ]


async def create_acls(connected: Connected, creations: list[tuple[Any, ...]]) -> None:
    """Create ACLs, and wait until they can be counted on."""
    answer = (await _ask(connected, _CreateAcls(creations))).to_object()
    if failed := [result for result in answer["results"] if result["error_code"]]:
        raise ServiceError(f"ACLs were refused: {failed}")
    await asyncio.sleep(0)  # one node: the controller's log is the broker's, applied before the answer
