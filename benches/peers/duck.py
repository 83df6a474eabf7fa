"""DuckDB over one Parquet file with a typed column for every attribute."""

import pathlib

import duckdb

# What sorting may take before it goes to disk; queries need far less.
MEMORY = "6GB"
# Types of the attributes that rules compare as something else than text.
TYPES = {
    "attempt": "BIGINT",
    "amount": "DOUBLE",
    "tenant_filter": "BOOLEAN",
    "rag_enabled": "BOOLEAN",
    "token_count": "BIGINT",
    "max_tokens": "BIGINT",
}


class Duck:
    """DuckDB with its views over Parquet files."""

    def __init__(self, folder, threads):
        self.connection = duckdb.connect()
        self.run(f"SET threads = {threads}")
        self.run(f"SET memory_limit = '{MEMORY}'")
        self.run(f"SET temp_directory = '{pathlib.Path(folder).resolve()}'")

    def run(self, sql):
        return self.connection.execute(sql).fetchall()

    def numbers(self, sql):
        """The only row of an answer."""
        (row,) = self.run(sql)
        return list(row)

    def open(self, view, path):
        self.run(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM '{pathlib.Path(path).resolve()}'")

    def load_parquet(self, source, path):
        """Writes the spans of one Parquet file to another as this database likes them best: trace ids as 16 bytes,
        attributes in columns of their own, rows in the order of service, name and time."""
        source, path = (str(pathlib.Path(file).resolve()) for file in (source, path))
        keys = self.run(f"SELECT DISTINCT unnest(map_keys(SpanAttributes)) k FROM '{source}' ORDER BY k")
        columns = ", ".join(
            f"CAST(SpanAttributes['{key}'] AS {TYPES.get(key, 'VARCHAR')}) AS \"{key}\"" for (key,) in keys
        )
        # Sorted before the columns are made: so many, mostly empty, would have to go through the sort otherwise. One
        # service after the other: the sort of all spans at once wants several times their size on disk.
        services = self.run(f"SELECT DISTINCT ServiceName FROM '{source}' ORDER BY ServiceName")
        parts = [f"{path}.{part}" for part in range(len(services))]
        for part, (service,) in zip(parts, services):
            self.run(f"""
                COPY (SELECT * FROM '{source}' WHERE ServiceName = '{service}' ORDER BY SpanName, Timestamp)
                TO '{part}' (FORMAT parquet, COMPRESSION zstd)
            """)
        self.run(f"""
            COPY (
                SELECT * EXCLUDE (TraceId, SpanAttributes), TraceId::UUID AS TraceId, {columns}
                FROM read_parquet({parts})
            ) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
        """)
        for part in parts:
            pathlib.Path(part).unlink()
