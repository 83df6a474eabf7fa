"""Runs the comparison that README.md describes; `run` calls it in its Python environment."""

import argparse
import json
import pathlib
import resource
import shutil
import subprocess
import sys
import time

import pyarrow as pa

import columns
from clickhouse import ClickHouse
from duck import Duck
from queries import KINDS, queries

HERE = pathlib.Path(__file__).parent
THREADS = 2
RUNS = 3
# Traces that are read from JSON by ClickHouse, at most: its rows take more room than the lines.
READ = 100_000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traces", type=int)
    parser.add_argument("--betrace", required=True, help="our command")
    parser.add_argument("--spans", required=True, help="the example that writes the workload")
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder for everything that is made")
    arguments = parser.parse_args()
    arguments.data.mkdir(parents=True, exist_ok=True)
    sides = Sides(arguments)
    small = sides.measure(arguments.traces // 4)
    large = sides.measure(arguments.traces)
    show_times(small, large)
    show_sizes(large)
    read = sides.read_json(min(READ, arguments.traces))
    show_reading(read)
    show_sizes(read)


class Sides:
    """Ours and both rivals, and the files they share."""

    def __init__(self, arguments):
        self.betrace, self.spans, self.data = arguments.betrace, arguments.spans, arguments.data
        self.clickhouse = ClickHouse(self.data / "clickhouse", THREADS)
        self.duck = Duck(self.data / "duckdb", THREADS)

    def measure(self, traces):
        """Gives the spans of so many traces to all, checks that they agree, and only then times them."""
        result = self.made(traces)
        table, view, ours = f"peers.traces_{traces}", f"traces_{traces}", Corpus(self, traces)
        self.duck.open(view, self.data / f"sorted-{traces}.parquet")
        askers = {
            "ClickHouse": lambda sql: self.clickhouse.numbers(sql),
            "DuckDB": lambda sql: self.duck.numbers(sql),
        }
        plans = {
            kind: {
                "ClickHouse": queries(rules, table, True),
                "DuckDB": queries(rules, view, False),
            }
            for kind, rules in KINDS
        }
        say(f"{traces:,} traces: comparing answers")
        self.check(ours, plans, askers, result)
        say(f"{traces:,} traces: timing")
        result["times"] = {
            kind: {
                "ours": ours.time(rules),
                **{
                    rival: best_form(askers[rival], forms, f"{kind}, {rival}")
                    for rival, forms in plans[kind].items()
                },
            }
            for kind, rules in KINDS
        }
        return result

    def made(self, traces):
        """Makes a corpus, a table and a Parquet file of so many traces, unless the folder has them already."""
        note = self.data / f"made-{traces}.json"
        if not note.exists():
            say(f"{traces:,} traces: making a corpus")
            made = Corpus(self, traces).make()
            say(f"{traces:,} traces: making a table and a Parquet file")
            exported, parquet = self.data / "exported.parquet", self.data / f"sorted-{traces}.parquet"
            table = f"peers.traces_{traces}"
            made["spans"] = columns.write_parquet(self.spans, traces, exported)
            self.clickhouse.load_parquet(table, exported)
            self.duck.load_parquet(exported, parquet)
            made["sizes"] |= {
                "ClickHouse, merged": self.merged(table),
                "Parquet (zstd), in the order of the generator": exported.stat().st_size,
                "Parquet (zstd), sorted, a column an attribute": parquet.stat().st_size,
            }
            exported.unlink()
            note.write_text(json.dumps(made))
        return json.loads(note.read_text())

    def check(self, ours, plans, askers, result):
        """Holds all answers to ours, and ours to the generator's truth."""
        result["violations"] = {}
        for kind, rules in KINDS:
            found, _ = ours.replay(rules)
            expected = [found[rule] for rule in rules]
            for rule, violated in found.items():
                told = result["truth"].get(rule, violated)
                require(violated == told, f"{rule}: {violated} violations found, {told} made")
            for rival, forms in plans[kind].items():
                for form, sql in forms.items():
                    answer = [int(number) for number in askers[rival](sql)]
                    require(answer == expected, f"{kind}, {rival}, {form}: {answer}, ours {expected}")
            result["violations"][kind] = expected

    def read_json(self, traces):
        """Times reading JSON lines into a corpus and into ClickHouse; seconds and bytes."""
        say(f"{traces:,} traces: reading JSON")
        lines, rows, parquet = (self.data / f"read.{form}" for form in ("otlp", "rows", "parquet"))
        with open(lines, "wb") as out:
            subprocess.run([self.spans, "lines", str(traces), str(self.data / "truth")], stdout=out, check=True)
        subprocess.run([self.spans, "rows", str(traces), str(rows)], check=True)
        spans = columns.write_parquet(self.spans, traces, parquet)
        self.clickhouse.load_parquet("peers.read", parquet)
        expected = self.clickhouse.digest("peers.read")
        times = {"ours": [], "ClickHouse, OTLP lines": [], "ClickHouse, a line a span": []}
        for _ in range(RUNS):
            corpus = self.data / "read"
            shutil.rmtree(corpus, ignore_errors=True)
            times["ours"].append(clock(lambda: self.ingest(corpus, lines)))
            times["ClickHouse, OTLP lines"].append(clock(lambda: self.clickhouse.load_otlp("peers.read", lines)))
            require(self.clickhouse.digest("peers.read") == expected, "OTLP lines give other spans than the generator")
            times["ClickHouse, a line a span"].append(clock(lambda: self.clickhouse.load_rows("peers.read", rows)))
            require(self.clickhouse.digest("peers.read") == expected, "rows give other spans than the generator")
        result = {
            "traces": traces,
            "spans": spans,
            "times": {who: min(seconds) for who, seconds in times.items()},
            "sizes": {
                "OTLP JSON lines": lines.stat().st_size,
                "OTLP JSON lines (zstd -3)": compressed(lines),
                "a JSON line a span": rows.stat().st_size,
                "corpus": folder_size(corpus),
                "ClickHouse, merged": self.merged("peers.read"),
                "Parquet (zstd), in the order of the generator": parquet.stat().st_size,
            },
        }
        for file in (lines, rows, parquet):
            file.unlink()
        shutil.rmtree(corpus)
        self.clickhouse.run("DROP TABLE peers.read SYNC")
        return result

    def merged(self, table):
        self.clickhouse.merge(table)
        return self.clickhouse.bytes(table)

    def ingest(self, corpus, lines):
        """Reads lines, a file or whatever comes from a pipe, into a corpus."""
        command = [self.betrace, "ingest", "--quiet", "--threads", str(THREADS), "--corpus", corpus]
        piped = not isinstance(lines, pathlib.Path)
        subprocess.run(
            command + ["-" if piped else lines],
            stdin=lines if piped else None,
            stdout=subprocess.DEVNULL,
            check=True,
        )


class Corpus:
    """A corpus of ours."""

    def __init__(self, sides, traces):
        self.sides, self.traces = sides, traces
        self.folder = sides.data / f"corpus-{traces}"

    def make(self):
        """Makes it from lines that are never a file; returns what is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        told = self.sides.data / "truth"
        command = [self.sides.spans, "lines", str(self.traces), str(told)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            self.sides.ingest(self.folder, process.stdout)
        require(process.returncode == 0, f"the generator ended with {process.returncode}")
        # As the parts of the table are merged: what came in several batches is put together.
        compact = [self.sides.betrace, "corpus", "compact", "--quiet", "--corpus", self.folder]
        subprocess.run(compact, stdout=subprocess.DEVNULL, check=True)
        truth = json.loads(told.read_text())
        return {
            "traces": self.traces,
            "truth": {rule["id"]: rule["violated"] for rule in truth["rules"]},
            "sizes": {"OTLP JSON lines": truth["bytes"], "corpus": folder_size(self.folder)},
        }

    def replay(self, rules):
        """Violations by rule, and the seconds that the replay says it took, without start and loading of rules."""
        command = [self.sides.betrace, "replay", "--quiet", "--format", "json", "--threads", str(THREADS)]
        command += ["--corpus", self.folder, "--rules", RULES, "--rules", HERE / "rules.yaml"]
        command += [part for rule in rules for part in ("--rule", rule)]
        run = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        require(run.returncode in (0, 1), f"{command} ended with {run.returncode}")
        report = json.loads(run.stdout)
        found = {rule["id"]: rule["violated"] for rule in report["rules"]}
        return found, report["completeness"]["seconds"]

    def time(self, rules):
        """The best of warm runs: seconds inside, with start and loading, and of processors in all."""
        runs = []
        for _ in range(RUNS + 1):
            started, before = time.perf_counter(), processors(resource.RUSAGE_CHILDREN)
            inside = self.replay(rules)[1]
            runs.append((inside, time.perf_counter() - started, processors(resource.RUSAGE_CHILDREN) - before))
        inside, whole, processor = (min(times) for times in zip(*runs[1:]))
        return {"time": inside, "whole": whole, "processor": processor, "form": "", "processor form": ""}


RULES = HERE.parent.parent / "rules" / "omnicart.yaml"


def best_form(ask, forms, what):
    """The least time and the least time of processors of any form in warm runs, and the names of those forms."""
    times, spent = {}, {}
    for form, sql in forms.items():
        ask(sql)
        runs = []
        for _ in range(RUNS):
            before = processors(resource.RUSAGE_SELF)
            seconds = clock(lambda: ask(sql))
            runs.append((seconds, processors(resource.RUSAGE_SELF) - before))
        times[form], spent[form] = (min(values) for values in zip(*runs))
        say(f"    {what}, {form}: {ms(times[form])}, of processors {ms(spent[form])}")
    form, thrifty = min(times, key=times.get), min(spent, key=spent.get)
    return {"time": times[form], "form": form, "processor": spent[thrifty], "processor form": thrifty}


def processors(of):
    """Seconds that all threads of this process, or its children that ended, kept processors busy."""
    usage = resource.getrusage(of)
    return usage.ru_utime + usage.ru_stime


def clock(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def folder_size(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def compressed(file):
    """Bytes of a file under zstd -3."""
    codec = pa.Codec("zstd", compression_level=3)
    with open(file, "rb") as lines:
        return sum(len(codec.compress(block, asbytes=True)) for block in iter(lambda: lines.read(1 << 26), b""))


def show_times(small, large):
    print(f"\n{large['traces']:,} traces, {large['spans']:,} spans, {THREADS} threads, best of {RUNS} warm runs")
    for what, of in (("Time", "time"), ("Time of processors, ours with start", "processor")):
        print(f"\n{what}\n")
        titles = ["kind", "violations", "ours"] + (["with start"] if of == "time" else [])
        titles += ["ClickHouse", "DuckDB", "rival / ours", "ours, traces/s", "best rival, traces/s", "by slope"]
        print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
        for kind, _ in KINDS:
            violations, more = sum(large["violations"][kind]), large["traces"] - small["traces"]
            show_kind(kind, violations, of, small["times"][kind], large["times"][kind], more)


def show_kind(kind, violations, of, before, now, more):
    """A line of the table; `more` is by how many traces the times now exceed those before."""
    ours, form = now["ours"], "form" if of == "time" else "processor form"
    rivals = [now["ClickHouse"], now["DuckDB"]]
    cells = [kind, str(violations), ms(ours[of])]
    cells += [ms(ours["whole"])] if of == "time" else []
    cells += [f"{ms(rival[of])} ({rival[form]})" for rival in rivals]
    slopes = {name: (now[name][of] - before[name][of]) / more for name in now}
    rival = min(slopes["ClickHouse"], slopes["DuckDB"])
    cells += [f"{min(rival[of] for rival in rivals) / ours[of]:.1f}", rate(slopes["ours"]), rate(rival)]
    print(f"| {' | '.join(cells)} | {ratio(rival, slopes['ours'])} |")


def show_sizes(result):
    print(f"\nSizes of {result['traces']:,} traces, {result['spans']:,} spans\n")
    print("| what | bytes | of OTLP JSON lines | bytes a span |\n|---|---|---|---|")
    lines = result["sizes"]["OTLP JSON lines"]
    for name, size in result["sizes"].items():
        print(f"| {name} | {size:,} | {size / lines:.1%} | {size / result['spans']:.1f} |")


def show_reading(result):
    lines = result["sizes"]["OTLP JSON lines"]
    print(f"\nReading JSON of {result['traces']:,} traces, {THREADS} threads, best of {RUNS}\n")
    print("| who | time | spans/s | MB/s of OTLP lines | ours is so many times as fast |\n|---|---|---|---|---|")
    for name, seconds in result["times"].items():
        print(
            f"| {name} | {seconds:.2f} s | {result['spans'] / seconds:,.0f} | {lines / seconds / 1e6:,.0f} |"
            f" {seconds / result['times']['ours']:.1f} |"
        )


def ms(seconds):
    return f"{seconds * 1e3:.1f} ms"


def rate(slope):
    """Traces a second at this many seconds a trace."""
    return f"{1 / slope:,.3g}" if slope > 0 else "within noise"


def ratio(rival, ours):
    return f"{rival / ours:.1f}" if rival > 0 and ours > 0 else "within noise"


def require(holds, message):
    if not holds:
        raise SystemExit(f"no figures: {message}")


def say(message):
    print(message, flush=True, file=sys.stderr)


if __name__ == "__main__":
    main()
