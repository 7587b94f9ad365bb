"""The digest of a function's code: what changes it, what does not, and what has none."""

import dataclasses
import functools
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lineage.model.contents import is_telling
from lineage.recording.functions.source import code_digest

Load = Callable[..., ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return what loads a module of one's own from its text, each time another one of that name."""
    loaded = []

    def loading(text: str, name: str = "project") -> ModuleType:
        folder = tmp_path / f"{len(loaded)}"
        folder.mkdir()
        file = folder / f"{name}.py"
        file.write_text(text)
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        loaded.append(module)
        return module

    return loading


def digest(module: ModuleType, name: str = "clean") -> str | None:
    return code_digest(getattr(module, name))


BASE = '''
import enum
import functools
import logging
import math
from dataclasses import dataclass
from pathlib import Path

LIMIT = 3
TABLE = {"a": [1, 2.5], "b": (None, True), "c": {"x", "y"}}
FILE = Path("data/in.csv")
UNUSED = 1
LOGGER = logging.getLogger("project")


class Mode(enum.Enum):
    FAST = 1


@dataclass
class Options:
    depth: int = 3


MODE = Mode.FAST
OPTIONS = Options()


class Cleaner:
    words = ("a", "b")

    def run(self, value):
        return inner(value)

    @property
    def size(self):
        return 1


def inner(value, by=LIMIT):
    return value + by


def unused(value):
    return value


def traced(function):
    @functools.wraps(function)
    def call(*args):
        return function(*args)

    return call


@traced
def clean(values):
    """Clean."""
    LOGGER.info("cleaning")
    found = [inner(value) for value in values]
    return math.floor(LIMIT), TABLE, FILE, MODE, OPTIONS, Cleaner().run(found), clean
'''

CHANGES = {
    "its own text": ('"cleaning"', '"cleaned"'),
    "its docstring": ('"""Clean."""', '"""Clean it."""'),
    "a comment in it": ('    LOGGER.info("c', '    # why\n    LOGGER.info("c'),
    "a global number": ("LIMIT = 3", "LIMIT = 4"),
    "a global number of another type": ("LIMIT = 3", "LIMIT = 3.0"),
    "a number in a container": ("2.5", "2.6"),
    "a key of a container": ('"b":', '"d":'),
    "a member of a set": ('"y"}', '"z"}'),
    "a path": ("data/in.csv", "data/out.csv"),
    "a member of an enumeration": ("FAST", "SLOW"),
    "a field of a data class": ("depth: int = 3", "depth: int = 4"),
    "a function that it calls": ("return value + by", "return value - by"),
    "a default of a function that it calls": ("by=LIMIT", "by=5"),
    "a method of a class that it uses": ("return inner(value)", "return inner(value, 1)"),
    "a property of a class that it uses": ("        return 1", "        return 2"),
    "an attribute of a class that it uses": ('("a", "b")', '("a", "c")'),
    "what a name is imported as": ("import math", "import cmath as math"),
}

SAME = {
    "a global that it does not use": ("UNUSED = 1", "UNUSED = 2"),
    "a function that it does not use": (
        "    return value\n\n\ndef traced",
        "    return 0\n\n\ndef traced",
    ),
    "lines above": ("import enum\n", "import enum\n\n\n\n"),
    "a logger": ('getLogger("project")', 'getLogger("other")'),
    "its decorator": ("@traced\ndef clean", "@traced\n@traced\ndef clean"),
    "no decorator": ("@traced\ndef clean", "def clean"),
    "the order of a set": ('{"x", "y"}', '{"y", "x"}'),
    "nothing": ("", ""),
}


def test_text_is_dedented(load: Load) -> None:
    text = "def clean(x):\n    return x\n"
    inner = "def outer():\n    def clean(x):\n        return x\n    return clean\n"
    assert digest(load(text)) == code_digest(load(inner).outer())
    block = "if True:\n    def clean(x):\n        return x\n"
    assert digest(load(text)) == digest(load(block))


def test_text_with_lines_at_the_margin_has_no_decorator_either(load: Load) -> None:
    inner = (
        "def outer(deco):\n    {}def clean(x):\n        return '''\nmargin'''\n    return clean\n"
    )
    plain = load(inner.format("")).outer(None)
    decorated = load(inner.format("@deco\n    ")).outer(lambda function: function)
    assert code_digest(plain) == code_digest(decorated) is not None


@pytest.mark.parametrize("case", CHANGES)
def test_digest_changes_with(load: Load, case: str) -> None:
    old, new = CHANGES[case]
    assert old in BASE
    before, after = digest(load(BASE)), digest(load(BASE.replace(old, new)))
    assert before is not None
    assert after is not None
    assert before != after
    assert is_telling(before)


@pytest.mark.parametrize("case", SAME)
def test_digest_stays_with(load: Load, case: str) -> None:
    old, new = SAME[case]
    assert old in BASE
    assert digest(load(BASE)) == digest(load(BASE.replace(old, new))) is not None


def test_value_counts_as_it_is_at_the_call(load: Load) -> None:
    project = load(BASE)
    before = digest(project)
    vars(project)["LIMIT"] = 7
    changed = digest(project)
    vars(project)["LIMIT"] = 3
    assert before == digest(project) != changed


def test_name_of_the_module_does_not_count(load: Load) -> None:
    assert digest(load(BASE)) == digest(load(BASE, "other"))


def test_functions_of_own_modules_are_followed(load: Load) -> None:
    using = "import helping\n\n\ndef clean(x):\n    return helping.tidy(x) + helping.LIMIT\n"
    helping = "LIMIT = 1\n\n\ndef tidy(x):\n    return x\n\n\ndef other(x):\n    return x\n"

    def asked(text: str) -> str | None:
        load(text, "helping")
        return digest(load(using))

    first = asked(helping)
    assert first is not None
    assert asked(helping.replace("LIMIT = 1", "LIMIT = 2")) != first
    assert (
        asked(helping.replace("(x):\n    return x\n\n\ndef", "(x):\n    return -x\n\n\ndef"))
        != first
    )
    assert asked(helping + "\n\n# the end\n") == first
    assert asked(helping.replace("other(x):\n    return x", "other(x):\n    return 0")) == first


def test_functions_of_installed_libraries_are_known_by_name(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from textwrap import dedent\n\n\ndef clean(x):\n    return dedent(x)\n"
    first = digest(load(text))
    assert first is not None
    assert digest(load(text.replace("import dedent", "import indent as dedent"))) != first
    assert digest(load(text)) == first


def test_what_it_holds_is_part_of_it(load: Load) -> None:
    text = """
def make(limit, helper, module=None):
    def clean(x):
        return helper(x) + limit + (module is None)

    return clean


def one(x):
    return x


def two(x):
    return -x


def recursive():
    def clean(x):
        return clean(x - 1) if x else 0

    return clean


def later():
    def clean(x):
        return helper(x)

    if False:
        helper = one
    return clean
"""
    project = load(text)
    first = code_digest(project.make(1, project.one))
    assert first is not None
    assert code_digest(project.make(1, project.one)) == first
    assert code_digest(project.make(2, project.one)) != first
    assert code_digest(project.make(1, project.two)) != first
    assert code_digest(project.make(1, project.one, sys)) not in (first, None)
    assert code_digest(project.make(1, len)) not in (first, None)
    assert code_digest(project.make(1, functools.partial(project.one, 3))) not in (first, None)
    assert code_digest(project.make(object(), project.one)) is None
    assert code_digest(project.make([1, [object()]], project.one)) is None
    assert code_digest(project.recursive()) is not None
    assert code_digest(project.later()) is not None


def test_value_within_itself_has_no_text(load: Load) -> None:
    project = load("def make(held):\n    def clean():\n        return held\n    return clean\n")
    endless: list[Any] = []
    endless.append(endless)
    assert code_digest(project.make(endless)) is None
    assert code_digest(project.make([[[1]]])) is not None


def test_value_that_is_very_large_has_no_text(load: Load) -> None:
    text = "def make(held):\n    def clean():\n        return held\n    return clean\n"
    project = load(f"{text}\n\ndef clean():\n    return TABLE\n\n\nTABLE = [0]\n")
    small = digest(project)
    for large in (list(range(100_000)), "x" * 200_000, [["x" * 1_000] * 10] * 11):
        assert code_digest(project.make(large)) is None
        vars(project)["TABLE"] = large
        assert digest(project) not in (small, None)


def test_object_that_raises_when_it_is_looked_at_has_no_text(load: Load) -> None:
    @dataclasses.dataclass
    class Broken:
        depth: int = 3

        def __getattribute__(self, name: str) -> object:
            if name == "depth":
                raise ZeroDivisionError
            return object.__getattribute__(self, name)

    project = load("def make(held):\n    def clean():\n        return held\n    return clean\n")
    assert code_digest(project.make(Broken)) is not None
    assert code_digest(project.make(Broken())) is None


def test_methods_have_a_digest(load: Load) -> None:
    text = """
class Cleaner:
    @classmethod
    def make(cls):
        return cls()

    @staticmethod
    def tidy(x):
        return x

    def run(self, x):
        return super().__repr__()

    size = property(lambda self: 1)
"""
    cleaner = load(text).Cleaner
    digests = {code_digest(each) for each in (cleaner.make, cleaner.tidy, cleaner().run)}
    assert None not in digests
    assert len(digests) == 3
    assert code_digest(cleaner.run) == code_digest(cleaner().run)
    assert code_digest(vars(cleaner)["make"]) == code_digest(cleaner.make)


def test_coroutines_generators_and_lambdas_have_a_digest(load: Load) -> None:
    text = "async def one():\n    pass\n\n\ndef two():\n    yield 1\n\n\nthree = lambda x: x\n"
    project = load(text)
    digests = {digest(project, name) for name in ("one", "two", "three")}
    assert None not in digests
    assert len(digests) == 3


def test_what_has_no_source_has_no_digest(load: Load) -> None:
    names: dict[str, Any] = {"__name__": "project"}
    exec("def clean(x):\n    return x\n", names)
    assert code_digest(names["clean"]) is None
    project = load("def clean(x):\n    return helper(x)\n")
    assert digest(project) is not None
    vars(project)["helper"] = names["clean"]
    assert digest(project) is None
    assert code_digest(len) is code_digest(functools.partial(digest)) is code_digest(int) is None


def test_text_is_that_which_was_loaded(load: Load) -> None:
    project = load("def clean(x):\n    return x\n")
    first = digest(project)
    Path(str(project.__file__)).write_text("def clean(x):\n    return 'another'\n")
    assert digest(project) == first


def test_object_that_answers_to_everything_does_no_harm(load: Load) -> None:
    class Answering:
        def __getattr__(self, name: str) -> "Answering":
            return self

        def __call__(self) -> None: ...

    project = load("def clean():\n    return THING\n")
    vars(project)["THING"] = Answering()
    assert digest(project) is not None
    assert code_digest(Answering()) is None
