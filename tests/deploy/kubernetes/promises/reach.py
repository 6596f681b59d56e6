"""Who reaches the API, and whom it reaches."""

from functools import cache

from api.config.settings import Settings
from api.main import create_app
from deploy.kubernetes.rules import NAMESPACE
from tests.deploy.kubernetes.kustomize import Manifests, Object
from tests.deploy.kubernetes.promises.pods import API, NAME
from tests.support.http.server import make_settings

TCP = "TCP"


def service(manifests: Manifests) -> None:
    """The Service finds the pods and their port."""
    spec = manifests.one("Service")["spec"]

    assert spec["selector"] == API
    assert spec["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    assert manifests.container("Deployment")["ports"] == [
        {"name": "http", "containerPort": Settings.model_fields["port"].default}
    ]


def ingress(manifests: Manifests) -> None:
    """Over TLS, and only what clients call: of the API's paths neither probes nor metrics."""
    spec = manifests.one("Ingress")["spec"]
    [rule] = spec["rules"]
    paths = {path["path"]: path["pathType"] for path in rule["http"]["paths"]}
    backend = {"service": {"name": "tasks-api", "port": {"name": "http"}}}

    assert spec["tls"] == [{"hosts": [rule["host"]], "secretName": "tasks-api-tls"}]
    assert paths == {"/api": "Prefix", "/openapi.json": "Exact"}
    assert all(path["backend"] == backend for path in rule["http"]["paths"])
    assert manifests.one("Service")["metadata"]["name"] == backend["service"]["name"]
    assert _routes() - {"/openapi.json"} == {
        *("/livez", "/healthz", "/readyz", "/startupz", "/metrics", "/docs", "/docs/{asset}")
    }


@cache
def _routes() -> set[str]:
    found = {str(getattr(route, "path", "")) for route in create_app(make_settings()).routes}
    return {path for path in found if not path.startswith("/api/")}


def walls(manifests: Manifests) -> None:
    """Nothing in or out of the namespace by itself; the proxies and Prometheus may come in."""
    policies = {p["metadata"]["name"]: p["spec"] for p in manifests.all("NetworkPolicy")}
    ours = _namespace("ingress"), _namespace("monitoring")

    assert {*policies} == {"deny", "to-the-api", "to-the-world"}
    assert policies["deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert policies["to-the-api"] == {
        "podSelector": {"matchLabels": API},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [*ours], "ports": [{"protocol": TCP, "port": "http"}]}],
    }


def world(manifests: Manifests) -> None:
    """Out to names, PostgreSQL and HTTPS alone."""
    dns = {**_namespace("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}

    assert manifests.one("NetworkPolicy", "to-the-world")["spec"] == {
        "podSelector": {"matchLabels": NAME},
        "policyTypes": ["Egress"],
        "egress": [
            {
                "to": [dns],
                "ports": [{"protocol": "UDP", "port": 53}, {"protocol": TCP, "port": 53}],
            },
            {"ports": [{"protocol": TCP, "port": 5432}, {"protocol": TCP, "port": 443}]},
        ],
    }


def _namespace(name: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def scraping(manifests: Manifests) -> None:
    """Prometheus finds production's Service, and calls it what rules and dashboards call it."""
    if manifests.one("Namespace")["metadata"]["name"] != NAMESPACE:
        assert not [*manifests.all("ServiceMonitor"), *manifests.all("PrometheusRule")]
        return
    spec = manifests.one("ServiceMonitor")["spec"]
    labels = manifests.one("Service")["metadata"]["labels"]

    assert spec["selector"] == {"matchLabels": labels} == {"matchLabels": API}
    assert labels[spec["jobLabel"]] == "api"
    assert spec["endpoints"] == [
        {"port": "http", "path": "/metrics", "interval": "15s", "scrapeTimeout": "10s"}
    ]


def spread(manifests: Manifests) -> None:
    """Over zones and hosts where there are several, without refusing to run where not."""
    assert manifests.pod("Deployment")["topologySpreadConstraints"] == [
        {
            "topologyKey": key,
            "maxSkew": 1,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": API},
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
