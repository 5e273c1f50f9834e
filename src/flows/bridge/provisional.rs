//! What a host is told while somebody is still signing in: hosts give up on a server that does not greet them within
//! seconds, and people need longer than that.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::way::Way;
use crate::flows::host::Host;
use crate::mcp::message::{self, Id, Message, success};

/// How long a host waits for its greeting, at least; then it is given one that is provisional.
const AFTER: Duration = Duration::from_secs(4);
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

/// Waits as long as a host may; whether it is greeted then, since somebody is still signing in.
pub(super) async fn is_due(way: &Way) -> bool {
    tokio::time::sleep(AFTER).await;
    way.is_signing_in()
}

/// Has the server greeted, and the host in the meantime if that takes too long.
pub(super) async fn meanwhile<Done>(
    greeting_server: impl Future<Output = Done>,
    way: &Way,
    host: &Host,
    asked: &Message,
) -> Done {
    tokio::pin!(greeting_server);
    tokio::select! {
        biased;
        done = &mut greeting_server => done,
        is_due = is_due(way) => {
            if is_due {
                host.deliver(&greeting(asked)).await;
            }
            greeting_server.await
        }
    }
}

/// Gives the host the server's greeting. One that has been greeted already may look again instead.
pub(super) async fn deliver(greeting: &Message, host: &Host) {
    if host.offer(greeting).await {
        return;
    }
    for news in message::lists_changed() {
        host.deliver(&news).await;
    }
}
