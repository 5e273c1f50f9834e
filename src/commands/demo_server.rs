//! The demonstration's stdio MCP server: it stands for any server that takes a token from its environment.

use serde_json::{Value, json};

use crate::error::Error;
use crate::flows::App;
use crate::http::{self, Authorization};
use crate::mcp;
use crate::model::ServerUrl;
use crate::secret::AccessToken;

/// A stdio MCP server of one tool, `whoami`, which asks the protected server with the token in its environment:
/// one line in, one line out, until standard input ends.
pub(super) fn run(app: &App) -> Result<(), Error> {
    while let Ok(Some(line)) = app.ports.terminal.next_line() {
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let result = match message["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": mcp::REVISION,
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "mcpauth demo", "version": env!("CARGO_PKG_VERSION") },
            }),
            Some("tools/list") => json!({ "tools": [{
                "name": "whoami", "description": "Who the protected server takes you for",
                "inputSchema": { "type": "object" },
            }] }),
            Some("tools/call") => whoami(app)?,
            _ => json!({}),
        };
        if let Some(id) = message.get("id") {
            app.console.answer(&json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string())?;
        }
    }
    Ok(())
}

fn whoami(app: &App) -> Result<Value, Error> {
    let variable = |name: &str| {
        std::env::var(name).map_err(|_| Error::Usage {
            message: format!("{name} is not set"),
            hint: "run `mcpauth demo`, which sets it".into(),
        })
    };
    let server: ServerUrl = variable("DEMO_URL")?.parse()?;
    let token = AccessToken::new(variable("MCP_ACCESS_TOKEN")?);
    let url = server.to_url();
    let remote = |error: http::HttpError| crate::flows::remote(&server)(error.into());
    let call = async {
        let http = app.http(&server);
        let initialize = mcp::post(&url, mcp::message("initialize", &mcp::initialize_params()));
        let answer = http.send(initialize.authorization(Authorization::Bearer(&token))).await?;
        let mut request =
            mcp::post(&url, mcp::message("tools/call", &json!({ "name": "whoami", "arguments": {} })));
        if let Some(session) = answer.headers.get("mcp-session-id") {
            request.headers.insert("mcp-session-id", session.clone());
        }
        request
            .headers
            .insert("mcp-protocol-version", reqwest::header::HeaderValue::from_static(mcp::REVISION));
        http.send(request.authorization(Authorization::Bearer(&token))).await
    };
    let answer = http::block_on(call).and_then(std::convert::identity).map_err(remote)?;
    let message: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    Ok(message["result"].clone())
}
