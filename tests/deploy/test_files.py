"""The Dockerfile, the unit, the cron lines, Compose and the manifests: each is what its reader takes, and they agree."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from typer.main import get_command

from lineage.cli.app import command_line
from tests.deploy.containers import HTTP, MLMD, USER
from tests.tree import ROOT

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "lineage.service"
CRON = DEPLOY / "lineage.cron"
COMPOSE = DEPLOY / "compose.yaml"
MANIFESTS = [DEPLOY / "kubernetes" / f"{name}.yaml" for name in ("sqlite", "neo4j")]
PROGRAM: Final = "/opt/lineage/bin/lineage"
TOKENS: Final = "/etc/lineage/tokens"
PORTS: Final = {"--http": HTTP, "--mlmd": MLMD}
PROBES: Final = {"/health/live", "/health/ready"}


def parsed(arguments: list[str]) -> dict[str, Any]:
    """Return what our command line makes of arguments; a usage error where it does not take them."""
    group: Any = get_command(command_line(arguments[0]))
    with group.make_context("lineage", list(arguments)) as context:
        name, command, rest = group.resolve_command(context, arguments)
        taken: dict[str, Any] = command.make_context(name, list(rest), parent=context).params
    return taken


def dockerfile() -> dict[str, str]:
    """Return the last of each kind of instruction."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = (line.partition(" ") for line in text.splitlines() if line and line[0] not in "# ")
    return {word: rest.strip() for word, _, rest in lines}


def unit() -> dict[str, list[str]]:
    """Return what the unit sets, by its name."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def cron() -> Iterator[tuple[list[str], str, str]]:
    """Yield the times, the user and the command of each line of the table."""
    for line in CRON.read_text().splitlines():
        if line and not line.startswith("#") and "=" not in line.split()[0]:
            *times, user, command = line.split(None, 6)
            yield times, user, command


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


def manifests(path: Path) -> dict[str, dict[str, Any]]:
    """Return the documents of a manifest by their kind, of which each is there once."""
    documents = list(yaml.safe_load_all(path.read_text()))
    found = {document["kind"]: document for document in documents}
    assert len(found) == len(documents)
    return found


def pods(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what each pod of a manifest is to be, the server's first."""
    found = manifests(path)
    yield found["StatefulSet" if "StatefulSet" in found else "Deployment"]["spec"]["template"]
    yield found["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]


def served(arguments: list[str]) -> None:
    """Check a command that serves: it is what the image does by itself, at addresses of a container or of a machine."""
    taken = parsed(arguments)
    assert arguments[0] == "serve"
    for option, port in PORTS.items():
        assert taken[option.removeprefix("--")].rpartition(":")[2] == str(port)
    assert taken["tokens"] == Path(TOKENS)


def test_the_image_serves_with_tokens_at_its_ports() -> None:
    image = dockerfile()
    assert json.loads(image["ENTRYPOINT"]) == ["lineage"]
    command = json.loads(image["CMD"])
    served(command)
    assert {int(port) for port in image["EXPOSE"].split()} == set(PORTS.values())
    assert image["USER"] == f"{USER}:{USER}"
    assert f"LINEAGE_STORE={image['VOLUME']}/lineage.db" in image["ENV"]
    assert image["WORKDIR"] == image["VOLUME"] == "/data"


def test_the_image_is_made_of_what_is_installed_alone() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert kept == {"LICENSE", "README.md", "pyproject.toml", "lineage", "backends", "queries"}


def test_the_unit_serves_its_state() -> None:
    found = unit()
    (start,) = found["ExecStart"]
    program, *arguments, further = shlex.split(start)
    assert (program, further) == (PROGRAM, "$LINEAGE_OPTIONS")
    served([*arguments, "--host", "lineage.example"])
    assert "LINEAGE_STORE=/var/lib/lineage/lineage.db" in found["Environment"][0].split()
    assert found["StateDirectory"] == found["User"] == ["lineage"]


def test_systemd_takes_the_unit_and_finds_little_exposed(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(PROGRAM, "/bin/true"))
    for check in (["verify"], ["security", "--offline=true", "--threshold=15"]):
        done = subprocess.run([program, *check, copy], check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_cron_copies_and_checks_the_store_of_the_unit() -> None:
    commands = {}
    for times, user, command in cron():
        assert all(re.fullmatch(r"\*|\d+", each) for each in times)
        assert user == unit()["User"][0]
        (words,) = re.findall(rf"{PROGRAM} ([^|)]+)", command)
        arguments = words.split()
        commands[arguments[0]] = parsed(arguments)
    assert f"LINEAGE_STORE={commands['copy']['source']}" in unit()["Environment"][0].split()
    assert commands["check"]["store"] == commands["copy"]["target"]


def test_compose_runs_the_image_as_it_is_meant() -> None:
    found = compose()
    neo4j, server, backup = (found["services"][name] for name in ("neo4j", "lineage", "backup"))
    served(server["command"])
    taken = parsed(backup["command"])
    store = server["environment"]["LINEAGE_STORE"]
    assert store == taken["source"] == backup["environment"]["LINEAGE_STORE"]
    assert Path(taken["target"]).parent == Path("/backup")
    assert server["build"]["args"]["BASE"] == "${BASE:-" + dockerfile_base() + "}"
    assert (COMPOSE.parent / server["build"]["context"]).resolve() == ROOT
    assert {tuple(port.split(":")) for port in server["ports"]} == {
        ("127.0.0.1", str(port), str(port)) for port in PORTS.values()
    }
    for service in (server, backup):
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    mounted = [
        each.partition(":")[0] for each in neo4j["volumes"] + server["volumes"] + backup["volumes"]
    ]
    assert set(mounted) == {*found["volumes"], str(Path(TOKENS).parent)}
    assert set(server["depends_on"]) == {"neo4j"}


def dockerfile_base() -> str:
    (base,) = re.findall(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return str(base)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_manifests_run_the_image_as_it_is_meant(path: Path) -> None:
    server, backup = pods(path)
    (container,) = server["spec"]["containers"]
    served(container["args"])
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert set(ports.values()) == set(PORTS.values())
    probes = [container[f"{each}Probe"]["httpGet"] for each in ("startup", "liveness", "readiness")]
    assert {probe["path"] for probe in probes} == PROBES
    assert {ports[probe["port"]] for probe in probes} == {PORTS["--http"]}
    (job,) = backup["spec"]["containers"]
    assert Path(parsed(job["args"])["target"]).parent == Path("/backup")
    for pod in (server, backup):
        check_pod(pod["spec"])


def check_pod(pod: dict[str, Any]) -> None:
    """Check that a pod may do no more than the image needs, and mounts what it has."""
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == USER
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} == set(container["resources"]["requests"])
    places = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert places["data"] == "/data"
    assert places.get("tokens", "/etc/lineage") == str(Path(TOKENS).parent)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_what_manifests_name_is_there(path: Path) -> None:
    found = manifests(path)
    for server in pods(path):
        spec = server["spec"]
        volumes = {each["name"] for each in spec.get("volumes", ())}
        claimed = found.get("StatefulSet", {}).get("spec", {}).get("volumeClaimTemplates", ())
        named = {each["name"] for each in spec["containers"][0]["volumeMounts"]}
        assert named <= volumes | {each["metadata"]["name"] for each in claimed}
    service = found["Service"]["spec"]
    server = next(pods(path))
    ports = {each["name"] for each in server["spec"]["containers"][0]["ports"]}
    assert {each["targetPort"] for each in service["ports"]} == ports
    assert service["selector"].items() <= server["metadata"]["labels"].items()
    assert {each["port"] for each in service["ports"]} == set(PORTS.values())


def test_a_file_has_one_server_and_its_backup_beside_it() -> None:
    found = manifests(DEPLOY / "kubernetes" / "sqlite.yaml")
    server = found["StatefulSet"]
    assert server["spec"]["replicas"] == 1
    job = found["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (term,) = job["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["labelSelector"]["matchLabels"] == server["spec"]["template"]["metadata"]["labels"]
    (claim,) = server["spec"]["volumeClaimTemplates"]
    claims = {each["persistentVolumeClaim"]["claimName"] for each in job["volumes"]}
    assert f"{claim['metadata']['name']}-{server['metadata']['name']}-0" in claims
    assert found["PersistentVolumeClaim"]["metadata"]["name"] in claims
    source = parsed(job["containers"][0]["args"])["source"]
    assert f"LINEAGE_STORE={source}" in dockerfile()["ENV"].split()


def test_what_is_restored_is_what_was_backed_up() -> None:
    folder = DEPLOY / "kubernetes"
    job = manifests(folder / "restore.yaml")["Job"]["spec"]["template"]["spec"]
    backup = manifests(folder / "sqlite.yaml")["CronJob"]["spec"]["jobTemplate"]["spec"][
        "template"
    ]["spec"]
    assert job["volumes"] == backup["volumes"]
    check_pod(job)
    page = (ROOT / "docs" / "deploy.md").read_text()
    (container,) = job["containers"]
    assert container["command"] == ["sh", "-euc"]
    assert f"lineage -euc '{container['args'][0]}'\n" in page


def test_servers_of_neo4j_and_its_backup_ask_one_store() -> None:
    found = manifests(DEPLOY / "kubernetes" / "neo4j.yaml")
    server, backup = pods(DEPLOY / "kubernetes" / "neo4j.yaml")
    (container,), (job,) = server["spec"]["containers"], backup["spec"]["containers"]
    (store,) = [each["value"] for each in container["env"] if each["name"] == "LINEAGE_STORE"]
    assert parsed(job["args"])["source"] == store
    assert container["envFrom"] == job["envFrom"]
    assert found["Deployment"]["spec"]["replicas"] > 1
    assert found["Service"]["spec"]["sessionAffinity"] == "ClientIP"


def test_a_command_that_is_none_would_be_found() -> None:
    with pytest.raises(Exception, match="No such option"):
        parsed(["serve", "--htp", "0.0.0.0:8000"])
