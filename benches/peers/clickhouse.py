"""ClickHouse, as a library (chDB), in the table that the OpenTelemetry Collector's exporter makes."""

import pathlib

from chdb import session

# Columns, codecs, indexes, partitions and order are those of the exporter
# (opentelemetry-collector-contrib, exporter/clickhouseexporter/internal/sql_templates/traces_table.sql).
TABLE = """
CREATE TABLE {name} (
    Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration UInt64 CODEC(ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    Links Nested (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1
"""

PLAIN = (
    "Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, ResourceAttributes, "
    "ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage, "
    "Events.Timestamp, Events.Name, Events.Attributes, Links.TraceId, Links.SpanId"
)
FROM_PARQUET = PLAIN + ", arrayMap(_ -> '', Links.TraceId), arrayMap(_ -> map(), Links.TraceId)"
# OTLP's JSON as far as the generator uses it.
VALUE = (
    "Tuple(stringValue Nullable(String), intValue Nullable(String), boolValue Nullable(Bool), "
    "doubleValue Nullable(Float64), arrayValue Tuple(values Array(Tuple(stringValue String))))"
)
ATTRIBUTES = f"Array(Tuple(key String, value {VALUE}))"
OTLP = (
    f"Array(Tuple(resource Tuple(attributes {ATTRIBUTES}), "
    "scopeSpans Array(Tuple(scope Tuple(name String, version String), "
    "spans Array(Tuple(traceId String, spanId String, parentSpanId String, name String, kind UInt8, "
    f"startTimeUnixNano UInt64, endTimeUnixNano UInt64, attributes {ATTRIBUTES}, "
    "status Tuple(message String, code UInt8), "
    f"events Array(Tuple(timeUnixNano UInt64, name String, attributes {ATTRIBUTES})), "
    "links Array(Tuple(traceId String, spanId String))))))))"
)


def as_map(attributes):
    """OTLP's attributes as the exporter's map: every value as text."""
    value = (
        "coalesce(a.value.stringValue, a.value.intValue, toString(a.value.boolValue), "
        "toString(a.value.doubleValue), toJSONString(a.value.arrayValue.values.stringValue))"
    )
    return f"mapFromArrays(arrayMap(a -> a.key, {attributes}), arrayMap(a -> {value}, {attributes}))"


FROM_OTLP = f"""
SELECT
    fromUnixTimestamp64Nano(toInt64(span.startTimeUnixNano)), span.traceId, span.spanId, span.parentSpanId,
    span.name, ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'][span.kind + 1],
    resource['service.name'], resource, scoped.scope.name, scoped.scope.version, {as_map('span.attributes')},
    span.endTimeUnixNano - span.startTimeUnixNano,
    ['Unset', 'Ok', 'Error'][span.status.code + 1], span.status.message,
    arrayMap(event -> fromUnixTimestamp64Nano(toInt64(event.timeUnixNano)), span.events),
    span.events.name, arrayMap(event -> {as_map('event.attributes')}, span.events),
    span.links.traceId, span.links.spanId, arrayMap(_ -> '', span.links), arrayMap(_ -> map(), span.links)
"""
# The result of a filter is not to be remembered from one warm run to the next: a rule is new when it is asked.
SETTINGS = "max_threads = {threads}, use_query_condition_cache = 0"


class ClickHouse:
    """A database in a folder."""

    def __init__(self, folder, threads):
        self.session = session.Session(str(folder))
        self.threads = threads
        self.run("CREATE DATABASE IF NOT EXISTS peers ENGINE = Atomic")

    def run(self, sql):
        """The rows of an answer, as tuples of texts."""
        answer = self.session.query(sql, "TabSeparated").bytes() or b""
        return [tuple(line.split("\t")) for line in answer.decode().splitlines()]

    def numbers(self, sql):
        """The only row of an answer, as integers."""
        (row,) = self.run(f"{sql} SETTINGS {SETTINGS.format(threads=self.threads)}")
        return [int(value) for value in row]

    def create(self, table):
        self.run(f"DROP TABLE IF EXISTS {table} SYNC")
        self.run(TABLE.format(name=table))

    def load_parquet(self, table, path):
        self.create(table)
        self.run(
            f"INSERT INTO {table} ({PLAIN}, Links.TraceState, Links.Attributes) SELECT "
            + backquoted(FROM_PARQUET)
            + f" FROM file('{pathlib.Path(path).resolve()}', Parquet) "
            + f"SETTINGS max_insert_threads = {self.threads}, max_threads = {self.threads}"
        )

    def load_otlp(self, table, path):
        """Reads OTLP JSON lines as they are."""
        self.create(table)
        self.run(
            f"INSERT INTO {table} ({PLAIN}, Links.TraceState, Links.Attributes) {FROM_OTLP} FROM ("
            f"SELECT {as_map('spans.resource.attributes')} AS resource, arrayJoin(spans.scopeSpans) AS scoped, "
            "arrayJoin(scoped.spans) AS span FROM (SELECT arrayJoin(resourceSpans) AS spans "
            f"FROM file('{pathlib.Path(path).resolve()}', JSONEachRow, 'resourceSpans {OTLP}'))) "
            f"SETTINGS max_insert_threads = {self.threads}, max_threads = {self.threads}, "
            "output_format_json_escape_forward_slashes = 0"
        )

    def load_rows(self, table, path):
        """Reads JSON objects, one a span, that have the table's columns."""
        self.create(table)
        self.run(
            f"INSERT INTO {table} SELECT * FROM "
            f"file('{pathlib.Path(path).resolve()}', JSONEachRow, '{self.structure(table)}') "
            f"SETTINGS max_insert_threads = {self.threads}, max_threads = {self.threads}"
        )

    def structure(self, table):
        columns = self.run(f"DESCRIBE TABLE {table}")
        return ", ".join(f"`{name}` {kind}" for name, kind, *_ in columns)

    def merge(self, table):
        """Merges the parts of each partition into one: the best that the background would come to."""
        self.run(f"OPTIMIZE TABLE {table} FINAL")

    def digest(self, table):
        """The number of different spans, and one number that all that they bear goes into."""
        sorted_maps = (
            "* REPLACE (mapSort(SpanAttributes) AS SpanAttributes, mapSort(ResourceAttributes) AS ResourceAttributes, "
            "arrayMap(event -> mapSort(event), `Events.Attributes`) AS `Events.Attributes`)"
        )
        return self.run(
            "SELECT count(), groupBitXor(hash) FROM (SELECT DISTINCT cityHash64(toString(tuple("
            f"{sorted_maps}))) AS hash FROM {table})"
        )

    def bytes(self, table):
        database, name = table.split(".")
        ((size,),) = self.run(
            "SELECT sum(bytes_on_disk) FROM system.parts WHERE active "
            f"AND database = '{database}' AND table = '{name}'"
        )
        return int(size)


def backquoted(names):
    """Names of Parquet's columns that have a dot, as one name."""
    for column in ("Events.Timestamp", "Events.Name", "Events.Attributes", "Links.TraceId", "Links.SpanId"):
        names = names.replace(column, f"`{column}`")
    return names
