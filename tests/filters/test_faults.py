"""Texts that are no filters: where the fault is, and that no text does worse than be refused."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lineage.errors import Invalid
from lineage.filters.parsing import parse
from lineage.filters.tokens import cut
from lineage.filters.tree import And, Column, Exists, Filter, Not, Or, columns_of
from lineage.model.keys import Kind

A = Kind.ARTIFACT


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("id = 1 AND foo = 2", 12, "there is no column 'foo' on artifacts; there are id, type_id, type, name"),
        ("contexts_a.foo = 2", 12, "there is no column 'foo' on contexts_a; there are id, name, type"),
        ("contexts_a = 2", 1, "contexts_a needs a column; there are id, name, type"),
        ("contexts_.id = 2", 1, "there is no column 'contexts_' on artifacts"),
        ("artifacts_a.id = 2", 1, "there is no column 'artifacts_a' on artifacts"),
        ("contexts_a.properties.p = 2", 12, "there is no column 'properties' on contexts_a"),
        ("last_known_state = NEW", 1, "there is no column 'last_known_state' on artifacts"),
        ("tags = 'x'", 8, "tags is compared with its members alone, as in 'x' IN tags and tags LIKE 'x%', not 'x'"),
        ("tags IN ('x', 'y')", 10, "tags is compared with its members alone"),
        ("tags = properties.x", 6, "tags is compared with its members alone"),
        ("uri = tags", 5, "tags is compared with its members alone"),
        ("tags.x = 2", 6, "tags has no columns of its own"),
        ("tags LIKE 5", 11, "LIKE takes a string, not '5'"),
        ("note = 5", 8, "note is compared with a string, not '5'"),
        ("'x' IN note", 8, "note is no list"),
        ("note.string_value = 'x'", 6, "note has no columns of its own"),
        ("contexts_a.tags = 2", 12, "there is no column 'tags' on contexts_a"),
        ("id.x = 2", 4, "id has no columns of its own"),
        ("contexts_a.id.x = 2", 15, "contexts_a.id has no columns of its own"),
        ("properties = 2", 1, "properties needs a name"),
        ("properties.a.b = 2", 14, "one of int_value, double_value, string_value, bool_value"),
        ("properties.a.proto_value = 2", 14, "one of int_value"),
        ("properties.a.int_value.b = 2", 24, "one of int_value"),
        ("properties.0b = 2", 12, "'0' does not belong here"),
        ("properties.123 = 2", 12, "'123' does not belong here"),
        ("properties.1e5 = 2", 12, "'1e5' does not belong here; there should be the name of a column, in backquotes"),
        ("properties.learning-rate = 2", 20, "'-' does not belong here"),
        ("properties.a$b = 2", 12, "'a$b' is not part of filters; a name with other characters than a-z, 0-9 and _ is written in backquotes"),
        ("properties.größe = 2", 12, "'größe' is not part of filters; a name with other characters"),
        ("id = '1'", 6, "id is compared with a number, not '1'"),
        ("'1' = id", 1, "id is compared with a number, not '1'"),
        ("id = TRUE", 6, "id is compared with a number, not 'TRUE'"),
        ("id IN (1, 'x')", 11, "id is compared with a number, not 'x'"),
        ("id BETWEEN 1 AND 'x'", 18, "id is compared with a number, not 'x'"),
        ("name = 5", 8, "name is compared with a string, not '5'"),
        ("name = x", 8, "'x' is no literal"),
        ("name > contexts_a.id", 6, "name is compared with a string, and contexts_a.id is none"),
        ("properties.p = create_time_since_epoch", 14, "create_time_since_epoch is none"),
        ("state = executions_a.state", 9, "there is no column 'executions_a'"),
        ("state = events_a.type", 7, "state is compared with one of its names, or its number, and events_a.type is none"),
        ("state = id", 9, "state is one of UNKNOWN"),
        ("id = state", 4, "id is compared with a number, and state is none"),
        ("'x' IN name", 8, "name is no list"),
        ("'x' IN properties.p.string_value", 8, "properties.p.string_value is no list"),
        ("'x' IN ('x', 1)", 14, "'1' is not a string, as 'x' is"),
        ("'x' NOT = 'x'", 9, "there should be IN, BETWEEN or LIKE"),
        ("'x' NOT LIKE 1", 9, "LIKE is for strings, not for"),
        ("1 LIKE '1'", 3, "LIKE is for strings, not for"),
        ("1 IN 1", 6, "there should be the name of a column"),
        ("(id = 1) IS 1", 13, "there should be TRUE, FALSE or NULL"),
        ("1 IS TRUE", 6, "there should be a comparison"),
        ("id = 1 IS TRUE", 8, "there should be AND, OR or the end"),
        ("id IN (name)", 4, "id is compared with a number, and name"),
        ("1 = 'a'", 5, "'a' is not a number, as '1' is"),
        ("(id = 1) < TRUE", 10, "a condition is compared with TRUE or FALSE only, by = or !="),
        ("(id = 1) = 1", 10, "a condition is compared with TRUE or FALSE only"),
        ("(id = 1) = name", 10, "a condition is compared with TRUE or FALSE only"),
        ("(id = 1) = (id = 2)", 16, "there should be ')'"),
        ("name = (('x')", 14, "there should be ')'"),
        ("1", 2, "there should be a comparison"),
        ("1 AND id = 1", 3, "there should be a comparison"),
        ("properties.p = x", 16, "'x' is no literal"),
        ("properties.p.int_value = '1'", 26, "is compared with a number"),
        ("properties.p.double_value = TRUE", 29, "is compared with a number"),
        ("properties.p.string_value = 1", 29, "is compared with a string"),
        ("properties.p.bool_value = 1", 27, "is compared with TRUE or FALSE"),
        ("properties.p IN (1, 2.5, 'x')", 26, "'x' is not a number, as the first one is"),
        ("properties.p BETWEEN 'a' AND 2", 30, "'2' is not a string"),
        ("name LIKE 5", 11, "LIKE takes a string, not '5'"),
        ("name LIKE x", 11, "LIKE takes a string, not 'x'"),
        ("id LIKE '1%'", 4, "LIKE is for strings, but id is compared with a number"),
        ("properties.p.int_value NOT LIKE '1%'", 28, "LIKE is for strings"),
        ("create_time_since_epoch LIKE '2%'", 25, "LIKE is for strings"),
        ("state = live", 9, "state is one of UNKNOWN, PENDING, LIVE, MARKED_FOR_DELETION, DELETED, ABANDONED, REFERENCE, or its number, not 'live'"),
        ("state IN (LIVE, NEW)", 17, "state is one of UNKNOWN, PENDING"),
        ("state > LIVE", 7, "names of state are compared by =, !=, IN and NOT IN only"),
        ("state BETWEEN PENDING AND 2", 7, "names of state are compared by =, !=, IN and NOT IN only"),
        ("state = TRUE", 9, "state is one of UNKNOWN"),
        ("state LIKE '2'", 7, "LIKE is for strings, but state is compared with one of its names, or its number"),
        ("LIVE = state", 1, "there is no column 'LIVE'"),
        ("events_a.type = UNKNOWN", 17, "events_a.type is one of DECLARED_OUTPUT, DECLARED_INPUT, INPUT, OUTPUT"),
        ("create_time_since_epoch > 1.5", 27, "compared with whole milliseconds since 1970 or RFC 3339 text"),
        ("create_time_since_epoch > now", 27, "'now' is no literal"),
        ("create_time_since_epoch > '2026-03-01T00:00:00'", 27, "has no time zone"),
        ("create_time_since_epoch > '0001-01-01T00:00:00+01:00'", 27, ""),
        ("create_time_since_epoch > 'yesterday'", 27, "'yesterday' is not a time"),
        ("id = 9223372036854775808", 6, "'9223372036854775808' does not fit in 64 bits"),
        ("id = 10000000000000000000", 6, "does not fit in 64 bits"),
        ("id = -9223372036854775809", 6, "does not fit in 64 bits"),
        ("id = 0x8000000000000000", 6, "does not fit in 64 bits"),
        ("id = " + "9" * 60_000, 6, "does not fit in 64 bits"),
        ("properties.p = 1e999", 16, "does not fit in 64 bits"),
        ("properties.p = 1e", 16, "'1e' is not part of filters"),
        ("properties.p = 0xZZ", 16, "'0xZZ' is not part of filters"),
        ("properties.p = 1e+", 16, "'1e' is not part of filters"),
        ("properties.p = 1e5-3", 19, "'-' does not belong here"),
        ("properties.p = 1e5.5", 19, "'.' does not belong here"),
        ("properties.p = 1.5.3", 19, "'.' does not belong here"),
        ("properties.p = 1..5", 18, "'.' does not belong here"),
        ("properties.p = .5.5", 16, "'.5.5' is not a number"),
        ("properties.p = 0x", 16, "'0x' is not part of filters"),
        ("properties.p = 0x1F_0", 16, "'0x1F_0' is not part of filters"),
        ("properties.p = 0x1Fand id = 1", 16, "'0x1Fand' is not part of filters"),
        ("properties.p = 0b1", 17, "'b1' does not belong here"),
        ("properties.p = 1L", 17, "'L' does not belong here"),
        ("properties.p = 1é", 17, "'é' is not part of filters"),
        ("properties.p = . 5", 18, "there should be a number"),
        ("properties.p = .0x1", 16, "'.0x1' is not a number"),
        ("properties.p = 1_000", 17, "'_000' does not belong here"),
        ("properties.p = ٣", 16, "is not part of filters"),
        ("properties.p = NaN", 16, "'NaN' is no literal"),
        ("properties.p = - -5", 18, "there should be a number"),
        ("properties.p = +5", 16, "'+' is not part of filters"),
        ("name = 'ab\\q'", 11, "there is no such escape"),
        ("name = '\\ud800'", 9, "there is no such escape"),
        ("name = '\\udfff'", 9, "there is no such escape"),
        ("name = '\\U00110000'", 9, "there is no such escape"),
        ("name = '\\777'", 9, "there is no such escape"),
        ("name = b'x'", 8, "\"b'x'\" is not part of filters"),
        ('name = B"""x"""', 8, "is not part of filters"),
        ("name = rb'x'", 8, "'rb' is no literal"),
        ("name = N'x'", 8, "'N' is no literal"),
        ("name = 'x' 'y'", 12, "'y' does not belong here; there should be AND, OR or the end"),
        ("id = NULL", 6, "write IS NULL or IS NOT NULL"),
        ("id IN (NULL)", 8, "write IS NULL or IS NOT NULL"),
        ("id IS 5", 7, "there should be NULL"),
        ("id IS TRUE", 7, "there should be NULL"),
        ("id IN ()", 8, "there should be a literal"),
        ("id IN (1 2)", 10, "there should be ',' or ')'"),
        ("id IN 1", 7, "there should be ("),
        ("id IN ((1)", 11, "there should be ',' or ')'"),
        ("id IN UNNEST(name)", 7, "there should be ("),
        ("id BETWEEN 1, 2", 13, "there should be AND"),
        ("id NOT = 1", 8, "there should be IN, BETWEEN or LIKE"),
        ("id", 3, "the filter ends here; there should be a comparison"),
        ("properties.p.int_value AND id = 1", 24, "there should be a comparison"),
        ("1 IN (name)", 1, "name is compared with a string"),
        ("id = ", 5, "the filter ends here; there should be a literal"),
        ("id = 1 AND", 11, "there should be the name of a column"),
        ("id = 1 id = 2", 8, "there should be AND, OR or the end"),
        ("1 < id < 3", 8, "there should be AND, OR or the end"),
        ("id = 1 = TRUE", 8, "there should be AND, OR or the end"),
        ("(id = 1", 8, "there should be AND, OR or ')'"),
        ("id = 1)", 7, "there should be AND, OR or the end"),
        ("()", 2, "there should be the name of a column"),
        (".id = 1", 2, "there should be a number"),
        ("id == 1", 4, "'==' is not part of filters"),
        ("id <=> 1", 4, "'<=>' is not part of filters"),
        ("id =< 1", 4, "'=<' is not part of filters"),
        ("id !== 1", 4, "'!==' is not part of filters"),
        ("id := 1", 4, "':' is not part of filters"),
        ("id -> 1", 4, "'-' does not belong here"),
        ("id = 1 / 2", 8, "'/' is not part of filters"),
        ("id = 1 // 2", 8, "'/' is not part of filters"),
        ("/* /* */ */ id = 1", 10, "'*' is not part of filters"),
        ("id = 1 {# x #}", 8, "'{' is not part of filters"),
        ("id = 1\\", 7, "is not part of filters"),
        ("id = 1 GROUP BY id", 8, "'GROUP' does not belong here"),
        ("id = 1;", 7, "';' is not part of filters"),
        ("id = 1; DROP TABLE x", 7, "';' is not part of filters"),
        ("1; DROP TABLE x", 2, "';' is not part of filters"),
        ("id % 2 = 1", 4, "'%' is not part of filters"),
        ("id = 1 && id = 2", 8, "'&&' is not part of filters"),
        ("id = 1 XOR id = 2", 8, "'XOR' does not belong here"),
        ("!id = 1", 1, "'!' is not part of filters"),
        ("id = ?", 6, "is not part of filters"),
        ("id = @x", 6, "is not part of filters"),
        ("id = [1]", 6, "is not part of filters"),
        ("type_id + 1 > 1", 9, "'+' is not part of filters"),
        ("id - 1 > 1", 4, "'-' does not belong here"),
        ("id = 1 - 1", 8, "'-' does not belong here"),
        ("LOWER(name) = 'x'", 1, "there are no functions in filters, such as 'LOWER'"),
        ("name = LOWER('X')", 8, "'LOWER' is no literal"),
        ("CAST(id AS STRING) = '1'", 1, "there are no functions in filters, such as 'CAST'"),
        ("EXISTS(SELECT 1)", 1, "there are no functions in filters"),
        ("CASE WHEN id = 1 THEN TRUE END", 1, "there is no column 'CASE'"),
        ("SELECT 1", 1, "there is no column 'SELECT'"),
        ("(SELECT 1) = 1", 2, "there is no column 'SELECT'"),
        ("id = (SELECT 1)", 14, "there should be ')'"),
        ("{{ x }} = 1", 1, "is not part of filters"),
        ("é = 1", 1, "'é' is not part of filters"),
        ("name = 'é' AND é = 1", 16, "'é' is not part of filters"),
        ("😀", 1, "is not part of filters"),
        ("id\x00 = 1", 1, "'id\\x00' is not part of filters"),
        ("id\u200b = 1", 1, "'id\\u200b' is not part of filters"),
        ("\ufeffid = 1", 1, "'\\ufeffid' is not part of filters"),
        ("name = 'abc", 8, "the string that begins here is never closed"),
        ("name = '''abc''", 8, "the string that begins here is never closed"),
        ("name = 'abc\\'", 8, "the string that begins here is never closed"),
        ("name = 'abc\"", 8, "the string that begins here is never closed"),
        ("name = r'abc\\'", 8, "the string that begins here is never closed"),
        ("name = b'abc", 8, "the string that begins here is never closed"),
        ("name = 'x'-- '\n'", 16, "the string that begins here is never closed"),
        ("properties.`abc = 1", 12, "the quoted name that begins here is never closed"),
        ("id = 1 /* abc", 8, "the comment that begins here is never closed"),
        ("id = /*/ 1", 6, "the comment that begins here is never closed"),
        ("id = é AND name = 'abc", 6, "'é' is not part of filters"),
        ("name = 'it''s'", 12, "a quote inside is written \\', not ''"),
        ("name = 'it'''", 12, "a quote inside is written \\', not ''"),
        ('name = "a""b"', 11, 'a quote inside is written \\", not ""'),
        ("name = '''a''''", 15, "a closing quote comes right before"),
        ("properties.`a``b` = 1", 15, "a quote inside is written \\`, not ``"),
        ("name = '\ud800'", 9, "a lone surrogate is not a character"),
        ("NOT " * 65 + "id = 1", 1, "nested more than 64 deep"),
        ("(" * 65 + "id = 1" + " AND id = 2 OR id = 3)" * 65 + " AND id = 4", 1, "nested more than 64 deep"),
    ],
)  # fmt: skip
def test_faults_have_a_place(text: str, at: int, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text, A)
    assert str(caught.value).startswith(f"filter, column {at}: ")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400
    assert "\x1b" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_character_is_passed_over() -> None:
    for char in map(chr, range(0x3100)):
        if char != "#" and not char.isspace():
            with pytest.raises(Invalid, match=r"^filter, column 8: "):
                parse(f"id = 1 {char}", A)


@pytest.mark.parametrize("text", ["", " ", "\n\t", "-- nothing", "/* nothing */"])
def test_an_empty_filter(text: str) -> None:
    with pytest.raises(Invalid, match=r"^the filter is empty$"):
        parse(text, A)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "(" * 60_000,
        "(" * 30_000 + "id = 1 OR (" + ")" * 30_000,
        "(" * 10_000 + "id = 1" + " AND id = 2 OR id = 3)" * 2_000,
        "NOT " * 16_000 + "id = 1",
        "NOT(" * 13_000 + "id = 1" + ")" * 13_000,
        "id = " + "-" * 60_000 + "1",
        "id = " + "- " * 30_000 + "1",
        "id IN " + "(" * 60_000,
        "id IN (" + "id IN (" * 8_000,
        "id = " + "1 = " * 15_000 + "1",
        "a." * 30_000 + "b = 1",
        "BEGIN TRANSACTION EXECUTE " * 2_500,
        "CASE WHEN " * 6_000,
        "[" * 60_000,
        "'" * 65_535,
        "\\" * 65_536,
        "`" * 65_535,
        "/*" * 32_000,
        "/* " + "*" * 65_000,
        "/" * 65_000,
        "id = " + "9" * 65_000 + "e",
        "id = ." + "9" * 65_000 + ".5",
        "id = 1" + "e1" * 32_000,
        "id = 1e" + "1" * 65_000,
        "id = " + "1." * 32_000,
        "id = 0x" + "f" * 65_000,
        "id = 0x" + "f" * 65_000 + "g",
        "name = '" + "\\" * 65_001,
        "name = '" + "\\'" * 32_000,
        "name = '''" + "\\" * 65_001,
        "name = '''" + "''\\" * 21_000,
        'name = R"""' + '"\\"' * 21_000,
        "name = " + "r" * 65_000 + "'",
        "name = " + "r'" * 32_000,
        "properties.`" + "\\`" * 32_000,
        "$" * 65_536,
        "é" * 32_768,
        "=" * 65_536,
        " " * 65_536,
        "--\n" * 21_000,
        "x" * 65_537,
        "x" * 65_536,
        "name = '" + "é" * 32_768 + "'",
        "x" * 10_000_000,
    ],
    ids=lambda text: f"{text[:12]}{len(text)}",
)
def test_what_is_too_much_is_refused(text: str) -> None:
    """Each is as large as can be: what took more than linear time would hold up the tests."""
    with pytest.raises(Invalid):
        parse(text, A)


PIECES = [
    "(", "(", ")", ")", ",", ".", "-", ";", "=", "==", "!=", "<", "<=", ">", ">=", "<>", "+", "*", "'", '"', "`", "\\", "\x00",
    "é", "1", "-1", "0x1F", "1.5", ".5", "'x'", '"x"', "r'x'", "\'\'\'x\'\'\'", "--", "/*", "*/", "#", "'''", '"""', "r'", "b'x'", "``",
    "\\'", "\n", "\r", "\u00a0", "\ufeff", "{#", "#}", "1.", "1e5", "1e", "0x", "$", "::", "TRUE", "LIVE", "INPUT", "NULL",
    "AND", "AND", "OR", "OR", "NOT", "NOT", "IN", "BETWEEN", "LIKE", "IS", "SELECT", "CASE", "CAST", "BEGIN", "EXECUTE",
    "id", "name", "uri", "state", "type", "properties.p", "properties.p.int_value", "custom_properties.`0 b`",
    "contexts_a.id", "contexts_a.name", "contexts_b.id", "events_a.type", "artifacts_a.uri", "executions_a.state",
    "id = 1", "contexts_a.id = 1", "contexts_b.id = 1", "create_time_since_epoch = 5", "name NOT IN ('x', 'y')", "(id = 1 OR",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(),
    st.text(st.characters(exclude_categories=())),
    st.lists(st.sampled_from(PIECES), max_size=20).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=20).map("".join),
)


@given(TEXTS, st.sampled_from(Kind))
@settings(deadline=None, max_examples=500)
@example("BEGIN TRANSACTION EXECUTE '", A)
@example("/*/", A)
@example("''''", A)
def test_any_text_is_read_or_refused(text: str, kind: Kind) -> None:
    try:
        tree = parse(text, kind)
    except Invalid as error:
        message = str(error)
    else:
        assert not list(strays(tree, frozenset()))
        return
    assert re.match(r"filter, column \d+: |the filter is ", message)


@given(TEXTS)
@settings(deadline=None, max_examples=500)
def test_a_token_is_where_it_says(text: str) -> None:
    """What is between two tokens says nothing, and a token is the same wherever it stands."""
    try:
        *tokens, end = cut(text)
    except Invalid:
        return
    before = 1
    for token in tokens:
        assert text[token.at - 1 :].startswith(token.raw)
        between = text[before - 1 : token.at - 1]
        assert [each.raw for each in cut(f"1 {between} 1")] == ["1", "1", ""]
        before = token.at + len(token.raw)
    assert (end.kind, end.at) == ("end", before)
    again = cut(" ".join(token.raw for token in tokens))
    assert [(each.kind, each.raw) for each in again[:-1]] == [
        (each.kind, each.raw) for each in tokens
    ]


def strays(tree: Filter, known: frozenset[str]) -> Iterator[Filter]:
    """Yield the conditions on neighbours outside their `Exists`, and repeated ones."""
    if isinstance(tree, And | Or):
        for item in tree.items:
            yield from strays(item, known)
    elif isinstance(tree, Not):
        yield from strays(tree.item, known)
    elif isinstance(tree, Exists):
        if tree.alias in known:
            yield tree
        yield from strays(tree.condition, known | {tree.alias})
    elif any(isinstance(each, Column) and each.of not in {*known, ""} for each in columns_of(tree)):
        yield tree
