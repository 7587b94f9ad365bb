"""What a store can be shown as: a view of some nodes, at one moment, and what changed of it since another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from lineage.answers.log import transaction_known_at
from lineage.contract.backend import Backend
from lineage.contract.walking import Direction, Limits, to_direction
from lineage.model.times import Moment, last_instant
from lineage.queries.naming import Reference, asked

if TYPE_CHECKING:
    from lineage.answers.view import View
    from lineage.queries.moments import Changed

__all__ = ["Viewing"]


class Viewing:
    """The part of a store that shows it in few marks, and beside what it was."""

    backend: Backend
    as_of: int | None

    def view(
        self,
        *nodes: Reference,
        direction: Direction | Literal["upstream", "downstream", "both"] = Direction.BOTH,
        limits: Limits = Limits(),
        budget: int = 60,
        show: Literal["all", "artifacts", "executions"] = "all",
        by: str = "",
        opened: Sequence[str] = (),
        pinned: Sequence[Reference] = (),
        inputs: bool = False,
        gone: bool = True,
        happened_by: Moment | None = None,
    ) -> View:
        """Return what the nodes were made from and what was made from them, in few marks: alike nodes are one.

        At most `budget` marks are there beside what is `opened`. The nodes themselves, and `pinned` ones, stay
        single. `show` leaves out executions, or artifacts, which become edges; `by` puts together what a "run" or
        a context of a type holds, the "versions" of one thing, or the files of a "folder". `opened` are ids of groups, as
        `View.open` takes them. The other options are those of `upstream`; the limits are of either direction.
        """
        from lineage.queries.view import view

        by_then = None if happened_by is None else last_instant(happened_by)
        named = asked(self.backend, nodes, happened_by=by_then, as_of=self.as_of)
        return view(
            self.backend,
            named.keys,
            direction=to_direction(direction),
            limits=limits,
            budget=budget,
            show=show,
            by=by,
            opened=opened,
            pinned=asked(self.backend, pinned, as_of=self.as_of).keys,
            inputs=inputs,
            gone=gone,
            happened_by=by_then,
            remarks=named.remarks,
            as_of=self.as_of,
        )

    def since(
        self,
        *nodes: Reference,
        since: Moment | int,
        direction: Direction | Literal["upstream", "downstream", "both"] = Direction.BOTH,
        limits: Limits = Limits(),
        inputs: bool = False,
        gone: bool = True,
    ) -> Changed:
        """Return what changed in the lineage of the nodes since a moment: nodes, their fields, and edges.

        A moment is what `at` takes. The later one is this store's: the present, or what `at` said; it is then that texts are
        taken to mean nodes. Of nodes that were made since, the earlier lineage is empty. `view()` of the answer shows both
        lineages in one picture. The other options are those of `view`. `NotFound` for nodes that are not there at the later
        moment, and for a moment that is later than that.
        """
        from lineage.queries.moments import since as changed_since

        number = transaction_known_at(self.backend, since, as_of=self.as_of)
        named = asked(self.backend, nodes, as_of=self.as_of)
        return changed_since(
            self.backend,
            named.keys,
            number,
            direction=to_direction(direction),
            limits=limits,
            inputs=inputs,
            gone=gone,
            remarks=named.remarks,
            as_of=self.as_of,
        )
