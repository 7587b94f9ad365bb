"""`lineage run`: records a command with what it read and wrote, while it goes on."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Annotated, Any, NamedTuple, Self

import typer

from lineage.cli import output
from lineage.cli.options import HERE, Actor, AsJson, Message, StoreUrl, open_to_write
from lineage.cli.recording import NoteText, Tags
from lineage.cli.values import values_of
from lineage.cli.variables import without_ours
from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.entities import Artifact, Execution
from lineage.model.keys import Kind
from lineage.model.marks import DETAILS_PREFIX
from lineage.model.schema import ExecutionType
from lineage.model.system import Dataset, Model
from lineage.recording.details import masked
from lineage.recording.named import check_type_name
from lineage.store import Store

__all__ = ["run"]

COMMAND = f"{DETAILS_PREFIX}command"
"""The custom property that holds the words of the command, without what looks like a secret."""
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""The signals that end a command, whoever of the two gets them."""
HEARD_WITHIN = 0.2
"""How many seconds a process takes at most to die of a signal that it was sent with us."""


class Ended(NamedTuple):
    """How a command ended: as `Popen.returncode` says it, and whether somebody ended it from outside."""

    code: int
    interrupted: bool

    @property
    def passed_on(self) -> int:
        """What a shell would say of it: 128 and the number of the signal, if that was its end."""
        return self.code if self.code >= 0 else 128 - self.code


def run(
    command: Annotated[
        list[str],
        typer.Argument(metavar="-- COMMAND...", help="The command and its arguments, after --."),
    ],
    *,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="PATH", help="A data set that it reads; may be given again."
        ),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            "--output", metavar="PATH", help="A data set that it writes; may be given again."
        ),
    ] = None,
    input_models: Annotated[
        list[str] | None,
        typer.Option("--input-model", metavar="PATH", help="A model that it reads."),
    ] = None,
    output_models: Annotated[
        list[str] | None,
        typer.Option("--output-model", metavar="PATH", help="A model that it writes."),
    ] = None,
    type_: Annotated[
        str,
        typer.Option(
            "--type",
            metavar="TYPE",
            show_default=True,
            help="What the run is, such as Training; made if there is none.",
        ),
    ] = "lineage.Process",
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="NAME=VALUE",
            help='A parameter; 3, 0.5, true are what they say, "3" is text. May be given again.',
        ),
    ] = None,
    tags: Tags = None,
    note: NoteText = None,
    message: Message = "",
    actor: Actor = None,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> int:
    """Run a command, and record what it read and wrote.

    Files and folders are known by their digests: of inputs before the command, of outputs after it. It is RUNNING
    meanwhile, then COMPLETE, FAILED or CANCELED, and its exit code is ours. What we say goes to stderr.
    """
    params = values_of("--param", parameters or ())
    if shutil.which(command[0]) is None:
        raise NotFound(
            f"there is no command {excerpt(command[0], 200)} that may be run; nothing was recorded"
        )
    read = [*_described(Dataset, inputs), *_described(Model, input_models)]
    written = ((Dataset, outputs or ()), (Model, output_models or ()))
    words = [*masked(command)]
    check_type_name(type_, "--type Training")
    ended: Ended | None = None
    with open_to_write(store, actor, creates=True) as opened:
        recorded = opened.run(
            Execution(type=type_, custom_properties={COMMAND: words}),
            params=params,
            environment=False,  # ours is not that of the command
            tags=tags or (),
            note=note,
            message=message,
        )
        _make_type(opened, type_)
        try:
            with recorded:
                for artifact in read:
                    recorded.input(artifact)
                ended = _called(command)
                _raise_for(ended, shlex.join(words))
                for cls, paths in written:
                    for artifact in _described(cls, paths):
                        recorded.output(artifact)
        except (subprocess.CalledProcessError, KeyboardInterrupt):
            if ended is None or ended.code == 0:
                raise
        _say(opened.get(recorded.key), ended, as_json=as_json)
        return ended.passed_on


def _described(cls: type[Dataset] | type[Model], paths: Sequence[str] | None) -> Iterator[Artifact]:
    yield from (cls.from_path(path) for path in paths or ())


def _make_type(store: Store, name: str) -> None:
    """Make a type of executions, if there is none of that name without a version."""
    if all(each.version is not None for each in store.types(Kind.EXECUTION, name=name)):
        store.put(ExecutionType(name=name))


def _raise_for(ended: Ended, text: str) -> None:
    """Raise what leaves a run in the state that a command's end means."""
    if ended.code == -signal.SIGINT or (ended.interrupted and ended.code != 0):
        raise KeyboardInterrupt(f"the command was ended with {ended.passed_on}")
    if ended.code != 0:
        raise subprocess.CalledProcessError(ended.code, text)


def _say(execution: Any, ended: Ended, *, as_json: bool) -> None:
    """Tell what was recorded on stderr: stdout is the command's."""
    if as_json:
        output.print_json({"run": execution, "code": ended.passed_on}, stream=sys.stderr)
    else:
        output.note(f"recorded {execution.key}, which is {execution.state}")


def _called(command: Sequence[str]) -> Ended:
    """Run a command with our own standard streams and the user's environment, and return how it ended."""
    sys.stdout.flush()
    with Signals() as signals:
        if signals.received:
            return Ended(-signals.received[0], interrupted=True)
        try:
            child = subprocess.Popen(command, env=without_ours())  # noqa: S603  # the user's own
        except OSError as error:
            raise Invalid(f"{excerpt(command[0], 200)} cannot be run: {error.strerror}") from error
        signals.pass_on_to(child)
        code = child.wait()
        return Ended(code, interrupted=bool(signals.received))


class Signals:
    """Lets a child get each signal that would end it just once, however many processes it is sent to.

    What a terminal or a shell sends to a whole group of processes, such as Ctrl-C, the child has got as we have; what
    somebody sends to us alone it has not. A companion in our group, which dies of what the group gets, tells which it was.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self._child: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []
        self._former: dict[int, Any] = {}
        self._companion = _companion()

    def __enter__(self) -> Self:
        for number in PASSED_ON:
            # What is ignored, as under nohup, the child ignores as well.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._former[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        _end(self._companion)

    def pass_on_to(self, child: subprocess.Popen[bytes]) -> None:
        """Send to a child what came for it alone, now and from now on."""
        self._child = child
        for number in self._waiting:
            child.send_signal(number)

    def _receive(self, number: int, _: FrameType | None) -> None:
        self.received.append(number)
        heard = _heard(self._companion, number)
        if self._companion.poll() is not None:
            _end(self._companion)
            self._companion = _companion()
        if heard:
            return
        if self._child is None:
            self._waiting.append(number)
        else:
            self._child.send_signal(number)


def _companion() -> subprocess.Popen[bytes]:
    """Start a process of our group that does nothing, and ends with us at the latest: then its input does."""
    # By its path, for the command may be run with any PATH.
    return subprocess.Popen(["/bin/sh", "-c", "read _"], stdin=subprocess.PIPE)


def _heard(companion: subprocess.Popen[bytes], number: int) -> bool:
    """Whether a companion dies of a signal."""
    try:
        return companion.wait(HEARD_WITHIN) == -number
    except subprocess.TimeoutExpired:
        return False


def _end(companion: subprocess.Popen[bytes]) -> None:
    assert companion.stdin is not None
    companion.stdin.close()
    companion.wait()
