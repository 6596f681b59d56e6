"""Network: Service, Ingress, NetworkPolicies, scraping, and the spread over nodes."""

from functools import cache

from api.config.settings import Settings
from api.main import create_app
from deploy.kubernetes.rules import NAMESPACE
from tests.deploy.kubernetes.kustomize import Manifests, Object
from tests.deploy.kubernetes.requirements.pods import API, NAME
from tests.support.http.server import make_settings

TCP = "TCP"


def service(manifests: Manifests) -> None:
    """The Service selects the pods and their port."""
    spec = manifests.one("Service")["spec"]

    assert spec["selector"] == API
    assert spec["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    assert manifests.container("Deployment")["ports"] == [
        {"name": "http", "containerPort": Settings.model_fields["port"].default}
    ]


def ingress(manifests: Manifests) -> None:
    """The Ingress serves the paths of clients over TLS: neither probes nor metrics."""
    spec = manifests.one("Ingress")["spec"]
    [rule] = spec["rules"]
    paths = {path["path"]: path["pathType"] for path in rule["http"]["paths"]}
    backend = {"service": {"name": "tasks-api", "port": {"name": "http"}}}

    assert spec["ingressClassName"] == "nginx"
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


def network_ingress(manifests: Manifests) -> None:
    """All traffic is denied by default; Ingress controller and Prometheus may connect."""
    policies = {p["metadata"]["name"]: p["spec"] for p in manifests.all("NetworkPolicy")}
    sources = [_namespace("ingress"), _namespace("monitoring")]

    assert {*policies} == {"default-deny", "allow-ingress-to-api", "allow-egress"}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert policies["allow-ingress-to-api"] == {
        "podSelector": {"matchLabels": API},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": sources, "ports": [{"protocol": TCP, "port": "http"}]}],
    }


def network_egress(manifests: Manifests) -> None:
    """Pods may connect to DNS, PostgreSQL and HTTPS only."""
    dns = {**_namespace("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}

    assert manifests.one("NetworkPolicy", "allow-egress")["spec"] == {
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
    """Prometheus scrapes production, with the job name that rules and dashboards use."""
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
    """Pods are spread over zones and hosts if there are several."""
    assert manifests.pod("Deployment")["topologySpreadConstraints"] == [
        {
            "topologyKey": key,
            "maxSkew": 1,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": API},
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
