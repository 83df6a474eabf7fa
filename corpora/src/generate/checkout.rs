//! Checkouts: the traffic of the OmniCart incident. A retried charge reuses its payment intent until the deploy of
//! the payment service and takes a new one from then on.

use super::clock::compact_date;
use super::gateway::{self, Request};
use super::operation::{
    CART_VALIDATED, CHECKOUT_INITIATE, EMAIL_CONFIRMATION_SENT, INVENTORY_DEDUCT,
    INVENTORY_RESERVE, ORDER_COMPLETE, PAYMENT_CHARGE, PAYMENT_CONFIRM, PAYMENT_FRAUD_CHECK,
    SHIPMENT_INITIATE,
};
use super::ordinary::{self, INSERT_ORDER, SELECT_CART, UPDATE_STOCK};
use super::random::Fault;
use super::rates::Rates;
use super::service::Service;
use super::span::{Extra, Kind, Span, Status};
use super::trace::{Open, Trace};
use super::truth::Rule;

/// Plays checkouts and breaks some of them.
pub(super) struct Checkouts {
    no_login: Fault,
    no_cart: Fault,
    no_reserve: Fault,
    no_fraud_check: Fault,
    retry_storm: Fault,
    no_confirm: Fault,
    no_email: Fault,
    /// Takes a new payment intent for a retry; without it, the deploy does.
    new_intent: Option<Fault>,
}

/// A payment above this many cents needs a fraud check.
const HIGH_VALUE: u64 = 100_000;
/// More charges than this break `retry-limit`.
const MOST_CHARGES: u64 = 3;
/// Of 1,000 checkouts: how many are tried again after a timeout, find nothing in stock, are declined by the bank.
const RETRIED: u64 = 60;
const OUT_OF_STOCK: u64 = 20;
const DECLINED: u64 = 30;

/// What a customer buys.
struct Order {
    id: String,
    customer: String,
    cents: u64,
    currency: &'static str,
    note: Option<&'static str>,
}

impl Checkouts {
    /// Checkouts that break rules this often. Requests of tenants break `api-auth` as often as they do.
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            no_login: rates.fault(1100, 500_000),
            no_cart: rates.fault(900, 250_000),
            no_reserve: rates.fault(700, 245_000),
            no_fraud_check: rates.fault(40, 11_000),
            retry_storm: rates.fault(800, 245_000),
            no_confirm: rates.fault(500, 237_600),
            no_email: rates.fault(450, 237_600),
            new_intent: rates.instead_of_deploy(14_700),
        }
    }

    /// One checkout, from the request to the confirmation e-mail.
    pub(super) fn play(&mut self, trace: &mut Trace<'_>) {
        let order = Order::draw(trace);
        let root = trace.open_root();
        let skipped = !trace.is_rootless() && self.no_login.strikes(trace.random);
        gateway::authenticate(trace, root, skipped);
        self.initiate(trace, root, &order);
        let status = if trace.random.per_mille(OUT_OF_STOCK) {
            reserve(trace, root, &order, false);
            409
        } else {
            let skipped = self.no_reserve.strikes(trace.random);
            if !skipped {
                reserve(trace, root, &order, true);
            }
            trace.applies(Rule::PaymentRequiresInventory, skipped);
            if self.pay(trace, root, &order) {
                self.fulfil(trace, root, &order);
                201
            } else {
                402
            }
        };
        let who = Some(("customer_id", order.customer));
        let request = Request { method: "POST", endpoint: "/api/v1/checkout", status, who };
        gateway::respond(trace, root, &request);
    }

    /// Cart and order, before any money moves.
    fn initiate(&mut self, trace: &mut Trace<'_>, root: Open, order: &Order) {
        let skipped = self.no_cart.strikes(trace.random);
        if !skipped {
            let cart = trace.open();
            ordinary::cache(trace, Service::Cart, cart, "cart");
            ordinary::sql(trace, Service::Cart, cart, SELECT_CART);
            let items = 1 + trace.random.below(6);
            let span = Span::new(CART_VALIDATED, root.id).kind(Kind::Server);
            trace.close(cart, Service::Cart, span, |attributes| {
                attributes.text("customer_id", &order.customer);
                attributes.int("cart.items", items);
                if items > 4 {
                    attributes.texts("cart.skus", &["SKU-1044", "SKU-2210", "SKU-\\u00d8-7"]);
                }
            });
        }
        trace.applies(Rule::CartValidated, skipped);
        let initiate = trace.open();
        ordinary::sql(trace, Service::Order, initiate, INSERT_ORDER);
        let span = Span::new(CHECKOUT_INITIATE, root.id).kind(Kind::Server);
        trace.close(initiate, Service::Order, span, |attributes| {
            attributes.text("order_id", &order.id);
            attributes.text("customer_id", &order.customer);
            attributes.hundredths("amount", order.cents);
            attributes.int("amount_cents", order.cents);
            attributes.text("currency", order.currency);
            if let Some(note) = order.note {
                attributes.text("order.note", note);
            }
        });
    }

    /// Fraud check, charges and confirmation of a payment; false if the bank declined.
    fn pay(&mut self, trace: &mut Trace<'_>, root: Open, order: &Order) -> bool {
        let costly = order.cents > HIGH_VALUE;
        let skipped = costly && self.no_fraud_check.strikes(trace.random);
        if costly {
            trace.applies(Rule::FraudCheckHighValue, skipped);
        }
        // A careful merchant checks some cheap orders too.
        if costly && !skipped || !costly && trace.random.per_mille(20) {
            check_fraud(trace, root, order);
        }
        let storm = self.retry_storm.strikes(trace.random);
        let charges = if storm {
            MOST_CHARGES + 1 + trace.random.below(2)
        } else if trace.random.per_mille(RETRIED) {
            2 + trace.random.below(MOST_CHARGES - 1)
        } else {
            1
        };
        trace.applies(Rule::RetryLimit, storm);
        let renewed = charges > 1 && self.renews_intent(trace);
        if charges > 1 {
            trace.applies(Rule::PaymentIdempotency, renewed);
        }
        let declined = trace.random.per_mille(DECLINED);
        let mut intent = draw_intent(trace);
        for attempt in 1..=charges {
            if attempt > 1 && renewed {
                intent = draw_intent(trace);
            }
            let outcome = match (attempt == charges, declined) {
                (false, _) => "timeout",
                (true, true) => "declined",
                (true, false) => "succeeded",
            };
            charge(trace, root, order, &Charge { attempt, intent: &intent, outcome });
        }
        !declined
    }

    /// Whether a retry takes a new payment intent.
    fn renews_intent(&mut self, trace: &mut Trace<'_>) -> bool {
        match &mut self.new_intent {
            Some(fault) => fault.strikes(trace.random),
            None => trace.is_deployed(),
        }
    }

    /// Everything that follows a successful payment.
    fn fulfil(&mut self, trace: &mut Trace<'_>, root: Open, order: &Order) {
        let unconfirmed = self.no_confirm.strikes(trace.random);
        if !unconfirmed {
            step(trace, order, Service::Payment, Span::new(PAYMENT_CONFIRM, root.id));
        }
        step(trace, order, Service::Inventory, Span::new(INVENTORY_DEDUCT, root.id));
        let carrier = trace.random.pick(&["DHL", "UPS", "Österreichische Post", "日本郵便"]);
        let span = Span::new(SHIPMENT_INITIATE, root.id).kind(Kind::Client);
        trace.leaf(Service::Shipping, span, (20_000, 200_000), |attributes| {
            attributes.text("order_id", &order.id);
            attributes.text("customer_id", &order.customer);
            attributes.text("shipment.carrier", carrier);
        });
        trace.applies(Rule::ShipmentRequiresPayment, unconfirmed);
        step(trace, order, Service::Order, Span::new(ORDER_COMPLETE, root.id).status(Status::Ok));
        ordinary::publish(trace, Service::Order, root);
        let forgotten = self.no_email.strikes(trace.random);
        if !forgotten {
            step(trace, order, Service::Notification, Span::new(EMAIL_CONFIRMATION_SENT, root.id));
        }
        trace.applies(Rule::ConfirmationEmail, forgotten);
    }
}

impl Order {
    fn draw(trace: &mut Trace<'_>) -> Self {
        let cents = match trace.random.below(1000) {
            // Exactly at the limit of the fraud rule, which it does not reach.
            0..5 => HIGH_VALUE,
            5..50 => trace.random.between(HIGH_VALUE + 1, 400_000),
            _ => trace.random.between(499, 30_000),
        };
        let number = trace.random.below(100_000);
        Self {
            id: format!("ord_{}_{number:05}", compact_date(trace.begun)),
            customer: format!("customer-{:04x}", trace.random.below(1 << 16)),
            cents,
            currency: trace.random.pick(&["USD", "USD", "USD", "EUR", "GBP"]),
            note: trace.random.per_mille(30).then(|| trace.random.pick(&NOTES)),
        }
    }
}

/// What customers write on their orders: escapes, line breaks, letters beyond ASCII.
const NOTES: [&str; 5] = [
    "Gift for \\\"Zoë\\\" – no invoice, please",
    "配達は午後にお願いします 🎁",
    "leave at door\\r\\nring twice\\t(loud)",
    "see C:\\\\orders\\\\list.csv, row 3 </note>",
    "\\u0007bell, e\\u0301 composed, \\ud83d\\ude9a van",
];

/// One try to take the money.
struct Charge<'a> {
    attempt: u64,
    intent: &'a str,
    outcome: &'static str,
}

fn draw_intent(trace: &mut Trace<'_>) -> String {
    format!("pi_{:016x}", trace.random.bits())
}

fn charge(trace: &mut Trace<'_>, root: Open, order: &Order, charge: &Charge<'_>) {
    let open = trace.open();
    let code = if charge.outcome == "timeout" { 504 } else { 200 };
    ordinary::call(trace, Service::Payment, open, ("api.stripe.com", "/v1/payment_intents"), code);
    let span = Span::new(PAYMENT_CHARGE, root.id).kind(Kind::Client);
    let span = match charge.outcome {
        "timeout" => {
            span.status(Status::Error("gateway timeout")).extra(Extra::Retry(200 << charge.attempt))
        }
        "declined" => span.status(Status::Error("card declined")).extra(Extra::Exception(
            "CardError",
            "Your card was declined: \\\"insufficient funds\\\"",
        )),
        _ => span,
    };
    trace.close(open, Service::Payment, span, |attributes| {
        attributes.text("order_id", &order.id);
        attributes.text("customer_id", &order.customer);
        attributes.text("payment_intent_id", charge.intent);
        attributes.int("attempt", charge.attempt);
        attributes.hundredths("amount", order.cents);
        attributes.int("amount_cents", order.cents);
        attributes.text("currency", order.currency);
        attributes.text("outcome", charge.outcome);
    });
}

fn check_fraud(trace: &mut Trace<'_>, root: Open, order: &Order) {
    let score = trace.random.below(100);
    let span = Span::new(PAYMENT_FRAUD_CHECK, root.id).kind(Kind::Client);
    trace.leaf(Service::Payment, span, (10_000, 120_000), |attributes| {
        attributes.text("order_id", &order.id);
        attributes.text("customer_id", &order.customer);
        attributes.hundredths("fraud.score", score);
        attributes.text("outcome", "passed");
    });
}

fn reserve(trace: &mut Trace<'_>, root: Open, order: &Order, in_stock: bool) {
    let open = trace.open();
    ordinary::sql(trace, Service::Inventory, open, UPDATE_STOCK);
    let quantity = 1 + trace.random.below(4);
    let status = if in_stock { Status::Unset } else { Status::Error("out of stock") };
    let span = Span::new(INVENTORY_RESERVE, root.id).kind(Kind::Server).status(status);
    trace.close(open, Service::Inventory, span, |attributes| {
        attributes.text("order_id", &order.id);
        attributes.text("customer_id", &order.customer);
        attributes.int("quantity", quantity);
        attributes.flag("in_stock", in_stock);
    });
}

/// A step that only says whose order it was about.
fn step(trace: &mut Trace<'_>, order: &Order, service: Service, span: Span) {
    trace.leaf(service, span, (1000, 40_000), |attributes| {
        attributes.text("order_id", &order.id);
        attributes.text("customer_id", &order.customer);
        attributes.int("amount_cents", order.cents);
    });
}
