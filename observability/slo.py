"""Recording rules and alerts, made of the objectives in slo.toml: multi-window, multi-burn-rate
(Google, *The Site Reliability Workbook*, chapter 5).
"""

import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RULES = HERE / "prometheus" / "rules" / "slo.yml"
STEP = 30  # seconds between two evaluations, and what one recorded sample stands for
HEAD = f"""\
# Made by `python -m observability.slo` of slo.toml: change that.

groups:
  - name: slo
    interval: {STEP}s
    rules:
"""
RECORD = """\
      - record: {record}
        expr: {expr}
        labels: {{ slo: {slo} }}
"""
ALERT = """\
      - alert: {alert}
        expr: |-
          slo:error_ratio:{long}{{slo="{slo}"}} > {limit:.6g}
            and slo:error_ratio:{short}{{slo="{slo}"}} > {limit:.6g}
            and slo:requests:{long}{{slo="{slo}"}} > {enough}
        labels: {{ severity: {severity}, window: {long} }}
        annotations:
          summary: >-
            {slo}: the error budget of {window} burns at {factor} times the rate that it allows
            ({{{{ $value | humanizePercentage }}}} of the requests of {long} are bad)
          runbook_url: observability/RUNBOOK.md#{anchor}
"""


def rules(slo: dict[str, Any]) -> str:
    """The rule file of these objectives."""
    parts = [HEAD]
    for name, objective in slo["objectives"].items():
        parts += [_rates(name, objective), *(_window(name, w) for w in _windows(slo))]
        parts += [_budget(name, objective, slo["window"])]
        parts += [_alert(slo, name, objective, burn) for burn in slo["burns"]]
    return "".join(parts)


def _windows(slo: dict[str, Any]) -> list[str]:
    found = [burn[end] for burn in slo["burns"] for end in ("short", "long")]
    return [*dict.fromkeys([*found, slo["window"]])]


def _rates(name: str, objective: dict[str, str]) -> str:
    """Requests and bad ones per second: series of their own, so that long windows stay cheap."""
    total, bad, good = (f"sum(rate({objective.get(k)}[1m]))" for k in ("all", "bad", "good"))
    # Where nobody counts the good ones, all are bad.
    failed = bad if "bad" in objective else f"{total} - ({good} or 0 * {total})"
    return _record("slo:requests:rate1m", name, total) + _record("slo:bad:rate1m", name, failed)


def _window(name: str, window: str) -> str:
    requests, bad = (
        f'{STEP} * sum_over_time(slo:{what}:rate1m{{slo="{name}"}}[{window}])'
        for what in ("requests", "bad")
    )
    total = f'slo:requests:{window}{{slo="{name}"}}'
    # No series of bad ones, or no request at all: nothing failed.
    ratio = f"{bad} / ({total} > 0) or 0 * {total}"
    return _record(f"slo:requests:{window}", name, requests) + _record(
        f"slo:error_ratio:{window}", name, ratio
    )


def _budget(name: str, objective: dict[str, Any], window: str) -> str:
    ratio = 'slo:error_ratio:{}{{slo="' + name + '"}}'
    allowed = f"{_allowed(objective):.6g}"
    left = f"1 - {ratio.format(window)} / {allowed}"
    burn = f"{ratio.format('1h')} / {allowed}"
    return _record("slo:budget_left:ratio", name, left) + _record("slo:burn:1h", name, burn)


def _allowed(objective: dict[str, Any]) -> float:
    return 1 - float(objective["target"]) / 100


def _record(record: str, name: str, expr: str) -> str:
    return RECORD.format(record=record, expr=expr, slo=name)


def _alert(slo: dict[str, Any], name: str, objective: dict[str, Any], burn: dict[str, Any]) -> str:
    alert = f"{name.capitalize()}ErrorBudgetBurn"
    return ALERT.format(
        alert=alert,
        slo=name,
        anchor=alert.lower(),
        limit=burn["factor"] * _allowed(objective),
        enough=slo["enough_requests"],
        window=slo["window"],
        **burn,
    )


def load() -> dict[str, Any]:
    """The objectives."""
    return tomllib.loads((HERE / "slo.toml").read_text())


if __name__ == "__main__":
    RULES.write_text(rules(load()))
