"""A verifier of proofs that was written from docs/proof.md alone; it imports nothing of ours.

`check(text)` raises `Refused` for a proof of which anything is not right. Signatures are checked by RFC 8032's
own formulas, so that the standard library is enough.
"""

import json
import re
from hashlib import sha256, sha512
from typing import Any

SYSTEM = {
    number: (kind, f"lineage.{name}")
    for number, (kind, name) in enumerate(
        [("artifact", each) for each in ("Dataset", "Model", "Metrics", "Statistics")]
        + [("execution", each) for each in ("Train", "Transform", "Process", "Evaluate", "Deploy")],
        start=1,
    )
}
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
NAMES = {name for _, name in SYSTEM.values()}
OUTPUTS, INPUTS = {1, 4, 6, 7}, {2, 3, 5}
ENDS = (
    dict.fromkeys(OUTPUTS, ("execution", "artifact"))
    | dict.fromkeys(INPUTS, ("artifact", "execution"))
    | {8: ("context", "artifact"), 9: ("context", "execution"), 10: ("context", "context")}
)
TOP = {"format", "version", "subject", "number", "digest", "cut", "answer"}
TOP |= {"transactions", "records", "earlier"}


class Refused(Exception):
    """The proof is not right."""


def need(truth: object, what: str) -> None:
    if not truth:
        raise Refused(what)


def check(
    text: str, *, digest: str | None = None, public_key: bytes | None = None
) -> dict[str, Any]:
    """Return the document of a proof that is right."""
    try:
        document = json.loads(text, object_pairs_hook=once, parse_float=no, parse_constant=no)
        check_document(document, digest, public_key)
    except Refused:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise Refused(f"{type(error).__name__}: {error}") from error
    answer: dict[str, Any] = document
    return answer


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    need(len(dict(pairs)) == len(pairs), "a name twice")
    return dict(pairs)


def no(_: str) -> None:
    raise Refused("not a whole number")


def check_document(document: dict[str, Any], digest: str | None, public_key: bytes | None) -> None:
    signature = document.get("signature")
    content = {name: each for name, each in document.items() if name != "signature"}
    need(content.keys() == TOP and ("signature" in document) is (signature is not None), "names")
    need(canonical([content["format"], content["version"]]) == b'["lineage-proof",1]', "format")
    need(content["cut"] in (None, "hops", "nodes", "seconds"), "cut")
    whole(content["number"], 1)
    heads = check_transactions(content)
    records = check_records(content, heads)
    need(canonical(answer(records, content["subject"])) == canonical(content["answer"]), "answer")
    earlier = content["earlier"]
    if earlier is not None:
        need(earlier.keys() == {"number", "path"}, "names")
        first, size = whole(earlier["number"], 1), content["number"]
        need(first < size, "earlier")
        path = [h(each) for each in array(earlier["path"])]
        old, new = h(heads[first]["history"]), h(heads[size]["history"])
        if first > 1:
            need(consistent(first - 1, size - 1, path, True, old) == (old, new), "earlier")
        need(not path, "earlier is too long")
    if signature is not None:
        need(signature.keys() == {"algorithm", "key", "value"}, "names")
        need(signature["algorithm"] == "Ed25519", "algorithm")
        key = h(signature["key"])
        need(public_key in (None, key), "another key")
        need(re.fullmatch("[0-9a-f]{128}", signature["value"]), "value")
        need(is_signed(key, canonical(content), bytes.fromhex(signature["value"])), "signature")
    need(public_key is None or signature is not None, "not signed")
    if digest is not None:
        number, hexadecimal = digest.split(":")
        known = [content["number"], *([] if earlier is None else [earlier["number"]])]
        need(int(number) in known, "not of this digest")
        need(heads[int(number)]["digest"].hex() == hexadecimal, "another digest")


def check_transactions(content: dict[str, Any]) -> dict[int, dict[str, Any]]:
    heads: dict[int, dict[str, Any]] = {}
    used = {record["transaction"] for record in array(content["records"])}
    size, last = content["number"], 0
    known = used | {size} | ({content["earlier"]["number"]} if content["earlier"] else set())
    for each in array(content["transactions"]):
        need(each.keys() == {"history", "author", "records", "own", "path"}, "names")
        own = array(json.loads(each["own"]))
        need(len(own) == 11 and own[0] == "transaction" and isinstance(own[10], str), "own")
        for part in (own[1], *own[3:10]):
            whole(part, 0)
        need(whole(own[2], FIRST) <= LAST, "time")
        need(own[1] > last, "order")
        last, history = own[1], h(each["history"])
        parts = history + author(each["author"]) + h(each["records"]) + each["own"].encode()
        need(last > 1 or history == sha256().digest(), "before the first")
        need(last in known, "idle")
        need(last in used or last == size or each["author"].keys() == {"digest"}, "author")
        heads[last] = {**each, "digest": sha256(parts).digest(), "size": own[3]}
    need(last == size and heads[last]["digest"] == h(content["digest"]), "digest")
    need(heads[last]["path"] is None, "a path of the last")
    for number, head in heads.items():
        if number < size:
            path = [h(node) for node in array(head["path"])]
            at = included(head["digest"], number - 1, size - 1, path)
            need(at == h(heads[size]["history"]), "path of a head")
    return heads


def author(content: dict[str, Any]) -> bytes:
    if content.keys() == {"digest"}:
        return h(content["digest"])
    need(content.keys() == {"salt", "text"}, "author")
    said = array(json.loads(content["text"]))
    need(len(said) == 2 and all(isinstance(each, str) for each in said), "author")
    return sha256(salt(content["salt"]) + content["text"].encode()).digest()


def check_records(
    content: dict[str, Any], heads: dict[int, dict[str, Any]]
) -> dict[tuple[Any, ...], tuple[int, list[Any]]]:
    records: dict[tuple[Any, ...], tuple[int, list[Any]]] = {}
    place = (0, -1)
    for each in content["records"]:
        need(each.keys() == {"transaction", "index", "line", "path", "salt", "content"}, "names")
        number, index = whole(each["transaction"], 1), whole(each["index"], 0)
        need(place < (number, index), "order")
        place = number, index
        head = heads[number]
        path = [h(node) for node in array(each["path"])]
        root = included(each["line"].encode(), index, head["size"], path)
        need(root == h(head["records"]), "path of a record")
        line = array(json.loads(each["line"]))
        need((each["salt"] is None) is (each["content"] is None), "salt")
        if each["content"] is not None:
            need(line[0] in ("node", "update"), "content")
            hashed = sha256(salt(each["salt"]) + each["content"].encode()).hexdigest()
            need(hashed == line[5], "content")
        what = identity(line)
        need(what not in records, "two records")
        records[what] = number, line
    check_fit(records)
    return records


def identity(line: list[Any]) -> tuple[Any, ...]:
    if line[0] in ("node", "update"):
        need(len(line) == 6, "node")
        return "node", key(line[1])
    if line[0] == "type":
        return "type", line[2]["id"]
    if line[0] in ("edge", "edge update"):
        need(len(line) == 8, "edge")
        return "edge", key(line[1]), key(line[2]), line[3]
    need(line[0] in ("deleted", "purged") and len(line) == 2, "line")
    return line[0], key(line[1])


def check_fit(records: dict[tuple[Any, ...], tuple[int, list[Any]]]) -> None:
    for (what, *place), (number, _) in records.items():
        if what == "edge":
            source, target, kind = place
            need((source[0], target[0]) == ENDS[kind], "ends")
            need(("node", source) in records and ("node", target) in records, "an end")
        elif what == "node":
            need(type_of(records, place[0])[0] == place[0][0], "type")
        elif what in ("deleted", "purged"):
            need(records["node", place[0]][0] <= number, "taken away")


def type_of(records: dict[Any, Any], node: tuple[str, int]) -> tuple[str, str, str | None]:
    number = records["node", node][1][2]
    if number in SYSTEM:
        return (*SYSTEM[number], None)
    _, kind, content = records["type", number][1]
    return kind, content["name"], content["base"]


def is_data(kind: str, name: str, base: str | None) -> bool:
    known = base or (name if name in NAMES else None)
    if known in NAMES:
        return known == "lineage.Dataset"
    by_name = re.search(r"(Dataset|DataSet|(?<![^\W\d_])(dataset|data_set))\Z", name)
    return kind == "artifact" and by_name is not None


def answer(records: dict[Any, Any], subject: str) -> dict[str, Any]:
    node = key(subject)
    edges = [place for what, *place in records if what == "edge"]
    runs = {source for source, target, kind in edges if target == node and kind in OUTPUTS}
    runs = {node} if node[0] == "execution" else runs
    hops, level = {node: 0}, [node]
    while level:
        distance = hops[level[0]] + 1
        level = sorted(
            {s for s, t, kind in edges if t in level and kind in OUTPUTS | INPUTS} - hops.keys()
        )
        hops |= dict.fromkeys(level, distance)
    places = {
        s
        for s, t, kind in edges
        if kind == 9 and t in runs and type_of(records, s)[1] == "lineage.Environment"
    }
    return {
        "node": subject,
        "type": type_of(records, node)[1],
        "gone": ("deleted", node) in records,
        "runs": [shown(each) for each in sorted(runs)],
        "data": [
            [shown(each), far]
            for each, far in hops.items()
            if far and is_data(*type_of(records, each))
        ],
        "environments": [shown(each) for each in sorted(places)],
    }


def included(data: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """Return the root that a path leads to, from the top down as the definition has it."""
    if not 0 <= index < size:
        return None
    if size == 1:
        return None if path else sha256(b"\0" + data).digest()
    half = 1 << (size - 1).bit_length() - 1
    if not path:
        return None
    if index < half:
        below = included(data, index, half, path[:-1])
        return None if below is None else inner(below, path[-1])
    below = included(data, index - half, size - half, path[:-1])
    return None if below is None else inner(path[-1], below)


def consistent(
    first: int, size: int, path: list[bytes], is_old: bool, old: bytes
) -> tuple[bytes, bytes]:
    """Return the old and the new root of a subtree, taking the nodes of its proof off the path's end."""
    if first == size:
        node = old if is_old else path.pop()
        return node, node
    half = 1 << (size - 1).bit_length() - 1
    beside = path.pop()
    if first <= half:
        before, after = consistent(first, half, path, is_old, old)
        return before, inner(after, beside)
    before, after = consistent(first - half, size - half, path, False, old)
    return inner(beside, before), inner(beside, after)


def inner(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def canonical(content: Any) -> bytes:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def key(text: str) -> tuple[str, int]:
    match = re.fullmatch("(artifact|execution|context):([1-9][0-9]*)", text)
    if match is None:
        raise Refused("key")
    return match[1], int(match[2])


def shown(node: tuple[str, int]) -> str:
    return f"{node[0]}:{node[1]}"


def h(value: Any) -> bytes:
    need(isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value), "hash")
    return bytes.fromhex(value)


def salt(value: Any) -> bytes:
    need(isinstance(value, str) and re.fullmatch("([0-9a-f]{2}){1,64}", value), "salt")
    return bytes.fromhex(value)


def whole(value: Any, least: int) -> int:
    need(type(value) is int and value >= least, "number")
    return int(value)


def array(value: Any) -> list[Any]:
    need(type(value) is list, "array")
    return list(value)


# Ed25519, RFC 8032, 5.1: the curve -x² + y² = 1 + d·x²·y² over the field of p elements, and points on it as
# (X, Y, Z, T) with x = X/Z, y = Y/Z and x·y = T/Z.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]


def add(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, i = b - a, d - c, d + c, b + a
    return e * f % P, g * i % P, f * g % P, e * i % P


def times(number: int, point: Point) -> Point:
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def point_of(content: bytes) -> Point:
    number = int.from_bytes(content, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    need(y < P and (x * x - square) % P == 0 and (x or not sign), "no point")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def is_signed(key: bytes, message: bytes, value: bytes) -> bool:
    base = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    public, r, s = point_of(key), point_of(value[:32]), int.from_bytes(value[32:], "little")
    k = int.from_bytes(sha512(value[:32] + key + message).digest(), "little") % L
    one, other = times(s, base), add(r, times(k, public))
    return s < L and all((one[i] * other[2] - other[i] * one[2]) % P == 0 for i in (0, 1))
