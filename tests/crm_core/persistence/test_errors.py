"""What goes wrong comes as the error that the library has for it, and says what to do."""

from __future__ import annotations

import os
from uuid import uuid4

import psycopg
import pytest
from eventsourcing import persistence
from eventsourcing.persistence import InfrastructureFactory, StoredEvent
from eventsourcing.utils import Environment

from crm_core import CrmError, Rejected, SetupError, Unavailable, VersionConflict
from crm_core.embedded import EmbeddedPostgres
from crm_core.persistence import LedgerFactory
from crm_core.persistence.errors import library_errors


def construct(**env: str) -> LedgerFactory:
    named = {"PERSISTENCE_MODULE": "crm_core.persistence", **env}
    return InfrastructureFactory.construct(Environment("Accounts", named))


def test_a_conflict_keeps_its_words() -> None:
    account = uuid4()
    factory = construct(PERSISTENCE_MODULE="crm_core.persistence.memory")
    recorder = factory.application_recorder()
    with pytest.raises(persistence.IntegrityError) as raised:
        recorder.insert_events([StoredEvent(account, 3, "opened", b"{}")])
    assert str(raised.value) == (
        f"Wrong expected version: 2 (stream: eventsourcing:Accounts/{account}, stream version: 0)"
    )
    assert isinstance(raised.value.__cause__, VersionConflict)
    factory.close()


def test_a_closed_application_says_so() -> None:
    factory = construct(PERSISTENCE_MODULE="crm_core.persistence.memory")
    recorder = factory.application_recorder()
    factory.close()
    factory.close()
    with pytest.raises(persistence.InterfaceError, match="closed"):
        recorder.max_notification_id()
    with pytest.raises(persistence.InterfaceError, match="closed"):
        next(recorder.subscribe())


def test_a_database_that_is_away_is_operational_and_keeps_the_password() -> None:
    with pytest.raises(persistence.OperationalError, match=r"database\.unreachable") as raised:
        construct(CRM_DATABASE_URL="postgresql://ada:secret@127.0.0.1:1/none")
    assert "secret" not in str(raised.value)


def test_a_database_without_a_ledger_says_what_to_run(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(persistence.OperationalError, match="crm migrate"):
        construct(CRM_DATABASE_URL=postgres.url())


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({}, "persistence.no_database"),
        ({"CRM_ACTOR": "billing"}, "persistence.unknown_actor"),
        ({"CRM_ACTOR": "SYSTEM:"}, "persistence.unknown_actor"),
        ({"CRM_ACTOR": "ROBOT:r2"}, "persistence.unknown_actor"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(env: dict[str, str], code: str) -> None:
    with pytest.raises(SetupError) as raised:
        construct(**env)
    assert raised.value.code == code


def test_a_recorder_has_one_of_two_purposes() -> None:
    factory = construct(PERSISTENCE_MODULE="crm_core.persistence.memory")
    with pytest.raises(SetupError, match=r"persistence\.unknown_purpose"):
        factory.aggregate_recorder("history")
    factory.close()


def test_an_event_beyond_the_limit_is_a_data_error(module: str) -> None:
    with InfrastructureFactory.construct(Environment("Accounts", os.environ)) as factory:
        recorder = factory.application_recorder()
        with pytest.raises(persistence.DataError, match="bytes_max=1048576"):
            recorder.insert_events([StoredEvent(uuid4(), 1, "opened", bytes(2**20 + 1))])
        factory.close()


@pytest.mark.parametrize("purpose", ["events", "snapshots"])
def test_what_the_database_cannot_keep_is_a_data_error(
    shared_database_url: str, purpose: str
) -> None:
    factory = construct(CRM_DATABASE_URL=shared_database_url, CRM_TENANT=uuid4().hex)
    with pytest.raises(persistence.DataError) as raised:
        factory.aggregate_recorder(purpose).insert_events(
            [StoredEvent(uuid4(), 1, "Ada \x00 Byron", b"{}")]
        )
    assert "Ada" not in str(raised.value)
    factory.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.InterfaceError(), persistence.InterfaceError),
        (psycopg.errors.InvalidTextRepresentation(), persistence.DataError),
        (psycopg.errors.AdminShutdown(), persistence.OperationalError),
        (psycopg.errors.UniqueViolation(), persistence.IntegrityError),
        (psycopg.errors.InFailedSqlTransaction(), persistence.InternalError),
        (psycopg.errors.UndefinedTable(), persistence.ProgrammingError),
        (psycopg.errors.FeatureNotSupported(), persistence.NotSupportedError),
        (psycopg.DatabaseError(), persistence.DatabaseError),
        (psycopg.Error(), persistence.PersistenceError),
        (Rejected("ledger.event_exists"), persistence.IntegrityError),
        (Rejected("ledger.unstorable"), persistence.DataError),
        (Unavailable("database.gone"), persistence.OperationalError),
        (CrmError("any.other"), persistence.OperationalError),
    ],
)
def test_every_error_has_its_class(
    error: Exception, kind: type[persistence.PersistenceError]
) -> None:
    with pytest.raises(persistence.PersistenceError) as raised, library_errors():
        raise error
    assert type(raised.value) is kind
    assert raised.value.__cause__ is error


def test_the_environment_is_the_applications_own(module: str) -> None:
    named = {**os.environ, "ACCOUNTS_CRM_ACTOR": "USER:u1", "SHIPPING_CRM_ACTOR": "no"}
    factory = InfrastructureFactory.construct(Environment("Accounts", named))
    assert factory.log._actor.id == "u1"
    factory.close()
