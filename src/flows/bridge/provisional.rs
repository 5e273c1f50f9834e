//! What a host is told while somebody is still signing in: hosts give up on a server that does not greet them within
//! seconds, and people need longer than that.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::mcp::message::{Id, Message, success};

/// How long a host waits for its greeting, at least; then it is given one that is provisional.
pub(super) const AFTER: Duration = Duration::from_secs(4);
/// The revision that is named to a host that names none.
const REVISION: &str = "2025-06-18";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    protocol_version: String,
}

/// A greeting in the server's place. It promises everything, since nobody knows yet; what the server does not have it
/// will refuse itself.
pub(super) fn greeting(asked: &Message) -> Message {
    let params = asked.params().and_then(|params| serde_json::from_slice::<Asked>(params).ok());
    let revision = params.map_or_else(|| REVISION.to_owned(), |asked| asked.protocol_version);
    let changing = json!({ "listChanged": true });
    let result = json!({
        "protocolVersion": revision,
        "capabilities": { "tools": changing, "prompts": changing, "resources": changing },
        "serverInfo": { "name": "mcpauth", "version": env!("CARGO_PKG_VERSION") },
        "instructions": "Somebody is signing in to this server; what is asked of it waits until that is done.",
    });
    success(asked.request_id().unwrap_or(&Id::Null), &result)
}

/// What a host that was greeted so is told when the server has answered.
pub(super) fn news() -> impl Iterator<Item = Message> {
    ["tools", "prompts", "resources"].into_iter().filter_map(|kind| {
        let json = format!(r#"{{"jsonrpc":"2.0","method":"notifications/{kind}/list_changed"}}"#);
        Message::read(json.into()).ok()
    })
}
