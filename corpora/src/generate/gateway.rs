//! How a request enters: the gateway's `api.request` and the authentication behind it.

use super::operation::{API_REQUEST, AUTH_VALIDATED};
use super::service::Service;
use super::span::{Kind, Span, Status};
use super::trace::{Open, Trace};
use super::truth::Rule;

/// An API request: what its scene knows of it beforehand.
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) endpoint: &'static str,
    pub(super) status: u64,
    /// A further attribute that says who asks, if anyone does: key and value.
    pub(super) who: Option<(&'static str, String)>,
}

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
    "OmniCart-Android/8.14.2 (Pixel 8; \\\"debug\\\")",
    "python-requests/2.32.3",
];

/// Validates the caller of a protected endpoint; `skipped` is the fault that lets them in unasked. Marks the truth
/// of `api-auth`, which concerns requests to `/api/v1/`.
pub(super) fn authenticate(trace: &mut Trace<'_>, root: Open, skipped: bool) {
    if !trace.is_rootless() {
        trace.applies(Rule::ApiAuth, skipped);
    }
    if skipped {
        return;
    }
    let user = trace.random.below(1 << 16);
    let span = Span::new(AUTH_VALIDATED, root.id).kind(Kind::Server);
    trace.leaf(Service::Auth, span, (300, 4000), |attributes| {
        attributes.text("token_type", "Bearer");
        attributes.text("user.id", &format!("user-{user:04x}"));
        attributes.flag("auth.mfa", user.is_multiple_of(3));
    });
}

/// Ends the request's root span.
pub(super) fn respond(trace: &mut Trace<'_>, root: Open, request: &Request) {
    trace.pass(100, 2000);
    let agent = trace.random.pick(&AGENTS);
    let client = trace.random.below(1 << 16);
    let span = Span::new(API_REQUEST, 0).kind(Kind::Server).status(status(request.status));
    trace.close(root, Service::Gateway, span, |attributes| {
        attributes.text("endpoint", request.endpoint);
        attributes.text("method", request.method);
        if let Some((key, value)) = &request.who {
            attributes.text(key, value);
        }
        attributes.int("http.response.status_code", request.status);
        attributes.text("user_agent.original", agent);
        attributes.text("client.address", &format!("203.0.{}.{}", client >> 8, client & 255));
    });
}

fn status(code: u64) -> Status {
    if code < 500 { Status::Unset } else { Status::Error("upstream failed") }
}
