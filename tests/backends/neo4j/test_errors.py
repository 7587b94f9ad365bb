"""Every error of Neo4j and of its driver as one of ours."""

import neo4j
import pytest
from neo4j import exceptions
from neo4j.exceptions import DriverError, Neo4jError

from lineage import (
    AlreadyExists,
    BackendError,
    Conflict,
    Corrupt,
    Invalid,
    LineageError,
    Unavailable,
)
from lineage.backends.neo4j.errors import translate

PLACE = "neo4j://graph.example/runs"
SERVER = {
    "ClientError.Security.Unauthorized": (BackendError, "NEO4J_PASSWORD"),
    "ClientError.Security.AuthenticationRateLimit": (BackendError, "wait a few seconds"),
    "ClientError.Security.CredentialsExpired": (BackendError, "changed first"),
    "ClientError.Security.TokenExpired": (BackendError, "NEO4J_PASSWORD"),
    "ClientError.Security.Forbidden": (BackendError, "administrator"),
    "ClientError.Security.AuthorizationExpired": (Unavailable, "again"),
    "ClientError.Database.DatabaseNotFound": (BackendError, "NEO4J_DATABASE"),
    "ClientError.Schema.ConstraintValidationFailed": (AlreadyExists, "taken"),
    "ClientError.Schema.EquivalentSchemaRuleAlreadyExists": (Conflict, "try again"),
    "ClientError.Schema.ConstraintAlreadyExists": (Conflict, "try again"),
    "ClientError.Statement.SyntaxError": (BackendError, r"5\.26"),
    "ClientError.Statement.TypeError": (BackendError, "report"),
    "ClientError.Transaction.LockClientStopped": (Conflict, "try again"),
    "ClientError.Transaction.Terminated": (Conflict, "try again"),
    "ClientError.Transaction.TransactionTimedOut": (Unavailable, r"db\.transaction\.timeout"),
    "ClientError.General.ForbiddenOnReadOnlyDatabase": (Unavailable, "no writes"),
    "ClientError.Cluster.NotALeader": (Unavailable, "no writes"),
    "TransientError.Transaction.DeadlockDetected": (Conflict, "try again"),
    "TransientError.Transaction.LockAcquisitionTimeout": (Conflict, "try again"),
    "TransientError.Transaction.Terminated": (Conflict, "try again"),
    "TransientError.Transaction.LockClientStopped": (Conflict, "try again"),
    "TransientError.General.DatabaseUnavailable": (Unavailable, "when it runs"),
    "TransientError.General.MemoryPoolOutOfMemoryError": (Unavailable, "memory"),
    "TransientError.Request.NoThreadsAvailable": (Unavailable, "busy"),
    "DatabaseError.General.StorageDamageDetected": (Corrupt, "backup"),
    "DatabaseError.General.UnknownError": (BackendError, "report"),
    "SomethingNew.Of.Tomorrow": (BackendError, "report"),
}
DRIVER = {
    exceptions.ServiceUnavailable: Unavailable,
    exceptions.RoutingServiceUnavailable: Unavailable,
    exceptions.SessionExpired: Unavailable,
    exceptions.IncompleteCommit: Unavailable,
    exceptions.ConnectionAcquisitionTimeoutError: Unavailable,
    exceptions.AuthConfigurationError: BackendError,
    exceptions.CertificateConfigurationError: BackendError,
    exceptions.ConfigurationError: BackendError,
    exceptions.UnsupportedServerProduct: BackendError,
    exceptions.BrokenRecordError: Corrupt,
    exceptions.TransactionError: BackendError,
    exceptions.ResultConsumedError: BackendError,
}
TAKES_ITS_SOURCE = (
    exceptions.SessionError,
    exceptions.TransactionError,
    exceptions.ResultError,
)


def classes(cls: type[Exception]) -> list[type[Exception]]:
    return [cls, *(each for sub in cls.__subclasses__() for each in classes(sub))]


def of_server(code: str) -> Neo4jError:
    return Neo4jError._hydrate_neo4j(code=f"Neo.{code}", message="what the server said")


def of_driver(cls: type[Exception]) -> Exception:
    said = "what the driver said"
    return cls(None, said) if issubclass(cls, TAKES_ITS_SOURCE) else cls(said)


@pytest.mark.parametrize("code", SERVER)
def test_code_of_the_server(code: str) -> None:
    cls, advice = SERVER[code]
    translated = translate(of_server(code), PLACE)
    assert type(translated) is cls
    title = code.rpartition(".")[2]
    with pytest.raises(cls, match=f"^{PLACE}: what the server said .*{title}.*: .*{advice}"):
        raise translated


@pytest.mark.parametrize("cls", [*classes(Neo4jError), *classes(DriverError)])
def test_every_class_of_the_driver(cls: type[Exception]) -> None:
    translated = translate(of_driver(cls), PLACE)
    assert isinstance(translated, LineageError)
    assert str(translated).startswith(f"{PLACE}: ")


@pytest.mark.parametrize("cls", DRIVER)
def test_class_of_a_kind(cls: type[Exception]) -> None:
    assert type(translate(of_driver(cls), PLACE)) is DRIVER[cls]


@pytest.mark.parametrize("name", exceptions.__all__)
def test_every_error_that_the_driver_names_is_one_of_these(name: str) -> None:
    named = getattr(exceptions, name)
    if named not in {exceptions.GqlError, exceptions.GqlErrorClassification}:
        assert named in {*classes(Neo4jError), *classes(DriverError)}


@pytest.mark.parametrize("cls", [*classes(exceptions.TransientError), *DRIVER])
def test_what_the_driver_would_try_again_is_retryable(cls: type[Exception]) -> None:
    error = of_driver(cls)
    if getattr(error, "is_retryable")():  # noqa: B009
        assert translate(error, PLACE).retryable


@pytest.mark.parametrize(
    ("error", "cls"),
    [
        (OverflowError("too big"), Invalid),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), Invalid),
        (ValueError("odd"), Invalid),
        (TypeError("odd"), Invalid),
        (OSError("no route"), Unavailable),
        (TimeoutError("no answer"), Unavailable),
        (AssertionError(), BackendError),
        (AttributeError("a fault of the driver"), BackendError),
    ],
)
def test_error_that_is_not_of_neo4j(error: Exception, cls: type[LineageError]) -> None:
    translated = translate(error, PLACE)
    assert type(translated) is cls
    assert PLACE in str(translated)
    assert str(error) in str(translated)


def test_closed_driver() -> None:
    with neo4j.GraphDatabase.driver("bolt://graph.example") as driver:
        driver.close()
        with pytest.raises(DriverError) as refused:
            driver.session()
    assert type(translate(refused.value, PLACE)) is Invalid
