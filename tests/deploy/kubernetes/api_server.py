"""The part of the Kubernetes API that ``kubectl wait`` and ``kubectl logs`` use.

It has one Job and one PodDisruptionBudget, whose status is set by the test, and the log of the
Job's pod.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

NAMESPACE, JOB, POD = "tasks", "tasks-api-migration-1", "tasks-api-migration-1-abcde"
LABEL = "batch.kubernetes.io/job-name"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
BUDGETS, BUDGET = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets", "tasks-api"
SHORT_NAMES = {"poddisruptionbudgets": ["pdb"]}
WATCH_SECONDS = 30


class JobServer(ThreadingHTTPServer):
    """``status`` is that of both objects; ``log`` is what the Job's pod printed."""

    daemon_threads = True

    def __init__(self, status: dict[str, Any], log: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.log = status, log

    def objects(self) -> dict[str, Any]:
        """What each path answers."""
        meta = {"namespace": NAMESPACE, "resourceVersion": "1"}
        job = {"metadata": {**meta, "name": JOB}, "spec": {}, "status": self.status}
        pod = {
            "metadata": {**meta, "name": POD, "labels": {LABEL: JOB}},
            "spec": {"containers": [{"name": "migration"}]},
            "status": {"phase": "Failed"},
        }
        budget = {"metadata": {**meta, "name": BUDGET}, "spec": {}, "status": self.status}
        groups = [_group("batch"), _group("policy")]
        return {
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
            "/api/v1": _resources("v1", {"pods": "Pod", "pods/log": "Pod"}),
            "/apis/batch/v1": _resources("batch/v1", {"jobs": "Job"}),
            "/apis/policy/v1": _resources(
                "policy/v1", {"poddisruptionbudgets": "PodDisruptionBudget"}
            ),
            BUDGETS: _list("policy/v1", "PodDisruptionBudget", budget),
            f"{BUDGETS}/{BUDGET}": {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                **budget,
            },
            JOBS: _list("batch/v1", "Job", job),
            f"{JOBS}/{JOB}": {"apiVersion": "batch/v1", "kind": "Job", **job},
            PODS: _list("v1", "Pod", pod),
            f"{PODS}/{POD}": {"apiVersion": "v1", "kind": "Pod", **pod},
        }


def _group(name: str) -> dict[str, Any]:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resources(group_version: str, kinds: Mapping[str, str]) -> dict[str, Any]:
    usual = {"namespaced": True, "singularName": "", "verbs": ["get", "list"]}
    resources = [
        {"name": name, "kind": kind, "shortNames": SHORT_NAMES.get(name, []), **usual}
        for name, kind in kinds.items()
    ]
    return {"kind": "APIResourceList", "groupVersion": group_version, "resources": resources}


def _list(version: str, kind: str, item: dict[str, Any]) -> dict[str, Any]:
    items = [{"apiVersion": version, "kind": kind, **item}]
    meta = {"resourceVersion": "1"}
    return {"apiVersion": version, "kind": f"{kind}List", "metadata": meta, "items": items}


class _Handler(BaseHTTPRequestHandler):
    server: JobServer

    def do_GET(self) -> None:
        url = urlparse(self.path)
        if url.path.endswith("/log"):
            self._send(200, self.server.log.encode())
        elif "watch=" in url.query:
            self._send_nothing_for_a_while()
        elif found := self.server.objects().get(url.path):
            self._send(200, json.dumps(found).encode())
        else:
            self._send(404, b'{"kind": "Status", "status": "Failure", "code": 404}')

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", f"{len(body)}")
        self.end_headers()
        self.wfile.write(body)

    def _send_nothing_for_a_while(self) -> None:
        """A watch without events: the status does not change any more."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.flush()
        time.sleep(WATCH_SECONDS)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def job_server(folder: Path, status: dict[str, Any], log: str) -> Iterator[Path]:
    """Serve until the block ends; the path of a kubeconfig that uses it."""
    with JobServer(status, log) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [
                {"name": "test", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
            ],
            "users": [{"name": "test", "user": {}}],
        }
        path = folder / "kubeconfig"
        path.write_text(json.dumps(config))
        try:
            yield path
        finally:
            server.shutdown()
            thread.join()
