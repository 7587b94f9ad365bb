"""The contract suite, whole: `from lineage.testing.contract import *` collects it for a backend."""

from lineage.testing.contract import (
    beginnings,
    blocks,
    bounds,
    check,
    clocks,
    columns,
    conditions,
    digests,
    edges,
    gone,
    heads,
    history,
    hubs,
    like,
    pages,
    paging,
    projection,
    reading,
    replay,
    revival,
    tasks,
    threads,
    transactions,
    verbs,
    walks,
    writing,
    writings,
)

_FIXTURE = type(threads.restless)


def _is_collected(name: str, each: object) -> bool:
    """Whether it is a test, or a fixture that a test wants."""
    return name.startswith("test_") or isinstance(each, _FIXTURE)


for _module in (
    beginnings,
    blocks,
    bounds,
    check,
    clocks,
    columns,
    conditions,
    digests,
    edges,
    gone,
    heads,
    history,
    hubs,
    like,
    pages,
    paging,
    projection,
    reading,
    replay,
    revival,
    tasks,
    threads,
    transactions,
    verbs,
    walks,
    writing,
    writings,
):
    for _name, _each in vars(_module).items():
        if _is_collected(_name, _each) and globals().setdefault(_name, _each) is not _each:
            raise ImportError(f"two modules of the contract suite have a {_name}")

__all__ = [name for name, each in globals().items() if _is_collected(name, each)]
