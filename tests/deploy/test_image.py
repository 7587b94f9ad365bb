"""The image: it answers, keeps what it was told, ends when told to, and may do little else."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import grpc
import pytest

from lineage.mlmd.messages import SERVICE, message
from tests.deploy.containers import (
    CONFINED,
    HTTP,
    LABELS,
    MLMD,
    USER,
    Container,
    Volume,
    build,
    docker,
)
from tests.tree import ROOT

TOKEN = "the-token-of-the-tests"
READS = "the-token-of-a-reader"
API = "/api/v1"


@pytest.fixture(scope="module")
def image() -> str:
    return build()


@pytest.fixture
def volume(image: str) -> Iterator[Volume]:
    with Volume() as made:
        yield made


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("etc") / "tokens"
    file.write_text(f"ann {TOKEN} writer\nbob {READS} reader\n")
    os.chown(file, 0, USER)
    file.chmod(0o640)
    file.parent.chmod(0o755)
    return file.parent


@pytest.fixture(scope="module")
def server(image: str, tokens: Path) -> Iterator[Container]:
    """A server for tests that leave it as it is."""
    with Volume() as volume, Container.serving(volume, tokens) as container:
        container.wait()
        yield container


def call(server: Container, name: str, token: str = TOKEN, **fields: Any) -> Any:
    """Send one of ML Metadata's calls and return its answer."""
    request = message(f"{name}Request")(**fields).SerializeToString()
    header = [("authorization", f"Bearer {token}")]
    with grpc.insecure_channel(server.address(MLMD)) as channel:
        answer = channel.unary_unary(f"/{SERVICE}/{name}")(request, metadata=header, timeout=20)
    return message(f"{name}Response").FromString(answer)


def connection(server: Container) -> HTTPConnection:
    host, _, port = server.address(HTTP).rpartition(":")
    return HTTPConnection(host, int(port), timeout=20)


def get(asked: HTTPConnection, path: str, token: str = TOKEN, **headers: str) -> HTTPResponse:
    asked.request("GET", path, headers={"Authorization": f"Bearer {token}", **headers})
    return asked.getresponse()


def ask(server: Container, path: str, token: str = TOKEN) -> tuple[int, Any]:
    """Return the status and the document that are answered over HTTP."""
    with closing(connection(server)) as asked:
        response = get(asked, path, token)
        return response.status, json.loads(response.read())


def test_what_was_written_outlasts_the_container(volume: Volume, tokens: Path) -> None:
    ends = []
    with Container.serving(volume, tokens) as server:
        server.wait()
        made = call(server, "PutArtifactType", artifact_type={"name": "Table"})
        artifact = {"type_id": made.type_id, "uri": "s3://lake/1"}
        call(server, "PutArtifacts", artifacts=[artifact])
        ends.append(server.stop())
        assert (server.state["ExitCode"], "Traceback" in server.log) == (0, False)
    # Another container goes on with the volume, as after an upgrade.
    with Container.serving(volume, tokens) as server:
        server.wait()
        (found,) = call(server, "GetArtifactsByURI", uris=["s3://lake/1"]).artifacts
        assert found.type_id == made.type_id
        status, artifact = ask(server, f"{API}/nodes/artifact:{found.id}", READS)
        assert (status, artifact["node"]["uri"]) == (200, "s3://lake/1")
        log = json.loads(server.run("lineage", "log", "--json"))
        assert {entry["actor"] for entry in log["entries"]} == {"ann"}
        with closing(connection(server)) as reader:
            changes = get(reader, f"{API}/changes", Accept="text/event-stream")
            assert changes.status == 200
            ends.append(server.stop())
        assert (server.state["ExitCode"], "Traceback" in server.log) == (0, False)
    # Without Docker, which takes its part, three seconds are tested beside the server itself.
    assert min(ends) < 8


HOLDS_THE_LOCK = """
import time, lineage
store = lineage.connect("/data/lineage.db")
with store.transaction():
    store.put(lineage.Dataset(uri="s3://lake/held"))
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_call_under_way_delays_the_end_by_no_more_than_it_is_given(
    volume: Volume, tokens: Path
) -> None:
    with Container.serving(volume, tokens) as server:
        server.wait()
        holder = ["docker", "exec", server.name, "python", "-c", HOLDS_THE_LOCK]
        with subprocess.Popen(holder, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            request = message("PutArtifactTypeRequest")(artifact_type={"name": "Late"})
            with grpc.insecure_channel(server.address(MLMD)) as channel:
                waits = channel.unary_unary(f"/{SERVICE}/PutArtifactType").future(
                    request.SerializeToString(),
                    metadata=[("authorization", f"Bearer {TOKEN}")],
                )
                call(server, "GetArtifactTypes")  # so that the one before has come
                assert not waits.done()
                assert server.stop() < 11
                assert waits.exception() is not None
        assert (server.state["ExitCode"], "Traceback" in server.log) == (0, False)


@pytest.mark.parametrize("token", ["", "another", "ann"])
def test_wrong_tokens_are_refused(server: Container, token: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(server, "GetArtifactTypes", token=token)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert ask(server, f"{API}/store", token)[0] == 401


def test_a_reader_reads(server: Container) -> None:
    assert ask(server, f"{API}/store", READS)[0] == 200
    with pytest.raises(grpc.RpcError) as caught:
        call(server, "PutArtifactType", token=READS, artifact_type={"name": "Mine"})
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_health_needs_no_token(server: Container) -> None:
    for path in ("/health/live", "/health/ready"):
        with closing(connection(server)) as asked:
            asked.request("GET", path, headers={"Host": "a name of a cluster"})
            assert asked.getresponse().status == 200


def test_without_tokens_the_image_serves_nobody(image: str) -> None:
    said = docker("run", "--rm", *LABELS, *CONFINED, image, code=3)
    assert "there is no file /etc/lineage/tokens" in said


def test_a_server_that_does_not_answer_is_not_healthy(image: str) -> None:
    (found,) = json.loads(docker("image", "inspect", image))
    kind, *check = found["Config"]["Healthcheck"]["Test"]
    assert kind == "CMD"
    docker("run", "--rm", *LABELS, "--entrypoint", check[0], image, *check[1:], code=1)


WRITABLE = """
import os
kept = {"/proc", "/sys", "/dev"}
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in kept]
    for place in (folder, *(os.path.join(folder, name) for name in files)):
        if os.access(place, os.W_OK, effective_ids=True) and not os.path.islink(place):
            print(place)
"""


def test_it_is_not_root_and_may_write_the_volume_alone(server: Container) -> None:
    assert server.run("id", "-u").strip() == server.run("id", "-g").strip() == "10001"
    places = server.python(WRITABLE).split()
    assert "/data/lineage.db" in places
    assert [place for place in places if place.split("/")[1] != "data"] == []


TEMPORARY = """
export LINEAGE_STORE=/data/scratch.db
lineage put Table --uri s3://lake/2
lineage export /data/out.sqlite --format mlmd
lineage import /data/out.sqlite --format mlmd --store /data/new.db
lineage purge artifact:1 --reason 'asked for' --yes
lineage check
"""


def test_what_takes_temporary_files_works_there(server: Container) -> None:
    server.run("sh", "-euc", TEMPORARY)


def test_the_page_restores_a_backup(image: str) -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    (script,) = re.findall(r"^    lineage -euc '(.+)'$", page, re.MULTILINE)
    steps = (
        "lineage put Table --uri s3://lake/kept",
        "lineage copy lineage.db /backup/lineage.db",
        "lineage put Table --uri s3://lake/a-mistake",
        script,
        "lineage find Table",
        "lineage check --store damaged.*/lineage.db",
    )
    shell = ("--entrypoint", "sh", image, "-euc", "; ".join(steps))
    with Volume() as data, Volume() as backup:
        volumes = (*data.mounted(), *backup.mounted("/backup"))
        said = docker("run", "--rm", *LABELS, *CONFINED, *volumes, *shell)
    assert (said.count("s3://lake/kept"), said.count("s3://lake/a-mistake")) == (2, 1)


INSTALLED = """
import importlib.util, os, shutil, sys
for program in ("cc", "gcc", "g++", "make", "ld", "git", "curl", "wget"):
    if shutil.which(program):
        print(program)
for module in ("pip", "setuptools", "pytest", "grpc_tools"):
    if importlib.util.find_spec(module):
        print(module)
import lineage
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/dev")]
    if ".git" in folders or "pyproject.toml" in files or (folder == "/" and "source" in folders):
        print(folder)
"""


def test_it_holds_no_tools_and_no_checkout(server: Container) -> None:
    assert server.python(INSTALLED) == ""


BACKED_UP = """
lineage copy /data/lineage.db /backup/lineage.db
lineage types --store /backup/lineage.db
lineage check --store /backup/lineage.db
"""


def test_a_backup_of_a_store_in_use_is_made_beside_its_server(
    server: Container, image: str
) -> None:
    call(server, "PutArtifactType", artifact_type={"name": "Backed"})
    shell = ("--entrypoint", "sh", image, "-euc", BACKED_UP)
    with Volume() as backup:
        volumes = ("--volumes-from", server.name, *backup.mounted("/backup"))
        said = docker("run", "--rm", *LABELS, *CONFINED, *volumes, *shell)
    assert "Copied transaction" in said
    assert "Backed" in said
