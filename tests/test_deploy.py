"""What lies under deploy/ fits the program: settings, metric names, tracked files; units and manifests keep their promises.

A container engine is not needed: what only one could show is not shown here.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from bot.metrics import Live, Metrics
from bot.services.steps import StepRunner
from bot.settings import Settings
from tests.test_manifests import documents

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
SETTINGS = {name.upper() for name in Settings.model_fields}
OTHERS = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE"}


class Named:
    """A chat that only has a name, for the labels."""

    platform = "slack"
    counts = {"undelivered": 0}

    def faults(self) -> tuple[str, ...]:
        return ()


def metric_names() -> set[str]:
    registry = CollectorRegistry()
    Metrics(registry)
    steps = StepRunner(None, None)  # type: ignore[arg-type] only its counts are read
    registry.register(Live({"slack": Named()}, steps, {"watch": lambda: True}))  # type: ignore[dict-item]
    names = set()
    for line in generate_latest(registry).decode().splitlines():
        if found := re.match(r"# TYPE (\S+) (\w+)", line):
            ends = ("_bucket", "_sum", "_count") if found[2] == "histogram" else ("",)
            names |= {found[1] + end for end in ends}
    return names


def used(text: str) -> set[str]:
    return set(re.findall(r"\bquotadesk_\w+", text))


def test_alerts_use_metrics_that_exist() -> None:
    text = (DEPLOY / "prometheus/alerts.yaml").read_text(encoding="utf-8")
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    assert len(rules) >= 8
    assert {name for rule in rules for name in used(rule["expr"])} <= metric_names()
    for rule in rules:
        assert rule["annotations"]["summary"], rule
        assert rule["labels"]["severity"] in ("critical", "warning"), rule
        assert rule["expr"].count("(") == rule["expr"].count(")"), rule


def test_the_dashboard_uses_metrics_that_exist_and_shows_all() -> None:
    text = (DEPLOY / "grafana/dashboard.json").read_text(encoding="utf-8")
    panels = json.loads(text)["panels"]
    shown = {name for panel in panels for target in panel["targets"] for name in used(target["expr"])}
    names = metric_names()
    assert shown <= names
    assert {name for name in names if not name.endswith(("_created", "_count", "_sum"))} <= shown
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_manifests_name_settings_that_exist() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    names = {name for service in compose["services"].values() for name in service.get("environment", {})}
    for document in documents():
        if document["kind"] == "Deployment":
            container = document["spec"]["template"]["spec"]["containers"][0]
            names |= {one["name"] for one in container["env"]}
    unit = (DEPLOY / "systemd/quotadesk.service").read_text(encoding="utf-8")
    names |= set(re.findall(r"^Environment=(\w+)=", unit, re.M))
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    names |= {name for name in re.findall(r"^ +([A-Z_]+)=|ENV ([A-Z_]+)=", image, re.M) for name in name if name} - {
        "PATH",
        "PIP_DISABLE_PIP_VERSION_CHECK",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED",
    }
    assert {"CONFIG_FILE", "DATABASE_URL", "HTTP_PORT"} <= names
    assert names - OTHERS <= SETTINGS


def test_kubernetes_keeps_its_promises() -> None:
    kinds = {document["kind"]: document for document in documents()}
    assert set(kinds) == {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    spec = kinds["Deployment"]["spec"]
    pod, container = spec["template"]["spec"], spec["template"]["spec"]["containers"][0]
    assert spec["replicas"] == 2
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    for one in container["env"]:
        if re.search(r"TOKEN|SECRET|KEY|DATABASE_URL", one["name"]):
            assert "secretKeyRef" in one["valueFrom"], one["name"]
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    labels = spec["selector"]["matchLabels"]
    assert labels == spec["template"]["metadata"]["labels"] == kinds["Service"]["spec"]["selector"]
    assert labels == kinds["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    blocked = kinds["NetworkPolicy"]["spec"]["egress"][1]["to"][0]["ipBlock"]["except"]
    assert "169.254.0.0/16" in blocked  # where clouds serve their metadata
    # Longer than the program may take: three seconds for deliveries, ten for answers, ten for the server.
    assert pod["terminationGracePeriodSeconds"] >= 25


def test_compose_is_closed() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    bot = compose["services"]["bot"]
    assert bot["read_only"]
    assert bot["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in bot["ports"])
    assert compose["services"]["postgres"]["profiles"] == ["postgres"]


def test_the_image_takes_only_what_is_tracked() -> None:
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+)$", image, re.M) for word in line.split()[:-1]]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in allowed.split("\n"), name
        if any(tracked):
            assert any(file == name or file.startswith(f"{name}/") for file in tracked), name
    assert re.search(r"^USER 10001", image, re.M)
    assert "HEALTHCHECK" in image
    assert "/healthz" in image
    assert image.count("--require-hashes") == 2
    assert not re.search(r"^(ENV|ARG) .*(TOKEN|SECRET|_KEY)", image, re.M)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_the_unit_is_sound_and_closed(tmp_path: Path) -> None:
    text = (DEPLOY / "systemd/quotadesk.service").read_text(encoding="utf-8")
    unit = tmp_path / "quotadesk.service"
    unit.write_text(text.replace("/opt/quotadesk/bin/quotadesk", sys.executable), encoding="utf-8")
    verify = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (verify.returncode, verify.stdout, verify.stderr) == (0, "", "")
    security = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    if "offline" not in security.stderr:  # older ones cannot look at a file
        assert security.returncode == 0, security.stdout[-200:]


def test_every_licence_is_allowed() -> None:
    done = subprocess.run([sys.executable, DEPLOY / "licences.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "python-telegram-bot" in done.stdout
    assert "LGPL-3.0" in done.stdout
