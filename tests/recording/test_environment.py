"""What a run captures of where it runs, and what it never does."""

import getpass
import os
import platform
import re
import subprocess
import sys
import threading
import timeit
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import pydantic
import pytest

from lineage.model.canonical import encode
from lineage.model.system import Environment, Train
from lineage.recording import environment
from lineage.recording.environment import capture
from lineage.store import Store

HARMLESS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def forget() -> None:
    environment._Latest.captured = None
    environment._commit.cache_clear()
    environment._installed.cache_clear()


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if the process had just begun, in a folder that is in no repository."""
    forget()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for name, value in HARMLESS.items():
        monkeypatch.setenv(name, value)
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        if name.startswith("odd_"):
            del sys.modules[name]
    forget()


# What it says


def test_python_and_platform() -> None:
    said = capture()
    assert (said.python, said.implementation) == (
        platform.python_version(),
        platform.python_implementation(),
    )
    assert (said.platform, said.machine) == (platform.system(), platform.machine())
    assert (said.git_commit, said.git_clean) == (None, None)
    assert said.custom_properties["pydantic"] == pydantic.VERSION


def test_name_is_the_digest_of_what_it_says() -> None:
    said = capture()
    text = encode({"libraries": dict(said.custom_properties), "properties": dict(said.properties)})
    assert said.name == f"sha256:{sha256(text.encode()).hexdigest()}"


def test_nothing_else_is_said(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    monkeypatch.setattr(sys, "argv", ["train.py", "--token=s3cret"])
    git("remote", "add", "origin", "https://ann:s3cret@example.org/x.git")
    said = capture()
    assert said.properties.keys() == {
        "python",
        "implementation",
        "platform",
        "machine",
        "imports",
        "git_commit",
        "git_clean",
    }
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in said.custom_properties)
    for secret in ("s3cret", "example.org", str(repository), platform.node()):
        assert secret not in said.model_dump_json()
    assert getpass.getuser() not in said.properties.values()


def test_equal_environments_are_one_context(store: Store) -> None:
    said = capture()
    forget()
    again = capture()
    assert again is not said
    for each in (said, again):
        store.record(Train(), within=each)
    (stored,) = store.find(Environment)
    assert (stored.name, stored.properties) == (said.name, said.properties)
    assert stored.custom_properties == said.custom_properties


# When it is captured


def test_it_is_captured_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    capture()
    said = capture()
    monkeypatch.setenv("PATH", "")
    assert capture() is said
    assert min(timeit.repeat(capture, number=100, repeat=5)) / 100 < 50e-6


def test_modules_without_a_distribution_change_nothing(
    monkeypatch: pytest.MonkeyPatch, site: Path
) -> None:
    said = capture()
    (site / "odd_own.py").touch()
    import_module("odd_own")
    monkeypatch.setitem(sys.modules, "odd_declared", None)  # which is how an import is forbidden
    assert capture() is said


def test_library_that_is_imported_later_is_another_environment(site: Path) -> None:
    before = capture()
    assert "odd-declared" not in before.custom_properties
    import_module("odd_declared")
    after = capture()
    assert after.custom_properties == {**before.custom_properties, "odd-declared": "1.0+cpu.2"}
    assert after.name != before.name
    assert after.properties == before.properties


def test_a_question_is_no_other_environment(tmp_path: Path) -> None:
    """A graph for NetworkX loads it, and a store in a file does not before."""
    program = """
import sys, lineage
with lineage.connect("lineage.db") as store:
    for _ in range(2):
        with store.run(lineage.Train()) as run:
            print("networkx" in sys.modules)
        store.upstream(run.key).to_networkx()
    print(len(store.find(lineage.Environment)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout.split() == ["False", "True", "1"]


def test_threads_and_forks(site: Path) -> None:
    start = threading.Barrier(8)

    def together() -> Environment:
        start.wait()
        return capture()

    with ThreadPoolExecutor(8) as pool:
        said = [each.result() for each in [pool.submit(together) for _ in range(8)]]
    assert all(each == said[0] for each in said)
    code = (
        "import os; from lineage.recording.environment import capture; name = capture().name\n"
        "child = os.fork()\n"
        "if not child: os._exit(capture().name != name)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    assert run(code) == "0\n"


def run(code: str, *arguments: str) -> str:
    command = [sys.executable, *(arguments or ("-c", code))]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


# Libraries

INSTALLED: dict[str, dict[str, bytes]] = {
    "odd_declared-1.dist-info": {
        "METADATA": b"Metadata-Version: 2.1\nName: Odd._Declared\nVersion: 1.0+cpu.2\n\nName: x\n",
        "top_level.txt": b"odd_declared\n_odd_declared\n",
    },
    "odd_listed-1.dist-info": {
        "METADATA": b"Name: odd-listed\nVersion: 2!1.0rc1\n",
        "RECORD": (
            b"odd_package/__init__.py,sha256=x,0\nodd_single.py,,\nodd_listed-1.dist-info/RECORD,,\n"
            b'../../bin/odd,,\n"odd,_quoted/x.py",,\nodd_compiled.cpython-311.so,,\n'
        ),
    },
    "odd_editable-1.dist-info": {
        "METADATA": b"Name: odd-editable\nVersion: 3\n",
        "RECORD": b"odd_editable.pth,,\n",
    },
    "odd_egg.egg-info": {
        "PKG-INFO": b"name: odd_egg\r\nversion: 4\r\n",
        "top_level.txt": b"odd_egg",
    },
    "odd_shared_a-1.dist-info": {
        "METADATA": b"Name: odd-shared-a\nVersion: 5\n",
        "top_level.txt": b"odd_shared",
    },
    "odd_shared_b-1.dist-info": {
        "METADATA": b"Name: odd-shared-b\nVersion: 6\n",
        "top_level.txt": b"odd_shared",
    },
    "odd_unused-1.dist-info": {
        "METADATA": b"Name: odd-unused\nVersion: 7\n",
        "top_level.txt": b"odd_unused",
    },
}
BROKEN: dict[str, bytes | None] = {
    "nothing": None,
    "empty": b"",
    "nameless": b"Version: 1\n",
    "versionless": b"Name: odd\n",
    "no_version": b"Name: odd\nVersion: None\n",
    "blank_version": b"Name: odd\nVersion:  \n",
    "escapes": b"Name: odd\x1b[31m\nVersion: 1\n",
    "escaped_version": b"Name: odd\nVersion: 1\x1b[31m\n",
    "latin": b"Name: odd\nVersion: 1\nAuthor: \xe9\n",
    "long": b"Name: odd\nVersion: " + b"1" * 1000,
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed distributions on the path, whole and broken."""
    site = tmp_path / "site-packages"
    for folder, files in INSTALLED.items():
        (site / folder).mkdir(parents=True)
        for name, content in files.items():
            (site / folder / name).write_bytes(content)
    for name, metadata in BROKEN.items():
        broken = site / f"odd_broken_{name}-1.dist-info"
        broken.mkdir()
        (broken / "top_level.txt").write_text("odd_broken")
        if metadata is not None:
            (broken / "METADATA").write_bytes(metadata)
    (site / "odd_locked-1.dist-info" / "METADATA").mkdir(parents=True)
    (site / "odd_package").mkdir()
    modules = (
        "declared",
        "package/__init__",
        "single",
        "compiled",
        "editable",
        "egg",
        "shared",
        "broken",
    )
    for name in modules:
        (site / f"odd_{name}.py").touch()
    monkeypatch.syspath_prepend(site)
    return site


def libraries(*modules: str) -> dict[str, str]:
    for name in modules:
        import_module(name)
    found = capture().custom_properties
    return {name: version for name, version in found.items() if name.startswith("odd")}


def test_only_libraries_in_use_are_named(site: Path) -> None:
    assert libraries() == {}
    assert libraries("odd_declared") == {"odd-declared": "1.0+cpu.2"}


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("odd_package", {"odd-listed": "2!1.0rc1"}),
        ("odd_single", {"odd-listed": "2!1.0rc1"}),
        ("odd_compiled", {"odd-listed": "2!1.0rc1"}),
        ("odd_editable", {"odd-editable": "3"}),
        ("odd_egg", {"odd-egg": "4"}),
        ("odd_shared", {"odd-shared-a": "5", "odd-shared-b": "6"}),
        ("odd_broken", {}),
    ],
)
def test_odd_distributions(module: str, expected: dict[str, str], site: Path) -> None:
    assert libraries(module) == expected


def test_of_two_distributions_of_a_name_the_first_on_the_path_counts(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "first" / "odd.declared-9.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Name: odd.declared\nVersion: 9\n")
    monkeypatch.syspath_prepend(tmp_path / "first")
    assert libraries("odd_declared") == {"odd-declared": "9"}


# Git


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, in which we work."""
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    git("init")
    (root / "train.py").write_text("x = 1\n")
    (root / ".gitignore").write_text("*.log\n")
    git("add", ".")
    git("commit", "-m", "First")
    return root


def edited(root: Path) -> None:
    (root / "train.py").write_text("x = 2\n")


def staged(root: Path) -> None:
    edited(root)
    git("add", ".")


def removed(root: Path) -> None:
    (root / "train.py").unlink()


def renamed(root: Path) -> None:
    git("mv", "train.py", "train2.py")


def with_new_code(root: Path) -> None:
    (root / "new").mkdir()
    (root / "new" / "step.py").touch()


def with_new_notebook(root: Path) -> None:
    (root / "new.ipynb").touch()


def untouched(root: Path) -> None:
    pass


def touched(root: Path) -> None:
    os.utime(root / "train.py", (1, 1))


def with_new_data(root: Path) -> None:
    (root / "lineage.db").touch()
    (root / "\n?? x\x1b.csv").touch()


def with_ignored(root: Path) -> None:
    (root / "x.log").touch()


@pytest.mark.parametrize(
    ("change", "clean"),
    [
        *((change, True) for change in (untouched, touched, with_new_data, with_ignored)),
        *((change, False) for change in (edited, staged, removed, renamed)),
        *((change, False) for change in (with_new_code, with_new_notebook)),
    ],
)
def test_commit_and_cleanliness(
    change: Callable[[Path], None], clean: bool, repository: Path
) -> None:
    change(repository)
    index = (repository / ".git" / "index").read_bytes()
    said = capture()
    assert (said.git_commit, said.git_clean) == (git("rev-parse", "HEAD"), clean)
    assert (repository / ".git" / "index").read_bytes() == index


def test_cleanliness_is_of_the_whole_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "deep").mkdir()
    monkeypatch.chdir("deep")
    edited(repository)
    assert capture().git_clean is False


def test_repository_without_a_commit(tmp_path: Path) -> None:
    git("init")
    said = capture()
    assert (said.git_commit, said.git_clean) == (None, None)


def test_bare_repository(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("clone", "--bare", ".", "../bare")
    monkeypatch.chdir("../bare")
    said = capture()
    assert (said.git_commit, said.git_clean) == (git("rev-parse", "HEAD"), None)


def test_variables_of_a_hook_do_not_name_another_repository(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    assert capture().git_commit is None


@pytest.mark.parametrize("variable", ["GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY"])
def test_variables_of_a_hook_do_not_change_what_is_clean(
    variable: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    commit = git("rev-parse", "HEAD")
    other = tmp_path / "other" / ("index" if variable == "GIT_INDEX_FILE" else "")
    monkeypatch.setenv(variable, str(other))
    said = capture()
    assert (said.git_commit, said.git_clean) == (commit, True)


def test_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert capture().git_commit is None


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_script_whose_name_is_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "a\0b", raising=False)
    assert capture().git_commit is None


def test_path_that_holds_what_is_no_path(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, None])
    assert capture().python == platform.python_version()


def test_without_git(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert capture().git_commit is None
    forget()
    program(tmp_path / "git", "exit 3")
    assert capture().git_commit is None


def test_git_is_not_waited_for(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "PATIENCE", 0.1)
    program(tmp_path / "git", "exec /bin/sleep 1000")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert capture().git_commit is None


@pytest.mark.parametrize("scope", ["--local", "--worktree"])
@pytest.mark.parametrize("setting", ["core.fsmonitor", "filter.odd.clean", "filter.odd.process"])
def test_repository_cannot_have_its_programs_run(
    setting: str, scope: str, repository: Path, tmp_path: Path
) -> None:
    git("config", "extensions.worktreeConfig", "true")
    (repository / ".gitattributes").write_text("*.py filter=odd\n")
    git("add", ".")
    git("commit", "-m", "Attributes")
    spy = program(tmp_path / "spy", f"touch {tmp_path}/ran; cat")
    git("config", scope, setting, str(spy))
    (repository / ".git" / "hooks" / "post-index-change").symlink_to(spy)
    edited(repository)
    said = capture()
    assert said.git_commit == git("rev-parse", "HEAD")
    assert said.git_clean is (False if setting == "core.fsmonitor" else None)
    assert not (tmp_path / "ran").exists()
    subprocess.run(["git", "status"], capture_output=True, check=False, timeout=60)
    assert (tmp_path / "ran").exists()  # so the trap was one


def test_submodule_cannot_have_its_programs_run(repository: Path, tmp_path: Path) -> None:
    git("clone", ".", "../other")
    git("-c", "protocol.file.allow=always", "submodule", "add", str(tmp_path / "other"), "part")
    git("commit", "-m", "A part")
    (repository / "part" / ".gitattributes").write_text("*.py filter=odd\n")
    spy = program(tmp_path / "spy", f"touch {tmp_path}/ran; cat")
    git("-C", "part", "config", "filter.odd.clean", str(spy))
    edited(repository / "part")
    assert capture().git_commit == git("rev-parse", "HEAD")
    assert not (tmp_path / "ran").exists()
    git("status")
    assert (tmp_path / "ran").exists()  # so the trap was one


def test_repository_of_the_script_counts_before_the_working_directory(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "train.py").write_text(
        "from lineage.recording.environment import capture; print(capture().git_commit)"
    )
    monkeypatch.chdir(tmp_path)
    commit = git("-C", str(repository), "rev-parse", "HEAD")
    assert run("", str(repository / "train.py")) == f"{commit}\n"
    assert (
        run("from lineage.recording.environment import capture; print(capture().git_commit)")
        == "None\n"
    )


# What the run's own code holds


OWN = """
import odd_shared
from odd_package import Net

def late():
    import odd_single
    return odd_single
"""


@pytest.fixture
def own_code(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module outside the installed packages; it holds one module and one class, and loads more."""
    (site / "odd_package" / "__init__.py").parent.mkdir(exist_ok=True)
    (site / "odd_package" / "__init__.py").write_text("import odd_declared\nclass Net: pass\n")
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "odd_own.py").write_text(OWN)
    monkeypatch.syspath_prepend(folder)
    return "odd_own"


def held() -> list[str]:
    return [name for name in capture().imports or [] if name.startswith("odd")]


def test_of_own_code_only_modules_and_classes_in_globals_count(own_code: str) -> None:
    assert held() == []
    own = import_module(own_code)
    assert held() == ["odd-listed", "odd-shared-a", "odd-shared-b"]
    assert "odd-declared" in capture().custom_properties
    del own.odd_shared, own.Net
    own.late()
    assert held() == []


def test_what_own_code_comes_to_hold_is_another_environment(own_code: str) -> None:
    own = import_module(own_code)
    before = capture()
    assert capture() is before
    vars(own)["declared"] = sys.modules["odd_declared"]
    after = capture()
    assert after.name != before.name
    assert after.custom_properties == before.custom_properties
    assert set(after.imports or ()) - set(before.imports or ()) == {"odd-declared"}


def test_main_counts_and_installed_code_and_this_library_do_not(
    own_code: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site / "site-packages").mkdir()
    (site / "site-packages" / "odd_installed.py").write_text("import odd_declared\n")
    monkeypatch.syspath_prepend(site / "site-packages")
    import_module("odd_installed")
    monkeypatch.setattr("lineage.errors.odd", sys.modules["odd_declared"], raising=False)
    assert held() == []
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "odd", sys.modules["odd_declared"], raising=False)
    assert held() == ["odd-declared"]


def test_odd_things_in_globals_are_passed_over(own_code: str) -> None:
    own = import_module(own_code)

    def refuse(_: type) -> str:
        raise RuntimeError

    hostile = type("Hostile", (type,), {"__module__": property(refuse)})
    nameless = type(sys)("odd")
    del nameless.__name__
    vars(own).update(
        hostile=hostile("Strange", (), {}),
        nameless=nameless,
        numbered=type("T", (), {"__module__": 7}),
    )
    assert held() == ["odd-listed", "odd-shared-a", "odd-shared-b"]
