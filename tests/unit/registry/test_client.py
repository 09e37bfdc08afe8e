"""Laws of asking a schema registry, against an HTTP server that answers what the test says."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from aiohttp import web

from workers.registry.client import RegistryAccess, RegistryClient, RegistryUnavailable, UnknownSchema

SECRET: Final = "s3cret-Ümläut"
SCHEMA: Final = {"schema": '"string"', "schemaType": "AVRO"}
Answer = Callable[[web.Request], web.Response]


def answered(content: Any, status: int = 200) -> Answer:
    return lambda _: web.Response(text=content if isinstance(content, str) else json.dumps(content), status=status)


def asking(answer: Answer, ask: Callable[[RegistryClient], Awaitable[Any]], **access: Any) -> Any:
    """What a client makes of an answer."""

    async def run() -> Any:
        async def handle(request: web.Request) -> web.Response:
            return answer(request)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            client = RegistryClient(RegistryAccess(f"http://{host}:{port}/apis/ccompat/v7", **access))
            async with client.opened():
                return await ask(client)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def test_a_schema_is_asked_for_by_its_id_below_the_path_of_the_url() -> None:
    seen: list[str] = []

    def answer(request: web.Request) -> web.Response:
        seen.append(request.path_qs)
        return answered({"schema": '"int"'})(request)

    schema = asking(answer, lambda client: client.schema(7))
    assert (schema.kind, schema.text, schema.references) == ("AVRO", '"int"', ())
    assert seen == ["/apis/ccompat/v7/schemas/ids/7"]


def test_what_a_schema_refers_to_comes_before_it_and_each_once() -> None:
    contents = {
        "/schemas/ids/7": {"schema": "top", "references": [ref("b", 2), ref("a/x", 1)]},
        "/subjects/b/versions/2?deleted=true": {"schema": "b", "references": [ref("a/x", 1)]},
        "/subjects/a%2Fx/versions/1?deleted=true": {"schema": "a"},
    }
    schema = asking(
        lambda request: answered(contents[request.raw_path.removeprefix("/apis/ccompat/v7")])(request),
        lambda client: client.schema(7),
    )
    assert (schema.text, schema.references) == ("top", ("a", "b"))


def ref(subject: str, version: int) -> dict[str, Any]:
    return {"name": subject, "subject": subject, "version": version}


def test_schemas_that_refer_to_one_another_end() -> None:
    endless = {"schema": "x", "references": [ref("x", 1)]}
    assert asking(answered(endless), lambda client: client.schema(7)).references == ("x",)


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        ({}, None),
        ({"user": "linger", "password": SECRET}, "Basic " + b64encode(f"linger:{SECRET}".encode()).decode()),
        ({"password": "t0ken"}, "Bearer t0ken"),
    ],
)
def test_the_credentials_are_given_as_they_are_set(access: dict[str, str], expected: str | None) -> None:
    seen: list[str | None] = []

    def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return answered(SCHEMA)(request)

    asking(answer, lambda client: client.schema(7), **access)
    assert seen == [expected]


def test_an_id_that_the_registry_does_not_have_is_told_from_an_address_that_is_wrong() -> None:
    unknown = {"error_code": 40403, "message": "Schema 7 not found"}
    with pytest.raises(UnknownSchema, match="Schema 7 not found"):
        asking(answered(unknown, 404), lambda client: client.schema(7))
    for body in ("<html>not found</html>", '{"error": "no"}', '{"error_code": 404}'):
        with pytest.raises(RegistryUnavailable, match="LINGER_SCHEMA_REGISTRY_URL"):
            asking(answered(body, 404), lambda client: client.schema(7))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answered("", 500), "status 500"),
        (answered({"error_code": 50001}, 503), "status 503"),
        (answered({}, 401), "LINGER_SCHEMA_REGISTRY_PASSWORD"),
        (answered({}, 403), "refuses the credentials"),
        (answered("<html>"), "not as a registry"),
        (answered("", 302), "LINGER_SCHEMA_REGISTRY_URL"),
        (answered({"schema": 5}), "without a text 'schema'"),
        (answered([]), "without a text"),
        (answered({"schema": "x", "references": [5]}), "reference"),
        (answered('"' + "x" * (5 << 20) + '"'), "more than 4 MiB"),
        (answered("[" * 100_000), "not as a registry"),
    ],
)
def test_an_answer_that_no_registry_gives_is_no_answer(answer: Answer, said: str) -> None:
    with pytest.raises(RegistryUnavailable, match=said) as caught:
        asking(answer, lambda client: client.schema(7), user="linger", password=SECRET)
    assert SECRET not in repr(caught.value)


def test_a_registry_that_is_not_there_or_does_not_end_its_answer_is_named_and_nothing_secret_is() -> None:
    async def ask(url: str) -> None:
        client = RegistryClient(RegistryAccess(url, "linger", SECRET, timeout_seconds=0.2))
        async with client.opened():
            await client.schema(7)

    async def silent() -> None:
        ends = asyncio.Event()

        async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await ends.wait()
            writer.close()

        server = await asyncio.start_server(never, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            await ask(f"http://127.0.0.1:{port}")
        finally:
            ends.set()
            server.close()

    with pytest.raises(RegistryUnavailable, match=r"does not answer within 0\.2 seconds") as caught:
        asyncio.run(silent())
    assert SECRET not in repr(caught.value)
    with pytest.raises(RegistryUnavailable, match=r"at http://127\.0\.0\.1:1/x cannot be asked: ConnectionRefused"):
        asyncio.run(ask("http://127.0.0.1:1/x"))
    assert SECRET not in repr(RegistryAccess("http://x", "linger", SECRET))


@pytest.mark.parametrize("answer", [answered(SCHEMA), answered({"error_code": 40403, "message": "no"}, 404)])
def test_a_registry_can_be_used_whether_or_not_it_has_schemas(answer: Answer) -> None:
    asking(answer, lambda client: client.check())
    with pytest.raises(RegistryUnavailable):
        asking(answered("", 502), lambda client: client.check())
