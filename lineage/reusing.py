"""What a store knows of work that need not be done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast, overload

from lineage.errors import Invalid, excerpt
from lineage.model.entities import Context, Execution
from lineage.model.keys import NodeKey
from lineage.model.values import to_text
from lineage.recording.functions.source import code_digest
from lineage.recording.named import to_parameters
from lineage.recording.record import Artifacts, Contexts, ExecutionT, given_nodes, to_execution
from lineage.recording.reuse import Done, Reused, done_before, placed, record_cached, reused
from lineage.recording.writer import Writer

__all__ = ["Reusing"]


class Reusing(Writer):
    """The part of a store that tells whether a step was done before."""

    @overload
    def reuse(
        self,
        execution: ExecutionT,
        *,
        params: Mapping[str, object] | None = None,
        inputs: Artifacts = (),
        code: Callable[..., object] | str | None = None,
        record: bool = False,
        within: Contexts = (),
        message: str = "",
    ) -> Reused[ExecutionT] | None: ...
    @overload
    def reuse(
        self,
        execution: str,
        *,
        params: Mapping[str, object] | None = None,
        inputs: Artifacts = (),
        code: Callable[..., object] | str | None = None,
        record: bool = False,
        within: Contexts = (),
        message: str = "",
    ) -> Reused[Execution] | None: ...
    def reuse(
        self,
        execution: Execution | str,
        *,
        params: Mapping[str, object] | None = None,
        inputs: Artifacts = (),
        code: Callable[..., object] | str | None = None,
        record: bool = False,
        within: Contexts = (),
        message: str = "",
    ) -> Reused[Execution] | None:
        """Return the newest run that did this step, and its outputs; None where it has to be done.

        It is of the same type, with equal parameters, the same inputs (by digest, where they have one that tells
        contents apart) by the same paths, and the same code: a function, or the digest that its run keeps; None where
        none is kept. It counts, is over, and all that it wrote is still there. With `record` a run of state CACHED is
        recorded that reads the inputs, has these outputs and belongs to what it is `within`.
        """
        author = self._author(message) if record else None
        around = [node for _, node in given_nodes(within)]
        if author is None and (message or around):
            raise Invalid(
                "within= and message= are of the run that is recorded: give record=True, too"
            )
        begun = to_execution(execution)
        _check_new(begun)
        values, artifacts, digest = to_parameters(params, {}), placed(inputs), _code(code)

        def look() -> Done | None:
            return done_before(
                self.backend,
                execution,
                params=values,
                inputs=artifacts,
                code=digest,
                as_of=self.as_of,
            )

        done, cached = look(), None
        if done is not None and author is not None:
            with self.backend.transaction(
                actor=author.actor, message=author.message
            ) as transaction:
                transaction.lock()
                done = look()  # others may have deleted of it meanwhile
                if done is not None:
                    cached = record_cached(
                        self.backend,
                        done,
                        execution,
                        author,
                        params=values,
                        inputs=artifacts,
                        code=digest,
                        within=cast(list[Context | NodeKey], around),
                    )
        if done is None:
            return None
        return reused(self.backend, done, type(begun), cached, as_of=self.as_of)


def _check_new(execution: Execution) -> None:
    """Raise `Invalid` for what has been, or is, a run already."""
    if execution.id is not None:
        raise Invalid(
            f"{execution.key} is recorded already; describe a step that may have to be done, as for store.run"
        )
    if execution.state is not None:
        raise Invalid(f"a run sets its state by itself; leave {execution.state} out")


def _code(code: object) -> str | None:
    """Return the digest of the code that a step runs; `Invalid` where it cannot be had."""
    if code is None:
        return None
    if isinstance(code, str):
        if not to_text(code).strip():
            raise Invalid("the digest of the code is empty; give one, or the function")
        return code
    if not callable(code):
        raise Invalid(f"code={excerpt(code)}: give the function, or the digest of its code")
    digest = code_digest(code)
    if digest is None:
        raise Invalid(
            f"code={excerpt(code)} has no digest, as its source, or something that it holds, has no text; give a "
            "function without, or a digest of your own"
        )
    return digest
