"""Neo4j's errors as ours."""

from __future__ import annotations

from lineage.errors import (
    AlreadyExists,
    BackendError,
    Conflict,
    Corrupt,
    Invalid,
    LineageError,
    Unavailable,
)

__all__ = ["translate"]

_Answer = tuple[type[LineageError], str]
"""Our class, and what to do."""

_CREDENTIALS = (
    "give the right user and password in the URL, or in NEO4J_USERNAME and NEO4J_PASSWORD"
)
_RIGHTS = "ask the server's administrator for the right to do this"
_DATABASE = "create it, or name another at the end of the URL or in NEO4J_DATABASE"
_AGAIN = "another writer was faster; try again"
_MEMORY = "the server is short of memory; try again, ask for less at once, or give it more"
_LATER = "the server is busy; try again a little later"
_READONLY = "this member of the server takes no writes at the moment; try again"
_STARTING = "the database is stopped or starting; try again when it runs"
_DAMAGED = "the database is damaged; restore a backup, and look at the disk and the server's log"
_REACH = "see that the server runs, that host and port are right, and whether it wants encryption"
_TAKEN = "a key is taken; give another, or read what has it"
_REPORT = "this is not expected; please report it"

# An error that the same call cannot get rid of is no `Unavailable`, which says "try again".
_BY_CODE: dict[str, _Answer] = {
    "Neo.ClientError.Cluster.NotALeader": (Unavailable, _READONLY),
    "Neo.ClientError.Database.DatabaseNotFound": (BackendError, _DATABASE),
    "Neo.ClientError.Database.IllegalAliasChain": (BackendError, _DATABASE),
    "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase": (Unavailable, _READONLY),
    "Neo.ClientError.General.ReadOnly": (Unavailable, _READONLY),
    "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase": (Unavailable, _READONLY),
    "Neo.ClientError.Schema.ConstraintAlreadyExists": (Conflict, _AGAIN),
    "Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists": (Conflict, _AGAIN),
    "Neo.ClientError.Schema.IndexAlreadyExists": (Conflict, _AGAIN),
    "Neo.ClientError.Security.AuthenticationRateLimit": (
        BackendError,
        f"{_CREDENTIALS}, and wait a few seconds",
    ),
    "Neo.ClientError.Security.CredentialsExpired": (
        BackendError,
        "the password has to be changed first, in Neo4j Browser or with ALTER CURRENT USER",
    ),
    "Neo.ClientError.Security.Forbidden": (BackendError, _RIGHTS),
    "Neo.ClientError.Statement.SyntaxError": (BackendError, "lineage needs Neo4j 5.26 or newer"),
    "Neo.ClientError.Transaction.LockClientStopped": (Conflict, _AGAIN),
    "Neo.ClientError.Transaction.Terminated": (Conflict, "somebody ended it; try again"),
    "Neo.ClientError.Transaction.TransactionTimedOut": (
        Unavailable,
        "the server's db.transaction.timeout is too short for this; lengthen it, or ask for less",
    ),
    "Neo.DatabaseError.General.IndexCorruptionDetected": (Corrupt, _DAMAGED),
    "Neo.DatabaseError.General.SchemaCorruptionDetected": (Corrupt, _DAMAGED),
    "Neo.DatabaseError.General.StorageDamageDetected": (Corrupt, _DAMAGED),
    "Neo.TransientError.General.DatabaseUnavailable": (Unavailable, _STARTING),
    "Neo.TransientError.General.MemoryPoolOutOfMemoryError": (Unavailable, _MEMORY),
    "Neo.TransientError.General.OutOfMemoryError": (Unavailable, _MEMORY),
    "Neo.TransientError.General.StackOverFlowError": (Unavailable, _MEMORY),
    "Neo.TransientError.General.TransactionMemoryLimit": (Unavailable, _MEMORY),
    "Neo.TransientError.General.TransactionOutOfMemoryError": (Unavailable, _MEMORY),
    "Neo.TransientError.Transaction.BookmarkTimeout": (Unavailable, _LATER),
    "Neo.TransientError.Transaction.ConstraintsChanged": (Conflict, _AGAIN),
    "Neo.TransientError.Transaction.DeadlockDetected": (Conflict, _AGAIN),
    "Neo.TransientError.Transaction.Interrupted": (Conflict, _AGAIN),
    "Neo.TransientError.Transaction.LeaseExpired": (Conflict, _AGAIN),
    "Neo.TransientError.Transaction.LockAcquisitionTimeout": (Conflict, _AGAIN),
    "Neo.TransientError.Transaction.Outdated": (Conflict, _AGAIN),
}

# The first of these that an error is an instance of; an error's own class before its parents.
_BY_CLASS: dict[str, _Answer] = {
    "ConstraintError": (AlreadyExists, _TAKEN),
    "AuthError": (BackendError, _CREDENTIALS),
    "Forbidden": (BackendError, _RIGHTS),
    "DatabaseUnavailable": (Unavailable, _STARTING),
    "NotALeader": (Unavailable, _READONLY),
    "ForbiddenOnReadOnlyDatabase": (Unavailable, _READONLY),
    "TransientError": (Unavailable, _LATER),
    "IncompleteCommit": (
        Unavailable,
        "the connection broke during a commit; read what became of it",
    ),
    "SessionExpired": (Unavailable, "the connection broke; try again"),
    "ServiceUnavailable": (Unavailable, _REACH),
    "ConnectionPoolError": (Unavailable, _LATER),
    "BrokenRecordError": (
        Corrupt,
        "a value there is not one that lineage writes; restore a backup",
    ),
    "AuthConfigurationError": (BackendError, _CREDENTIALS),
    "CertificateConfigurationError": (BackendError, "look at the certificates"),
    "UnsupportedServerProduct": (BackendError, "lineage needs Neo4j 5.26 or newer"),
    "ConfigurationError": (BackendError, "look at the URL; lineage needs Neo4j 5.26 or newer"),
    "OSError": (Unavailable, _REACH),
    "BoltError": (Unavailable, _REACH),
    "OverflowError": (Invalid, "Neo4j holds integers of 64 bits; keep this one as text"),
    "UnicodeEncodeError": (Invalid, "Neo4j holds no half surrogate pairs; keep this as bytes"),
    "ValueError": (Invalid, "Neo4j does not hold this value; keep it elsewhere"),
    "TypeError": (Invalid, "Neo4j does not hold values of this type; keep it elsewhere"),
}


def translate(error: Exception, place: str) -> LineageError:
    """Return our error for one of Neo4j's, of its driver, or for a value that does not travel."""
    said = str(error)
    if said == "Driver closed":
        return Invalid("the store is closed")
    code = getattr(error, "code", None)
    if isinstance(code, str):
        said = f"{getattr(error, 'message', said)} ({code})"
    cls, advice = _BY_CODE.get(str(code)) or _answer_of_class(type(error))
    return cls(f"{place}: {said or type(error).__name__}: {advice}")


def _answer_of_class(cls: type[Exception]) -> _Answer:
    # By name, so that the driver is not imported for it, which takes a tenth of a second.
    found = (_BY_CLASS[each.__name__] for each in cls.__mro__ if each.__name__ in _BY_CLASS)
    return next(found, (BackendError, _REPORT))
