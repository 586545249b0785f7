"""Figures of a benchmark's raw results: a table, JSON and an SVG plot.

usage: report.py DIRECTORY SUBJECT TITLE OUTPUT   reads what `measure` and the case scripts left in DIRECTORY,
compares SUBJECT with every other runtime there, and writes OUTPUT.json and OUTPUT.svg.
"""

import json
import pathlib
import re
import statistics
import sys
import xml.sax.saxutils


def quantile(values, share):
    """The value below which this share of the sorted values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(values):
    return {
        "min": min(values),
        "median": statistics.median(values),
        "p95": quantile(values, 0.95),
        "count": len(values),
    }


def ratios(subject, peer):
    """Ratios round by round: what disturbs a round disturbs both sides."""
    pairs = [subject[r] / peer[r] for r in subject if peer.get(r)]
    if not pairs:
        return None
    return {
        "median": statistics.median(pairs),
        "low": quantile(pairs, 0.1),
        "high": quantile(pairs, 0.9),
        "pairs": len(pairs),
    }


class Report:
    """Rows of (case, unit, better, {runtime: {round: value}})."""

    def __init__(self, subject):
        self.subject = subject
        self.rows = []

    def add(self, case, unit, values, higher_is_better=False):
        if values.get(self.subject):
            self.rows.append((case, unit, higher_is_better, values))

    def table(self):
        """The rows as values for JSON, and the lines of the printed table."""
        result, lines = [], []
        lines.append(f"{'case':44} {'runtime':8} {'min':>10} {'median':>10} {'p95':>10} {'unit':6} {'ratio':>18}")
        for case, unit, higher, values in self.rows:
            row = {"case": case, "unit": unit, "higherIsBetter": higher, "runtimes": {}, "ratios": {}}
            for runtime in [self.subject] + sorted(set(values) - {self.subject}):
                if not values[runtime]:
                    continue
                figures = summary(list(values[runtime].values()))
                row["runtimes"][runtime] = figures
                text = ""
                if runtime != self.subject:
                    ratio = ratios(values[self.subject], values[runtime])
                    if ratio:
                        row["ratios"][runtime] = ratio
                        text = f"{ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f})"
                lines.append(
                    f"{case:44} {runtime:8} {figures['min']:10.2f} {figures['median']:10.2f}"
                    f" {figures['p95']:10.2f} {unit:6} {text:>18}"
                )
            result.append(row)
        return result, lines


def read_measurements(report, directory):
    """measure's lines: RUNTIME STEP ROUND FIRST WALL USER SYSTEM RSS FAULTS."""
    for path in sorted(directory.glob("*.tsv")):
        first, wall, cpu, resident, streamed = {}, {}, {}, {}, {}
        if path.stem.startswith(("idle-", "many-")):
            continue
        for line in path.read_text().splitlines():
            runtime, step, number, *fields = line.split("\t")
            opening, total, user, system, peak = map(int, fields[:5])
            number = int(number)
            if path.stem.startswith("stream-"):
                # 256 MiB between the first byte and the end.
                streamed.setdefault(step, {}).setdefault(runtime, {})[number] = 256 / ((total - opening) / 1e9)
                continue
            if opening:
                first.setdefault(step, {}).setdefault(runtime, {})[number] = opening / 1e6
            wall.setdefault(step, {}).setdefault(runtime, {})[number] = total / 1e6
            cpu.setdefault(step, {}).setdefault(runtime, {})[number] = (user + system) / 1e3
            resident.setdefault(step, {}).setdefault(runtime, {})[number] = peak / 1024
        for step in wall:
            name = path.stem if step == "run" else f"{path.stem} {step}"
            if step in first:
                report.add(f"{name}: first line", "ms", first[step])
            report.add(f"{name}: whole", "ms", wall[step])
            # Of machines, not all processes are the command's children.
            if not path.stem.startswith("boot-"):
                report.add(f"{name}: CPU time", "ms", cpu[step])
                report.add(f"{name}: peak memory", "MiB", resident[step])
        for step in streamed:
            report.add(f"{path.stem}: standard output", "MiB/s", streamed[step], True)


def read_idle(report, directory):
    for path in sorted(directory.glob("idle-*.tsv")):
        memory, idle = {}, {}
        for line in path.read_text().splitlines():
            runtime, what, value = line.split("\t")
            if what == "memory":
                memory[runtime] = {0: int(value) / 1024}
            else:
                # Hundredths of a second in ten seconds are thousandths of a processor.
                idle[runtime] = {0: int(value) / 10}
        name = path.stem.removeprefix("idle-")
        report.add(f"memory beside the guest's, {name}", "MiB", memory)
        report.add(f"idle machine, {name}", "% CPU", idle)


def read_files(report, directory):
    rows, metadata = {}, {}
    for path in sorted(directory.glob("files-*")):
        match = re.fullmatch(r"files-(.+)-(swrun|qemu)-(\d+)", path.name)
        if not match:
            continue
        _, runtime, number = match.groups()
        text = (path / "fio.json").read_text()
        # fio may say something before the JSON.
        for job in json.loads(text[text.index("{"):])["jobs"]:
            kind = job["jobname"].split("-")[0]
            side = job["read"] if kind.endswith("read") else job["write"]
            rows.setdefault(job["jobname"], {}).setdefault(runtime, {})[int(number)] = side["bw_bytes"] / 2**20
        for line in (path / "metadata").read_text().splitlines():
            what, count, nanoseconds = line.split("\t")
            rate = int(count) / (int(nanoseconds) / 1e9)
            metadata.setdefault(what, {}).setdefault(runtime, {})[int(number)] = rate
    for name, values in rows.items():
        kind, size, jobs = name.split("-")
        report.add(f"fio {kind} {size} {jobs} jobs", "MiB/s", values, True)
    for what, values in metadata.items():
        report.add(f"metadata: {what}", "1/s", values, True)


def read_window(report, directory):
    rows = {}
    for path in sorted(directory.glob("window-*")):
        match = re.fullmatch(r"window-(.+)-(swrun|qemu)-(\d+)", path.name)
        if not match:
            continue
        _, runtime, number = match.groups()
        text = (path / "fio.json").read_text()
        for job in json.loads(text[text.index("{"):])["jobs"]:
            rate = job["read"]["bw_bytes"] / 2**20
            rows.setdefault(job["jobname"], {}).setdefault(runtime, {})[int(number)] = rate
    for name, values in rows.items():
        kind, size, jobs = name.split("-")
        report.add(f"fio {kind} {size} {jobs} jobs, DAX", "MiB/s", values, True)


def read_phases(directory):
    """Medians of swrun's own timing lines: `12.345 ms  +1.234  step`."""
    result = {}
    for path in sorted(directory.glob("phases-*.txt")):
        name = re.fullmatch(r"phases-(.+)-\d+", path.stem).group(1)
        for line in path.read_text().splitlines():
            match = re.search(r"\d+\.\d+ ms +\+ *(\d+\.\d+) +(.+)", line)
            if match:
                step = match.group(2).strip().strip('"}')
                result.setdefault(name, {}).setdefault(step, []).append(float(match.group(1)))
    return {
        name: {step: statistics.median(times) for step, times in steps.items()} for name, steps in result.items()
    }


def plot(rows, title, subject):
    """Bars of the median ratios, the subject against each peer; 1 is a line, and shorter is better."""
    bars = []
    for row in rows:
        for peer, ratio in row["ratios"].items():
            value, low, high = ratio["median"], ratio["low"], ratio["high"]
            if row["higherIsBetter"]:
                value, low, high = 1 / value, 1 / high, 1 / low
            bars.append((f"{row['case']} vs {peer}", value, low, high))
    height, left, width, scale = 22, 380, 760, 240
    top = 56
    total = top + height * len(bars) + 16
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + 60}" height="{total}" font-family="sans-serif" font-size="12">',
        f'<rect width="100%" height="100%" fill="white"/><text x="8" y="20" font-size="15">{xml.sax.saxutils.escape(title)}</text>',
        f'<text x="8" y="40" fill="#555">time, memory or inverse rate of {subject} as a multiple of the peer\'s; left of the line is better</text>',
    ]
    for index, (label, value, low, high) in enumerate(bars):
        y = top + index * height
        end = min(value, 1.6) * scale
        colour = "#2a7d4f" if value <= 1 else "#b5482a"
        out.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{xml.sax.saxutils.escape(label)}</text>')
        out.append(f'<rect x="{left}" y="{y + 3}" width="{end:.1f}" height="{height - 8}" fill="{colour}"/>')
        out.append(
            f'<line x1="{left + min(low, 1.6) * scale:.1f}" x2="{left + min(high, 1.6) * scale:.1f}"'
            f' y1="{y + 10}" y2="{y + 10}" stroke="#222"/>'
        )
        out.append(f'<text x="{left + end + 6:.1f}" y="{y + 14}">{value:.2f}</text>')
    one = left + scale
    out.append(f'<line x1="{one}" x2="{one}" y1="{top - 6}" y2="{total - 8}" stroke="#222" stroke-dasharray="4 3"/></svg>')
    return "\n".join(out) + "\n"


def main():
    directory, subject, title, output = sys.argv[1:]
    directory = pathlib.Path(directory)
    report = Report(subject)
    read_measurements(report, directory)
    read_idle(report, directory)
    read_files(report, directory)
    read_window(report, directory)
    rows, lines = report.table()
    phases = read_phases(directory)
    result = {"title": title, "subject": subject, "rows": rows, "phases": phases}
    for path in sorted(directory.glob("many-*.tsv")):
        figures = dict(line.split("\t") for line in path.read_text().splitlines())
        result["many"] = {key: int(value) for key, value in figures.items()}
    print("\n".join(lines))
    for name, steps in phases.items():
        print(f"\nphases of swrun, {name} (ms): " + ", ".join(f"{step} {time:.1f}" for step, time in steps.items()))
    if "many" in result:
        many = result["many"]
        print(
            f"\ntwenty machines: {many['up']} came up within {many['seconds']} s, {many['memory'] // 1024} MiB in all"
            f" ({many['memory'] / 1024 / max(1, many['up']):.1f} MiB each, of {many['guest']} MiB that each guest has)"
        )
    pathlib.Path(output + ".json").write_text(json.dumps(result, indent=1) + "\n")
    pathlib.Path(output + ".svg").write_text(plot(rows, title, subject))


if __name__ == "__main__":
    main()
