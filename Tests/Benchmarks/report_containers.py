"""Figures of the containers' benchmark: a table, how the goals were met, JSON and an SVG plot.

usage: report_containers.py DIRECTORY TITLE OUTPUT   reads what the script `containers` left in DIRECTORY, and
writes OUTPUT.json and OUTPUT.svg.
"""

import json
import pathlib
import sys

from report import Report, plot

SUBJECT = "swrun"

# Figure, peer, and the ratio that swrun shall reach: at most, or at least where more is better.
GOALS = [
    ("run true", "crun", 0.40),
    ("run true", "floor", 1.25),
    ("run with podman's seccomp profile", "crun", 0.40),
    ("exec true", "crun", 0.40),
    ("state", "crun", 0.30),
    ("kill", "crun", 0.30),
    ("list of ", "crun", 0.30),
    ("rate of ", "crun", 2.5),
    ("CPU time of ", "crun", 0.5),
    ("run true: peak memory", "crun", 1.0),
    ("run true, programs reread: peak memory", "crun", 1.0),
    ("memory held per container", "crun", 1.0),
    ("smallest memory limit", "crun", 1.0),
]


def measurements(path):
    """{step: {runtime: {round: (wall, cpu, peak, faults)}}} of one file of `measure`."""
    steps = {}
    for line in path.read_text().splitlines():
        runtime, step, number, *fields = line.split("\t")
        _, wall, user, system, peak, faults = map(int, fields)
        values = (wall / 1e6, (user + system) / 1e3, peak / 1024, faults)
        steps.setdefault(step, {}).setdefault(runtime, {})[int(number)] = values
    return steps


def column(runtimes, index, scale=lambda value: value):
    return {
        runtime: {number: scale(values[index]) for number, values in rounds.items()}
        for runtime, rounds in runtimes.items()
    }


def read(directory):
    report = Report(SUBJECT)
    for path in sorted(directory.glob("*.tsv"), key=lambda path: path.stat().st_mtime):
        for step, runtimes in measurements(path).items():
            name = path.stem if step == "run" else step
            if " callers" in name:
                count = int(name.split()[0])
                report.add(f"rate of {name}", "1/s", column(runtimes, 0, lambda wall: count / (wall / 1e3)), True)
                report.add(f"CPU time of {name}", "ms", column(runtimes, 1))
                continue
            report.add(name, "ms", column(runtimes, 0))
            if name.startswith("run true"):
                report.add(f"{name}: CPU time", "ms", column(runtimes, 1))
                report.add(f"{name}: peak memory", "MiB", column(runtimes, 2))
                report.add(f"{name}: page faults", "", column(runtimes, 3))
    for stem, name, unit in (
        ("calls", "system calls of run true", ""),
        ("memory", "memory held per container", "KiB"),
        ("limit", "smallest memory limit", "KiB"),
    ):
        path = directory / f"{stem}.figures"
        if path.exists():
            lines = [line.split("\t") for line in path.read_text().splitlines()]
            report.add(name, unit, {runtime: {0: int(value)} for runtime, value in lines if value})
    return report


def goals(rows):
    """A line for each goal of which there is a figure."""
    for name, peer, bound in GOALS:
        for row in rows:
            case = row["case"]
            if not (case.startswith(name) if name.endswith(" ") else case == name) or peer not in row["runtimes"]:
                continue
            if row["higherIsBetter"] and case.startswith("rate"):
                value = row["ratios"][peer]["median"]
                met, word = value >= bound, "at least"
            else:
                own, other = (row["runtimes"][runtime]["median"] for runtime in (SUBJECT, peer))
                # 0 of 0 is what both should hold.
                value = row["ratios"][peer]["median"] if peer in row["ratios"] else float(own > other)
                met, word = value <= bound, "at most"
            row.setdefault("goals", {})[peer] = {"bound": bound, "met": met}
            yield f"{'met   ' if met else 'MISSED'} {case}: {value:.2f} x {peer}, {word} {bound:.2f} x"


def main():
    directory, title, output = sys.argv[1:]
    report = read(pathlib.Path(directory))
    rows, lines = report.table()
    print("\n".join(lines))
    print("\nGoals:")
    print("\n".join(goals(rows)))
    result = {"title": title, "subject": SUBJECT, "rows": rows}
    pathlib.Path(output + ".json").write_text(json.dumps(result, indent=1) + "\n")
    pathlib.Path(output + ".svg").write_text(plot(rows, title, SUBJECT))


if __name__ == "__main__":
    main()
