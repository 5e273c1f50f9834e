//! A host of one era and a server of the other: what each says, in the words of the other. Nothing here touches the world;
//! whoever has the wires does what [`Effect`]s say.
//!
//! A host that greets is of the old era. Its server is greeted too, and only one that refuses is asked whether it is of
//! the new era. A host that does not greet is of the new era. Its server is asked to describe itself, and one that does
//! not know how is greeted. Where both turn out to be of the same era, everything passes through unchanged.

mod inputs;
mod members;
mod modern_host;
mod old_host;
mod subscriptions;

use std::mem;

use serde_json::value::RawValue;

use self::members::{Members, quoted};
use self::modern_host::ModernHost;
use self::old_host::OldHost;
use super::message::{self, Id, Kind, Malformed, Message, SERVER_ERROR};
use super::modern::{self, Complaint, META_CAPABILITIES, META_CLIENT, META_VERSION, REVISION};

/// Requests of our own are named so, which no host does.
const OWN: &str = "mcpauth:";
/// The newest revision with sessions.
const OLD_REVISION: &str = "2025-11-25";
/// All of them.
const OLD_REVISIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", OLD_REVISION];

/// What is to be done with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Sent to the server.
    ToServer(Message),
    /// Given to the host.
    ToHost(Message),
    /// Sent to the server in a while: it is not the first time.
    Later {
        /// What is sent.
        message: Message,
        /// How often the like has been sent in vain.
        times: u32,
    },
}

/// What came of a message, unless it cannot be translated.
type Done = Result<Vec<Effect>, Malformed>;

/// Names for requests of our own.
#[derive(Debug, Default)]
struct Ids(u64);

impl Ids {
    fn next(&mut self) -> Id {
        self.0 += 1;
        Id::Text(format!("{OWN}{}", self.0).into())
    }
}

/// Knows of a host and a server how they can understand each other.
#[derive(Debug, Default)]
pub struct Translator {
    ids: Ids,
    stage: Stage,
    /// The host has an answer to its greeting that was not the server's.
    is_put_off: bool,
}

#[derive(Debug, Default)]
enum Stage {
    /// Nobody has said anything.
    #[default]
    Silence,
    /// A host of the old era has greeted.
    Greeted { initialize: Message, held: Vec<Message> },
    /// Its server has refused, and is asked what it is.
    Asked { initialize: Message, held: Vec<Message>, refusal: Message, question: Id },
    /// The server of a host of the new era is asked what it is.
    Probed { held: Vec<Message>, question: Id, is_own: bool },
    /// It does not know, and is greeted.
    Greeting { held: Vec<Message>, question: Id, capabilities: String },
    /// A host of the old era at a server of the new one.
    Old(Box<OldHost>),
    /// A host of the new era at a server of the old one.
    Modern(Box<ModernHost>),
    /// Both are of the same era.
    Same,
}

impl Translator {
    /// Takes a message of the host.
    pub fn from_host(&mut self, message: Message) -> Vec<Effect> {
        let asked: Vec<Id> = message.request_ids().into_iter().cloned().collect();
        self.hear_host(message).unwrap_or_else(|malformed| failures(&asked, malformed))
    }

    /// Takes a message of the server.
    pub fn from_server(&mut self, message: Message) -> Vec<Effect> {
        let answered: Vec<Id> = message.response_ids().into_iter().cloned().collect();
        self.hear_server(message).unwrap_or_else(|malformed| failures(&answered, malformed))
    }

    /// Takes an answer that says nothing of the server, since nobody was let in. Whoever asked gets it, and nothing is
    /// known.
    pub fn kept_out(&mut self, message: Message) -> Vec<Effect> {
        let is_awaited = self.question().is_some_and(|question| message.response_id() == Some(question));
        match mem::take(&mut self.stage) {
            Stage::Greeted { held, .. } if is_awaited => {
                let refusal = [Effect::ToHost(message)].into_iter().filter(|_| !self.is_put_off);
                refusal.chain(held.into_iter().map(Effect::ToServer)).collect()
            }
            Stage::Probed { held, .. } if is_awaited => {
                let asked = held.iter().filter_map(Message::request_id);
                asked.filter_map(|id| with_id(&message, id).ok()).map(Effect::ToHost).collect()
            }
            stage => {
                self.stage = stage;
                self.from_server(message)
            }
        }
    }

    /// The greeting of a host to which there is no answer yet.
    pub fn unanswered(&self) -> Option<&Message> {
        match &self.stage {
            Stage::Greeted { initialize, .. } | Stage::Asked { initialize, .. } if !self.is_put_off => {
                Some(initialize)
            }
            _ => None,
        }
    }

    /// Notes that the host has got an answer to its greeting, for the server's would come too late. What it says now waits.
    pub fn put_off(&mut self) {
        self.is_put_off = true;
    }

    fn hear_host(&mut self, message: Message) -> Done {
        if message.method() == "initialize" && message.request_id().is_some() {
            self.is_put_off = false;
            self.stage = Stage::Greeted { initialize: message.clone(), held: Vec::new() };
            return Ok(vec![Effect::ToServer(message)]);
        }
        match &mut self.stage {
            Stage::Silence if modern::is_modern(&message) => self.probe(message),
            Stage::Silence | Stage::Same => Ok(vec![Effect::ToServer(message)]),
            Stage::Greeted { held, .. }
            | Stage::Asked { held, .. }
            | Stage::Probed { held, .. }
            | Stage::Greeting { held, .. } => {
                held.push(message);
                Ok(Vec::new())
            }
            Stage::Old(host) => host.hear_host(&mut self.ids, &message),
            Stage::Modern(host) => host.hear_host(&mut self.ids, &message),
        }
    }

    fn hear_server(&mut self, message: Message) -> Done {
        match &mut self.stage {
            Stage::Old(host) => return host.hear_server(&mut self.ids, &message),
            Stage::Modern(host) => return host.hear_server(&mut self.ids, &message),
            _ => {}
        }
        if self.question().is_none_or(|question| message.response_id() != Some(question)) {
            return Ok(vec![Effect::ToHost(message)]);
        }
        match mem::take(&mut self.stage) {
            Stage::Greeted { initialize, held } => self.greeted(initialize, held, message),
            Stage::Asked { initialize, held, refusal, .. } => {
                self.described(&initialize, held, refusal, &message)
            }
            Stage::Probed { held, is_own, .. } => self.probed(held, is_own, message),
            Stage::Greeting { held, capabilities, .. } => self.opened(held, &capabilities, &message),
            stage => {
                self.stage = stage;
                Ok(vec![Effect::ToHost(message)])
            }
        }
    }

    /// The request whose answer decides how it goes on.
    fn question(&self) -> Option<&Id> {
        match &self.stage {
            Stage::Greeted { initialize, .. } => initialize.request_id(),
            Stage::Asked { question, .. }
            | Stage::Probed { question, .. }
            | Stage::Greeting { question, .. } => Some(question),
            _ => None,
        }
    }

    /// The server has answered the greeting of a host of the old era.
    fn greeted(&mut self, initialize: Message, held: Vec<Message>, answer: Message) -> Done {
        if result(&answer).is_some() {
            return Ok(self.same(&answer, held));
        }
        let question = self.ids.next();
        let meta = meta_of(&initialize);
        let ask = request(&question, "server/discover", &format!(r#"{{"_meta":{meta}}}"#))?;
        self.stage = Stage::Asked { initialize, held, refusal: answer, question };
        Ok(vec![Effect::ToServer(ask)])
    }

    /// The server has said what it is, or does not know.
    fn described(
        &mut self,
        initialize: &Message,
        held: Vec<Message>,
        refusal: Message,
        answer: &Message,
    ) -> Done {
        let said = result(answer);
        let versions = said.as_ref().map(|said| said.value("supportedVersions"));
        let versions = versions.as_ref().and_then(|versions| versions.as_array());
        let speaks_ours = versions.is_some_and(|versions| versions.iter().any(|version| version == REVISION));
        let Some(said) = said.filter(|_| speaks_ours) else {
            let refusal = other_revisions(initialize, answer).unwrap_or(refusal);
            self.stage = Stage::Silence;
            let held = held.into_iter().map(Effect::ToServer);
            return Ok([Effect::ToHost(refusal)]
                .into_iter()
                .filter(|_| !self.is_put_off)
                .chain(held)
                .collect());
        };
        let mut host = OldHost::new(initialize, &said);
        let mut effects = if self.is_put_off {
            // It was put off, and may look again now.
            message::lists_changed().map(Effect::ToHost).collect()
        } else {
            vec![Effect::ToHost(old_host::greeting(initialize, &said)?)]
        };
        for message in held {
            effects.extend(host.hear_host(&mut self.ids, &message)?);
        }
        self.stage = Stage::Old(Box::new(host));
        Ok(effects)
    }

    /// A host of the new era has said its first words.
    fn probe(&mut self, message: Message) -> Done {
        if message.method() == "server/discover"
            && let Some(question) = message.request_id().cloned()
        {
            self.stage = Stage::Probed { held: vec![message.clone()], question, is_own: false };
            return Ok(vec![Effect::ToServer(message)]);
        }
        let question = self.ids.next();
        let params = message.params().and_then(|params| Members::read(params)).unwrap_or_default();
        let meta = params.get("_meta").unwrap_or("{}");
        let ask = request(&question, "server/discover", &format!(r#"{{"_meta":{meta}}}"#))?;
        self.stage = Stage::Probed { held: vec![message], question, is_own: true };
        Ok(vec![Effect::ToServer(ask)])
    }

    /// A server that describes itself, or complains as only modern ones do, needs no translation.
    fn probed(&mut self, mut held: Vec<Message>, is_own: bool, answer: Message) -> Done {
        let describes = result(&answer).is_some_and(|said| said.get("supportedVersions").is_some());
        if !describes && Complaint::read(answer.bytes()).is_none() {
            return self.greet(held);
        }
        self.stage = Stage::Same;
        if is_own {
            return Ok(held.into_iter().map(Effect::ToServer).collect());
        }
        held.remove(0);
        let held = held.into_iter().map(Effect::ToServer);
        Ok([Effect::ToHost(answer)].into_iter().chain(held).collect())
    }

    /// Greets the server in the name of a host that does not.
    fn greet(&mut self, held: Vec<Message>) -> Done {
        let question = self.ids.next();
        let params = held.first().and_then(Message::params).and_then(|params| Members::read(params));
        let params = params.unwrap_or_default();
        let meta = params.object("_meta").unwrap_or_default();
        let capabilities = modern_host::capabilities(meta.get(META_CAPABILITIES).unwrap_or("{}"));
        let client = meta.get(META_CLIENT).map_or_else(own_name, str::to_owned);
        let params = format!(
            r#"{{"protocolVersion":"{OLD_REVISION}","capabilities":{capabilities},"clientInfo":{client}}}"#
        );
        let greeting = request(&question, "initialize", &params)?;
        self.stage = Stage::Greeting { held, question, capabilities };
        Ok(vec![Effect::ToServer(greeting)])
    }

    /// The server has answered our greeting, and with it what the host has said so far.
    fn opened(&mut self, held: Vec<Message>, capabilities: &str, answer: &Message) -> Done {
        let Some(said) = result(answer) else {
            self.stage = Stage::Silence;
            let ids = held.iter().filter_map(Message::request_id);
            return ids.map(|id| with_id(answer, id).map(Effect::ToHost)).collect();
        };
        let mut host = ModernHost::new(&said, capabilities);
        let mut effects = vec![Effect::ToServer(notification("notifications/initialized", "{}")?)];
        for message in held {
            effects.extend(host.hear_host(&mut self.ids, &message)?);
        }
        self.stage = Stage::Modern(Box::new(host));
        Ok(effects)
    }

    fn same(&mut self, answer: &Message, held: Vec<Message>) -> Vec<Effect> {
        self.stage = Stage::Same;
        let answer = [Effect::ToHost(answer.clone())].into_iter().filter(|_| !self.is_put_off);
        answer.chain(held.into_iter().map(Effect::ToServer)).collect()
    }
}

/// What every request of a host of the old era says of it, taken from its greeting.
fn meta_of(initialize: &Message) -> Members<'static> {
    let params = initialize.params().and_then(|params| Members::read(params)).unwrap_or_default();
    let mut meta = Members::default();
    meta.set(META_VERSION, quoted(REVISION));
    meta.set(META_CLIENT, params.get("clientInfo").map_or_else(own_name, str::to_owned));
    meta.set(META_CAPABILITIES, params.get("capabilities").unwrap_or("{}").to_owned());
    meta
}

/// Whoever does not say who it is, is us.
fn own_name() -> String {
    format!(r#"{{"name":"mcpauth","version":"{}"}}"#, env!("CARGO_PKG_VERSION"))
}

/// What a host is told of a server that speaks only what neither of us does.
fn other_revisions(initialize: &Message, answer: &Message) -> Option<Message> {
    let supported = match Complaint::read(answer.bytes()) {
        Some(Complaint::UnsupportedVersion { supported }) => supported,
        Some(_) => return None,
        None => serde_json::from_value(result(answer)?.value("supportedVersions")).ok()?,
    };
    let spoken = supported.join(", ");
    let spoken = crate::peer_text::PeerText::new(spoken);
    let why = format!("the server speaks other revisions of MCP than mcpauth: {spoken}");
    Some(message::failure(initialize.request_id(), SERVER_ERROR, &why))
}

/// The result of an answer, unless that is an error.
fn result(answer: &Message) -> Option<Members<'_>> {
    #[derive(serde::Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        result: Option<&'a RawValue>,
    }
    Members::read(serde_json::from_slice::<Answer<'_>>(answer.bytes()).ok()?.result?.get().as_bytes())
}

fn failures(ids: &[Id], malformed: Malformed) -> Vec<Effect> {
    let why = format!("mcpauth cannot translate this message: {malformed}");
    let told = ids.iter().map(|id| message::failure(Some(id), malformed.code(), &why));
    told.map(Effect::ToHost).collect()
}

fn read(json: String) -> Result<Message, Malformed> {
    Message::read(json.into())
}

fn request(id: &Id, method: &str, params: &str) -> Result<Message, Malformed> {
    read(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{},"params":{params}}}"#, quoted(method)))
}

fn notification(method: &str, params: &str) -> Result<Message, Malformed> {
    read(format!(r#"{{"jsonrpc":"2.0","method":{},"params":{params}}}"#, quoted(method)))
}

fn answer(id: &Id, result: &str) -> Result<Message, Malformed> {
    read(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#))
}

/// The same answer to another request.
fn with_id(answer: &Message, id: &Id) -> Result<Message, Malformed> {
    if answer.response_id() == Some(id) {
        return Ok(answer.clone());
    }
    let mut members = Members::read(answer.bytes()).ok_or(Malformed::NotRpc)?;
    members.set("id", id.to_string());
    read(members.to_string())
}

/// The end of a request that nobody waits for any more.
fn cancellation(id: &Id) -> Result<Message, Malformed> {
    notification("notifications/cancelled", &format!(r#"{{"requestId":{id}}}"#))
}

/// The request that a message ends.
fn cancelled(message: &Message) -> Option<Id> {
    let params = message.params().and_then(|params| Members::read(params))?;
    Id::read(params.get("requestId")?)
}

/// The messages in it: those of a batch, or itself.
fn parts(message: &Message) -> &[Message] {
    match message.kind() {
        Kind::Batch(parts) => parts,
        _ => std::slice::from_ref(message),
    }
}

#[cfg(test)]
mod tests;
