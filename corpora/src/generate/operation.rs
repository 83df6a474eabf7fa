//! The operations that the rules of `rules/omnicart.yaml` name, each with the rules that name it.

use super::truth::Rule::{
    AdminAudit, AdminRole, ApiAuth, CartValidated, ConfirmationEmail, CrossTenantIsolation,
    FraudCheckHighValue, LlmModeration, LlmTokenLimit, PaymentIdempotency,
    PaymentRequiresInventory, PiiAccessAudited, PiiPermission, RagSources, RetryLimit,
    ShipmentRequiresPayment,
};
use super::truth::{Rule, RuleSet};

/// The name of a span and the rules that name it.
#[derive(Clone, Copy)]
pub(super) struct Operation {
    /// The span's name, as it stands in JSON.
    pub(super) name: &'static str,
    /// The rules that a span of this name exercises.
    pub(super) rules: RuleSet,
}

impl Operation {
    /// An operation that no rule names.
    pub(super) const fn plain(name: &'static str) -> Self {
        Self::named(name, &[])
    }

    const fn named(name: &'static str, rules: &[Rule]) -> Self {
        Self { name, rules: RuleSet::of(rules) }
    }
}

pub(super) const API_REQUEST: Operation = Operation::named("api.request", &[ApiAuth, AdminRole]);
pub(super) const AUTH_VALIDATED: Operation = Operation::named("auth.validated", &[ApiAuth]);
pub(super) const CART_VALIDATED: Operation = Operation::named("cart.validated", &[CartValidated]);
pub(super) const CHECKOUT_INITIATE: Operation =
    Operation::named("checkout.initiate", &[CartValidated]);
pub(super) const INVENTORY_RESERVE: Operation =
    Operation::named("inventory.reserve", &[PaymentRequiresInventory]);
pub(super) const INVENTORY_DEDUCT: Operation = Operation::plain("inventory.deduct");
pub(super) const PAYMENT_FRAUD_CHECK: Operation =
    Operation::named("payment.fraud_check", &[FraudCheckHighValue]);
pub(super) const PAYMENT_CHARGE: Operation = Operation::named(
    "payment.charge",
    &[PaymentIdempotency, PaymentRequiresInventory, FraudCheckHighValue, RetryLimit],
);
pub(super) const PAYMENT_CONFIRM: Operation =
    Operation::named("payment.confirm", &[ShipmentRequiresPayment]);
pub(super) const SHIPMENT_INITIATE: Operation =
    Operation::named("shipment.initiate", &[ShipmentRequiresPayment]);
pub(super) const ORDER_COMPLETE: Operation =
    Operation::named("order.complete", &[ConfirmationEmail]);
pub(super) const EMAIL_CONFIRMATION_SENT: Operation =
    Operation::named("email.confirmation_sent", &[ConfirmationEmail]);
pub(super) const DATABASE_QUERY: Operation =
    Operation::named("database.query", &[CrossTenantIsolation, PiiPermission]);
pub(super) const PII_ACCESS: Operation = Operation::named("pii.access", &[PiiAccessAudited]);
pub(super) const AUDIT_LOG: Operation =
    Operation::named("audit.log", &[PiiAccessAudited, AdminAudit]);
pub(super) const AUTH_CHECK_PII_PERMISSION: Operation =
    Operation::named("auth.check_pii_permission", &[PiiPermission]);
pub(super) const AUTH_CHECK_ADMIN_ROLE: Operation =
    Operation::named("auth.check_admin_role", &[AdminRole]);
pub(super) const ADMIN_ACTION: Operation = Operation::named("admin.action", &[AdminAudit]);
pub(super) const LLM_GENERATE: Operation =
    Operation::named("llm.generate", &[LlmModeration, LlmTokenLimit, RagSources]);
pub(super) const CONTENT_MODERATE: Operation =
    Operation::named("content.moderate", &[LlmModeration]);
pub(super) const RAG_CITE_SOURCES: Operation = Operation::named("rag.cite_sources", &[RagSources]);
pub(super) const PROMPT_INJECTION_CHECK: Operation = Operation::plain("prompt.injection_check");
