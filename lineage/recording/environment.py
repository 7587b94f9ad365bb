"""What a run captures of where it runs: Python, platform, git commit and versions of libraries.

Of the globals of the run's own code it looks at modules and classes alone, for the libraries that they are of. Nothing else is
ever read: no arguments, other variables, or names of machines, users and remotes.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from lineage.model.canonical import encode
from lineage.model.system import Environment

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["Git", "capture", "comes_with_python", "folder_of_code", "is_filtered"]

PATIENCE = 2.0
"""How many seconds git may take in all."""
_CODE = (b".py", b".ipynb")
_FOR_ANSWERS = frozenset(
    {"networkx", "neo4j", "rich", "pygments", "markdown_it", "mdurl", "typer", "shellingham"}
)


class _Captured(NamedTuple):
    modules: int
    own: Sequence[Mapping[str, object]]
    """The globals of the run's own code, and how many names were in them."""
    names: int
    libraries: Mapping[str, str]
    imports: Sequence[str]
    environment: Environment

    @property
    def is_current(self) -> bool:
        """Whether nothing was imported or defined since; what took another's place goes unseen."""
        return self.modules == len(sys.modules) and self.names == sum(map(len, self.own))


class _Latest:
    # Replaced as a whole: threads that are here at once do the same work, and no lock can be
    # left held in a forked process.
    captured: ClassVar[_Captured | None] = None


def capture() -> Environment:
    """Return the environment of this process, named by the digest of what it says.

    It is captured once, and again when modules were imported or names defined in the run's own code since; the platform, the
    commit and which libraries are installed are read once per process. What cannot be found out
    is None: git may be absent, slow, or not used here.
    """
    latest = _Latest.captured
    if latest is not None and latest.is_current:
        return latest.environment
    modules, own, libraries = len(sys.modules), _own_globals(), _libraries()
    names, imports = sum(map(len, own)), _imports(own, libraries)
    if latest is None or (latest.libraries, latest.imports) != (libraries, imports):
        said = {**_platform(), "imports": imports, **_commit()}
        environment = _described(said, libraries)
    else:
        environment = latest.environment
    _Latest.captured = _Captured(modules, own, names, libraries, imports, environment)
    return environment


def _described(facts: Mapping[str, Any], libraries: Mapping[str, str]) -> Environment:
    said = {name: value for name, value in facts.items() if value is not None}
    text = encode({"libraries": dict(libraries), "properties": said})
    name = f"sha256:{sha256(text.encode()).hexdigest()}"
    return Environment(name=name, custom_properties=libraries, **said)


@lru_cache(maxsize=1)
def _platform() -> dict[str, str | None]:
    import platform

    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.system() or None,
        "machine": platform.machine() or None,
    }


def _libraries() -> dict[str, str]:
    """Return the versions of the distributions of which a top-level module is loaded, by name.

    What this library loads to store and to answer is left out: a question that was asked between two runs
    is no difference between them.
    """
    modules: list[tuple[str, object]] = list(sys.modules.items())  # threads import meanwhile
    loaded = {name.partition(".")[0] for name, module in modules if module is not None}
    installed = _installed()
    found: dict[str, str] = {}
    for top in installed.keys() & (loaded - sys.stdlib_module_names - _FOR_ANSWERS):
        found |= installed[top]
    return dict(sorted(found.items()))


def _own_globals() -> tuple[Mapping[str, object], ...]:
    """Return the globals of `__main__` and of modules that come neither with Python nor from an installed distribution."""
    modules: list[tuple[str, object]] = list(sys.modules.items())  # threads import meanwhile
    return tuple(
        vars(module)
        for name, module in modules
        if isinstance(module, ModuleType)
        and (name == "__main__" or (name.partition(".")[0] != "lineage" and _is_own(module)))
    )


def _is_own(module: ModuleType) -> bool:
    file = vars(module).get("__file__")
    return isinstance(file, str) and not comes_with_python(file)


@lru_cache(maxsize=1 << 16)
def comes_with_python(file: str) -> bool:
    """Whether a file is of Python's own or of an installed distribution."""
    folders = Path(file).parts[:-1]
    if "site-packages" in folders or "dist-packages" in folders:
        return True
    return file.startswith(_python_folders())


@lru_cache(maxsize=1)
def _python_folders() -> tuple[str, ...]:
    import sysconfig

    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in names)


_module_of = type.__dict__["__module__"].__get__
"""Tells the module of a class as `type` does, whatever its metaclass makes of the name."""


def _imports(own: Iterable[Mapping[str, object]], libraries: Mapping[str, str]) -> list[str]:
    """Return those of some libraries of which globals hold a module or a class, by name."""
    tops: set[str] = set()
    for held in own:
        for value in list(held.values()):  # threads define meanwhile
            name: object = None
            if isinstance(value, ModuleType):
                name = vars(value).get("__name__")
            elif isinstance(value, type):
                with suppress(AttributeError):  # a class may be without
                    name = _module_of(value)
            if isinstance(name, str):
                tops.add(name.partition(".")[0])
    installed = _installed()
    names = {name for top in tops & installed.keys() for name in installed[top]}
    return sorted(names & libraries.keys())


@lru_cache(maxsize=1)
def _installed() -> dict[str, dict[str, str]]:
    """Return name and version of the distributions that have each top-level module."""
    versions: dict[str, str] = {}
    tops: dict[str, dict[str, str]] = {}
    for distribution in _distributions():
        try:
            name, version = _name_and_version(distribution)
            if name in versions:  # hidden by one that comes earlier on the path
                continue
            modules = {name.replace("-", "_"), *_top_levels(distribution)}
        except Exception:  # noqa: BLE001, S112  # whatever strangers' files hold, a run goes on
            continue
        versions[name] = version
        for module in modules:
            tops.setdefault(module, {})[name] = version
    return tops


def _distributions() -> Iterator[Distribution]:
    from importlib.metadata import distributions

    with suppress(Exception):  # the path may hold what is no path
        yield from distributions()


_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"
_VERSION = r"v?[0-9][A-Za-z0-9.!+_-]{0,98}"


def _name_and_version(distribution: Distribution) -> tuple[str, str]:
    """Read both from the head of the metadata, without the long text below; ValueError if broken."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    head: dict[str, str] = {}
    for line in text.partition("\n\n")[0].splitlines():
        field, _, value = line.partition(":")
        head.setdefault(field.lower(), value.strip())
    name, version = head.get("name", ""), head.get("version", "")
    if not (re.fullmatch(_NAME, name) and re.fullmatch(_VERSION, version)):
        raise ValueError(name, version)
    return re.sub(r"[-_.]+", "-", name).lower(), version


def _top_levels(distribution: Distribution) -> Iterator[str]:
    """Yield a distribution's top-level modules, as it declares them or else by its list of files."""
    declared = distribution.read_text("top_level.txt")
    if declared:
        yield from declared.split()
        return
    for line in (distribution.read_text("RECORD") or "").splitlines():
        path = line.partition(",")[0]
        top, slash, _ = path.partition("/")
        if not slash:
            top = path.partition(".")[0] if path.endswith((".py", ".so", ".pyd")) else ""
        if top.isidentifier():
            yield top


@lru_cache(maxsize=1)
def _commit() -> dict[str, str | bool | None]:
    """Return the commit of the code that runs, and whether what is there is what was committed."""
    nothing: dict[str, str | bool | None] = {"git_commit": None, "git_clean": None}
    try:
        git = Git(folder_of_code(), monotonic() + PATIENCE)
        commit = git("rev-parse", "--verify", "HEAD^{commit}")
    except (
        OSError,
        ValueError,
        RuntimeError,
    ):  # also for a name that is no path, or a circle of links
        return nothing
    if commit is None:
        return nothing
    return {"git_commit": commit.decode().strip(), "git_clean": _is_clean(git)}


def folder_of_code() -> Path:
    """Return the folder of the main script; the working directory where that is an installed tool."""
    import sysconfig

    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if isinstance(script, str):
        folder = Path(script).resolve().parent
        names = ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
        tools = [Path(sysconfig.get_path(name)).resolve() for name in names]
        if not any(folder.is_relative_to(each) for each in tools):
            return folder
    return Path.cwd()


def is_filtered(git: Git) -> bool:
    """Whether a look at changed files would run a program that the repository names itself, or none can be had."""
    filters = git("config", "--show-scope", "--name-only", "--get-regexp", "^filter[.]", fails=1)
    return filters is None or bool(re.search(rb"^(local|worktree)\t", filters, re.MULTILINE))


def _is_clean(git: Git) -> bool | None:
    if is_filtered(git):
        return None
    options = ("--untracked-files=all", "--no-renames", "--ignore-submodules=dirty")
    status = git("status", "--porcelain", "-z", *options)
    if status is None:
        return None
    return all(
        line.startswith(b"?? ") and not line.endswith(_CODE) for line in status.split(b"\0") if line
    )


class Git:
    """Runs git in a folder, so that nothing is written, fetched or started by the repository."""

    def __init__(self, folder: Path, until: float) -> None:
        self._folder = folder
        self._until = until

    def __call__(self, *arguments: str, fails: int = 0) -> bytes | None:
        """Return what a command prints; None if git is absent, slow or ends otherwise than 0 or `fails`."""
        import subprocess

        options = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "protocol.allow=never")
        config = [part for option in options for part in ("-c", option)]
        try:
            done = subprocess.run(  # noqa: S603
                ["git", "--no-optional-locks", *config, *arguments],  # noqa: S607  # the user's own
                cwd=self._folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=max(0.0, self._until - monotonic()),
                check=False,
            )
        except (OSError, ValueError, subprocess.SubprocessError):
            return None
        return done.stdout if done.returncode in (0, fails) else None


def _environment() -> dict[str, str]:
    """Return the variables for git, without those by which a hook that runs us names its repository."""
    own = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"}
    own |= {"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE"}
    kept = {name: value for name, value in os.environ.items() if name not in own}
    return {**kept, "LC_ALL": "C", "GIT_NO_LAZY_FETCH": "1"}
