"""Containers of the image, run as docs/deploy.md runs them, by Docker's own command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.servers import LABEL, this_run
from tests.tree import ROOT

__all__ = ["Container", "Volume", "build", "docker"]

VARIABLE: Final = "LINEAGE_TEST_IMAGE"
BASES: Final = ("lineage-test-python:bookworm", "python:3.11-slim")
"""What the image is built on, whichever is there first: what `.ci/image/build.sh` makes, or the Dockerfile's own."""
IMAGE: Final = "lineage:test"
LABELS: Final = ("--label", f"{LABEL}={this_run()}")
CONFINED: Final = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
SOON: Final = ("--health-interval", "1s")
"""Docker looks whether a server is healthy after an interval, and not before."""
HTTP, MLMD = 8000, 8080
USER: Final = 10001
SECONDS: Final = 60
"""How long a server may take until it is healthy, whatever else this machine does."""


def docker(*arguments: str, code: int = 0) -> str:
    """Run Docker's command, which must end so; return what it printed on both streams."""
    done = subprocess.run(
        ["docker", *arguments],
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
    )
    assert done.returncode == code, (arguments, done.returncode, done.stdout)
    return done.stdout


def build() -> str:
    """Build the image and return its name; skip, or fail where it is asked for, if it cannot be built."""
    return _built(_base())


def _base() -> str:
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "info"], check=False, capture_output=True).returncode
    ):
        _refuse("no Docker engine answers")
    for base in BASES:
        if not subprocess.run(
            ["docker", "image", "inspect", base], check=False, capture_output=True
        ).returncode:
            return base
    _refuse(f"none of the images {', '.join(BASES)} is here: run .ci/image/build.sh")
    raise AssertionError


def _refuse(reason: str) -> None:
    if os.environ.get(VARIABLE) == "required":
        pytest.fail(f"{reason}; {VARIABLE} asks for the image")
    pytest.skip(reason)


def _built(base: str) -> str:
    docker("build", "--quiet", "--tag", IMAGE, "--build-arg", f"BASE={base}", str(ROOT))
    return IMAGE


class Volume:
    """A new volume, as Docker makes it at its first use; it is removed in the end."""

    def __init__(self) -> None:
        self.name = f"lineage-test-{uuid4().hex[:12]}"

    def __enter__(self) -> Volume:
        return self

    def __exit__(self, *_: object) -> None:
        docker("volume", "rm", "--force", self.name)

    def mounted(self, at: str = "/data") -> tuple[str, str]:
        return "--volume", f"{self.name}:{at}"


class Container:
    """A server that runs in the image, confined, with a volume and a folder with the file of tokens."""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    @contextmanager
    def serving(cls, volume: Volume, tokens: Path, *command: str) -> Iterator[Container]:
        """Start one, with the image's own command if none is given; remove it in the end."""
        name = f"lineage-test-{uuid4().hex[:12]}"
        publish = [part for port in (HTTP, MLMD) for part in ("--publish", f"127.0.0.1::{port}")]
        file = ("--volume", f"{tokens}:/etc/lineage:ro")
        options = (*LABELS, *CONFINED, *SOON, *volume.mounted(), *file, *publish, "--name", name)
        docker("run", "--detach", *options, IMAGE, *command)
        try:
            yield cls(name)
        finally:
            docker("rm", "--force", name)

    def wait(self) -> None:
        """Wait until Docker says that the server is healthy."""
        deadline = time.monotonic() + SECONDS
        while (state := self.state)["Health"]["Status"] != "healthy":
            assert state["Running"], self.log
            assert time.monotonic() < deadline, (state, self.log)
            time.sleep(0.1)

    def run(self, *command: str, code: int = 0) -> str:
        """Run a command inside of it."""
        return docker("exec", self.name, *command, code=code)

    def python(self, program: str) -> str:
        """Run a Python program inside of it."""
        return self.run("python", "-c", program)

    def address(self, port: int) -> str:
        """Return where one of its ports is reached."""
        return docker("port", self.name, f"{port}/tcp").splitlines()[0]

    def stop(self) -> float:
        """End it with SIGTERM; return the seconds that it took."""
        began = time.monotonic()
        docker("stop", "--time", "30", self.name)
        return time.monotonic() - began

    @property
    def state(self) -> dict[str, Any]:
        """How it is, in Docker's words."""
        (found,) = json.loads(docker("inspect", self.name))
        state: dict[str, Any] = found["State"]
        return state

    @property
    def log(self) -> str:
        return docker("logs", self.name)
