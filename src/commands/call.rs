//! `mcpauth call`: one request with the token of a login, for scripts that need an answer and not a token.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::args::{AccountArg, patience};
use crate::console::Passing;
use crate::error::Error;
use crate::flows::App;
use crate::flows::call::{self, CallRequest, Head, Piece, Shown};
use crate::http::{HeaderMap, STREAM_LIMIT};
use crate::model::ServerArg;
use crate::peer_text::PeerText;

/// Send one request with a fresh token, and print what the server answers
///
/// The request goes to the server and to nobody else: other origins are refused, and redirects are not followed. If the
/// server refuses the token, it is refreshed once and the request is sent once more. Ends with 0 if the status is below
/// 400, with 3 if a new sign-in is needed, with 6 for 408, 429 and from 500 on, else with 1.
#[derive(clap::Args)]
pub(super) struct CallArgs {
    /// URL or name of the MCP server
    server: ServerArg,

    /// GET if left out, and POST with -d
    #[arg(value_name = "METHOD")]
    method: Option<String>,

    /// A path at the server; its own URL if left out
    #[arg(value_name = "PATH")]
    path: Option<String>,

    /// Send this text; `@FILE` sends what a file holds, `@-` what is on standard input. As JSON, unless -H says
    /// otherwise
    #[arg(long, short, value_name = "TEXT", allow_hyphen_values = true)]
    data: Option<String>,

    /// A further header; may be repeated
    #[arg(short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// Print status and headers of the answer first
    #[arg(long, short)]
    include: bool,

    /// How long all of it may take; if left out, the answer has to begin within a minute
    #[arg(long, value_name = "TIME", value_parser = patience)]
    max_time: Option<Duration>,

    #[command(flatten)]
    account: AccountArg,
}

impl CallArgs {
    pub(super) fn run(self, app: App) -> Result<(), Error> {
        let app = Arc::new(app);
        let request = CallRequest {
            server: self.server,
            account: self.account.account,
            words: self.method.into_iter().chain(self.path).collect(),
            data: self.data,
            headers: self.headers,
            max_time: self.max_time,
        };
        let head = if app.console.tone().json {
            let mut body = Vec::new();
            let head = call::call(&app, &request, |piece| collect(&mut body, &piece))?;
            app.console.answer_as(&answer(&head, &body), String::new)?;
            head
        } else {
            let mut passing = Passing::new(&app.console);
            let include = self.include;
            let head = call::call(&app, &request, |piece| show(&mut passing, &piece, include))?;
            passing.finish()?;
            head
        };
        judge(&app, &head)
    }
}

fn show(passing: &mut Passing<'_>, piece: &Piece<'_>, include: bool) -> Shown {
    match piece {
        Piece::Body(bytes) => passing.pass(bytes),
        Piece::Head(head) if include => passing.pass(&written(head)),
        Piece::Head(_) => ControlFlow::Continue(()),
    }
}

/// The head as it came over the wire.
fn written(head: &Head) -> Vec<u8> {
    let mut text = format!("{} {}\r\n", head.version, head.status).into_bytes();
    for (name, value) in &head.headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}

fn collect(body: &mut Vec<u8>, piece: &Piece<'_>) -> Shown {
    if let Piece::Body(bytes) = piece {
        body.extend_from_slice(bytes);
    }
    if body.len() <= STREAM_LIMIT {
        return ControlFlow::Continue(());
    }
    ControlFlow::Break(Err(Error::Usage {
        message: format!("the answer has more than {STREAM_LIMIT} bytes, which is too much for --json"),
        hint: "leave out --json".into(),
    }))
}

/// The answer in JSON. A body that is JSON is part of it, any other one a text.
fn answer(head: &Head, body: &[u8]) -> Value {
    let text = || Value::String(String::from_utf8_lossy(body).into_owned());
    let body = serde_json::from_slice(body).unwrap_or_else(|_| text());
    json!({ "status": head.status, "headers": fields(&head.headers), "body": body })
}

/// The headers by name; one that is repeated is one list (RFC 9110 section 5.3).
fn fields(headers: &HeaderMap) -> Map<String, Value> {
    let list = |name| {
        let values = headers.get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect::<Vec<_>>().join(", ")
    };
    headers.keys().map(|name| (name.to_string(), list(name).into())).collect()
}

/// What the status means for whoever called.
fn judge(app: &App, head: &Head) -> Result<(), Error> {
    if let Some(place) = head.headers.get("location").filter(|_| (300..400).contains(&head.status)) {
        let place = PeerText::new(String::from_utf8_lossy(place.as_bytes()));
        app.console.warn(&format!("the server points to {place}; that was not followed"));
    }
    match head.status {
        400.. => Err(Error::Answered { status: head.status, retry_after: head.retry_after }),
        _ => Ok(()),
    }
}
