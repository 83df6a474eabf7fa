//! Spans that no rule names: databases, caches, queues and HTTP with the attributes of the semantic conventions,
//! and the traffic that consists of nothing else.

use super::attributes::Attributes;
use super::gateway::{self, Request};
use super::operation::Operation;
use super::service::Service;
use super::span::{Extra, Kind, Span, Status};
use super::trace::{Open, Trace};

/// A statement on a table of the shop's own database, by `service`.
pub(super) fn sql(trace: &mut Trace<'_>, service: Service, parent: Open, statement: Statement) {
    let span = Span::new(Operation::plain(statement.name), parent.id).kind(Kind::Client);
    trace.leaf(service, span, (400, 9000), |attributes| {
        attributes.text("db.system.name", "postgresql");
        attributes.text("db.query.text", statement.text);
        attributes.text("server.address", "pg-primary.omnicart.internal");
    });
}

/// A span name and the text of a query.
#[derive(Clone, Copy)]
pub(super) struct Statement {
    name: &'static str,
    text: &'static str,
}

pub(super) const SELECT_CART: Statement =
    Statement { name: "SELECT carts", text: "SELECT id, items FROM carts WHERE id = $1" };
pub(super) const INSERT_ORDER: Statement = Statement {
    name: "INSERT orders",
    text: "INSERT INTO orders (id, customer_id, total_cents, state) VALUES ($1, $2, $3, 'open')",
};
pub(super) const UPDATE_STOCK: Statement = Statement {
    name: "UPDATE stock",
    text: "UPDATE stock SET reserved = reserved + $1 WHERE \\\"sku\\\" = $2 AND free >= $1",
};
pub(super) const SELECT_PRODUCTS: Statement = Statement {
    name: "SELECT products",
    text: "SELECT id, title, price_cents FROM products WHERE category = $1 ORDER BY rank LIMIT 48",
};
pub(super) const SELECT_SETTINGS: Statement =
    Statement { name: "SELECT settings", text: "SELECT key, value FROM settings WHERE scope = $1" };

/// A look into the cache.
pub(super) fn cache(trace: &mut Trace<'_>, service: Service, parent: Open, key: &str) {
    let hit = trace.random.per_mille(800);
    let number = trace.random.below(1 << 20);
    let span = Span::new(Operation::plain("GET"), parent.id).kind(Kind::Client);
    trace.leaf(service, span, (80, 900), |attributes| {
        attributes.text("db.system.name", "redis");
        attributes.text("db.query.text", &format!("GET {key}:{number}"));
        attributes.flag("cache.hit", hit);
    });
}

/// A call over HTTP to a host outside.
pub(super) fn call(
    trace: &mut Trace<'_>,
    service: Service,
    parent: Open,
    (host, path): (&str, &str),
    code: u64,
) {
    let failed = code >= 500;
    let status = if failed {
        Status::Error("context deadline exceeded (Client.Timeout)")
    } else {
        Status::Unset
    };
    let span = Span::new(Operation::plain("POST"), parent.id).kind(Kind::Client).status(status);
    let time = if failed { (4_000_000, 5_000_000) } else { (60_000, 700_000) };
    trace.leaf(service, span, time, |attributes| {
        attributes.text("url.full", &format!("https://{host}{path}"));
        attributes.int("http.response.status_code", code);
    });
}

/// A message sent to the queue of orders.
pub(super) fn publish(trace: &mut Trace<'_>, service: Service, parent: Open) {
    let span = Span::new(Operation::plain("orders publish"), parent.id).kind(Kind::Producer);
    let partition = trace.random.below(12);
    trace.leaf(service, span, (200, 3000), |attributes| queue(attributes, "publish", partition));
}

fn queue(attributes: &mut Attributes<'_>, operation: &str, partition: u64) {
    attributes.text("messaging.system", "kafka");
    attributes.text("messaging.destination.name", "orders");
    attributes.text("messaging.operation.type", operation);
    attributes.int("messaging.destination.partition.id", partition);
}

/// Someone looks at products. Half of it comes in through the gateway's public endpoint, which needs no login.
pub(super) fn browse(trace: &mut Trace<'_>) {
    let root = trace.open_root();
    let page = trace.open();
    cache(trace, Service::Catalog, page, "category");
    sql(trace, Service::Catalog, page, SELECT_PRODUCTS);
    for _ in 0..1 + trace.random.below(5) {
        cache(trace, Service::Catalog, page, "product");
    }
    if trace.random.per_mille(300) {
        call(trace, Service::Catalog, page, ("search.omnicart.internal", "/v2/query"), 200);
    }
    let (title, facets) = (trace.random.pick(&SEARCHES), trace.random.per_mille(200));
    let span = Span::new(Operation::plain("GET /products/{category}"), root.id).kind(Kind::Server);
    trace.close(page, Service::Catalog, span, |attributes| {
        attributes.text("http.request.method", "GET");
        attributes.text("http.route", "/products/{category}");
        attributes.text("catalog.search", title);
        if facets {
            attributes.texts("catalog.facets", &["size", "colour", "prix < 50 €"]);
        }
        attributes.int("http.response.status_code", 200);
    });
    if trace.random.per_mille(500) {
        let request =
            Request { method: "GET", endpoint: "/public/catalog", status: 200, who: None };
        return gateway::respond(trace, root, &request);
    }
    let span = Span::new(Operation::plain("GET /products/{category}"), 0).kind(Kind::Server);
    trace.close(root, Service::Gateway, span, |attributes| {
        attributes.text("http.request.method", "GET");
        attributes.text("url.path", "/products/shoes");
        attributes.int("http.response.status_code", 200);
    });
}

/// What people search for; escapes and letters beyond ASCII among them.
const SEARCHES: [&str; 12] = [
    "running shoes",
    "usb-c cable",
    "coffee grinder",
    "desk lamp",
    "garden hose",
    "rain jacket",
    "backpack 30l",
    "kettle",
    "böhmisches Glas",
    "15\\\" laptop \\\\ sleeve",
    "折りたたみ傘 ☂",
    "caf\\u00e9 \\ud83d\\ude80",
];

/// A worker takes messages from the queue; its root links to the trace that sent them.
pub(super) fn work(trace: &mut Trace<'_>) {
    let root = trace.open_root();
    for _ in 0..1 + trace.random.below(3) {
        sql(trace, Service::Inventory, root, SELECT_SETTINGS);
        cache(trace, Service::Inventory, root, "stock");
    }
    trace.pass(500, 5000);
    let (sender, span_id) = (u128::from(trace.random.bits()) << 64 | 1, trace.random.bits() | 1);
    let partition = trace.random.below(12);
    let span = Span::new(Operation::plain("orders process"), 0)
        .kind(Kind::Consumer)
        .extra(Extra::Link(sender, span_id));
    trace.close(root, Service::Inventory, span, |attributes| {
        queue(attributes, "process", partition);
    });
}

/// A probe of the gateway: a trace of one span.
pub(super) fn probe(trace: &mut Trace<'_>) {
    trace.keep_root();
    let root = trace.open_root();
    trace.pass(50, 400);
    let span = Span::new(Operation::plain("GET /healthz"), 0).kind(Kind::Server).status(Status::Ok);
    trace.close(root, Service::Gateway, span, |attributes| {
        attributes.text("http.request.method", "GET");
        attributes.text("url.path", "/healthz");
        attributes.text("user_agent.original", "kube-probe/1.30");
        attributes.int("http.response.status_code", 200);
    });
}
