"""The unchanged ml-metadata client talks to our server, and is answered as by its own store."""

import itertools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.mlmd.systems import Ours, interpreter

PROGRAM = Path(__file__).with_name("conversation.py")


def conversation(*address: str) -> list[Any]:
    command = [str(interpreter()), str(PROGRAM), *address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    notes: list[Any] = json.loads(done.stdout)
    return notes


def test_the_client_is_answered_as_by_its_own_store(ours: Ours) -> None:
    mine, theirs = conversation(ours.address), conversation()
    assert len(theirs) > 120
    for number, (own, real) in enumerate(itertools.zip_longest(mine, theirs)):
        assert loose(own) == loose(real), f"step {number}"


def loose(said: Any) -> Any:
    """Leave out which order events are in, and the external ids of types, which MLMD does not list."""
    name, answer = said
    if re.fullmatch(r"get_\w+_types", name):
        return name, [{**each, "externalId": None} for each in answer]
    if "events" in name and isinstance(answer, list):
        return name, sorted(answer, key=repr)
    if name == "get_lineage_subgraph" and isinstance(answer, dict):
        return name, {
            key: sorted(items, key=repr) if isinstance(items, list) else items
            for key, items in answer.items()
        }
    return name, answer
