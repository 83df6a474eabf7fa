//! Attributes that OpenTelemetry's semantic conventions have renamed.
//!
//! The table is after the registry of attributes of the semantic conventions (its sections of
//! deprecated attributes, version 1.37 and before), without what no spans bear.

use compiler::ast::AttributeRef;
use compiler::{Diagnostic, Edit, Fix, Span};
use rules::{Rule, escaped};

/// What became of an attribute.
#[derive(Clone, Copy)]
enum Became {
    /// The same under another name.
    Renamed(&'static str),
    /// Something else, that takes a thought: what.
    Other(&'static str),
}

use Became::{Other, Renamed};

#[rustfmt::skip]
const TABLE: [(&str, Became); 71] = [
    ("code.column", Renamed("code.column.number")),
    ("code.filepath", Renamed("code.file.path")),
    ("code.function", Other("code.function.name, with the namespace in front")),
    ("code.lineno", Renamed("code.line.number")),
    ("code.namespace", Other("code.function.name, of which it is the front")),
    ("db.cassandra.table", Renamed("db.collection.name")),
    ("db.connection_string", Other("server.address and server.port")),
    ("db.cosmosdb.container", Renamed("db.collection.name")),
    ("db.cosmosdb.status_code", Renamed("db.response.status_code")),
    ("db.elasticsearch.cluster.name", Renamed("db.namespace")),
    ("db.mongodb.collection", Renamed("db.collection.name")),
    ("db.name", Renamed("db.namespace")),
    ("db.operation", Renamed("db.operation.name")),
    ("db.redis.database_index", Renamed("db.namespace")),
    ("db.sql.table", Renamed("db.collection.name")),
    ("db.statement", Renamed("db.query.text")),
    ("db.system", Other("db.system.name; some of its values changed, such as mssql to microsoft.sql_server")),
    ("deployment.environment", Renamed("deployment.environment.name")),
    ("faas.execution", Renamed("faas.invocation_id")),
    ("faas.id", Renamed("cloud.resource_id")),
    ("gen_ai.openai.request.response_format", Renamed("gen_ai.output.type")),
    ("gen_ai.openai.request.seed", Renamed("gen_ai.request.seed")),
    ("gen_ai.openai.request.service_tier", Renamed("openai.request.service_tier")),
    ("gen_ai.openai.response.service_tier", Renamed("openai.response.service_tier")),
    ("gen_ai.openai.response.system_fingerprint", Renamed("openai.response.system_fingerprint")),
    ("gen_ai.system", Renamed("gen_ai.provider.name")),
    ("gen_ai.usage.completion_tokens", Renamed("gen_ai.usage.output_tokens")),
    ("gen_ai.usage.prompt_tokens", Renamed("gen_ai.usage.input_tokens")),
    ("http.client_ip", Renamed("client.address")),
    ("http.flavor", Other("network.protocol.name and network.protocol.version")),
    ("http.host", Other("server.address, client.address or http.request.header.host")),
    ("http.method", Renamed("http.request.method")),
    ("http.request_content_length", Other("http.request.header.content-length")),
    ("http.request_content_length_uncompressed", Renamed("http.request.body.size")),
    ("http.resend_count", Renamed("http.request.resend_count")),
    ("http.response_content_length", Other("http.response.header.content-length")),
    ("http.response_content_length_uncompressed", Renamed("http.response.body.size")),
    ("http.scheme", Renamed("url.scheme")),
    ("http.server_name", Renamed("server.address")),
    ("http.status_code", Renamed("http.response.status_code")),
    ("http.target", Other("url.path and url.query")),
    ("http.url", Renamed("url.full")),
    ("http.user_agent", Renamed("user_agent.original")),
    ("messaging.client_id", Renamed("messaging.client.id")),
    ("messaging.conversation_id", Renamed("messaging.message.conversation_id")),
    ("messaging.destination", Renamed("messaging.destination.name")),
    ("messaging.eventhubs.consumer.group", Renamed("messaging.consumer.group.name")),
    ("messaging.kafka.consumer.group", Renamed("messaging.consumer.group.name")),
    ("messaging.kafka.destination.partition", Renamed("messaging.destination.partition.id")),
    ("messaging.kafka.message.offset", Renamed("messaging.kafka.offset")),
    ("messaging.kafka.partition", Renamed("messaging.destination.partition.id")),
    ("messaging.message_id", Renamed("messaging.message.id")),
    ("messaging.message_payload_size_bytes", Renamed("messaging.message.body.size")),
    ("messaging.operation", Renamed("messaging.operation.type")),
    ("messaging.rabbitmq.routing_key", Renamed("messaging.rabbitmq.destination.routing_key")),
    ("messaging.servicebus.destination.subscription_name", Renamed("messaging.destination.subscription.name")),
    ("messaging.temp_destination", Renamed("messaging.destination.temporary")),
    ("net.host.ip", Renamed("network.local.address")),
    ("net.host.name", Renamed("server.address")),
    ("net.host.port", Renamed("server.port")),
    ("net.peer.ip", Renamed("network.peer.address")),
    ("net.peer.name", Other("server.address on client spans, client.address on server spans")),
    ("net.peer.port", Other("server.port on client spans, client.port on server spans")),
    ("net.protocol.name", Renamed("network.protocol.name")),
    ("net.protocol.version", Renamed("network.protocol.version")),
    ("net.sock.family", Other("network.transport and network.type")),
    ("net.sock.host.addr", Renamed("network.local.address")),
    ("net.sock.host.port", Renamed("network.local.port")),
    ("net.sock.peer.addr", Renamed("network.peer.address")),
    ("net.sock.peer.port", Renamed("network.peer.port")),
    ("net.transport", Other("network.transport; its values changed, such as ip_tcp to tcp")),
];

/// The attributes of a rule, in its text and its context, that have another name today.
pub(super) fn attributes(rule: &Rule, file: &str) -> Vec<Diagnostic> {
    let in_text = rule.written.parts.attributes.iter().filter_map(|(attribute, at)| {
        let spell = |new: &str| {
            let renamed = AttributeRef { key: new.to_owned(), ..attribute.clone() };
            escaped(file, &rule.written.text, &renamed.to_string())
        };
        finding(&attribute.key, at, spell)
    });
    let in_context = rule.signal.context.iter().zip(&rule.written.context);
    let in_context = in_context.filter_map(|(key, at)| {
        let own = AttributeRef::from_key(key).key;
        let prefix = &key[..key.len() - own.len()];
        finding(&own, at, |new| format!("{prefix}{new}"))
    });
    in_text.chain(in_context).collect()
}

fn finding(key: &str, at: &Span, spell: impl Fn(&str) -> String) -> Option<Diagnostic> {
    let place = TABLE.binary_search_by_key(&key, |(old, _)| old).ok()?;
    let (_, became) = TABLE[place];
    let title = format!("`{key}` has another name in OpenTelemetry today");
    let diagnostic = Diagnostic::warning("deprecated-attribute", title, at.clone());
    Some(match became {
        Renamed(new) => {
            let edits = vec![Edit { span: at.clone(), text: spell(new) }];
            diagnostic
                .help(format!("it is {new}; older spans still bear the old name"))
                .fix(Some(Fix { edits, exact: false }))
        }
        Other(what) => diagnostic.help(format!("it became {what}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_searched_and_no_new_name_is_old() {
        assert!(TABLE.is_sorted_by_key(|(old, _)| old));
        for (_, became) in TABLE {
            if let Renamed(new) = became {
                assert!(TABLE.iter().all(|(old, _)| *old != new), "{new}");
            }
        }
    }
}
