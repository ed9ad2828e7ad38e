"""What the figures say: a table for each scenario, and which goals were met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from .generator import Figures
from .scenarios import Idle, Scenario

__all__ = ["Goal", "Rounds", "goals_of", "idle_goals_of", "idle_table", "table"]

Rounds: TypeAlias = Mapping[str, "list[Figures]"]
"""What each server's rounds of a scenario gave, by its name."""

RATE = "deliveries_per_second"
FAULTS = ("lost", "gaps", "reordered", "errors", "closed")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """Something that our server has to show, and whether it did."""

    scenario: str
    text: str
    got: str
    met: bool

    def __str__(self) -> str:
        return (
            f"{'met   ' if self.met else 'MISSED'}  {self.scenario}: {self.text} (got {self.got})"
        )


def table(scenario: Scenario, rounds: Rounds) -> str:
    """Rates: best and median of the rounds. Faults: their sum. Delays: those of the best round.

    ``CPU µs``: the processor time that the server took for a delivery, the least of the rounds.
    """
    speed, delays = ("best", "median", "ratio", "CPU µs"), ("p50 ms", "p99 ms", "p99.9 ms")
    head = (*speed, *FAULTS[:3], *delays)
    widths = (12, 12, 8, 8, 11, 11, 11, 9, 9, 9)
    lines = [f"{scenario.title} (deliveries a second)", _row("", head, widths)]
    for name, runs in rounds.items():
        rates = [run[RATE] for run in runs]
        ratio = f"{max(rates) / _best(rounds, 'driftdb'):.2f}" if "driftdb" in rounds else "-"
        faults = [f"{_sum(runs, fault):,.0f}" for fault in FAULTS[:3]]
        best = max(runs, key=lambda run: run[RATE])
        took = [f"{best[quantile] / 1000:.2f}" for quantile in ("p50_us", "p99_us", "p999_us")]
        processor = f"{min(1e6 * run['server_seconds'] / run['delivered'] for run in runs):.2f}"
        cells = (f"{max(rates):,.0f}", f"{median(rates):,.0f}", ratio, processor, *faults, *took)
        lines.append(_row(name, cells, widths))
    return "\n".join(lines)


def idle_table(idle: Idle, rounds: Rounds) -> str:
    """Memory and opening rate of idle connections: the best of the rounds."""
    widths = (12, 12, 8)
    lines = [idle.title, _row("", ("KB each", "opened/s", "ratio"), widths)]
    for name, runs in rounds.items():
        ratio = f"{_most(runs) / _most(rounds['tornado']):.2f}" if "tornado" in rounds else "-"
        cells = (f"{_least(runs, 'kilobytes_each'):.1f}", f"{_most(runs):,.0f}", ratio)
        lines.append(_row(name, cells, widths))
    return "\n".join(lines)


def goals_of(name: str, scenario: Scenario, rounds: Rounds) -> list[Goal]:
    """Return the scenario's goals, as far as the servers that were measured can tell."""
    if rounds.keys() <= {"driftdb"}:
        return []
    faults = ", ".join(
        f"{server} {fault} {_sum(runs, fault):,.0f}"
        for server, runs in rounds.items()
        for fault in FAULTS
        if server != "driftdb" and _sum(runs, fault)
    )
    text = "we lose nothing and keep the order"
    goals = [Goal(scenario=name, text=text, got=faults or "no fault", met=not faults)]
    if scenario.least_of_memory is not None and {"ours", "ours-batched"} <= rounds.keys():
        ratio = _best(rounds, "ours-batched") / _best(rounds, "ours")
        text = f"batched has at least {scenario.least_of_memory:g} of the rate in memory"
        met = ratio >= scenario.least_of_memory
        goals.append(Goal(scenario=name, text=text, got=f"{ratio:.2f}", met=met))
    for server, least in scenario.least_of_driftdb.items():
        if {server, "driftdb"} <= rounds.keys():
            ratio = _best(rounds, server) / _best(rounds, "driftdb")
            text = f"{server} has at least {least:g} times DriftDB's rate"
            goals.append(Goal(scenario=name, text=text, got=f"{ratio:.2f}", met=ratio >= least))
    if scenario.shorter_tail and {"ours", "driftdb"} <= rounds.keys():
        ours, theirs = (_least(rounds[server], "p99_us") for server in ("ours", "driftdb"))
        text = f"99 of 100 sooner than DriftDB's {theirs / 1000:.2f} ms"
        got = f"{ours / 1000:.2f} ms"
        goals.append(Goal(scenario=name, text=text, got=got, met=ours < theirs))
    return goals


def idle_goals_of(name: str, idle: Idle, rounds: Rounds) -> list[Goal]:
    """Return the goals for idle connections, as far as the measured servers can tell."""
    goals = []
    if "ours" in rounds:
        kilobytes = _least(rounds["ours"], "kilobytes_each")
        text = f"at most {idle.most_kilobytes_each:g} KB for an idle connection"
        met = kilobytes <= idle.most_kilobytes_each
        goals.append(Goal(scenario=name, text=text, got=f"{kilobytes:.1f}", met=met))
    for server, least in idle.least_of_tornado.items():
        if {server, "tornado"} <= rounds.keys():
            ratio = _most(rounds[server]) / _most(rounds["tornado"])
            text = f"{server} opens at least {least:g} of what a bare Tornado handler opens"
            goals.append(Goal(scenario=name, text=text, got=f"{ratio:.2f}", met=ratio >= least))
    return goals


def _row(name: str, cells: tuple[str, ...], widths: tuple[int, ...]) -> str:
    return f"{name:<14}" + "".join(
        f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)
    )


def _best(rounds: Rounds, server: str) -> float:
    return max(run[RATE] for run in rounds[server])


def _most(runs: list[Figures]) -> float:
    return max(run["connections_per_second"] for run in runs)


def _least(runs: list[Figures], figure: str) -> float:
    return min(run[figure] for run in runs)


def _sum(runs: list[Figures], figure: str) -> float:
    return sum(run[figure] for run in runs)
