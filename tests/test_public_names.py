"""What `import lineage` gives: these names, each explained, and no others."""

import inspect
import subprocess
import sys
import types

import pytest

import lineage

PUBLIC = {
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
    "Measurement",
    "LogEntry",
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
    "Verified",
    "verify",
    "ValueType",
    "autolog",
    "connect",
}


def test_public_names() -> None:
    assert set(lineage.__all__) == PUBLIC
    assert lineage.__all__ == sorted(lineage.__all__)


def test_nothing_else_is_public() -> None:
    given = {
        name
        for name, value in vars(lineage).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert given == PUBLIC


def test_only_public_names_are_listed() -> None:
    assert dir(lineage) == sorted(PUBLIC)


def test_answers_are_listed_and_imported_when_they_are_asked_for() -> None:
    program = (
        "import sys, lineage.queries as q; loaded = set(sys.modules)\n"
        "assert dir(q) == sorted(q.__all__) and not hasattr(q, 'nothing')\n"
        "assert 'lineage.queries.comparison' not in loaded\n"
        "answers = [getattr(q, name) for name in q.__all__]\n"
        "assert [each.__name__ for each in answers] == q.__all__\n"
        "from lineage.queries import Comparison\n"
        "assert Comparison.__module__ == 'lineage.queries.comparison'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_thing_is_explained(name: str) -> None:
    thing = getattr(lineage, name)
    assert explained(thing), f"{name} has no docstring of its own"
    for member, value in members(thing):
        assert explained(value), f"{name}.{member} has no docstring"


def explained(thing: object) -> bool:
    """Whether it has a docstring of its own, not one that it inherits or that was generated."""
    doc = thing.__dict__.get("__doc__") if isinstance(thing, type) else inspect.getdoc(thing)
    generated = isinstance(thing, type) and (doc or "").startswith(f"{thing.__name__}(")
    return bool(doc) and not generated


def members(thing: object) -> list[tuple[str, object]]:
    """Return the public methods and properties that a class of ours defines."""
    if not isinstance(thing, type):
        return []
    return [
        (name, value)
        for base in thing.__mro__
        if base.__module__.startswith("lineage")
        for name, value in vars(base).items()
        if not name.startswith("_")
        and (
            inspect.isfunction(value)
            or isinstance(value, property | classmethod)
            or type(value).__name__ == "cached_property"
        )
        and not hasattr(value, "__override__")
    ]


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_signature_is_annotated(name: str) -> None:
    thing = getattr(lineage, name)
    for function in [thing, *(value for _, value in members(thing))]:
        if inspect.isfunction(function):
            signature = inspect.signature(function)
            given = [
                each.annotation for each in signature.parameters.values() if each.name != "self"
            ]
            assert inspect.Parameter.empty not in (*given, signature.return_annotation), function


def test_errors_are_ours_and_the_nearest_builtin() -> None:
    errors = {name: getattr(lineage, name) for name in PUBLIC}
    errors = {
        name: error
        for name, error in errors.items()
        if isinstance(error, type) and issubclass(error, Exception)
    }
    assert len(errors) == 11
    assert all(issubclass(error, lineage.LineageError) for error in errors.values())
    builtin = {
        "NotFound": LookupError,
        "Invalid": ValueError,
        "AlreadyExists": ValueError,
        "BackendError": OSError,
        "MissingExtra": ImportError,
    }
    assert all(issubclass(errors[name], base) for name, base in builtin.items())
    retryable = {name for name, error in errors.items() if error.retryable}
    assert retryable == {"Conflict", "Unavailable"}
