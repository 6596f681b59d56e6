"""Generates the recording rules and alerts for the objectives in slo.toml.

The alerts are multi-window, multi-burn-rate alerts (Google, *The Site Reliability Workbook*,
chapter 5).
"""

import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RULES = HERE / "prometheus" / "rules" / "slo.yml"
INTERVAL = 30  # seconds between two evaluations: each recorded sample stands for so long
HEADER = f"""\
# Generated from slo.toml by `python -m observability.slo`; do not edit.

groups:
  - name: slo
    interval: {INTERVAL}s
    rules:
"""
RECORDING_RULE = """\
      - record: {record}
        expr: {expr}
        labels: {{ slo: {slo} }}
"""
ALERT = """\
      - alert: {alert}
        expr: |-
          slo:error_ratio:{long}{{slo="{slo}"}} > {threshold:.6g}
            and slo:error_ratio:{short}{{slo="{slo}"}} > {threshold:.6g}
            and slo:requests:{long}{{slo="{slo}"}} > {min_requests}
        labels: {{ severity: {severity}, window: {long} }}
        annotations:
          summary: >-
            The {window} error budget for {slo} burns {factor} times faster than allowed
            ({{{{ $value | humanizePercentage }}}} of the requests of the last {long} were bad)
          runbook_url: observability/RUNBOOK.md#{anchor}
"""


def rules(slo: dict[str, Any]) -> str:
    """The text of the rule file for these objectives."""
    parts = [HEADER]
    for name, objective in slo["objectives"].items():
        parts += [_rates(name, objective), *(_window(name, w) for w in _windows(slo))]
        parts += [_budget(name, objective, slo["window"])]
        parts += [_alert(slo, name, objective, burn) for burn in slo["burns"]]
    return "".join(parts)


def _windows(slo: dict[str, Any]) -> list[str]:
    found = [burn[end] for burn in slo["burns"] for end in ("short", "long")]
    return [*dict.fromkeys([*found, slo["window"]])]


def _rates(name: str, objective: dict[str, str]) -> str:
    """All and bad requests per second, recorded so that long windows stay cheap to evaluate."""
    total, bad, good = (f"sum(rate({objective.get(k)}[1m]))" for k in ("all", "bad", "good"))
    # Without a series of good requests, all requests are bad.
    failed = bad if "bad" in objective else f"{total} - ({good} or 0 * {total})"
    return _record("slo:requests:rate1m", name, total) + _record(
        "slo:bad_requests:rate1m", name, failed
    )


def _window(name: str, window: str) -> str:
    requests, bad = (
        f'{INTERVAL} * sum_over_time(slo:{what}:rate1m{{slo="{name}"}}[{window}])'
        for what in ("requests", "bad_requests")
    )
    total = f'slo:requests:{window}{{slo="{name}"}}'
    # Without a series of bad requests, or without requests at all, the ratio is 0.
    ratio = f"{bad} / ({total} > 0) or 0 * {total}"
    return _record(f"slo:requests:{window}", name, requests) + _record(
        f"slo:error_ratio:{window}", name, ratio
    )


def _budget(name: str, objective: dict[str, Any], window: str) -> str:
    ratio = 'slo:error_ratio:{}{{slo="' + name + '"}}'
    allowed = f"{_allowed_ratio(objective):.6g}"
    remaining = f"1 - {ratio.format(window)} / {allowed}"
    burn_rate = f"{ratio.format('1h')} / {allowed}"
    return _record("slo:error_budget_remaining:ratio", name, remaining) + _record(
        "slo:burn_rate:1h", name, burn_rate
    )


def _allowed_ratio(objective: dict[str, Any]) -> float:
    return 1 - float(objective["target"]) / 100


def _record(record: str, name: str, expr: str) -> str:
    return RECORDING_RULE.format(record=record, expr=expr, slo=name)


def _alert(slo: dict[str, Any], name: str, objective: dict[str, Any], burn: dict[str, Any]) -> str:
    alert = f"{name.capitalize()}ErrorBudgetBurn"
    return ALERT.format(
        alert=alert,
        slo=name,
        anchor=alert.lower(),
        threshold=burn["factor"] * _allowed_ratio(objective),
        min_requests=slo["min_requests"],
        window=slo["window"],
        **burn,
    )


def load() -> dict[str, Any]:
    """The objectives in slo.toml."""
    return tomllib.loads((HERE / "slo.toml").read_text())


if __name__ == "__main__":
    RULES.write_text(rules(load()))
