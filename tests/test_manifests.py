"""Every field under deploy/ is one that Kubernetes and Compose know, of the right type: a misspelt one would be ignored in silence.

Only the part of the schemas that is used stands here. Sources, read 2026-11: the Kubernetes API reference v1.32 and the Compose
specification.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"

# A shape: a type, a pattern of a string, [shape] for a list, {name: shape} for a closed object, {"*": shape} for any names,
# a tuple for one of several. A name that ends in ! has to be there.
NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SPAN = r"(\d+(ms|s|m|h))+"
BYTES = r"\d+(Ki|Mi|Gi)"
LABELS = {"*": str}
CHOSEN = {"matchLabels!": LABELS}
PORT = (int, NAME)
META = {"name!": NAME, "labels": LABELS, "annotations": LABELS}
PROBE = {
    "httpGet!": {"path!": r"/\w+", "port!": PORT, "scheme": "HTTP|HTTPS"},
    **dict.fromkeys(("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold"), int),
}  # fmt: skip
ENV = {
    "name!": r"[A-Z][A-Z0-9_]*",
    "value": str,
    "valueFrom": {"secretKeyRef!": {"name!": NAME, "key!": r"[-.\w]+", "optional": bool}},
}
CONTAINER = {
    "name!": NAME,
    "image!": str,
    "args": [str],
    "ports": [{"name": NAME, "containerPort!": int, "protocol": "TCP|UDP"}],
    "env": [ENV],
    "envFrom": [{"secretRef": {"name!": NAME, "optional": bool}, "configMapRef": {"name!": NAME, "optional": bool}}],
    "startupProbe": PROBE,
    "livenessProbe!": PROBE,
    "readinessProbe!": PROBE,
    "resources!": {
        "requests!": {"cpu": r"\d+m?", "memory": BYTES},
        "limits!": {"cpu": r"\d+m?", "memory": BYTES},
    },
    "securityContext!": {
        "allowPrivilegeEscalation!": bool,
        "readOnlyRootFilesystem!": bool,
        "capabilities!": {"drop!": [r"[A-Z_]+"], "add": [r"[A-Z_]+"]},
    },
    "volumeMounts": [{"name!": NAME, "mountPath!": r"/.+", "readOnly": bool, "subPath": str}],
}
POD = {
    "automountServiceAccountToken": bool,
    "terminationGracePeriodSeconds": int,
    "securityContext!": {
        "runAsNonRoot!": bool,
        **dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"), int),
        "seccompProfile!": {"type!": "RuntimeDefault|Localhost|Unconfined"},
    },
    "topologySpreadConstraints": [
        {
            "maxSkew!": int,
            "topologyKey!": str,
            "whenUnsatisfiable!": "ScheduleAnyway|DoNotSchedule",
            "labelSelector!": CHOSEN,
        }
    ],
    "containers!": [CONTAINER],
    "volumes": [{"name!": NAME, "configMap": {"name!": NAME}, "secret": {"secretName!": NAME}, "emptyDir": {"sizeLimit": BYTES}}],
}  # fmt: skip
PEER = {
    "namespaceSelector": CHOSEN,
    "podSelector": CHOSEN,
    "ipBlock": {"cidr!": r"[\d.]+/\d+", "except": [r"[\d.]+/\d+"]},
}
PORTS = [{"protocol!": "TCP|UDP", "port!": PORT}]
KINDS = {
    ("apps/v1", "Deployment"): {
        "replicas": int,
        "strategy": {"type!": "RollingUpdate|Recreate", "rollingUpdate": {"maxUnavailable": int, "maxSurge": int}},
        "selector!": CHOSEN,
        "template!": {"metadata!": {"labels!": LABELS, "annotations": LABELS}, "spec!": POD},
    },
    ("v1", "Service"): {
        "selector!": LABELS,
        "ports!": [{"name": NAME, "port!": int, "targetPort": PORT, "protocol": "TCP|UDP"}],
    },
    ("policy/v1", "PodDisruptionBudget"): {"minAvailable": int, "maxUnavailable": int, "selector!": CHOSEN},
    ("networking.k8s.io/v1", "NetworkPolicy"): {
        "podSelector!": CHOSEN,
        "policyTypes": ["Ingress|Egress"],
        "ingress": [{"from": [PEER], "ports": PORTS}],
        "egress": [{"to": [PEER], "ports": PORTS}],
    },
}
COMPOSE = {
    "name": NAME,
    "services!": {
        "*": {
            "build": {"context!": str, "dockerfile": str},
            "image!": str,
            "restart": "unless-stopped|always|no|on-failure",
            "profiles": [NAME],
            **dict.fromkeys(("init", "read_only"), bool),
            "env_file": str,
            "environment": {"*": str},
            "volumes": [r"[\w./-]+:/[\w./-]+(:ro)?"],
            "ports": [r"127\.0\.0\.1:\d+:\d+"],
            "tmpfs": [r"/\w+(:[\w,=]+)?"],
            "cap_drop": [r"[A-Z_]+"],
            "security_opt": [str],
            "secrets": [str],
            "mem_limit": r"\d+[kmg]",
            "pids_limit": int,
            "stop_grace_period": SPAN,
            "healthcheck": {"test!": [str], "interval": SPAN, "timeout": SPAN, "retries": int},
        }
    },
    "volumes": {"*": type(None)},
    "secrets": {"*": {"file!": str}},
}


def faults(value: Any, shape: Any, where: str = "") -> list[str]:
    if isinstance(shape, tuple):
        tried = [faults(value, one, where) for one in shape]
        return min(tried, key=len)
    if isinstance(shape, str):
        return [] if isinstance(value, str) and re.fullmatch(shape, value) else [f"{where}: {value!r} is no {shape}"]
    if isinstance(shape, type):
        right = isinstance(value, shape) and not (shape is int and isinstance(value, bool))
        return [] if right else [f"{where}: {value!r} is no {shape.__name__}"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [fault for n, one in enumerate(value) for fault in faults(one, shape[0], f"{where}[{n}]")]
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    known = {name.rstrip("!"): one for name, one in shape.items()}
    found = [f"{where}.{name[:-1]} is missing" for name in shape if name.endswith("!") and name[:-1] not in value]
    for name, one in value.items():
        inner = known.get(name, known.get("*"))
        found += [f"{where}.{name} is unknown"] if inner is None else faults(one, inner, f"{where}.{name}")
    return found


def documents() -> list[dict[str, Any]]:
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return [document for file in files for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def kubernetes(document: dict[str, Any]) -> list[str]:
    spec = KINDS.get((document.get("apiVersion", ""), document.get("kind", "")))
    if spec is None:
        return [f"{document.get('apiVersion')} {document.get('kind')} is unknown"]
    return faults(document, {"apiVersion!": str, "kind!": str, "metadata!": META, "spec!": spec}, document["kind"])


def test_kubernetes_knows_every_field() -> None:
    assert [fault for document in documents() for fault in kubernetes(document)] == []


def test_compose_knows_every_field_and_waits_long_enough() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    assert faults(compose, COMPOSE, "compose") == []
    bot = compose["services"]["bot"]
    assert int(bot["stop_grace_period"].rstrip("s")) >= 25  # as the Kubernetes manifest
    named = {volume.partition(":")[0] for one in compose["services"].values() for volume in one.get("volumes", ())}
    assert {name for name in named if "/" not in name and not name.startswith(".")} == set(compose["volumes"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda pod: pod.update(terminationGracePeriod=30), "terminationGracePeriod is unknown"),
        (lambda pod: pod["containers"][0].pop("readinessProbe"), "readinessProbe is missing"),
        (lambda pod: pod["containers"][0]["env"][0].update(value=8080), "8080 is no"),
        (lambda pod: pod["securityContext"].update(runAsNonRoot="yes"), "'yes' is no bool"),
        (lambda pod: pod["containers"][0]["livenessProbe"].update(periodSeconds="10s"), "'10s' is no int"),
    ],
)
def test_a_slip_is_found(change: Any, says: str) -> None:
    [deployment] = [document for document in documents() if document["kind"] == "Deployment"]
    change(deployment["spec"]["template"]["spec"])
    [fault] = kubernetes(deployment)
    assert says in fault
