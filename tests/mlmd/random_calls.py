"""Random calls of MLMD's service, most of them sensible, some of them not.

What MLMD does wrong or we do otherwise on purpose is left out: docs/mlmd.md lists it, and
test_differences.py shows it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from lineage.mlmd.conversion import state_field
from lineage.mlmd.messages import Message, message
from lineage.model.keys import Kind

KINDS = tuple(Kind)
NAMES = ["a", "b", "node", "Zürich", "0:b", "名", "x y"]
KEYS = ["p", "q", "accuracy", "odd name", "名"]
CUSTOM = ["p2", "q2", "custom name", "多"]
URIS = ["", "s3://bucket/a", "/tmp/ä", "x"]
VERSIONS = ["", "v1", "v2"]
ALWAYS = "number"
"""A custom property that differs in each node that is made, so that an update changes something."""
FIELDS = {
    Kind.ARTIFACT: ["uri", "state", "external_id", "name"],
    Kind.EXECUTION: ["last_known_state", "external_id", "name"],
    Kind.CONTEXT: ["external_id"],
}
VALUES: dict[int, Callable[[random.Random], dict[str, Any]]] = {
    1: lambda r: {"int_value": r.choice([0, 1, -5, 2**62, r.randrange(9)])},
    2: lambda r: {"double_value": r.choice([0.0, 0.25, -1.5, 1e6, r.randrange(9) / 4])},
    3: lambda r: {"string_value": r.choice(["", "text", "it's", "名", "100%"])},
    4: lambda r: {"struct_value": {"a": [1, None, {"b": "c"}], "d": r.random() < 0.5}},
    5: lambda r: {"proto_value": {"type_url": "type.example/T", "value": r.randbytes(3)}},
    6: lambda r: {"bool_value": r.random() < 0.5},
}
CONDITIONS = [
    "id = {id}",
    "id != {id}",
    "id IN ({id}, 2, 3)",
    "type_id >= {type}",
    "name = '{name}'",
    "name IS NULL",
    "name IS NOT NULL AND id > {id}",
    "NOT (id = {id})",
    "type = '{type_name}' OR id = {id}",
    "external_id = '{external}'",
    "create_time_since_epoch > 0",
    "properties.p.int_value > 0",
    "properties.accuracy.double_value <= 1.5",
    "custom_properties.`custom name`.string_value = 'text'",
    "custom_properties.q2.bool_value = TRUE",
    "TRUE",
    "FALSE OR id = {id}",
    "1 = 1 AND id = ({id})",
    "(id) IN (({id}), 2)",
    "(id < {id}) = TRUE",
    "id <= type_id",
    "(((((id = {id}) OR ((id = 1))))))",
    "{id} IN (id, 2)",
    "id IN (type_id, {id})",
    "1 NOT IN (2, 3) AND 'a' LIKE 'a%' AND 1 IS NOT NULL",
    "2 BETWEEN id AND {id}",
    "(id = {id}) IS NOT TRUE",
    "(id < {id}) IS FALSE",
    "custom_properties.q2.bool_value",
    "custom_properties.q2.bool_value IS TRUE",
]
OF_KIND = {
    Kind.ARTIFACT: [
        "uri = 's3://bucket/a'",
        "uri = ''",
        "uri != 'x'",
        "uri <= external_id",
        "uri = name",
        "uri IS NOT NULL",
        "uri LIKE '%'",
        "uri IN ('', '/tmp/ä')",
        "uri < 's'",
        "state = LIVE",
        "state = UNKNOWN",
        "state != UNKNOWN",
        "state NOT IN (UNKNOWN, LIVE)",
        "state IN (LIVE, PENDING)",
        "state IN (2)",
        "state > 1",
        "3 >= state",
        "state BETWEEN 1 AND 2",
        "state NOT IN (LIVE, DELETED)",
        "contexts_a.name = '{name}'",
        "contexts_a.id = {id} AND contexts_b.id != {id}",
        "contexts_a.id >= id",
        "contexts_a.id < contexts_b.id",
        "events_0.type = INPUT",
        "events_0.type > 3",
        "events_0.type IN (4)",
        "events_0.type IN (OUTPUT, DECLARED_OUTPUT) AND events_0.execution_id = {id}",
    ],
    Kind.EXECUTION: [
        "last_known_state = RUNNING",
        "last_known_state IN (3)",
        "last_known_state < 4",
        "last_known_state != COMPLETE",
        "contexts_a.type = '{type_name}'",
        "events_0.artifact_id = {id}",
        "events_0.milliseconds_since_epoch > 5",
    ],
    Kind.CONTEXT: [
        "parent_contexts_a.name = '{name}'",
        "child_contexts_a.id = {id}",
        "artifacts_a.uri = 'x'",
        "artifacts_a.uri = ''",
        "artifacts_a.state IN (2)",
        "executions_a.last_known_state IN (COMPLETE, RUNNING)",
    ],
}


class Calls:
    """Makes calls; what they name is mostly there."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._made = 0
        self._types: dict[Kind, list[Message]] = {kind: [] for kind in KINDS}
        self._nodes: dict[Kind, list[Message]] = {kind: [] for kind in KINDS}

    def saw(self, response: Message) -> None:
        """Take over what an answer tells of types and nodes that are there."""
        for field, items in response.ListFields():
            for kind in KINDS:
                if field.name == f"{kind}_types":
                    self._types[kind] = sorted(items, key=lambda each: each.id)
                elif field.name == f"{kind}s":
                    known = {each.id: each for each in self._nodes[kind]}
                    known |= {each.id: each for each in items}
                    self._nodes[kind] = [known[number] for number in sorted(known)]

    def next(self) -> tuple[str, Message]:
        """Return a call and its request."""
        kind = self._random.choice(KINDS)
        making = self._random.choices(
            [
                self._put_type,
                self._put_nodes,
                self._put_execution,
                self._put_subgraph,
                self._put_edges,
                self._read_types,
                self._read_nodes,
                self._list,
                self._read_edges,
                self._lineage,
            ],
            [2, 6, 4, 2, 4, 1, 3, 8, 4, 3],
        )[0]
        return making(kind)

    # What calls are made of

    def _maybe(self, chance: float = 0.5) -> bool:
        return self._random.random() < chance

    def _id(self, kind: Kind) -> int:
        nodes = self._nodes[kind]
        if nodes and self._maybe(0.93):
            return int(self._random.choice(nodes).id)
        return self._random.choice([0, 99, 1])

    def _type(self, kind: Kind) -> Message | None:
        types = [each for each in self._types[kind] if not each.name.startswith("mlmd.")]
        return self._random.choice(types) if types else None

    def _value(self, number: int | None = None) -> Message:
        number = number or self._random.choice([1, 1, 2, 3, 3, 4, 5, 6])
        return message("Value")(**VALUES[number](self._random))

    def _node(self, kind: Kind, node_type: Message | None, *, named: float = 0.5) -> Message:
        wire = message(kind.capitalize())()
        self._made += 1
        wire.custom_properties[ALWAYS].int_value = self._made
        if node_type is not None and self._maybe(0.97):
            wire.type_id = node_type.id
        if self._maybe(1.0 if kind is Kind.CONTEXT and self._maybe(0.97) else named):
            wire.name = f"{self._random.choice(NAMES)}{self._random.randrange(30)}"
        if self._maybe(0.2):
            wire.external_id = f"e{self._random.randrange(40)}"
        if kind is Kind.ARTIFACT and self._maybe(0.7):
            wire.uri = self._random.choice(URIS)
        state = state_field(kind)
        if state is not None and self._maybe():
            setattr(wire, state, self._random.randrange(7))
        self._fill_properties(wire, node_type)
        return wire

    def _fill_properties(self, wire: Message, node_type: Message | None) -> None:
        declared = dict(node_type.properties) if node_type is not None else {}
        for key, number in sorted(declared.items()):  # whose own order is nobody's
            if self._maybe(0.6):
                wire.properties[key].CopyFrom(self._value(number if self._maybe(0.98) else None))
        if self._maybe(0.02):
            wire.properties["undeclared"].int_value = 1
        for key in self._random.sample(CUSTOM, self._random.randrange(3)):
            wire.custom_properties[key].CopyFrom(self._value())

    def _new(self, kind: Kind, *, named: float = 0.5) -> Message:
        return self._node(kind, self._type(kind), named=named)

    def _changed(self, kind: Kind) -> Message:
        """Return a node that is there, as it was read or with other content."""
        nodes = self._nodes[kind]
        if not nodes:
            return self._new(kind)
        known = self._random.choice(nodes)
        wire = message(kind.capitalize())()
        wire.CopyFrom(known)
        if self._maybe(0.3):
            return wire
        node_type = next((each for each in self._types[kind] if each.id == known.type_id), None)
        other = self._node(kind, node_type)
        other.id = known.id
        other.ClearField("external_id")
        if self._maybe():
            other.type_id = known.type_id
        if kind is Kind.CONTEXT or self._maybe():
            other.name = known.name  # which a context may change, and others cannot
        return other

    def _event(self) -> Message:
        wire = message("Event")()
        if self._maybe(0.98):
            wire.type = self._random.randrange(1, 8)
        if self._maybe(0.5):
            wire.milliseconds_since_epoch = self._random.randrange(1, 10)
        for _ in range(self._random.randrange(3)):
            step = wire.path.steps.add()
            if self._maybe():
                step.key = self._random.choice(NAMES)
            else:
                step.index = self._random.randrange(3)
        return wire

    def _filter(self, kind: Kind) -> str:
        conditions = [*CONDITIONS, *OF_KIND[kind]]
        if kind is Kind.CONTEXT:
            conditions = [each for each in conditions if "NULL" not in each]
        node_type = self._type(kind)
        words = {
            "id": self._id(kind),
            "type": self._random.randrange(1, 14),
            "name": f"{self._random.choice(NAMES)}{self._random.randrange(30)}",
            "type_name": node_type.name if node_type is not None else "none",
            "external": f"e{self._random.randrange(40)}",
        }
        chosen = self._random.sample(conditions, self._random.choice([1, 1, 2]))
        if sum("state" in each for each in chosen) > 1:  # which MLMD cannot read
            del chosen[1:]
        return " AND ".join(f"({each})" for each in chosen).format(**words)

    # Calls that write

    def _put_type(self, kind: Kind) -> tuple[str, Message]:
        request = message(f"Put{kind.capitalize()}TypeRequest")()
        wire = getattr(request, f"{kind}_type")
        wire.SetInParent()
        if self._maybe(0.98):
            wire.name = f"{kind}{self._random.randrange(4)}"
        if self._maybe(0.3):
            wire.version = self._random.choice(VERSIONS)
        if kind is Kind.EXECUTION:
            wire.description = "said"
        for key in self._random.sample(KEYS, self._random.randrange(4)):
            wire.properties[key] = KEYS.index(key) + 1 if self._maybe(0.95) else 3
        if kind is not Kind.CONTEXT and self._maybe(0.3):
            wire.base_type = self._random.randrange(1, 5)
        for option in ("can_add_fields", "can_omit_fields"):
            if self._maybe(0.6):
                setattr(request, option, True)
        return f"Put{kind.capitalize()}Type", request

    def _put_nodes(self, kind: Kind) -> tuple[str, Message]:
        request = message(f"Put{kind.capitalize()}sRequest")()
        wires = getattr(request, f"{kind}s")
        masked = self._maybe(0.25)
        for _ in range(self._random.choice([1, 1, 2, 5])):
            changes = self._maybe(0.9 if masked else 0.35)
            wires.append(self._changed(kind) if changes else self._new(kind))
        if len({wire.id for wire in wires if wire.id}) < sum(1 for wire in wires if wire.id):
            del wires[1:]
        if masked:
            paths = [*FIELDS[kind], "properties", "custom_properties", "nonsense", ""]
            paths += [f"properties.{key}" for key in KEYS]
            paths += [f"custom_properties.{key}" for key in CUSTOM]
            request.update_mask.paths.extend(self._random.sample(paths, 3))
            request.update_mask.paths.append(f"custom_properties.{ALWAYS}")
        elif self._maybe(0.2):
            request.update_mask.SetInParent()  # a mask of no path, which is none
        return f"Put{kind.capitalize()}s", request

    def _put_execution(self, _: Kind) -> tuple[str, Message]:
        request = message("PutExecutionRequest")()
        if self._maybe(0.98):
            changes = self._maybe(0.3)
            wire = self._changed(Kind.EXECUTION) if changes else self._new(Kind.EXECUTION)
            request.execution.CopyFrom(wire)
        self._add_pairs(request)
        for _number in range(self._random.choice([0, 0, 1, 2])):
            changes = self._maybe(0.3)
            wire = self._changed(Kind.CONTEXT) if changes else self._new(Kind.CONTEXT)
            if wire.id not in [each.id for each in request.contexts if each.id]:
                request.contexts.append(wire)
        options = request.options
        if self._maybe(0.5):
            options.reuse_context_if_already_exist = self._maybe(0.9)
        for name, chance in (
            ("reuse_artifact_if_already_exist_by_external_id", 0.3),
            ("force_update_time", 0.1),
            ("force_reuse_context", 0.1),
        ):
            if self._maybe(chance):
                setattr(options, name, True)
        return "PutExecution", request

    def _add_pairs(self, request: Message) -> None:
        """Add artifacts and events; an artifact that is there is in one of them."""
        known = {wire.id for wire in self._nodes[Kind.ARTIFACT]}
        for _number in range(self._random.randrange(3)):
            if known and self._maybe(0.4):
                number = self._random.choice(sorted(known))
                known.remove(number)
                pair = request.artifact_event_pairs.add()
                pair.event.CopyFrom(self._event())
                pair.event.artifact_id = number
                continue
            pair = request.artifact_event_pairs.add()
            pair.artifact.CopyFrom(self._new(Kind.ARTIFACT))
            if self._maybe(0.9):
                pair.event.CopyFrom(self._event())

    def _put_subgraph(self, _: Kind) -> tuple[str, Message]:
        request = message("PutLineageSubgraphRequest")()
        for kind in KINDS:
            wires = getattr(request, f"{kind}s")
            for _number in range(self._random.randrange(3)):
                wires.append(self._new(kind))
        for _number in range(self._random.randrange(3)):
            edge = request.event_edges.add()
            edge.event.CopyFrom(self._event())
            for kind in (Kind.ARTIFACT, Kind.EXECUTION):
                count = len(getattr(request, f"{kind}s"))
                if count and self._maybe(0.8):
                    place = self._random.randrange(count + self._maybe(0.05))
                    setattr(edge, f"{kind}_index", place)
                elif self._nodes[kind] and self._maybe(0.95):
                    number = self._random.choice(self._nodes[kind]).id
                    setattr(edge.event, f"{kind}_id", number)
        request.options.reuse_context_if_already_exist = self._maybe(0.7)
        if self._maybe(0.3):
            request.options.reuse_artifact_if_already_exist_by_external_id = True
        return "PutLineageSubgraph", request

    def _put_edges(self, _: Kind) -> tuple[str, Message]:
        which = self._random.randrange(3)
        if which == 0:
            request = message("PutEventsRequest")()
            for _number in range(self._random.randrange(3)):
                wire = self._event()
                wire.artifact_id = self._id(Kind.ARTIFACT)
                wire.execution_id = self._id(Kind.EXECUTION)
                request.events.append(wire)
            return "PutEvents", request
        if which == 1:
            request = message("PutAttributionsAndAssociationsRequest")()
            for _number in range(self._random.randrange(3)):
                context = self._id(Kind.CONTEXT)
                request.attributions.add(context_id=context, artifact_id=self._id(Kind.ARTIFACT))
            for _number in range(self._random.randrange(3)):
                context = self._id(Kind.CONTEXT)
                request.associations.add(context_id=context, execution_id=self._id(Kind.EXECUTION))
            return "PutAttributionsAndAssociations", request
        request = message("PutParentContextsRequest")()
        for _number in range(self._random.randrange(1, 3)):
            child, parent = self._id(Kind.CONTEXT), self._id(Kind.CONTEXT)
            request.parent_contexts.add(child_id=child, parent_id=parent)
        return "PutParentContexts", request

    # Calls that read

    def _read_types(self, kind: Kind) -> tuple[str, Message]:
        title = kind.capitalize()
        which = self._random.randrange(3)
        if which == 0:
            request = message(f"Get{title}TypeRequest")(
                type_name=f"{kind}{self._random.randrange(5)}"
            )
            if self._maybe(0.3):
                request.type_version = self._random.choice(VERSIONS)
            return f"Get{title}Type", request
        if which == 1:
            ids = [self._random.randrange(16) for _ in range(self._random.randrange(4))]
            return f"Get{title}TypesByID", message(f"Get{title}TypesByIDRequest")(type_ids=ids)
        return f"Get{title}Types", message(f"Get{title}TypesRequest")()

    def _read_nodes(self, kind: Kind) -> tuple[str, Message]:
        title = kind.capitalize()
        which = self._random.randrange(4)
        if which == 0:
            ids = [self._id(kind) for _ in range(self._random.randrange(4))]
            request = message(f"Get{title}sByIDRequest")(**{f"{kind}_ids": ids})
            if kind is Kind.ARTIFACT:
                request.populate_artifact_types = self._maybe()
            return f"Get{title}sByID", request
        if which == 1:
            found = [f"e{self._random.randrange(40)}" for _ in range(self._random.randrange(4))]
            if self._maybe(0.05):
                found.append("")
            request = message(f"Get{title}sByExternalIdsRequest")(external_ids=found)
            return f"Get{title}sByExternalIds", request
        if which == 2:
            known = self._random.choice(self._nodes[kind] or [message(title)()])
            request = message(f"Get{title}ByTypeAndNameRequest")(type_name=known.type or "none")
            setattr(request, f"{kind}_name", known.name)
            return f"Get{title}ByTypeAndName", request
        uris = self._random.sample(URIS, 2)
        return "GetArtifactsByURI", message("GetArtifactsByURIRequest")(uris=uris)

    def _list(self, kind: Kind) -> tuple[str, Message]:
        title = kind.capitalize()
        which = self._random.randrange(3)
        name = f"Get{title}s"
        if which == 0:
            name = f"Get{title}sByType"
        elif which == 1 and kind is not Kind.CONTEXT:
            name = f"Get{title}sByContext"
        request = message(f"{name}Request")()
        if name.endswith("ByType"):
            request.type_name = f"{kind}{self._random.randrange(5)}"
            if self._maybe(0.3):
                request.type_version = self._random.choice(VERSIONS)
        elif name.endswith("ByContext"):
            request.context_id = self._id(Kind.CONTEXT)
        if self._maybe(0.8):
            self._fill(request.options, kind)
        return name, request

    def _fill(self, options: Message, kind: Kind) -> None:
        """Fill a list's options; by id, as the times of one call differ in MLMD."""
        options.SetInParent()
        if self._maybe(0.6):
            options.max_result_size = self._random.choice([1, 2, 3, 50, 100])
        if self._maybe(0.6):
            options.order_by_field.field = 3
        if self._maybe(0.5):
            options.order_by_field.is_asc = self._maybe()
        if self._maybe(0.6):
            options.filter_query = self._filter(kind)

    def _read_edges(self, kind: Kind) -> tuple[str, Message]:
        if kind is Kind.CONTEXT:
            whose = self._random.choice(["Parent", "Children"])
            name = f"Get{whose}ContextsByContext"
            return name, message(f"{name}Request")(context_id=self._id(kind))
        title = kind.capitalize()
        if self._maybe():
            request = message(f"GetContextsBy{title}Request")(**{f"{kind}_id": self._id(kind)})
            return f"GetContextsBy{title}", request
        ids = [self._id(kind) for _ in range(self._random.randrange(4))]
        request = message(f"GetEventsBy{title}IDsRequest")(**{f"{kind}_ids": ids})
        return f"GetEventsBy{title}IDs", request

    def _lineage(self, _: Kind) -> tuple[str, Message]:
        request = message("GetLineageSubgraphRequest")()
        options = request.lineage_subgraph_query_options
        options.SetInParent()
        kind = self._random.choice((Kind.ARTIFACT, Kind.EXECUTION))
        if self._maybe(0.98):
            getattr(options, f"starting_{kind}s").filter_query = self._filter(kind)
        if self._maybe(0.6):
            options.max_num_hops = self._random.choice([0, 1, 2, 3, 20, 101])
        if self._maybe(0.8):
            options.direction = self._random.randrange(4)
        if self._maybe(0.3):
            kind = self._random.choice((Kind.ARTIFACT, Kind.EXECUTION))
            ending = getattr(options, f"ending_{kind}s")
            ending.filter_query = self._filter(kind)
            if self._maybe():
                ending.include_ending_nodes = True
        if self._maybe(0.5):
            parts = ["artifacts", "executions", "contexts", "events", "associations"]
            parts += ["attributions", "artifact_types", "nonsense"]
            request.read_mask.paths.extend(
                self._random.sample(parts, self._random.choice([0, 3, 3]))
            )
            request.read_mask.SetInParent()
        return "GetLineageSubgraph", request
