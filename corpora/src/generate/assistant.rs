//! Traffic of the shop's assistant, a language model that may look things up first.

use super::gateway::{self, Request};
use super::operation::{
    CONTENT_MODERATE, LLM_GENERATE, Operation, PROMPT_INJECTION_CHECK, RAG_CITE_SOURCES,
};
use super::ordinary;
use super::random::Fault;
use super::rates::Rates;
use super::service::Service;
use super::span::{Kind, Span};
use super::trace::{Open, Trace};
use super::truth::Rule;

/// Plays conversations and breaks some of them.
pub(super) struct Assistant {
    unmoderated: Fault,
    too_long: Fault,
    uncited: Fault,
}

/// Tokens that an answer may have.
const MAX_TOKENS: u64 = 4096;

impl Assistant {
    /// Conversations that break rules this often.
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            unmoderated: rates.fault(300, 100_000),
            too_long: rates.fault(250, 100_000),
            uncited: rates.fault(150, 40_000),
        }
    }

    /// One question and its answer.
    pub(super) fn play(&mut self, trace: &mut Trace<'_>) {
        let root = trace.open_root();
        gateway::authenticate(trace, root, false);
        check_prompt(trace, root);
        let looked_up = trace.random.per_mille(400);
        if looked_up {
            search(trace, root);
        }
        self.generate(trace, root, looked_up);
        if looked_up {
            let uncited = self.uncited.strikes(trace.random);
            if !uncited {
                cite(trace, root);
            }
            trace.applies(Rule::RagSources, uncited);
        }
        let unmoderated = self.unmoderated.strikes(trace.random);
        if !unmoderated {
            moderate(trace, root);
        }
        trace.applies(Rule::LlmModeration, unmoderated);
        let who = Some(("user_id", format!("user-{:04x}", trace.random.below(1 << 16))));
        let request = Request { method: "POST", endpoint: "/api/v1/assistant", status: 200, who };
        gateway::respond(trace, root, &request);
    }

    /// The model's answer, which sometimes fills its limit to the last token and rarely exceeds it.
    fn generate(&mut self, trace: &mut Trace<'_>, root: Open, looked_up: bool) {
        let open = trace.open();
        ordinary::cache(trace, Service::Llm, open, "conversation");
        ordinary::call(
            trace,
            Service::Llm,
            open,
            ("llm.omnicart.internal", "/v1/completions"),
            200,
        );
        let tokens = if self.too_long.strikes(trace.random) {
            trace.breaks(Rule::LlmTokenLimit);
            MAX_TOKENS + 1 + trace.random.below(900)
        } else if trace.random.per_mille(20) {
            MAX_TOKENS
        } else {
            40 + trace.random.below(2000)
        };
        let (model, prompt) =
            (trace.random.pick(&["gpt-4", "mistral-large"]), 10 + trace.random.below(900));
        let span = Span::new(LLM_GENERATE, root.id).kind(Kind::Client);
        trace.close(open, Service::Llm, span, |attributes| {
            attributes.text("model", model);
            attributes.int("prompt_length", prompt);
            attributes.int("token_count", tokens);
            attributes.int("max_tokens", MAX_TOKENS);
            attributes.flag("rag_enabled", looked_up);
            attributes.hundredths("temperature", 70);
        });
    }
}

fn check_prompt(trace: &mut Trace<'_>, root: Open) {
    let score = trace.random.below(60);
    trace.leaf(
        Service::Llm,
        Span::new(PROMPT_INJECTION_CHECK, root.id),
        (2000, 30_000),
        |attributes| {
            attributes.hundredths("injection.score", score);
            attributes.flag("flagged", false);
            attributes.text("injection.model", "prompt-guard-2");
        },
    );
}

fn search(trace: &mut Trace<'_>, root: Open) {
    let hits = 1 + trace.random.below(8);
    let span = Span::new(Operation::plain("vector.search"), root.id).kind(Kind::Client);
    trace.leaf(Service::Llm, span, (3000, 60_000), |attributes| {
        attributes.text("db.system.name", "qdrant");
        attributes.text("db.collection.name", "help-articles");
        attributes.int("db.response.returned_rows", hits);
        attributes.text("server.address", "qdrant-0.omnicart.internal");
    });
}

fn cite(trace: &mut Trace<'_>, root: Open) {
    trace.leaf(Service::Llm, Span::new(RAG_CITE_SOURCES, root.id), (500, 4000), |attributes| {
        attributes
            .texts("rag.sources", &["help/returns", "help/größentabelle", "help/\\\"warranty\\\""]);
        attributes.text("rag.style", "footnotes");
    });
}

fn moderate(trace: &mut Trace<'_>, root: Open) {
    let length = trace.random.below(9000);
    let flagged = trace.random.per_mille(5);
    trace.leaf(Service::Llm, Span::new(CONTENT_MODERATE, root.id), (4000, 50_000), |attributes| {
        attributes.int("response_length", length);
        attributes.flag("flagged", flagged);
        attributes.text("moderation.policy", "storefront-2024-09");
    });
}
