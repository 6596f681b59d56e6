"""Rules evaluated on input series by promtool."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.command import ROOT
from tests.support.required_tools import require_tool

RULES = ROOT / "observability" / "prometheus" / "rules"
STEP = "30s"
FIRING = 'max by (alertname, window) (ALERTS{alertstate="firing"})'
Series = dict[str, str]
Firing = Mapping[str, set[str]]


def promtool(*words: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool with these arguments."""
    command = [require_tool("promtool"), *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def failure(rules: Path, series: Series, firing: Firing, folder: Path) -> str:
    """The output of promtool if other alerts fire at these times; empty if exactly these do.

    An alert is given as ``name`` or ``name/window``.
    """
    checks = [
        {"expr": FIRING, "eval_time": at, "exp_samples": [_sample(name) for name in names]}
        for at, names in firing.items()
    ]
    return _failure(rules, series, checks, folder)


def difference(series: Series, at: str, values: Mapping[str, float], folder: Path) -> str:
    """The output of promtool if a query has another value at that time; empty if none has."""
    checks = [
        {
            "expr": f"round(max({query}), 0.001)",
            "eval_time": at,
            "exp_samples": [{"labels": "{}", "value": value}],
        }
        for query, value in values.items()
    ]
    return _failure(RULES, series, checks, folder)


def _failure(rules: Path, series: Series, checks: Sequence[object], folder: Path) -> str:
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    test = {"interval": STEP, "input_series": inputs, "promql_expr_test": checks}
    files = [str(file) for file in sorted(rules.glob("*.yml"))]
    script = folder / "test.json"  # JSON is YAML
    script.write_text(
        json.dumps({"rule_files": files, "evaluation_interval": STEP, "tests": [test]})
    )
    done = promtool("test", "rules", script)
    return done.stdout + done.stderr if done.returncode else ""


def _sample(name: str) -> dict[str, object]:
    alert, _, window = name.partition("/")
    labels = f'alertname="{alert}"' + (f', window="{window}"' if window else "")
    return {"labels": "{" + labels + "}", "value": 1}
