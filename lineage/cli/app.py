"""The `lineage` command: its sub-commands, its errors and how it ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command
from typing_extensions import override

from lineage.cli import output
from lineage.cli.variables import set_here
from lineage.contract.plugins import shown_url
from lineage.errors import ENDINGS, LineageError, ending_of

__all__ = ["COMMANDS", "EPILOGUE", "NO_PATH", "Command", "command_line", "exit_code", "main"]

FAILED, USAGE = 1, 2
NO_PATH = 12
"""How `path` ends where nothing flowed between the two, or nothing was found within the limits."""
_UsageError = typer.BadParameter.__bases__[
    0
]  # the one class that all of them share has no public name
INTERRUPTED = 128 + signal.SIGINT
READER_GONE = 128 + signal.SIGPIPE
DEBUG = "LINEAGE_DEBUG"
ASKED_FOR_JSON = "--json"

EPILOGUE = (
    f"Ends with 0 where all is well, {FAILED} where a check found faults or something unexpected "
    f"happened, {USAGE} where the command was not called right, {INTERRUPTED} after an interrupt, "
    f"{READER_GONE} where the reader of a pipe left, {NO_PATH} where `path` found none, and after an error with its own number: "
    + ", ".join(f"{error.__name__} {ending.exit_code}" for error, ending in ENDINGS.items())
    + f". {DEBUG}=1 shows where an error came from."
)


class Command(NamedTuple):
    """A sub-command: the function that it is, which says its options, and examples on the demo's store."""

    name: str
    place: str
    """The module of this package and the function in it; it is imported when it is called."""
    examples: tuple[str, ...]

    @property
    def function(self) -> Callable[..., int | None]:
        """What the command does."""
        module, _, name = self.place.partition(".")
        found: Callable[..., int | None] = getattr(import_module(f"lineage.cli.{module}"), name)
        return found


COMMANDS = (
    Command("show", "questions.show", ("lineage show models/tree.pickle",)),
    Command("peers", "questions.peers", ("lineage peers data/wine.csv",)),
    Command(
        "compare",
        "questions.compare",
        ("lineage compare models/logistic.pickle models/tree.pickle",),
    ),
    Command(
        "find",
        "walks.find",
        (
            "lineage find Training \"state = 'FAILED'\"",
            "lineage find Model --order-by create_time --descending --limit 3",
        ),
    ),
    Command(
        "runs",
        "leaderboards.runs",
        (
            "lineage runs Training --order 'metrics.accuracy desc'",
            "lineage runs --where \"state = 'FAILED'\" --csv",
        ),
    ),
    Command("models", "leaderboards.models", ("lineage models --order 'metrics.accuracy desc'",)),
    Command("series", "curves.series", ("lineage series models/logistic.pickle loss",)),
    Command(
        "search", "walks.search", ("lineage search tree", "lineage search data/ --kind artifact")
    ),
    Command("upstream", "walks.upstream", ("lineage upstream models/tree.pickle --type Dataset",)),
    Command("downstream", "walks.downstream", ("lineage downstream artifact:1 --hops 2",)),
    Command(
        "view",
        "views.view",
        (
            "lineage view models/tree.pickle",
            "lineage view data/wine.csv --downstream --show artifacts",
        ),
    ),
    Command("impact", "questions.impact", ("lineage impact artifact:1",)),
    Command("path", "walks.path", ("lineage path artifact:1 models/tree.pickle",)),
    Command("diff", "questions.diff", ("lineage diff models/tree.pickle models/logistic.pickle",)),
    Command("since", "moments.since", ("lineage since models/tree.pickle --since 2",)),
    Command("versions", "questions.versions", ("lineage versions data/wine.csv",)),
    Command(
        "alias",
        "aliases.alias",
        (
            "lineage alias wine-tree-model production models/tree.pickle",
            "lineage alias",
            "lineage alias wine-tree-model production",
        ),
    ),
    Command("ls", "looking.ls", ("lineage ls", "lineage ls Model")),
    Command("info", "looking.info", ("lineage info",)),
    Command("types", "history.types", ("lineage types execution",)),
    Command(
        "log",
        "history.log",
        (
            "lineage log --limit 5",
            "lineage log models/tree.pickle",
            "lineage log --type Model --since 2026-01-01",
        ),
    ),
    Command("blame", "looking.blame", ("lineage blame models/tree.pickle",)),
    Command(
        "export",
        "files.export",
        (
            "lineage export backup.json",
            "lineage export --from models/tree.pickle --upstream --format mermaid",
        ),
    ),
    Command("import", "files.import_", ("lineage import backup.json --store copy.db",)),
    Command("copy", "copying.copy", ("lineage copy lineage.db backup.db",)),
    Command(
        "serve",
        "serving.serve",
        (
            "lineage serve --http 127.0.0.1:8000",
            "lineage serve --mlmd 0.0.0.0:8080 --http 0.0.0.0:8000 --tokens tokens.txt",
        ),
    ),
    Command("ui", "serving.ui", ("lineage ui",)),
    Command(
        "token",
        "granting.token",
        (
            "lineage token ann --role admin --tokens tokens.txt",
            "lineage token ci --role writer --expires 2027-03-31",
        ),
    ),
    Command("check", "history.check", ("lineage check",)),
    Command(
        "prove",
        "proving.prove",
        ("lineage prove models/tree.pickle model.proof --html model.html",),
    ),
    Command("verify", "proving.verify", ("lineage verify model.proof",)),
    Command(
        "run",
        "running.run",
        (
            "lineage run --output words.txt -- sh -c 'echo wine > words.txt'",
            "lineage run --type Sorting --param lines=1 --input words.txt --output sorted.txt -- sort -o sorted.txt words.txt",
        ),
    ),
    Command(
        "put",
        "recording.put",
        ("lineage put Model --uri s3://models/7 --property depth=3 --tag nightly",),
    ),
    Command("tag", "recording.tag", ("lineage tag models/tree.pickle candidate",)),
    Command("note", "recording.note", ("lineage note models/tree.pickle 'for the demo'",)),
    Command("end", "ending.end", ("lineage end execution:1 --state FAILED",)),
    Command(
        "delete",
        "removing.delete",
        ("lineage delete models/logistic-weak.pickle --message 'made in error' --actor ann --yes",),
    ),
    Command(
        "purge",
        "removing.purge",
        (
            "lineage purge data/wine-test.csv --all-versions --reason 'erasure request' --yes",
            "lineage purge --actor ann --by dpo --reason 'left us' --yes",
        ),
    ),
    Command("restore", "removing.restore", ("lineage restore artifact:7",)),
    Command("unlink", "removing.unlink", ("lineage unlink data/wine-train.csv execution:3",)),
    Command("move-uri", "relocating.move_uri", ("lineage move-uri models s3://lake/models --yes",)),
    Command("demo", "files.demo", ("lineage demo --store demo.db",)),
)


MEANT = {
    "add": "put",
    "browse": "ui",
    "cat": "show",
    "clone": "copy",
    "curve": "series",
    "describe": "show",
    "exec": "run",
    "fsck": "check",
    "get": "show",
    "history": "log",
    "inspect": "show",
    "label": "tag",
    "leaderboard": "runs",
    "list": "ls",
    "load": "import",
    "mv": "move-uri",
    "move": "move-uri",
    "promote": "alias",
    "provenance": "upstream",
    "query": "find",
    "register": "put",
    "remove": "delete",
    "rename": "move-uri",
    "rm": "delete",
    "select": "find",
    "server": "serve",
    "stats": "info",
    "status": "info",
    "trace": "upstream",
    "undelete": "restore",
    "validate": "check",
}
"""What other tools call our commands."""


class _ReaderGoneError(Exception):
    """The reader of a pipe left; as the library does not take it for its own business."""


class _Group(TyperGroup):
    """The sub-commands, where a broken pipe is ours to report: the library would end with 1.

    A name that is none of them and is nearly one, or what another tool calls one, is told what was meant.
    """

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in MEANT and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {MEANT[args[0]]!r}?")
        return super().resolve_command(ctx, args)

    @override
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderGoneError from error


def command_line(only: str | None = None) -> typer.Typer:
    """Return the application with its sub-commands, or with the one that is going to be called."""
    app = typer.Typer(
        name="lineage",
        cls=_Group,
        help="Ask where models and data came from, and what came of them.",
        epilog=EPILOGUE,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    chosen = [
        each for each in COMMANDS if each.name == only
    ]  # to build all takes as long as `show`
    for each in chosen or COMMANDS:
        examples = "\n".join(f"  {example}" for example in each.examples)
        app.command(each.name, epilog=f"\b\nExample:\n{examples}")(each.function)
    return app


def _show_version(asked: bool) -> None:  # noqa: FBT001  # the library calls it so
    if asked:
        from importlib.metadata import version

        output.say([version("lineage-graph")])
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """Be the group of the sub-commands, even where only one of them is there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return how it ended, as documented in docs/command-line.md."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    # Pydantic looks for plugins through every installed package: a fifth of what `show` takes.
    set_here("PYDANTIC_DISABLE_PLUGINS", "__all__")
    _prepare_streams()
    try:
        app = command_line(given[0])
        code = get_command(app).main(given, "lineage", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        if os.environ.get(DEBUG) and not isinstance(error, SystemExit):
            raise
        return _ended(error, as_json=_asks_for_json(given))
    return code if isinstance(code, int) else 0


def _prepare_streams() -> None:
    """Let no text fail to be shown, and let a shell close what it does not want (`>&-`)."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # open to the end
            setattr(sys, name, nowhere)
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _asks_for_json(arguments: list[str]) -> bool:
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return ASKED_FOR_JSON in options


def _ended(error: BaseException, *, as_json: bool) -> int:
    """Report what ended the command, and return the number that says it to a shell."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAILED
    if isinstance(error, BrokenPipeError | _ReaderGoneError):
        _close_stdout()
        return READER_GONE
    code = exit_code(error)
    with suppress(BrokenPipeError):
        if code != INTERRUPTED:
            _report(error, as_json=as_json)
    try:
        sys.stdout.flush()
    except OSError:
        _close_stdout()
    return code


def exit_code(error: BaseException) -> int:
    """Return what a command ends with after an error."""
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return INTERRUPTED
    if isinstance(error, _UsageError):
        return USAGE
    ending = ending_of(error)
    return FAILED if ending is None else ending.exit_code


def _report(error: BaseException, *, as_json: bool) -> None:
    name, message = type(error).__name__, str(error)
    if isinstance(error, _UsageError):
        name, message = "Usage", _told(error)
    elif not isinstance(error, LineageError):
        message += f" (unexpected; {DEBUG}=1 shows where)"
    message = shown_url(message)  # a URL in the place of another argument is named in errors
    if as_json:
        output.print_json({"error": {"type": name, "message": message}}, stream=sys.stderr)
    else:
        output.note(f"{name}: {message}")


def _told(error: BaseException) -> str:
    message = getattr(error, "format_message", error.__str__)()
    context = getattr(error, "ctx", None)
    return message if context is None else f"{message} (see `{context.command_path} --help`)"


def _close_stdout() -> None:
    """Let nothing be written any more to a reader that left, not even at the interpreter's end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
