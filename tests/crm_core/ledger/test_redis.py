"""Redis wakes who waits in another process; without it, the same events come a little later."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import eventsourcing.persistence as library
import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crm_core import SYSTEM, Crm, RecordedEvent, SetupError, Subscription, derived_id, tenant_id_of
from crm_core.customers import RegisterPerson
from crm_core.ledger import redis_signal
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.keys import PostgresKeyStore
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.redis_signal import RedisSignal
from crm_core.ledger.watch import Pauses, relay_by
from crm_core.persistence import LedgerFactory
from crm_core.privacy.keys import Keyring
from query_counts import count_queries
from redis_server import RedisServer

ROOT_KEY = bytes(range(32))
NEVER = Pauses(3600, 3600)  # nobody who waits looks by itself
USUAL = Pauses()

_APPEND = """
import asyncio, os
from crm_core import SYSTEM, Crm
from crm_core.customers import RegisterPerson

async def main():
    given = {"root_key": bytes(range(32)), "redis_url": os.environ["REDIS"]}
    async with await Crm.open(os.environ["DATABASE"], **given) as crm:
        await crm.execute(RegisterPerson(name="Ada"), actor=SYSTEM)

asyncio.run(main())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="crm-redis-"))  # the path of a socket must be short
    yield made
    shutil.rmtree(made)


@pytest.fixture
def redis(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is given up, and tried again, sooner than in earnest."""
    monkeypatch.setattr(redis_signal, "_ANSWER_SECONDS_MAX", 0.2)
    monkeypatch.setattr(redis_signal, "_SILENCE_SECONDS_MAX", 0.2)
    monkeypatch.setattr(redis_signal, "_PAUSE_SECONDS_MAX", 0.1)


@asynccontextmanager
async def process(url: str, redis_url: str | None, pauses: Pauses) -> AsyncIterator[Crm]:
    """A CRM as another process has it: it shares the database and Redis with this one, no more."""
    pool = await open_pool(url, "crm_app", size=2)
    relay = None if redis_url is None else RedisSignal(redis_url)
    ledger = PostgresLedger(pool, relay=relay, pauses=pauses)
    async with Crm(ledger, Keyring(ROOT_KEY, PostgresKeyStore(pool))) as crm:
        yield crm


async def append(crm: Crm, count: int = 1) -> None:
    for _ in range(count):
        await crm.execute(RegisterPerson(name="Ada"), actor=SYSTEM)


async def heard(redis: RedisServer) -> None:
    """Returns once somebody listens to this Redis."""
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(redis.listeners):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


def following(crm: Crm, after: int = 0) -> asyncio.Task[RecordedEvent]:
    return asyncio.ensure_future(_next(crm.subscribe(after=after)))


async def _next(subscription: Subscription) -> RecordedEvent:
    return await anext(subscription)


async def test_an_append_of_another_process_wakes_who_waits_for_it(
    database_url: str, redis: RedisServer
) -> None:
    async with process(database_url, redis.url, NEVER) as crm:
        waiting = following(crm)
        await heard(redis)
        environment = os.environ | {"DATABASE": database_url, "REDIS": redis.url}
        await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", _APPEND], check=True, env=environment
        )
        assert (await asyncio.wait_for(waiting, 20)).position == 1


async def test_an_application_of_the_library_wakes_others_and_is_woken(
    database_url: str, redis: RedisServer
) -> None:
    settings = {"CRM_DATABASE_URL": database_url, "CRM_REDIS_URL": redis.url}

    def append_there() -> None:
        with contextlib.closing(LedgerFactory(settings)) as factory:
            event = library.StoredEvent(uuid4(), 1, "opened", b"{}")
            factory.application_recorder().insert_events([event])

    pool = await open_pool(database_url, "crm_app", size=2)
    ledger = PostgresLedger(pool, relay=relay_by(redis.url), pauses=NEVER)
    tenant_id = derived_id(tenant_id_of("main"), "application", "application")
    waiting = asyncio.ensure_future(ledger.wait(tenant_id, after=0, seconds=None))
    await heard(redis)
    await asyncio.to_thread(append_there)
    assert await asyncio.wait_for(waiting, 20) == 1
    await ledger.close()


async def test_without_redis_and_without_a_look_nobody_would_be_woken(database_url: str) -> None:
    """What the test above would see if it were not for Redis."""
    async with process(database_url, None, NEVER) as crm, process(database_url, None, USUAL) as by:
        waiting = following(crm)
        await asyncio.sleep(0.1)  # beyond its first look
        await append(by)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting, 0.5)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("trouble", [RedisServer.kill, RedisServer.hang, RedisServer.flush])
async def test_trouble_with_redis_costs_no_event_and_doubles_none(
    database_url: str, redis: RedisServer, trouble: Callable[[RedisServer], None]
) -> None:
    async with (
        process(database_url, redis.url, USUAL) as crm,
        process(database_url, redis.url, USUAL) as other,
        asyncio.timeout(30),
    ):
        subscription, seen = crm.subscribe(), []

        async def follow() -> None:
            while len(seen) < 40:
                seen.append((await anext(subscription)).position)

        reading = asyncio.create_task(follow())
        await heard(redis)
        await append(other, 10)
        trouble(redis)
        await append(other, 20)
        await append(crm, 10)
        await reading
    assert seen == list(range(1, 41))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("trouble", "relief"),
    [
        (RedisServer.kill, RedisServer.start),
        (RedisServer.hang, RedisServer.go_on),
        (RedisServer.flush, lambda _: None),
    ],
)
async def test_once_redis_is_back_it_wakes_again(
    database_url: str,
    redis: RedisServer,
    trouble: Callable[[RedisServer], None],
    relief: Callable[[RedisServer], None],
) -> None:
    async with (
        process(database_url, redis.url, NEVER) as crm,
        process(database_url, redis.url, NEVER) as other,
    ):
        waiting = following(crm)
        await heard(redis)
        await asyncio.to_thread(trouble, redis)
        await asyncio.sleep(0.5)  # long enough for it to be missed
        await asyncio.to_thread(relief, redis)
        await heard(redis)
        async with asyncio.timeout(20):
            while not waiting.done():  # a wake-up sent into the confusion may be lost
                await append(other)
                await asyncio.wait([waiting], timeout=0.2)
        assert waiting.result().position == 1


@pytest.mark.usefixtures("impatient")
async def test_an_absent_redis_is_reported_once_and_never_with_its_password(
    database_url: str,
) -> None:
    absent = "redis://user:a-secret@127.0.0.1:1/0"
    with structlog.testing.capture_logs() as logs:
        async with process(database_url, absent, USUAL) as crm:
            subscription = crm.subscribe()
            for position in (1, 2, 3):
                await append(crm)
                assert (await anext(subscription)).position == position
                await asyncio.sleep(0.2)
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("redis.away", "warning")]
    assert "secret" not in str(logs)


@pytest.mark.usefixtures("impatient")
async def test_a_redis_that_hangs_is_noticed_by_who_only_listens(
    database_url: str, redis: RedisServer
) -> None:
    with structlog.testing.capture_logs() as logs:
        async with process(database_url, redis.url, USUAL) as crm:
            waiting = following(crm)
            await heard(redis)
            redis.hang()
            async with asyncio.timeout(20):
                while not logs:  # noqa: ASYNC110 - a list tells nobody
                    await asyncio.sleep(0.01)
            waiting.cancel()
    assert [entry["event"] for entry in logs] == ["redis.away"]


@pytest.mark.usefixtures("impatient")
async def test_the_log_says_when_redis_is_back(database_url: str, redis: RedisServer) -> None:
    with structlog.testing.capture_logs() as logs:
        async with process(database_url, redis.url, USUAL) as crm:
            waiting = following(crm, after=1)
            await heard(redis)
            redis.kill()
            await append(crm)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(redis.start)
            async with asyncio.timeout(20):
                while len(logs) < 2:  # noqa: ASYNC110 - a list tells nobody
                    await asyncio.sleep(0.01)
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
    assert [entry["event"] for entry in logs] == ["redis.away", "redis.back"]


@pytest.mark.parametrize(
    "said", ["{tenant} 9999999999", "{tenant} -5", "{tenant} x", "nonsense", "", "\u00ff 1 2"]
)
async def test_what_others_say_on_that_channel_harms_nobody(
    database_url: str, redis: RedisServer, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis may serve a second database with a tenant of the same name."""
    async with process(database_url, redis.url, NEVER) as crm:
        asked = count_queries(crm, monkeypatch)
        ledger = crm.store.ledger
        waiting = asyncio.create_task(ledger.wait(crm.tenant_id, after=0, seconds=None))
        await heard(redis)
        with redis.client() as client:
            for _ in range(20):
                client.publish("crm.ledger", said.format(tenant=crm.tenant_id))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        assert asked["looks"] < 25
        await append(crm)
        assert await asyncio.wait_for(waiting, 20) == 1


def _certified(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for localhost that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, form, plain))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "key.pem", folder / "certificate.pem"


async def test_redis_may_be_behind_tls(database_url: str, folder: Path) -> None:
    key, certificate = _certified(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    server = RedisServer(
        folder, "--tls-port", port, "--tls-auth-clients", "no", "--tls-key-file", str(key),
        "--tls-cert-file", str(certificate), "--tls-ca-cert-file", str(certificate),
    )  # fmt: skip
    server.start()
    url = f"rediss://localhost:{port}/0?ssl_ca_certs={certificate}"
    try:
        async with (
            process(database_url, url, NEVER) as crm,
            process(database_url, url, NEVER) as by,
        ):
            waiting = following(crm)
            await heard(server)
            await append(by)
            assert (await asyncio.wait_for(waiting, 20)).position == 1
    finally:
        server.kill()


async def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(SetupError, match=r"redis\.bad_url"):
        await Crm.open("postgresql://x@127.0.0.1:1/x", root_key=ROOT_KEY, redis_url="http://x")
