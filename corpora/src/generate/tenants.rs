//! Traffic over other people's data: tenants, personal data, administration.

use super::gateway::{self, Request};
use super::operation::{
    ADMIN_ACTION, AUDIT_LOG, AUTH_CHECK_ADMIN_ROLE, AUTH_CHECK_PII_PERMISSION, DATABASE_QUERY,
    PII_ACCESS,
};
use super::ordinary::{self, SELECT_SETTINGS};
use super::random::Fault;
use super::rates::Rates;
use super::service::Service;
use super::span::{Kind, Span};
use super::trace::{Open, Trace};
use super::truth::Rule;

/// Plays requests of tenants, of support staff and of administrators, and breaks some of them.
pub(super) struct Tenants {
    no_login: Fault,
    no_filter: Fault,
    no_permission: Fault,
    pii_unaudited: Fault,
    no_role: Fault,
    admin_unaudited: Fault,
}

/// A query through the tenants' database service.
struct Query {
    table: &'static str,
    operation: &'static str,
    tenant: String,
    /// `None` leaves the attribute out.
    filter: Option<bool>,
    data_type: &'static str,
}

impl Tenants {
    /// Requests that break rules this often. Checkouts break `api-auth` as often as they do.
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            no_login: rates.fault(900, 400_000),
            no_filter: rates.fault(400, 160_000),
            no_permission: rates.fault(120, 40_200),
            pii_unaudited: rates.fault(110, 60_000),
            no_role: rates.fault(90, 29_800),
            admin_unaudited: rates.fault(80, 30_000),
        }
    }

    /// A tenant reads or writes records; one in five such requests only looks at price plans, which are common
    /// to all tenants and need no filter.
    pub(super) fn records(&mut self, trace: &mut Trace<'_>) {
        let root = trace.open_root();
        let tenant = format!("tenant-{:03}", trace.random.below(200));
        let skipped = !trace.is_rootless() && self.no_login.strikes(trace.random);
        gateway::authenticate(trace, root, skipped);
        for _ in 0..2 + trace.random.below(3) {
            ordinary::cache(trace, Service::Database, root, "tenant");
        }
        ordinary::sql(trace, Service::Database, root, SELECT_SETTINGS);
        let plans = Query {
            table: "plans",
            operation: "read",
            tenant: tenant.clone(),
            filter: Some(false),
            data_type: "public",
        };
        query(trace, root, &plans);
        if trace.random.per_mille(800) {
            self.tenant_data(trace, root, &tenant);
        }
        let who = Some(("tenant_id", tenant));
        let request = Request { method: "GET", endpoint: "/api/v1/records", status: 200, who };
        gateway::respond(trace, root, &request);
    }

    /// Queries of tenants' own tables; the fault leaves one of them without its filter.
    fn tenant_data(&mut self, trace: &mut Trace<'_>, root: Open, tenant: &str) {
        let broken = self.no_filter.strikes(trace.random);
        let queries = 1 + trace.random.below(3);
        let victim = trace.random.below(queries);
        for n in 0..queries {
            let filter = match broken && n == victim {
                true => trace.random.pick(&[Some(false), None]),
                false => Some(true),
            };
            let query_of_tenant = Query {
                table: trace.random.pick(&["tenant_data", "tenant_data", "tenant_data_archive"]),
                operation: trace.random.pick(&["read", "read", "write"]),
                tenant: tenant.to_string(),
                filter,
                data_type: "business",
            };
            query(trace, root, &query_of_tenant);
        }
        trace.applies(Rule::CrossTenantIsolation, broken);
    }

    /// Support staff looks at a customer's personal data, a third of the time without asking the database.
    pub(super) fn personal(&mut self, trace: &mut Trace<'_>) {
        let root = trace.open_root();
        gateway::authenticate(trace, root, false);
        let queried = trace.random.per_mille(670);
        let unpermitted = queried && self.no_permission.strikes(trace.random);
        if !unpermitted {
            check(trace, Span::new(AUTH_CHECK_PII_PERMISSION, root.id), "pii:read");
        }
        ordinary::cache(trace, Service::Database, root, "profile");
        if queried {
            let customers = Query {
                table: "customers",
                operation: "read",
                tenant: "tenant-000".to_string(),
                filter: Some(true),
                data_type: "pii",
            };
            query(trace, root, &customers);
            trace.applies(Rule::PiiPermission, unpermitted);
        }
        let customer = format!("customer-{:04x}", trace.random.below(1 << 16));
        trace.leaf(Service::Database, Span::new(PII_ACCESS, root.id), (500, 5000), |attributes| {
            attributes.text("customer_id", &customer);
            attributes.texts("pii.fields", &["email", "phone", "address"]);
            attributes.text("data_type", "pii");
            attributes.text("purpose", "support");
        });
        let unaudited = self.pii_unaudited.strikes(trace.random);
        if !unaudited {
            audit(trace, root, "pii.access");
        }
        trace.applies(Rule::PiiAccessAudited, unaudited);
        let who = Some(("customer_id", customer));
        let request =
            Request { method: "GET", endpoint: "/api/v1/customers/profile", status: 200, who };
        gateway::respond(trace, root, &request);
    }

    /// An administrator does something to many at once.
    pub(super) fn administration(&mut self, trace: &mut Trace<'_>) {
        let root = trace.open_root();
        gateway::authenticate(trace, root, false);
        let unchecked = !trace.is_rootless() && self.no_role.strikes(trace.random);
        if !unchecked {
            check(trace, Span::new(AUTH_CHECK_ADMIN_ROLE, root.id), "role:admin");
        }
        if !trace.is_rootless() {
            trace.applies(Rule::AdminRole, unchecked);
        }
        ordinary::sql(trace, Service::Admin, root, SELECT_SETTINGS);
        let action = trace.random.pick(&["user.deactivate", "role.grant", "price.override"]);
        let targets = 1 + trace.random.below(400);
        trace.leaf(
            Service::Admin,
            Span::new(ADMIN_ACTION, root.id),
            (5000, 300_000),
            |attributes| {
                attributes.text("action", action);
                attributes.int("targets", targets);
                attributes.text("reason", "ticket \\\"OPS-4411\\\" / Größe geändert");
            },
        );
        let unaudited = self.admin_unaudited.strikes(trace.random);
        if !unaudited {
            audit(trace, root, action);
        }
        trace.applies(Rule::AdminAudit, unaudited);
        let endpoint = trace.random.pick(&["/api/v1/admin/users", "/api/v1/admin/prices"]);
        let request = Request { method: "POST", endpoint, status: 202, who: None };
        gateway::respond(trace, root, &request);
    }
}

fn query(trace: &mut Trace<'_>, root: Open, query: &Query) {
    let span = Span::new(DATABASE_QUERY, root.id).kind(Kind::Client);
    trace.leaf(Service::Database, span, (500, 20_000), |attributes| {
        attributes.text("table", query.table);
        attributes.text("operation", query.operation);
        attributes.text("tenant_id", &query.tenant);
        if let Some(filter) = query.filter {
            attributes.flag("tenant_filter", filter);
        }
        attributes.text("data_type", query.data_type);
    });
}

fn check(trace: &mut Trace<'_>, span: Span, scope: &str) {
    trace.leaf(Service::Auth, span, (200, 3000), |attributes| {
        attributes.text("auth.scope", scope);
        attributes.flag("auth.granted", true);
        attributes.text("auth.policy", "omnicart/back-office/v7");
    });
}

fn audit(trace: &mut Trace<'_>, root: Open, event: &str) {
    let record = trace.random.bits();
    trace.leaf(Service::Admin, Span::new(AUDIT_LOG, root.id), (300, 2000), |attributes| {
        attributes.text("audit.event", event);
        attributes.text("audit.record", &format!("{record:016x}"));
        attributes.text("audit.sink", "s3://omnicart-audit/v1");
    });
}
