"""Turns what `spans columns` writes into Parquet, without a detour over text."""

import subprocess

import pyarrow as pa
import pyarrow.parquet as pq

TEXT = pa.string()
MAP = pa.map_(TEXT, TEXT)
NANOS = pa.timestamp("ns")
# The columns in the order of their buffers, which is that of `Columns` in spans.rs.
SCHEMA = pa.schema(
    [
        ("Timestamp", NANOS),
        ("Duration", pa.uint64()),
        ("TraceId", TEXT),
        ("SpanId", TEXT),
        ("ParentSpanId", TEXT),
        ("SpanName", TEXT),
        ("SpanKind", TEXT),
        ("ServiceName", TEXT),
        ("ResourceAttributes", MAP),
        ("ScopeName", TEXT),
        ("ScopeVersion", TEXT),
        ("SpanAttributes", MAP),
        ("StatusCode", TEXT),
        ("StatusMessage", TEXT),
        ("Events.Timestamp", pa.list_(NANOS)),
        ("Events.Name", pa.list_(TEXT)),
        ("Events.Attributes", pa.list_(MAP)),
        ("Links.TraceId", pa.list_(TEXT)),
        ("Links.SpanId", pa.list_(TEXT)),
    ]
)


def write_parquet(spans, traces, path):
    """Writes the spans of so many traces to a Parquet file; returns their number."""
    with subprocess.Popen([spans, "columns", str(traces)], stdout=subprocess.PIPE) as process:
        rows = 0
        with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
            while count := int.from_bytes(process.stdout.read(4), "little"):
                writer.write_batch(Batch(process.stdout, count).read())
                rows += count
    if process.returncode != 0:
        raise SystemExit(f"the generator ended with {process.returncode}")
    return rows


class Batch:
    """Reads the buffers of one batch."""

    def __init__(self, stream, rows):
        self.stream = stream
        self.rows = rows

    def read(self):
        plain = [self.numbers(NANOS), self.numbers(pa.uint64())]
        plain += [self.texts() for _ in range(6)]
        plain += [self.maps(), self.texts(), self.texts(), self.maps(), self.texts(), self.texts()]
        event_ends = self.ends()
        events = [self.numbers(NANOS), self.texts(), self.maps()]
        link_ends = self.ends()
        links = [self.texts(), self.texts()]
        lists = [pa.ListArray.from_arrays(event_ends, values) for values in events]
        lists += [pa.ListArray.from_arrays(link_ends, values) for values in links]
        return pa.RecordBatch.from_arrays(plain + lists, schema=SCHEMA)

    def buffer(self):
        length = int.from_bytes(self.stream.read(8), "little")
        return pa.py_buffer(self.stream.read(length))

    def numbers(self, kind):
        buffer = self.buffer()
        return pa.Array.from_buffers(kind, buffer.size // 8, [None, buffer])

    def ends(self):
        buffer = self.buffer()
        return pa.Array.from_buffers(pa.int32(), buffer.size // 4, [None, buffer])

    def texts(self):
        ends, values = self.buffer(), self.buffer()
        return pa.Array.from_buffers(TEXT, ends.size // 4 - 1, [None, ends, values])

    def maps(self):
        ends = self.ends()
        keys = self.texts()
        return pa.MapArray.from_arrays(ends, keys, self.texts())
