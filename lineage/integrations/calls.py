"""One call of a library while it is recorded: what its integration says of it, and that it is made exactly once.

An integration describes a call in a generator of one `Call`: what stands before its `yield` happens before the user's
call, what stands behind happens after it. Whatever of that fails is said in a note, and the user's call is made as
it was meant, once; what that raises goes to the user as it is, and the run is FAILED.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeAlias, TypeVar

from lineage.integrations.models import models_of
from lineage.integrations.parameters import plain
from lineage.integrations.takers import active, busy, takers_of
from lineage.integrations.tracks import Piece, Track, why
from lineage.model.entities import Artifact, Execution, ExecutionState, property_fields
from lineage.model.keys import NodeKey
from lineage.model.paths import Path
from lineage.model.system import Dataset
from lineage.recording.nodes import end_runs

__all__ = ["Call", "Description", "described"]

T = TypeVar("T")
P = ParamSpec("P")


class Call:
    """What an integration gets for one call, and tells what is to be recorded of it.

    None of its methods raises; what it cannot record it says in a note. Several autologs may record one
    call: each in its own store.
    """

    def __init__(
        self,
        library: str,
        function: Callable[..., object],
        args: Sequence[object],
        kwargs: Mapping[str, object],
        tracks: Sequence[Track],
    ) -> None:
        self.library = library
        self.function = function
        self.args = tuple(args)
        """What the function is called with, the object of a method first; an integration may put others here."""
        self.kwargs = dict(kwargs)
        self.result: object = None
        """What the function returned, behind the `yield`."""
        self._tracks = tracks
        self._pieces: list[Piece] = []
        self._contents: dict[int, tuple[object, Artifact]] = {}
        self._name = ""

    # What was called

    @property
    def name(self) -> str:
        """The function's name."""
        return str(getattr(self.function, "__name__", self.function))

    @property
    def arguments(self) -> dict[str, Any]:
        """What the function is called with, by the names of its parameters; what is left out is not there."""
        return self.attempt("what was given", _bound, self.function, self.args, self.kwargs) or {}

    # What is recorded

    def begin(
        self,
        execution: Execution,
        *,
        params: Mapping[str, object] | None = None,
        name: str,
        tags: Sequence[str] = (),
    ) -> None:
        """Begin a run of the call; without it nothing of the call is recorded.

        Parameters may be anything (`parameters.plain`). One with the name of a property that the execution's class
        declares gets a trailing underscore. `name` is that of the estimator's class, or of what was called else.
        """
        self._name = name
        checked = self.attempt("its parameters", _parameters, type(execution), params or {}) or {}
        self._add("the call", lambda track: track.begin(execution, checked, tags))

    def input(self, data: object, *, use: str | None = None, path: str | int | Path = ()) -> None:
        """Record what the call reads: data, by the digest of its content, or an artifact. None is no data."""
        role = "/".join(map(str, (*([use] if use else ()), *_path(path))))
        artifact = self._content(data, role or "input")
        if artifact is not None:
            self._add(
                f"the input {role}",
                lambda track: track.read(data, artifact, use, _path(path)),
            )

    def output(self, data: object, *, path: str | int | Path = ()) -> None:
        """Record what the call wrote: data, by the digest of its content, or an artifact. None is no data."""
        role = "/".join(map(str, _path(path))) or "output"
        artifact = self._content(data, role)
        if artifact is not None:
            self._add(f"the output {role}", lambda track: track.wrote(data, artifact, _path(path)))

    def model(
        self,
        fitted: object,
        artifact: Artifact,
        *,
        path: str | int | Path = (),
        also: Sequence[object] = (),
    ) -> None:
        """Record a model that the call wrote, and remember that it is this object, and others such as its search."""
        objects = (fitted, *also)
        self._add("the model", lambda track: track.fitted(objects, artifact, _path(path)))

    def uses(
        self, model: object, describe: Callable[[], Artifact], *, path: str | int | Path = ()
    ) -> None:
        """Record a model that the call reads: the one that the object is known to be, or else the described one."""
        unknown = any(self._models(track).of(model) is None for track in self._tracks)
        artifact = self.attempt("its model", describe) if unknown else None
        self._add(
            "the model that it reads",
            lambda track: track.used(model, artifact, _path(path)),
        )

    def forget(self, model: object) -> None:
        """Take an object for no model that is known, since it changes."""
        for track in self._tracks:
            self._models(track).forget(model)

    def log_params(self, values: Mapping[str, object]) -> None:
        """Record more parameters of the run."""
        checked = self.attempt("its parameters", plain, values)
        if checked:
            self._add("parameters", lambda track: track.going.log_params(checked))

    def log_metrics(
        self,
        values: Mapping[str, object],
        *,
        step: int | None = None,
        of: object = None,
        on: object = None,
    ) -> None:
        """Record metrics, of a model and on data that the call wrote or read; with a step, points of series, at once."""
        if not values:
            return
        if step is None:
            self._add("metrics", lambda track: track.measured(values, of, on))
            return
        for track in self._tracks:
            if track.run is not None:
                self.attempt("a point", track.run.log_metrics, values, step=step)

    def finished(
        self,
        execution: Execution,
        *,
        params: Mapping[str, object],
        metrics: Mapping[str, object],
        tags: Sequence[str] = (),
    ) -> None:
        """Record a step of the run that is over already, such as a trial of a search."""
        checked = self.attempt("parameters of a step", _parameters, type(execution), params) or {}

        def write(track: Track) -> None:
            with track.going.step(execution, params=checked, tags=tags) as step:
                if metrics:
                    step.log_metrics(metrics)

        self._add("a step", write)

    @contextmanager
    def step(
        self,
        execution: Execution,
        *,
        params: Mapping[str, object] | None = None,
        name: str,
        tags: Sequence[str] = (),
    ) -> Iterator[Call]:
        """Record a step of the run while it goes on, in any thread; what is called in it is recorded as steps of it."""
        tracks = [Track(each.taker, each.run) for each in self._tracks if each.run is not None]
        inner = Call(self.library, self.function, self.args, self.kwargs, tracks)
        inner.begin(execution, params=params, name=name, tags=tags)
        inner.flush()
        try:
            with active([each.taker for each in tracks]):
                yield inner
        except BaseException as error:
            inner.end(error)
            raise
        inner.end(None)

    def state(self, state: ExecutionState) -> None:
        """Let the run end in a state, such as CANCELED, whatever the call returns or raises."""
        self._add(
            "the state",
            lambda track: end_runs(
                track.taker.backend, [track.going.key], state, track.taker.author
            ),
        )

    def note(self, sentence: str) -> None:
        """Say something of what is recorded, once."""
        for track in self._tracks:
            track.taker.note(sentence)

    def attempt(
        self, what: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """Return what a function returns; where it raises, None, and a note that `what` is not recorded."""
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # the user's call goes on, whatever of ours fails
            self.failed(what, error)
            return None

    def failed(self, what: str, error: Exception) -> None:
        """Say that something of the call is not recorded, and why."""
        self.note(f"{self._shown(what)} is not recorded: {why(error)}")

    # What the core does with it

    def flush(self) -> None:
        """Write what was told so far."""
        pieces, self._pieces = self._pieces, []
        if self._name:
            for track in self._tracks:
                if not track.is_over:
                    track.write(pieces)

    def end(self, error: BaseException | None) -> None:
        """Write the rest, and end the runs."""
        self.flush()
        for track in self._tracks:
            track.end(error, self._name)
        # A callback that is kept with a model may know this call, and is not to keep the data.
        self._contents.clear()
        self.args, self.kwargs, self.result = (), {}, None

    def _add(self, what: str, write: Callable[[Track], None]) -> None:
        self._pieces.append(Piece(self._shown(what), write))

    def _shown(self, what: str) -> str:
        return f"{self.library}: {what} of {self._name or self.name}"

    def _content(self, data: object, role: str) -> Artifact | NodeKey | None:
        """Return the artifact that data are; digested once, however often they are told."""
        if data is None or isinstance(data, Artifact | NodeKey):
            return data
        known = self._contents.get(id(data))
        if known is None:
            artifact = self.attempt(f"the data {role}", Dataset.from_frame, data)
            if artifact is None:
                return None
            known = self._contents[id(data)] = data, artifact
        return known[1]

    @staticmethod
    def _models(track: Track) -> Any:
        return models_of(track.taker.backend)


Description: TypeAlias = Callable[[Call], Generator[None, None, None]]
"""What an integration says of the calls of one function: a generator that yields once, where the call is made."""


def described(
    library: str,
    describe: Description,
    function: Callable[..., T],
    args: Sequence[object],
    kwargs: Mapping[str, object],
) -> T:
    """Call a function exactly once, recorded where somebody records the library in this context."""
    takers = takers_of(library)
    if not takers:
        return function(*args, **kwargs)
    with busy():
        call = Call(
            library, function, args, kwargs, [Track(each, each.parent()) for each in takers]
        )
        description = describe(call)
        try:
            goes_on = _went_on(call, description)
            result = function(*call.args, **call.kwargs)
            call.result = result
            if goes_on:
                _went_on(call, description)
                call.attempt("a part", description.close)
        except BaseException as error:
            call.attempt("a part", description.close)
            call.end(error)
            raise
        call.end(None)
        return result


def _went_on(call: Call, description: Generator[None, None, None]) -> bool:
    """Let a description go on to its next `yield`, and write what it told; return whether there was one."""
    try:
        next(description)
    except StopIteration:
        return False
    except Exception as error:  # noqa: BLE001  # the user's call goes on, whatever of ours fails
        call.failed("a part", error)
        return False
    finally:
        call.flush()
    return True


def _bound(
    function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
) -> dict[str, Any]:
    bound = inspect.signature(function).bind_partial(*args, **kwargs)
    arguments: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        several = bound.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
        arguments |= value if several else {name: value}
    return arguments


def _parameters(cls: type[Execution], params: Mapping[str, object]) -> dict[str, object]:
    declared = {field.alias for field in property_fields(cls).values()}
    values = plain(params)
    return {f"{name}_" if name in declared else name: value for name, value in values.items()}


def _path(path: str | int | Path) -> Path:
    return path if isinstance(path, tuple) else (path,)
