"""Shell. The page of the newest figures: bench/results/index.html, its plots drawn into it, nothing fetched from elsewhere.

    python -m bench.page

It takes the newest file of each bench in bench/results; a plot whose bench has no file is left out.
"""

import datetime
import html
import io
from collections.abc import Callable
from typing import NamedTuple

import cyclopts
import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from bench.results import FOLDER, Row, Run, newest_runs

PAGE = FOLDER / "index.html"
INCHES = (7.0, 3.2)


class Plot(NamedTuple):
    """One drawing: the rows whose `series` are its lines, by their labels."""

    title: str
    x: str
    y: str
    lines: dict[str, str]
    scale: Callable[[Axes], None]


def _plain(axes: Axes) -> None:
    axes.set_ylim(bottom=0)


def _by_magnitude(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)


def _latency(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(0, 100)


PLOTS = (
    Plot(
        "Throughput over time",
        "seconds, the rounds one after the other",
        "events/s",
        {"Zipf mix": "pipeline_zipf_over_time", "uniform mix": "pipeline_uniform_over_time"},
        _plain,
    ),
    Plot(
        "Latency, from due to published",
        "milliseconds",
        "% not later",
        {"10 % of capacity": "latency_10_p50", "60 % of capacity": "latency_60_p50"},
        _latency,
    ),
    Plot(
        "Cost against customers",
        "customers",
        "daemon CPU, us/event",
        {"Zipf mix": "cost_by_customers"},
        _by_magnitude,
    ),
    Plot(
        "Cost against the length of a call",
        "seconds a call",
        "daemon CPU, us/event",
        {"Zipf mix": "cost_by_call_seconds"},
        _by_magnitude,
    ),
    Plot(
        "Cost against the size of a batch",
        "events a batch at most",
        "daemon CPU, us/event",
        {"Zipf mix": "cost_by_batch"},
        _by_magnitude,
    ),
    Plot(
        "Daemons on the same cores",
        "daemons",
        "events/s",
        {"Zipf mix": "rate_by_daemons"},
        _plain,
    ),
)


def page(runs: list[Run]) -> str:
    """The page as HTML: plots, then every figure."""
    rows = {row.bench: row for run in runs for row in run.rows}
    drawn = [svg for plot in PLOTS if (svg := _drawn(plot, rows))]
    tables = [_table(run) for run in runs]
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Figures</title><style>'
        "body{font:15px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}svg{max-width:100%;height:auto}"
        "td,th{padding:.15em .8em;text-align:right}td:first-child,th:first-child{text-align:left}"
        f"</style></head><body><h1>Figures</h1><p>Made {now}. Machines differ and are shared: believe ratios.</p>"
        f"{''.join(drawn)}{''.join(tables)}</body></html>\n"
    )


def _drawn(plot: Plot, rows: dict[str, Row]) -> str:
    """The plot as SVG, or nothing where none of its rows is there."""
    lines = {label: rows[bench].series for label, bench in plot.lines.items() if bench in rows}
    if not lines:
        return ""
    figure = Figure(figsize=INCHES, layout="constrained")
    axes = figure.subplots()
    for label, series in lines.items():
        axes.plot([x for x, _ in series], [y for _, y in series], marker=".", label=label)
    axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
    plot.scale(axes)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def _table(run: Run) -> str:
    cells = "".join(
        f"<tr><td>{html.escape(row.bench)}</td><td>{row.value:,.2f} {html.escape(row.unit)}</td>"
        f"<td>{_or_nothing(row.ratio)}</td><td>{_or_nothing(row.low)}</td><td>{_or_nothing(row.high)}</td></tr>"
        for row in run.rows
    )
    about = f"{run.at}, commit {run.commit}, {run.machine}, load before {run.load_before}"
    return (
        f"<h2>{html.escape(run.name)}</h2><p>{html.escape(about)}</p><table><tr><th>figure</th><th>value</th>"
        f"<th>ratio</th><th>least</th><th>most</th></tr>{cells}</table>"
    )


def _or_nothing(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"


def main() -> None:
    """Write the page."""
    # The same figures give the same bytes.
    with mpl.rc_context({"svg.hashsalt": "figures", "svg.fonttype": "none"}):
        text = page(newest_runs())
    FOLDER.mkdir(exist_ok=True)
    PAGE.write_text(text)
    print(f"written: {PAGE}")


if __name__ == "__main__":
    cyclopts.run(main)
