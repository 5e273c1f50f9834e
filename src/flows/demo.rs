//! The stage of a demonstration: the same program with a home of its own, somebody who consents, and a stdio MCP
//! server that is run as a client would run it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::{App, Ports, exec};
use crate::audit::Trail;
use crate::browser::{Browser, BrowserError};
use crate::config::{Config, ConfigError};
use crate::console::{Console, Tone};
use crate::error::Error;
use crate::http;
use crate::mcp;
use crate::places::Places;
use crate::store::StoreKind;

/// The name of the hidden command that is the demonstration's stdio MCP server.
pub const SERVER_COMMAND: &str = "demo-server";

/// The same program with a home of its own, and a browser that consents where nobody can.
pub fn stage(app: &App, home: &Path, by_itself: bool) -> Result<App, Error> {
    let places = Places::find(&|_| None, Some(home)).map_err(ConfigError::from)?;
    let browser: Arc<dyn Browser> =
        if by_itself { Arc::new(Consenter) } else { Arc::clone(&app.ports.browser) };
    let ports = Ports { browser, ..app.ports.clone() };
    let tone = app.console.tone();
    Ok(App {
        // Nobody is there to be told to open a page.
        console: Console::new(Arc::clone(&ports.terminal), Tone { quiet: by_itself || tone.quiet, ..tone }),
        ports,
        config: Config::load(places)?,
        server_wish: None,
        store_wish: Some(StoreKind::File),
        passphrase_descriptor: None,
        deadline: None,
        found_session_bus: false,
        trail: Trail::of("demo"),
        opened: OnceLock::new(),
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
                let client = reqwest::Client::builder().no_proxy().build().ok()?;
                client.get(url).send().await.ok()
            };
            // If it fails, the login says so when its time is over.
            drop(http::block_on(follow));
        });
        Ok(())
    }

    fn program(&self) -> Result<PathBuf, BrowserError> {
        Err(BrowserError::NoProgram)
    }

    fn available(&self) -> bool {
        true
    }
}

/// Runs our own program as a person would: `mcpauth exec -- SERVER`, and talks MCP to it. Gives the text that
/// its tool `whoami` answered.
pub fn run_server(home: &Path) -> Result<String, Error> {
    let failed = |what: &str| Error::Unforeseen(format!("the demonstration's MCP server {what}"));
    let program = std::env::current_exe().map_err(|error| failed(&error.to_string()))?;
    let mut command = Command::new(&program);
    // A setting of the person's own is not one for the stage.
    exec::remove_ours(&mut command);
    let mut child = command
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
