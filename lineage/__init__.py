"""Graph-native lineage for machine learning: what every step read and wrote, and questions about it."""

from lineage.answers.curves import Curve, Point
from lineage.answers.log import Change, LogEntry, NodeEntry
from lineage.answers.subgraph import Subgraph
from lineage.contract.walking import Cut, Direction, Limits
from lineage.errors import (
    AlreadyExists,
    BackendError,
    Conflict,
    Corrupt,
    Invalid,
    LineageError,
    MissingExtra,
    NotFound,
    Stale,
    Unavailable,
    Unproven,
)
from lineage.model.entities import (
    Artifact,
    ArtifactState,
    Association,
    Attribution,
    Context,
    Event,
    EventType,
    Execution,
    ExecutionState,
    ParentContext,
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.purposes import Purpose
from lineage.model.schema import ArtifactType, ContextType, ExecutionType, Indexed
from lineage.model.system import (
    Alias,
    Asset,
    Dataset,
    Deploy,
    Environment,
    Evaluate,
    Measurement,
    Metrics,
    Model,
    Process,
    Series,
    Statistics,
    Train,
    Transform,
)
from lineage.model.values import ProtoAny, ValueType
from lineage.progress import Progress
from lineage.proofs.bundle import Proof
from lineage.proofs.verifying import Verified, verify
from lineage.queries.find import Page
from lineage.recording.record import Recorded
from lineage.recording.reuse import Reused
from lineage.recording.run import Run
from lineage.store import Store, autolog, connect

__all__ = [
    "Alias",
    "AlreadyExists",
    "Artifact",
    "ArtifactState",
    "ArtifactType",
    "Asset",
    "Association",
    "Attribution",
    "BackendError",
    "Change",
    "Conflict",
    "Context",
    "ContextType",
    "Corrupt",
    "Curve",
    "Cut",
    "Dataset",
    "Deploy",
    "Direction",
    "Environment",
    "Evaluate",
    "Event",
    "EventType",
    "Execution",
    "ExecutionState",
    "ExecutionType",
    "Indexed",
    "Invalid",
    "Kind",
    "Limits",
    "LineageError",
    "LogEntry",
    "Measurement",
    "Metrics",
    "MissingExtra",
    "Model",
    "NodeEntry",
    "NodeKey",
    "NotFound",
    "Page",
    "ParentContext",
    "Point",
    "Process",
    "Progress",
    "Proof",
    "ProtoAny",
    "Purpose",
    "Recorded",
    "Reused",
    "Run",
    "Series",
    "Stale",
    "Statistics",
    "Store",
    "Subgraph",
    "Train",
    "Transform",
    "Unavailable",
    "Unproven",
    "ValueType",
    "Verified",
    "autolog",
    "connect",
    "verify",
]


def __dir__() -> list[str]:
    return sorted(__all__)
