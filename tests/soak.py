"""Try other seeds and other moments, for as long as is given: `python -m tests.soak --minutes 10`.

A round takes a new seed, with which it draws more examples than the tests do else, tampers with stores in other
ways, and repeats the kills, the full disks and the threads, whose moments are never the same. It ends at the first round
that fails, and tells the command that runs it again; the last round is cut short by the time.
"""

import argparse
import os
import random
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from tests.tree import ROOT

__all__ = ["main"]

SEED = "LINEAGE_TEST_SEED"
NEO4J = "LINEAGE_TEST_NEO4J"
"""With this, tests of Neo4j take part, which take far longer."""
SELECTED = "soak or hypothesis"
WITHOUT_NEO4J = f"({SELECTED}) and not neo4j"
GRACE = 60
"""How many seconds a round may take to tidy up once it is told to end."""
FAILURES = ("FAILED ", "ERROR ")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run rounds until the time is over; return 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long to go on")
    parser.add_argument("pytest", nargs="*", help="what else pytest is told, after --")
    chosen = parser.parse_args(arguments)
    deadline = time.monotonic() + 60 * chosen.minutes
    rounds = 0
    while (left := deadline - time.monotonic()) > 0:
        rounds += 1
        if not passes(rounds, random.SystemRandom().randrange(2**32), left, chosen.pytest):
            return 1
    print(f"Soaked for {chosen.minutes:g} minutes: {rounds} rounds, no failure.")
    return 0


def passes(number: int, seed: int, seconds: float, more: Sequence[str]) -> bool:
    """Run a round for so long at most; return whether nothing failed, and if not tell how to repeat it."""
    selected = SELECTED if os.environ.get(NEO4J) else WITHOUT_NEO4J
    options = ["--numprocesses", "auto", "-q", "-m", selected, f"--hypothesis-seed={seed}", *more]
    command = f"{SEED}={seed} {shlex.join([sys.executable, '-m', 'pytest', *options])}"
    print(f"Round {number}: {command}", flush=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, SEED: str(seed)},
        start_new_session=True,
    )
    cut = threading.Event()

    def end() -> None:
        cut.set()
        os.killpg(process.pid, signal.SIGINT)

    watches = [
        threading.Timer(seconds, end),
        threading.Timer(seconds + GRACE, os.killpg, [process.pid, signal.SIGKILL]),
    ]
    for watch in watches:
        watch.daemon = True
        watch.start()
    failures = 0
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            failures += line.startswith(FAILURES)
            print(line, end="", flush=True)
        code = process.wait()
    for watch in watches:
        watch.cancel()
    if not failures and (code == 0 or cut.is_set()):
        return True
    print(f"Round {number} FAILED; again with: {command}")
    return False


if __name__ == "__main__":
    sys.exit(main())
