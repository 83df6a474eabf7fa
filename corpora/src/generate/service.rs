//! The services of OmniCart and the pods that run them.

use super::attributes::Attributes;
use super::span::put;

/// A service; each runs in [`REPLICAS`] pods.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Service {
    Gateway,
    Auth,
    Cart,
    Order,
    Inventory,
    Payment,
    Shipping,
    Notification,
    Catalog,
    Database,
    Llm,
    Admin,
    /// The payment service after its deploy.
    NewPayment,
}

/// Pods of a service.
const REPLICAS: usize = 2;

/// Name, version, language and instrumentation of each service, by its place in [`Service`].
const SERVICES: [(&str, &str, &str, &str); 13] = [
    (
        "api-gateway",
        "2.31.0",
        "go",
        "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
    ),
    ("auth", "1.18.4", "go", "github.com/omnicart/auth"),
    ("cart", "3.2.1", "nodejs", "@omnicart/cart"),
    ("order", "5.0.7", "java", "io.opentelemetry.spring-webmvc-6.0"),
    ("inventory", "2.9.3", "java", "io.opentelemetry.spring-webmvc-6.0"),
    (
        "payment",
        "4.11.2",
        "java",
        "io.opentelemetry.opentelemetry-instrumentation-annotations-1.16",
    ),
    ("shipping", "1.4.0", "rust", "omnicart_shipping"),
    ("notification", "0.27.5", "python", "omnicart.notification"),
    ("catalog", "6.1.0", "dotnet", "OmniCart.Catalog"),
    ("database", "3.3.8", "go", "github.com/omnicart/tenantdb"),
    ("llm", "0.9.14", "python", "omnicart.assistant"),
    ("admin", "1.2.2", "nodejs", "@omnicart/back-office"),
    (
        "payment",
        "4.12.0",
        "java",
        "io.opentelemetry.opentelemetry-instrumentation-annotations-1.16",
    ),
];

/// Number of pods over all services.
pub(super) const PODS: usize = SERVICES.len() * REPLICAS;

impl Service {
    /// The pod of this service that works for a trace.
    pub(super) fn pod(self, trace: u128) -> usize {
        self as usize * REPLICAS + (trace >> self as usize) as usize % REPLICAS
    }
}

/// What every line of a pod begins with, up to its first span.
pub(super) fn line_head(pod: usize) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
    let (scope, version) = describe_pod(pod, &mut Attributes::Json(&mut out));
    out.pop();
    put(&mut out, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"");
    put(&mut out, scope);
    put(&mut out, "\",\"version\":\"");
    put(&mut out, version);
    put(&mut out, "\"},\"spans\":[");
    out
}

/// The attributes of a pod; returns name and version of the instrumentation in it.
pub(super) fn describe_pod(
    pod: usize,
    resource: &mut Attributes<'_>,
) -> (&'static str, &'static str) {
    let (name, version, language, scope) = SERVICES[pod / REPLICAS];
    resource.text("service.name", name);
    resource.text("service.version", version);
    resource.text("service.namespace", "omnicart");
    resource.text("deployment.environment", "production");
    resource.text("host.name", &format!("ip-10-0-{}-{}.ec2.internal", pod % 3, 17 + pod * 7 % 200));
    resource.text(
        "k8s.pod.name",
        &format!("{name}-{:08x}-{:05x}", pod / REPLICAS * 91_423, pod * 7919),
    );
    resource.int("process.pid", 1 + pod as u64 % 2 * 16);
    resource.text("telemetry.sdk.language", language);
    resource.text("telemetry.sdk.name", "opentelemetry");
    resource.text("telemetry.sdk.version", "1.31.0");
    (scope, version)
}

/// What every line ends with, after its last span.
pub(super) const LINE_TAIL: &str =
    "]}],\"schemaUrl\":\"https://opentelemetry.io/schemas/1.26.0\"}]}\n";
