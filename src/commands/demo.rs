//! `mcpauth demo`: all of it in one go, on this machine only, leaving nothing behind.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::args::patience;
use crate::browser::{Browser, BrowserError};
use crate::config::{Config, ConfigError, ServerProfile};
use crate::console::Console;
use crate::error::Error;
use crate::flows::login::{self, LoginRequest};
use crate::flows::session::{self, Freshness};
use crate::flows::{App, Ports};
use crate::http::{self, Authorization};
use crate::mcp;
use crate::model::{LoginKey, Name, ServerUrl};
use crate::places::Places;
use crate::sandbox::{Sandbox, SandboxOptions};
use crate::secret::AccessToken;
use crate::store::StoreKind;

/// The hidden command that is the demonstration's stdio MCP server.
pub(super) const SERVER_COMMAND: &str = "demo-server";

/// See it work: sign in to a sandbox, get a token, run an MCP server with it
///
/// Everything happens on this machine and in a temporary directory that is removed at the end. Where there is a
/// browser you are asked to consent in it; where there is none the sandbox consents by itself, and says so.
#[derive(clap::Args)]
pub(super) struct DemoArgs {
    /// Let the sandbox consent by itself even where there is a browser
    #[arg(long)]
    auto_consent: bool,

    /// How long to wait for the consent
    #[arg(long, value_name = "TIME", value_parser = patience, default_value = "300")]
    timeout: Duration,
}

impl DemoArgs {
    pub(super) fn run(&self, app: &App) -> Result<(), Error> {
        let failed =
            |error: std::io::Error| Error::Unforeseen(format!("cannot set up the demonstration: {error}"));
        let home = tempfile::tempdir().map_err(failed)?;
        let by_itself = self.auto_consent || !app.ports.browser.available();
        let sandbox = Sandbox::start(SandboxOptions { auto_consent: by_itself, ..SandboxOptions::default() });
        let sandbox = sandbox.map_err(failed)?;
        let mut stage = stage(app, home.path(), by_itself)?;
        let console = &app.console;

        console.say(&format!(
            "1. a sandbox runs at {}: an issuer and a protected MCP server\n",
            sandbox.origin()
        ));
        console.say("2. mcpauth login");
        if by_itself {
            console.say("   (no browser here, so the sandbox consents by itself)");
        }
        let url: ServerUrl = sandbox.mcp_url().parse()?;
        let profile = ServerProfile::new("demo".parse()?, url);
        let request = LoginRequest {
            profile,
            account: Name::default(),
            client: None,
            browser: true,
            paste_only: false,
            timeout: self.timeout,
        };
        let outcome = login::login(&mut stage, &request)?;
        let who = outcome.summary.login.identity.label().unwrap_or("nobody in particular").to_owned();
        console.success(&format!("signed in as {who}\n"));

        let key = LoginKey { server: request.profile.name.clone(), account: Name::default() };
        let login = session::fresh_login(&stage, &key, &Freshness::default())?;
        let length = login.tokens.access_token.expose().len();
        console.say(&format!("3. mcpauth token demo\n   a fresh access token of {length} characters\n"));

        console.say("4. mcpauth exec -- a stdio MCP server, which calls the protected one with its token");
        let answer = run_server(home.path())?;
        console.success(&format!("tools/call whoami answered: {answer}\n"));
        drop(sandbox);
        console.say("that was all of it, and nothing of it is left; now try `mcpauth login https://…`");
        console.answer_as(&json!({ "answer": answer }), || answer.clone());
        Ok(())
    }
}

/// The same program with a home of its own, and a browser that consents where nobody can.
fn stage(app: &App, home: &Path, by_itself: bool) -> Result<App, Error> {
    let places = Places::find(&|_| None, Some(home)).map_err(ConfigError::from)?;
    let browser: Arc<dyn Browser> =
        if by_itself { Arc::new(Consenter) } else { Arc::clone(&app.ports.browser) };
    let ports = Ports { browser, ..app.ports.clone() };
    Ok(App {
        console: Console::new(Arc::clone(&ports.terminal), app.console.tone()),
        ports,
        config: Config::load(places)?,
        server_wish: None,
        store_wish: Some(StoreKind::File),
        passphrase_descriptor: None,
        deadline: None,
    })
}

/// Stands in for a person where there is no browser: follows the page's redirects to the listener.
struct Consenter;

impl Browser for Consenter {
    fn open(&self, url: &url::Url) -> Result<(), BrowserError> {
        let url = url.clone();
        std::thread::spawn(move || {
            let follow = async {
                let _ = rustls::crypto::ring::default_provider().install_default();
                let client = reqwest::Client::builder().build().ok()?;
                client.get(url).send().await.ok()
            };
            // If it fails, the login says so when its time is over.
            drop(http::block_on(follow));
        });
        Ok(())
    }

    fn available(&self) -> bool {
        true
    }
}

/// Runs our own program as a person would: `mcpauth exec -- SERVER`, and talks MCP to it.
fn run_server(home: &Path) -> Result<String, Error> {
    let failed = |what: &str| Error::Unforeseen(format!("the demonstration's MCP server {what}"));
    let program = std::env::current_exe().map_err(|error| failed(&error.to_string()))?;
    let mut child = Command::new(&program)
        .args(["exec", "-e", "DEMO_URL=demo:url", "-e", "MCP_ACCESS_TOKEN=demo", "--config"])
        .arg(home)
        .arg("--")
        .arg(&program)
        .arg(SERVER_COMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error.to_string()))?;
    let (Some(mut to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed("has no pipes"));
    };
    let messages = [
        mcp::message("initialize", &mcp::initialize_params()),
        mcp::message("tools/call", &json!({ "name": "whoami", "arguments": {} })),
    ];
    for message in messages {
        writeln!(to, "{message}").map_err(|error| failed(&error.to_string()))?;
    }
    drop(to);
    let last = BufReader::new(from).lines().map_while(Result::ok).last();
    child.wait().map_err(|error| failed(&error.to_string()))?;
    let answer: Option<Value> = last.and_then(|line| serde_json::from_str(&line).ok());
    let text = answer.as_ref().and_then(|answer| answer["result"]["content"][0]["text"].as_str());
    text.map(|text| crate::peer_text::PeerText::from(text).to_string())
        .ok_or_else(|| failed("gave no answer"))
}

/// A stdio MCP server of one tool, `whoami`, which asks the protected server with the token in its environment:
/// one line in, one line out, until standard input ends.
pub(super) fn serve(app: &App) -> Result<(), Error> {
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
            app.console.answer(&json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string());
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
