"""Our server and the real ML Metadata, asked in the same way; and their answers made comparable."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import grpc
import pytest

from lineage.contract.backend import Backend
from lineage.mlmd.messages import SERVICE, Message, message
from lineage.model.keys import Kind
from lineage.server.callers import Callers
from lineage.server.mlmd.serving import serving
from lineage.testing.builders import Clock
from tests.tree import ROOT

VARIABLE = "LINEAGE_TEST_MLMD"
BUILT = ROOT / ".ci" / "mlmd" / "venv" / "bin" / "python"
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_ORIGIN = 10**12
"""In milliseconds: an earlier time was given by a caller, and is no clock's."""


def interpreter() -> Path:
    """Return the interpreter that has the real package; skip, or fail where one is asked for."""
    if BUILT.exists():
        return BUILT
    said = "the real ML Metadata is not installed: run .ci/mlmd/build.sh"
    if os.environ.get(VARIABLE) == "required":
        pytest.fail(f"{said}; {VARIABLE} asks for it")
    pytest.skip(said)


class Said(NamedTuple):
    """How a call ended: with a response, or with a status and a message."""

    code: grpc.StatusCode
    response: Message | None
    message: str = ""


class Clocked(Protocol):
    """What knows when its times were set."""

    def when(self, millis: int) -> int: ...


class Ours:
    """A client of our server, in bytes like any other, which knows when each call began."""

    def __init__(self, backend: Backend, clock: Clock, address: str) -> None:
        self.backend = backend
        self.address = address
        self._clock = clock
        self._channel = grpc.insecure_channel(
            address, [("grpc.max_receive_message_length", 100 * 2**20)]
        )
        self._began: list[int] = []

    def __enter__(self) -> Ours:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def call(self, name: str, request: Message) -> Said:
        return self.send(name, request.SerializeToString())

    def send(self, name: str, request: bytes) -> Said:
        self._began.append(self._clock.micros // 1000 + 1)
        try:
            found = self._channel.unary_unary(f"/{SERVICE}/{name}")(request)
        except grpc.RpcError as error:
            return Said(error.code(), None, error.details())
        return Said(grpc.StatusCode.OK, message(f"{name}Response").FromString(found))

    def when(self, millis: int) -> int:
        return _when(self._began, millis)


class Theirs:
    """The real MLMD, in its process; `new` empties it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._began: list[int] = []

    def new(self, path: Path | str = "") -> None:
        """Open the store in a file; without one an empty store in memory."""
        self._ask("new", str(path))
        self._began = []

    def downgrade(self, path: Path, version: int) -> None:
        """Make a file what an older release would have written."""
        self.new()  # lets go of the file
        self._ask("downgrade", str(path), version)

    def call(self, name: str, request: Message) -> Said:
        return self.send(name, request.SerializeToString())

    def send(self, name: str, request: bytes) -> Said:
        began, code, said = self._ask(name, base64.b64encode(request).decode())
        self._began.append(began)
        if code:
            return Said(_CODES[code], None, said)
        response = message(f"{name}Response").FromString(base64.b64decode(said))
        return Said(grpc.StatusCode.OK, response)

    def _ask(self, *line: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the real MLMD ended at {line}"
        return json.loads(answer)

    def when(self, millis: int) -> int:
        return _when(self._began, millis)


def _when(began: list[int], millis: int) -> int:
    """Return in which call, from 1, a time was set; a time that a caller gave stays as it is."""
    return millis if millis < _ORIGIN else _ORIGIN + bisect_right(began, millis)


@contextmanager
def our_server(backend: Backend, clock: Clock) -> Iterator[Ours]:
    """Serve a backend and talk to it."""
    with (
        serving(backend, "127.0.0.1:0", callers=Callers("ann")) as server,
        Ours(backend, clock, server.address) as client,
    ):
        yield client


@contextmanager
def their_process() -> Iterator[Theirs]:
    """Run the real MLMD."""
    command = [str(interpreter()), str(Path(__file__).with_name("theirs.py"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield Theirs(process)
        finally:
            process.kill()


@contextmanager
def listening(command: list[str]) -> Iterator[str]:
    """Run a server that prints its address as the last word of its first line, and give the address."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.kill()


def their_service(path: Path) -> AbstractContextManager[str]:
    """Serve a file, which is made if need be, by the real MLMD, and give the address."""
    return listening([str(interpreter()), str(Path(__file__).with_name("forwarder.py")), str(path)])


# Answers made comparable

_TIMES = {
    "create_time_since_epoch",
    "last_update_time_since_epoch",
    "milliseconds_since_epoch",
}


def comparable(said: Said, system: Clocked, *, ordered: bool) -> Any:
    """Return an answer as plain values: times as the calls that set them, tokens as being there.

    Where an answer has no order that anybody promised, its lists are sorted. MLMD forgets the base
    types of the types that answers about nodes list.
    """
    if said.response is None:
        return said.code.name
    plain = _plain(said.response, system, ordered=ordered)
    of_nodes = plain.get("lineage_subgraph", plain if "artifacts" in plain else {})
    for kind in Kind:
        for each in of_nodes.get(f"{kind}_types", ()):
            each.pop("base_type", None)
    return plain


def _plain(wire: Message, system: Clocked, *, ordered: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, value in wire.ListFields():
        name = field.name
        if name == "system_metadata":
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            found[name] = {
                key: _plain(each, system, ordered=ordered) if hasattr(each, "ListFields") else each
                for key, each in value.items()
            }
        elif field.is_repeated:
            items = [
                _plain(each, system, ordered=ordered) if hasattr(each, "ListFields") else each
                for each in value
            ]
            loose = not ordered and not name.endswith("_ids") and name != "steps"
            found[name] = sorted(items, key=repr) if loose else items
        elif field.message_type is not None:
            found[name] = _plain(value, system, ordered=ordered)
        elif name in _TIMES:
            found[name] = system.when(value)
        elif name == "next_page_token":
            if value:
                found[name] = "there is more"
        else:
            found[name] = value
    return found
