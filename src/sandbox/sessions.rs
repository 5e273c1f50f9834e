//! The MCP server in the revisions with sessions, from 2025-03-26 to 2025-11-25.

use std::sync::Arc;

use serde_json::Value;

use super::books::{Session, Visitor};
use super::calls::Talk;
use super::conversation::{greeted, greeting, hear, reply};
use super::events::Events;
use super::feed::Feed;
use super::ledger::{Ledger, Site, random_text};
use super::messages::{Kind, done, failed, insufficient_scope, kind};
use super::tools;
use super::wire::{Answer, Request};

/// The revision in which several messages may come in one array.
const WITH_BATCHES: &str = "2025-03-26";
/// The revision in which streams begin with an event without data.
const WITH_PRIMING: &str = "2025-11-25";

/// A message of one of the revisions with sessions, or an array of them.
pub(super) async fn answer(
    site: &Arc<Site>,
    request: &Request,
    message: &Value,
    visitor: &Visitor,
) -> Answer {
    if message["method"] == "initialize" && kind(message) == Kind::Request {
        return open(&mut site.ledger(), message, visitor);
    }
    let judged = judge(&mut site.ledger(), request, &message["id"], visitor);
    let (name, version) = match judged {
        Ok(known) => known,
        Err(refusal) => return refusal,
    };
    if let Value::Array(messages) = message {
        return batch(site, request, (&name, version), messages, visitor).await;
    }
    one(site, request, &name, message, visitor).await
}

fn open(ledger: &mut Ledger, message: &Value, visitor: &Visitor) -> Answer {
    match greeting(ledger, message) {
        Ok((version, capabilities)) => {
            let name = random_text("");
            let session = Session::new(version, visitor.grant, capabilities);
            ledger.sessions.insert(name.clone(), session);
            ledger.books.sessions_opened += 1;
            done(ledger, &greeted(&message["id"], version)).with("mcp-session-id", name)
        }
        Err(refusal) => Answer::json(400, &refusal),
    }
}

/// The name of the session and its revision, if it is known and belongs to the visitor, and the revision that the
/// client states is the one that was agreed on.
fn judge(
    ledger: &mut Ledger,
    request: &Request,
    id: &Value,
    visitor: &Visitor,
) -> Result<(String, &'static str), Answer> {
    let (status, why) = match request.header("mcp-session-id") {
        None => (400, "there is no Mcp-Session-Id"),
        Some(name) => match ledger.sessions.get(name) {
            Some(session) if session.belongs_to(visitor) => match request.header("mcp-protocol-version") {
                Some(stated) if stated == session.version => return Ok((name.to_owned(), session.version)),
                None if session.version == WITH_BATCHES => return Ok((name.to_owned(), session.version)),
                _ => (400, "MCP-Protocol-Version is not the one that was agreed on"),
            },
            _ => (404, "unknown session"),
        },
    };
    ledger.refused(why);
    Err(failed(status, id, -32600, why))
}

async fn one(site: &Arc<Site>, request: &Request, name: &str, message: &Value, visitor: &Visitor) -> Answer {
    if kind(message) != Kind::Request {
        hear(&mut site.ledger(), name, message);
        return Answer::empty(202);
    }
    if let Some(refusal) = insufficient_scope(&site.ledger(), request, message, visitor) {
        return refusal;
    }
    let streams = tools::says_more(message) || site.ledger().options.event_streams;
    if streams {
        return streamed(site, name, message, visitor);
    }
    let talk = Talk::new(site, Some(name), message, Arc::new(Feed::new()));
    match reply(&talk, message, visitor).await {
        Some(reply) => Answer::json(200, &reply),
        None => Answer::empty(202),
    }
}

/// An answer that is an event stream. The work goes on if the client loses it: it may ask for the rest.
fn streamed(site: &Arc<Site>, name: &str, message: &Value, visitor: &Visitor) -> Answer {
    let mut ledger = site.ledger();
    let Some(session) = ledger.sessions.get_mut(name) else {
        return failed(404, &message["id"], -32600, "unknown session");
    };
    let (number, feed) = session.add_answer();
    let opening = opening(session.version, ledger.options.retry, &format!("{number}-0"));
    drop(ledger);
    let talk = Talk::new(site, Some(name), message, Arc::clone(&feed));
    tokio::spawn(finish(talk, message.clone(), visitor.clone()));
    let events = Events::new(site, feed, None).with_ids(number.to_string()).opening(opening);
    Answer::events(events)
}

async fn finish(talk: Talk, message: Value, visitor: Visitor) {
    if let Some(reply) = reply(&talk, &message, &visitor).await {
        talk.out.push(reply.to_string());
    }
    talk.out.end();
}

/// What an event stream begins with.
fn opening(version: &str, retry: Option<u64>, id: &str) -> String {
    let retry = retry.filter(|_| version == WITH_PRIMING);
    retry.map(|retry| format!("id: {id}\nretry: {retry}\ndata: \n\n")).unwrap_or_default()
}

/// Several messages in one array: one after the other, and one array of answers.
async fn batch(
    site: &Arc<Site>,
    request: &Request,
    (name, version): (&str, &str),
    messages: &[Value],
    visitor: &Visitor,
) -> Answer {
    let refuse = |why: &str| {
        site.ledger().refused(why);
        failed(400, &Value::Null, -32600, why)
    };
    if version != WITH_BATCHES {
        return refuse("this revision has no batches");
    }
    let mut replies = Vec::new();
    for message in messages {
        if kind(message) != Kind::Request {
            hear(&mut site.ledger(), name, message);
            continue;
        }
        if let Some(refusal) = insufficient_scope(&site.ledger(), request, message, visitor) {
            return refusal;
        }
        let talk = Talk::new(site, Some(name), message, Arc::new(Feed::new()));
        replies.extend(reply(&talk, message, visitor).await);
    }
    if replies.is_empty() { Answer::empty(202) } else { done(&site.ledger(), &replies.into()) }
}

/// `GET`: what the server says unasked, or the rest of a stream that broke off.
pub(super) fn listen(site: &Arc<Site>, request: &Request, visitor: &Visitor) -> Answer {
    let mut ledger = site.ledger();
    if !request.header("accept").unwrap_or_default().contains("text/event-stream") {
        ledger.refused("Accept must list text/event-stream");
        return failed(406, &Value::Null, -32600, "Accept must list text/event-stream");
    }
    let (name, version) = match judge(&mut ledger, request, &Value::Null, visitor) {
        Ok(known) => known,
        Err(refusal) => return refusal,
    };
    let last = request.header("last-event-id");
    ledger.books.last_event_ids.extend(last.map(str::to_owned));
    let Some((number, feed, from)) = ledger.sessions.get(&name).and_then(|session| asked_for(session, last))
    else {
        ledger.refused("a Last-Event-ID that was never given");
        return failed(400, &Value::Null, -32600, "unknown Last-Event-ID");
    };
    let id = format!("{number}-{}", from.map_or_else(|| feed.last_read(), |from| from - 1));
    let opening = opening(version, ledger.options.retry, &id);
    drop(ledger);
    let events = Events::new(site, feed, from).with_ids(number.to_string()).opening(opening);
    Answer::events(events)
}

/// The number of a stream, its feed, and the event to go on from, as a `Last-Event-ID` has it.
fn asked_for(session: &Session, last: Option<&str>) -> Option<(u64, Arc<Feed>, Option<u64>)> {
    let Some(last) = last else { return Some((0, Arc::clone(&session.own), None)) };
    let (number, event) = last.split_once('-')?;
    let (number, event): (u64, u64) = (number.parse().ok()?, event.parse().ok()?);
    let feed = if number == 0 { &session.own } else { session.answers.get(&number)? };
    Some((number, Arc::clone(feed), Some(event.checked_add(1)?)))
}

/// `DELETE`: the client is done with its session.
pub(super) fn close(ledger: &mut Ledger, request: &Request, visitor: &Visitor) -> Answer {
    match judge(ledger, request, &Value::Null, visitor) {
        Ok((name, _)) => {
            if let Some(session) = ledger.sessions.remove(&name) {
                ledger.books.sessions_closed += 1;
                session.end();
            }
            Answer::empty(204)
        }
        Err(refusal) => refusal,
    }
}
