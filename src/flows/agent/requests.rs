//! `api_call`: one request with the token of a login, whose answer a model reads.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::tools::{RequestWish, Told, describe, named};
use crate::config::ServerProfile;
use crate::error::Error;
use crate::flows::App;
use crate::flows::call;
use crate::flows::relay::{Outgoing, Relay};
use crate::http::{Bytes, HttpError};
use crate::peer_text::PeerText;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How much of a body a model is shown, in bytes.
const SHOWN: usize = 1024 * 1024;
/// How much more is read, so that no secret can be cut in two where the shown part ends.
const BEYOND: usize = 64 * 1024;
/// Headers that bring an answer in pieces, or compressed: then it could repeat the token, and nobody here would find it.
const BLINDING: [&str; 4] = ["a-im", "accept-encoding", "if-range", "range"];

/// What a server answered.
struct Answered {
    status: u16,
    content_type: Option<String>,
    is_legible: bool,
    body: Vec<u8>,
}

/// Sends a request and tells what came of it.
pub(super) async fn send(app: &Arc<App>, wish: RequestWish) -> Told {
    match exchange(app, wish).await {
        Ok(content) if content["success"] == true => Told::well(content),
        Ok(content) => Told::failed(content),
        Err(error) => Told::failed(failed(&error)),
    }
}

fn failed(error: &Error) -> Value {
    let mut told = describe(error);
    told["success"] = false.into();
    told
}

async fn exchange(app: &Arc<App>, wish: RequestWish) -> Result<Value, Error> {
    let server = named(&wish.server)?;
    let profile = app.profile(Some(&server))?;
    let relay = Relay::new(Arc::clone(app), &profile, &wish.account);
    let outgoing = outgoing(&profile, wish)?;
    let answered = tokio::time::timeout(PATIENCE, ask(&relay, &outgoing)).await.unwrap_or_else(|_| {
        let host = outgoing.url.host_str().unwrap_or_default().to_owned();
        Err(relay.trouble(HttpError::Timeout { host, seconds: PATIENCE.as_secs() }.into()))
    })?;
    Ok(told(&relay, answered))
}

fn outgoing(profile: &ServerProfile, wish: RequestWish) -> Result<Outgoing, Error> {
    if let Some(name) = wish.headers.keys().find(|name| BLINDING.contains(&&*name.to_ascii_lowercase())) {
        return Err(Error::Usage {
            message: format!("{name} would bring an answer that cannot be looked into"),
            hint: "leave it out; answers come whole and in plain text".into(),
        });
    }
    let body = match wish.body {
        Value::Null => None,
        Value::String(text) => Some(Bytes::from(text)),
        other => Some(Bytes::from(other.to_string())),
    };
    let usual = if body.is_some() { "POST" } else { "GET" };
    let method = wish.method.as_deref().unwrap_or(usual);
    let headers = wish.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    call::outgoing(profile, method, &wish.path, headers, body, PATIENCE)
}

/// Sends it and reads the answer, as far as anybody will look at it.
async fn ask(relay: &Relay, outgoing: &Outgoing) -> Result<Answered, Error> {
    let mut answer = relay.send(outgoing).await?;
    let content_type = answer.headers.get("content-type");
    let content_type = content_type.map(|value| {
        let words = PeerText::new(String::from_utf8_lossy(value.as_bytes()));
        relay.without_token(&words).to_string()
    });
    let mut encodings = answer.headers.get_all("content-encoding").iter();
    let is_legible = encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let (status, mut body) = (answer.status, Vec::new());
    while let Some(chunk) = answer.chunk().await.map_err(|error| relay.trouble(error.into()))? {
        body.extend_from_slice(&chunk);
        if body.len() > SHOWN + BEYOND {
            break;
        }
    }
    Ok(Answered { status, content_type, is_legible, body })
}

/// What a model is told of an answer. One that repeats the token is kept from it.
fn told(relay: &Relay, answered: Answered) -> Value {
    let Answered { status, content_type, is_legible, mut body } = answered;
    let mut told = json!({ "success": status < 400, "status": status });
    if let Some(content_type) = content_type {
        told["content_type"] = content_type.into();
    }
    let why = match is_legible {
        false => {
            Some("the answer is compressed, so nobody here can tell whether it repeats the access token")
        }
        true if relay.is_token_in(&body) => Some("the answer repeats the access token, so it is not shown"),
        true => None,
    };
    if let Some(why) = why {
        told["error"] = "withheld".into();
        told["error_description"] = why.into();
        return told;
    }
    if body.len() > SHOWN {
        body.truncate(SHOWN);
        told["truncated"] = true.into();
        told["error_description"] = format!("only the first {SHOWN} bytes of the answer are shown").into();
    }
    let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
    told["data"] = serde_json::from_slice(&body).unwrap_or_else(|_| text());
    if status >= 400 {
        told["error"] = "answered".into();
        told["error_description"] = format!("the server answered with status {status}").into();
    }
    told
}
