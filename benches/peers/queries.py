"""The rules as SQL for both rivals, each in every form that might be the fastest.

All queries count traces, nothing else: no witnesses, no context, no times, which a replay gives beside the count.
"""

# Conditions on one span: for ClickHouse, where attributes are texts in a map, and for DuckDB.
CONDITIONS = {
    "": ("1", "true"),
    "attempt > 1": ("toInt64OrZero(SpanAttributes['attempt']) > 1", "attempt > 1"),
    "amount > 1000": ("toFloat64OrZero(SpanAttributes['amount']) > 1000", "amount > 1000"),
    "protected": (
        "match(SpanAttributes['endpoint'], '^/api/v1/')",
        "regexp_matches(endpoint, '^/api/v1/')",
    ),
    "admin": (
        "match(SpanAttributes['endpoint'], '^/api/v1/admin/')",
        "regexp_matches(endpoint, '^/api/v1/admin/')",
    ),
    "unfiltered": (
        "position(SpanAttributes['table'], 'tenant_data') > 0 AND SpanAttributes['tenant_filter'] != 'true'",
        "contains(\"table\", 'tenant_data') AND tenant_filter IS DISTINCT FROM true",
    ),
    "pii": ("SpanAttributes['data_type'] = 'pii'", "data_type = 'pii'"),
    "too long": (
        "toInt64OrZero(SpanAttributes['token_count']) > toInt64OrZero(SpanAttributes['max_tokens'])",
        "token_count > max_tokens",
    ),
    "looked up": ("SpanAttributes['rag_enabled'] = 'true'", "rag_enabled"),
}

# Rules of rules/omnicart.yaml that are violated where a span of one name meets a condition and the trace has no span
# of another name: rule, name, condition, other name (none for a rule that forbids).
PAIRS = [
    ("payment-inventory", "payment.charge", "", "inventory.reserve"),
    ("fraud-check-high-value", "payment.charge", "amount > 1000", "payment.fraud_check"),
    ("cart-validated", "checkout.initiate", "", "cart.validated"),
    ("shipment-requires-payment", "shipment.initiate", "", "payment.confirm"),
    ("confirmation-email", "order.complete", "", "email.confirmation_sent"),
    ("api-auth", "api.request", "protected", "auth.validated"),
    ("admin-role", "api.request", "admin", "auth.check_admin_role"),
    ("admin-audit", "admin.action", "", "audit.log"),
    ("cross-tenant-isolation", "database.query", "unfiltered", None),
    ("pii-access-audited", "pii.access", "", "audit.log"),
    ("pii-permission", "database.query", "pii", "auth.check_pii_permission"),
    ("llm-moderation", "llm.generate", "", "content.moderate"),
    ("llm-token-limit", "llm.generate", "too long", None),
    ("rag-sources", "llm.generate", "looked up", "rag.cite_sources"),
]
# The other two, which look at all charges of a trace.
CHARGES = ["payment-idempotency", "retry-limit"]

# What is timed: kind, the rules that are replayed together.
KINDS = [
    ("existence", ["payment-inventory"]),
    ("comparison", ["fraud-check-high-value"]),
    ("regex", ["api-auth"]),
    ("distinct", ["payment-idempotency"]),
    ("count", ["retry-limit"]),
    ("count by key", ["charges-by-intent"]),
    ("all 16", [rule for rule, *_ in PAIRS] + CHARGES),
]


def queries(rules, table, clickhouse):
    """The forms of a query that gives the number of violations of each of the rules, in order: name and SQL."""
    dialect = ClickHouseSql(table) if clickhouse else DuckSql(table)
    if len(rules) > 1:
        return dialect.one_pass()
    for rule, name, condition, other in PAIRS:
        if rule == rules[0]:
            return dialect.pair(name, condition, other)
    return dialect.charges(rules[0])


class Sql:
    """What both dialects have in common."""

    # How an attribute is read as text, whether it is there, how a truth value is taken over the rows of a group,
    # whether bits of a number overlap others, and which columns can stand for the id of a trace.
    def __init__(self, table):
        self.table = table

    def spans(self, name, condition=""):
        return f"{self.table} WHERE SpanName = '{name}' AND {self.condition(condition)}"

    def pair(self, name, condition, other):
        """A span of one name that meets a condition, without a span of another name."""
        first, second = self.spans(name, condition), self.spans(other)
        forms = {
            "not in": f"SELECT count(DISTINCT TraceId) FROM {first} "
            f"AND TraceId NOT IN (SELECT TraceId FROM {second})",
            "anti join": f"SELECT count(*) FROM (SELECT DISTINCT TraceId FROM {first}) a "
            f"{self.ANTI_JOIN} (SELECT TraceId FROM {second}) b USING (TraceId)",
        }
        for label, key in self.KEYS.items():
            forms["group by " + label] = (
                f"SELECT count(*) FROM (SELECT {key} AS k FROM {self.table} "
                f"WHERE SpanName IN ('{name}', '{other}') GROUP BY k "
                f"HAVING {self.any(self.both(name, condition))} AND NOT {self.any(self.both(other, ''))})"
            )
        return forms

    def charges(self, rule):
        """A rule about all charges of a trace."""
        charge, intent = self.spans("payment.charge"), self.intent()
        retried = self.spans("payment.charge", "attempt > 1")
        if rule == "retry-limit":
            groups = {label: (key, "count(*) > 3", "") for label, key in self.KEYS.items()}
        elif rule == "charges-by-intent":
            crowded = f"AND TraceId IN (SELECT TraceId FROM {charge} GROUP BY TraceId HAVING count(*) > 3)"
            return {
                "group by": f"SELECT count(DISTINCT TraceId) FROM (SELECT TraceId, {intent} AS intent "
                f"FROM {charge} AND {self.has_intent()} GROUP BY TraceId, intent HAVING count(*) > 3)",
                "of traces with enough": f"SELECT count(DISTINCT TraceId) FROM (SELECT TraceId, {intent} AS intent "
                f"FROM {charge} AND {self.has_intent()} {crowded} GROUP BY TraceId, intent HAVING count(*) > 3)",
            }
        else:
            several, again = f"count(DISTINCT {intent}) != 1", self.any(self.condition("attempt > 1"))
            semi = f"AND TraceId IN (SELECT TraceId FROM {retried})"
            unequal = f"(min({intent}) != max({intent}) OR count({intent}) = 0)"
            groups = {
                "count distinct": ("TraceId", f"{again} AND {several}", ""),
                "least and greatest": ("TraceId", f"{again} AND {unequal}", ""),
                "semi-join, count distinct": ("TraceId", several, semi),
                "semi-join, least and greatest": ("TraceId", unequal, semi),
            }
        return {
            label: f"SELECT count(*) FROM (SELECT {key} AS k FROM {charge} {more} GROUP BY k HAVING {having})"
            for label, (key, having, more) in groups.items()
        }

    def one_pass(self):
        """All rules: a bit for each thing that a span can be, put together by trace; charges apart, as they are few."""
        bits = {}
        for _, name, condition, other in PAIRS:
            bits.setdefault((name, condition), 1 << len(bits))
            if other:
                bits.setdefault((other, ""), 1 << len(bits))
        names = sorted({name for name, _ in bits})
        cases = " ".join(f"WHEN '{name}' THEN {self.mask(bits, name)}" for name in names)
        counts = []
        for _, name, condition, other in PAIRS:
            when, unless = bits[name, condition], bits[other, ""] if other else 0
            counts.append(f"{self.COUNT_IF}({self.bit_and('m', when | unless)} = {when})")
        listed = ", ".join(f"'{name}'" for name in names)
        intent = self.intent()
        charges = (
            f"SELECT {self.COUNT_IF}(again AND several), {self.COUNT_IF}(n > 3) FROM (SELECT "
            f"{self.any(self.condition('attempt > 1'))} AS again, count(*) AS n, "
            f"min({intent}) != max({intent}) OR count({intent}) = 0 AS several "
            f"FROM {self.spans('payment.charge')} GROUP BY TraceId)"
        )
        return {
            "by " + label: f"SELECT * FROM (SELECT {', '.join(counts)} FROM (SELECT {self.BIT_OR}("
            f"CASE SpanName {cases} ELSE 0 END) AS m FROM {self.table} WHERE SpanName IN ({listed}) "
            f"GROUP BY {key})) a CROSS JOIN ({charges}) b"
            for label, key in self.KEYS.items()
        }

    def mask(self, bits, name):
        """The bits of a span of this name."""
        parts = [
            f"{bit}" if condition == "" else f"(CASE WHEN {self.condition(condition)} THEN {bit} ELSE 0 END)"
            for (owner, condition), bit in bits.items()
            if owner == name
        ]
        return " + ".join(parts)

    def both(self, name, condition):
        return f"SpanName = '{name}' AND {self.condition(condition)}"


class ClickHouseSql(Sql):
    ANTI_JOIN = "LEFT ANTI JOIN"
    COUNT_IF = "countIf"
    BIT_OR = "groupBitOr"
    KEYS = {"text": "TraceId", "number": "reinterpretAsUInt128(unhex(TraceId))"}

    def condition(self, condition):
        return CONDITIONS[condition][0]

    def any(self, condition):
        return f"max({condition})"

    def bit_and(self, left, right):
        return f"bitAnd({left}, {right})"

    def intent(self):
        return "SpanAttributes['payment_intent_id']"

    def has_intent(self):
        return "SpanAttributes['payment_intent_id'] != ''"


class DuckSql(Sql):
    ANTI_JOIN = "ANTI JOIN"
    COUNT_IF = "count_if"
    BIT_OR = "bit_or"
    KEYS = {"id": "TraceId"}

    def condition(self, condition):
        return CONDITIONS[condition][1]

    def any(self, condition):
        return f"bool_or({condition})"

    def bit_and(self, left, right):
        return f"({left} & {right})"

    def intent(self):
        return "payment_intent_id"

    def has_intent(self):
        return "payment_intent_id IS NOT NULL"
