//! A host of 2026-07-28 at a server of the old era: the session below is ours, and what the server asks in the middle of
//! a call becomes an answer that asks for input.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use super::members::{Members, quoted};
use super::{
    Done, Effect, Ids, answer, cancellation, cancelled, notification, parts, read, request, with_id,
};
use crate::mcp::message::{self, INVALID_PARAMS, Id, Kind, METHOD_NOT_FOUND, Malformed, Message};
use crate::mcp::modern::{
    META_CAPABILITIES, META_CLIENT, META_LOG_LEVEL, META_SERVER, META_SUBSCRIPTION, META_VERSION, REVISION,
};

/// What the host calls the only question of an answer that asks for input.
const QUESTION: &str = "input";
/// So many calls may wait for the host to come back.
const MOST_PARKED: usize = 64;

/// A host of the new era, and the session that is kept for it.
#[derive(Debug)]
pub(super) struct ModernHost {
    /// What the server said of itself.
    described: Members<'static>,
    capabilities: Value,
    /// What we said that the host can do.
    offers: Value,
    log_level: Option<String>,
    /// The calls that the server works at, by the id that it knows.
    calls: HashMap<Id, Call>,
    /// Calls whose host has to come back with something, by what it has to bring along.
    parked: HashMap<String, Parked>,
    /// Our own requests, whose answers nobody waits for.
    own: HashSet<Id>,
    listening: HashMap<Id, Filter>,
}

#[derive(Debug)]
struct Call {
    method: Box<str>,
    /// What the host calls it; `None` while the host is away.
    host: Option<Id>,
    /// Questions of the server that came meanwhile.
    questions: VecDeque<Message>,
    /// Its answer, that came meanwhile.
    answer: Option<Message>,
}

#[derive(Debug)]
struct Parked {
    call: Id,
    question: Id,
}

/// What a host listens for.
#[derive(Debug, Default)]
struct Filter {
    lists: Vec<&'static str>,
    resources: Vec<String>,
}

/// What a server of the old era is told of the host's capabilities: lists that never change need no notification.
pub(super) fn capabilities(json: &str) -> String {
    let mut capabilities = Members::read(json.as_bytes()).unwrap_or_default();
    if capabilities.get("roots").is_some() {
        capabilities.set("roots", "{}");
    }
    capabilities.to_string()
}

impl ModernHost {
    /// The host at a server that has greeted so.
    pub(super) fn new(greeting: &Members<'_>, capabilities: &str) -> Self {
        let mut described = Members::default();
        let mut meta = Members::default();
        meta.set(META_SERVER, greeting.get("serverInfo").unwrap_or("null").to_owned());
        described.set("resultType", r#""complete""#);
        described.set("supportedVersions", format!("[{}]", quoted(REVISION)));
        described.set("capabilities", greeting.get("capabilities").unwrap_or("{}").to_owned());
        if let Some(instructions) = greeting.get("instructions") {
            described.set("instructions", instructions.to_owned());
        }
        described.set("_meta", meta.to_string());
        described.set("ttlMs", "0");
        described.set("cacheScope", r#""private""#);
        Self {
            described,
            capabilities: greeting.value("capabilities"),
            offers: serde_json::from_str(capabilities).unwrap_or_default(),
            log_level: None,
            calls: HashMap::new(),
            parked: HashMap::new(),
            own: HashSet::new(),
            listening: HashMap::new(),
        }
    }

    pub(super) fn hear_host(&mut self, ids: &mut Ids, message: &Message) -> Done {
        match message.kind() {
            Kind::Request { id, method } => match &**method {
                "server/discover" => Ok(vec![Effect::ToHost(answer(id, &self.described.to_string())?)]),
                "subscriptions/listen" => self.listen(ids, id, message),
                _ => self.asked(ids, id, message),
            },
            Kind::Notification { method } if &**method == "notifications/cancelled" => {
                self.cancel(ids, message)
            }
            Kind::Notification { method } => {
                let (params, _) = unstamped(message)?;
                Ok(vec![Effect::ToServer(notification(method, &params.to_string())?)])
            }
            // There is nothing that a host of this era could answer.
            Kind::Response { .. } | Kind::Batch(_) => Ok(Vec::new()),
        }
    }

    fn asked(&mut self, ids: &mut Ids, id: &Id, message: &Message) -> Done {
        let (mut params, level) = unstamped(message)?;
        if let Some(state) = params.text("requestState") {
            return self.back(ids, id, &state, &params);
        }
        params.remove("inputResponses");
        let mut effects = self.set_level(ids, level.as_ref())?;
        effects.push(Effect::ToServer(request(id, message.method(), &params.to_string())?));
        let call = Call {
            method: message.method().into(),
            host: Some(id.clone()),
            questions: VecDeque::new(),
            answer: None,
        };
        self.calls.insert(id.clone(), call);
        Ok(effects)
    }

    /// How much the server says is a matter of the session, not of the request.
    fn set_level(&mut self, ids: &mut Ids, level: Option<&String>) -> Done {
        if level.is_none() || level == self.log_level.as_ref() || self.capabilities["logging"].is_null() {
            return Ok(Vec::new());
        }
        self.log_level = level.cloned();
        let params = format!(r#"{{"level":{}}}"#, level.map_or("null", String::as_str));
        Ok(vec![self.tell(ids, "logging/setLevel", &params)?])
    }

    /// A request of our own, whatever comes of it.
    fn tell(&mut self, ids: &mut Ids, method: &str, params: &str) -> Result<Effect, Malformed> {
        let id = ids.next();
        let message = request(&id, method, params)?;
        self.own.insert(id);
        Ok(Effect::ToServer(message))
    }

    /// The host comes back with what the server has asked for.
    fn back(&mut self, ids: &mut Ids, id: &Id, state: &str, params: &Members<'_>) -> Done {
        let Some(Parked { call, question }) = self.parked.remove(state) else {
            let why = "nothing waits for this request any more";
            return Ok(vec![Effect::ToHost(message::failure(Some(id), INVALID_PARAMS, why))]);
        };
        let responses = params.object("inputResponses").unwrap_or_default();
        let told = match responses.get(QUESTION) {
            Some(response) => answer(&question, response)?,
            None => message::failure(Some(&question), INVALID_PARAMS, "the host has brought no answer"),
        };
        let mut effects = vec![Effect::ToServer(told)];
        effects.extend(self.go_on(ids, &call, id)?);
        Ok(effects)
    }

    /// A call whose host is there again.
    fn go_on(&mut self, ids: &mut Ids, id: &Id, host: &Id) -> Done {
        let Some(call) = self.calls.get_mut(id) else {
            let why = "the server has given up this request";
            return Ok(vec![Effect::ToHost(message::failure(Some(host), INVALID_PARAMS, why))]);
        };
        call.host = Some(host.clone());
        if let Some(done) = call.answer.take() {
            return self.answered(id, &done);
        }
        match call.questions.pop_front() {
            Some(question) => self.park(ids, id, &question),
            None => Ok(Vec::new()),
        }
    }

    fn cancel(&mut self, ids: &mut Ids, message: &Message) -> Done {
        let Some(id) = cancelled(message) else { return Ok(Vec::new()) };
        if let Some(filter) = self.listening.remove(&id) {
            return self.unsubscribe(ids, &filter);
        }
        let call =
            self.calls.iter().find(|(_, call)| call.host.as_ref() == Some(&id)).map(|(id, _)| id.clone());
        let Some(call) = call else { return Ok(Vec::new()) };
        self.calls.remove(&call);
        Ok(vec![Effect::ToServer(cancellation(&call)?)])
    }

    pub(super) fn hear_server(&mut self, ids: &mut Ids, message: &Message) -> Done {
        let mut effects = Vec::new();
        for part in parts(message) {
            effects.extend(match part.kind() {
                Kind::Request { id, method } => self.questioned(ids, id, method, part)?,
                Kind::Response { id } if self.own.remove(id) => Vec::new(),
                Kind::Response { id } => self.answered(id, part)?,
                Kind::Notification { method } => self.heard(method, part)?,
                Kind::Batch(_) => Vec::new(),
            });
        }
        Ok(effects)
    }

    /// The server asks something. A host of this era can be asked only by an answer to a call of its own.
    fn questioned(&mut self, ids: &mut Ids, id: &Id, method: &str, message: &Message) -> Done {
        if method == "ping" {
            return Ok(vec![Effect::ToServer(answer(id, "{}")?)]);
        }
        let refused = |why| Ok(vec![Effect::ToServer(message::failure(Some(id), METHOD_NOT_FOUND, why))]);
        let offer = match method {
            "elicitation/create" => &self.offers["elicitation"],
            "sampling/createMessage" => &self.offers["sampling"],
            "roots/list" => &self.offers["roots"],
            _ => &Value::Null,
        };
        if offer.is_null() {
            return refused("the host does not offer this");
        }
        // Which call it is about does not matter to whoever answers: the answer goes back to this question.
        let may_ask = |call: &Call| matches!(&*call.method, "tools/call" | "prompts/get" | "resources/read");
        let present = self.calls.iter().find(|(_, call)| may_ask(call) && call.host.is_some());
        if let Some(call) = present.map(|(id, _)| id.clone()) {
            return self.park(ids, &call, message);
        }
        let Some(call) = self.calls.values_mut().find(|call| may_ask(call)) else {
            return refused("the host can be asked only while it waits for a call");
        };
        call.questions.push_back(message.clone());
        Ok(Vec::new())
    }

    /// Sends the host of a call away with a question.
    fn park(&mut self, ids: &mut Ids, call: &Id, question: &Message) -> Done {
        let Some(id) = question.request_id() else { return Ok(Vec::new()) };
        if self.parked.len() >= MOST_PARKED {
            let why = "too many calls wait for answers already";
            return Ok(vec![Effect::ToServer(message::failure(Some(id), METHOD_NOT_FOUND, why))]);
        }
        let Some(host) = self.calls.get_mut(call).and_then(|call| call.host.take()) else {
            return Ok(Vec::new());
        };
        let state = match ids.next() {
            Id::Text(text) => text.into_string(),
            id => id.to_string(),
        };
        let params = question.params().and_then(|params| std::str::from_utf8(params).ok()).unwrap_or("{}");
        let asked = format!(r#"{{"method":{},"params":{params}}}"#, quoted(question.method()));
        let result = format!(
            r#"{{"resultType":"input_required","inputRequests":{{"{QUESTION}":{asked}}},"requestState":{}}}"#,
            quoted(&state)
        );
        self.parked.insert(state, Parked { call: call.clone(), question: id.clone() });
        Ok(vec![Effect::ToHost(answer(&host, &result)?)])
    }

    fn answered(&mut self, id: &Id, message: &Message) -> Done {
        let Some(call) = self.calls.get_mut(id) else { return Ok(Vec::new()) };
        let Some(host) = call.host.clone() else {
            call.answer = Some(message.clone());
            return Ok(Vec::new());
        };
        let method = call.method.clone();
        self.calls.remove(id);
        Ok(vec![Effect::ToHost(in_new_words(&method, &with_id(message, &host)?)?)])
    }

    fn heard(&mut self, method: &str, message: &Message) -> Done {
        let list = method.strip_prefix("notifications/").and_then(|rest| rest.strip_suffix("/list_changed"));
        let params = message.params().and_then(|params| Members::read(params)).unwrap_or_default();
        let uri = params.text("uri").filter(|_| method == "notifications/resources/updated");
        match (list, uri, method) {
            (Some(list), ..) => self.pass_on(method, &params, |filter| filter.lists.contains(&list)),
            (_, Some(uri), _) => self.pass_on(method, &params, |filter| filter.resources.contains(&uri)),
            // Nobody is told how it goes on who has not asked for it.
            (.., "notifications/message") if self.log_level.is_none() => Ok(Vec::new()),
            (.., "notifications/cancelled") => Ok(Vec::new()),
            _ => Ok(vec![Effect::ToHost(message.clone())]),
        }
    }

    /// Tells everybody who listens for it.
    fn pass_on(&self, method: &str, params: &Members<'_>, is_wanted: impl Fn(&Filter) -> bool) -> Done {
        let listening = self.listening.iter().filter(|(_, filter)| is_wanted(filter));
        let told = listening.map(|(id, _)| {
            let mut params = params.clone();
            let mut meta = params.object("_meta").unwrap_or_default();
            meta.set(META_SUBSCRIPTION, id.to_string());
            let meta = meta.to_string();
            params.set("_meta", meta);
            notification(method, &params.to_string()).map(Effect::ToHost)
        });
        told.collect()
    }

    /// The host listens for what the server can tell; what lists do it tells anyway.
    fn listen(&mut self, ids: &mut Ids, id: &Id, message: &Message) -> Done {
        let wanted = message.params().and_then(|params| Members::read(params)).unwrap_or_default();
        let wanted = wanted.value("notifications");
        let is_told = |list: &&'static str| {
            wanted[format!("{list}ListChanged")] == true && self.capabilities[*list]["listChanged"] == true
        };
        let lists: Vec<_> = ["tools", "prompts", "resources"].into_iter().filter(is_told).collect();
        let tells_of_resources = self.capabilities["resources"]["subscribe"] == true;
        let uris = wanted["resourceSubscriptions"].as_array().filter(|_| tells_of_resources);
        let uris = uris.into_iter().flatten().filter_map(|uri| uri.as_str().map(str::to_owned));
        let filter = Filter { lists, resources: uris.collect() };
        let agreed =
            format!(r#"{{"_meta":{{"{META_SUBSCRIPTION}":{id}}},"notifications":{}}}"#, filter.to_json());
        let mut effects =
            vec![Effect::ToHost(notification("notifications/subscriptions/acknowledged", &agreed)?)];
        for uri in &filter.resources {
            if !self.is_listened_for(uri) {
                effects.push(self.tell(
                    ids,
                    "resources/subscribe",
                    &format!(r#"{{"uri":{}}}"#, quoted(uri)),
                )?);
            }
        }
        self.listening.insert(id.clone(), filter);
        Ok(effects)
    }

    fn unsubscribe(&mut self, ids: &mut Ids, filter: &Filter) -> Done {
        let mut effects = Vec::new();
        for uri in &filter.resources {
            if !self.is_listened_for(uri) {
                effects.push(self.tell(
                    ids,
                    "resources/unsubscribe",
                    &format!(r#"{{"uri":{}}}"#, quoted(uri)),
                )?);
            }
        }
        Ok(effects)
    }

    fn is_listened_for(&self, uri: &String) -> bool {
        self.listening.values().any(|filter| filter.resources.contains(uri))
    }
}

impl Filter {
    fn to_json(&self) -> String {
        let mut members = Members::default();
        for list in &self.lists {
            members.set(format!("{list}ListChanged"), "true");
        }
        if !self.resources.is_empty() {
            members.set("resourceSubscriptions", Value::from(self.resources.clone()).to_string());
        }
        members.to_string()
    }
}

/// The parameters without what they say of the host, and how much it wants to hear.
fn unstamped(message: &Message) -> Result<(Members<'_>, Option<String>), Malformed> {
    let json = message.params().map_or(&b"{}"[..], |params| params);
    let mut params = Members::read(json).ok_or(Malformed::NotRpc)?;
    let mut meta = params.object("_meta").ok_or(Malformed::NotRpc)?;
    let level = meta.get(META_LOG_LEVEL).map(str::to_owned);
    for name in [META_VERSION, META_CLIENT, META_CAPABILITIES, META_LOG_LEVEL] {
        meta.remove(name);
    }
    let (is_empty, meta) = (meta.is_empty(), meta.to_string());
    if is_empty {
        params.remove("_meta");
    } else {
        params.set("_meta", meta);
    }
    Ok((params, level))
}

/// The result with what a host of the new era expects in it.
fn in_new_words(method: &str, message: &Message) -> Result<Message, Malformed> {
    let Some(mut result) = super::result(message) else { return Ok(message.clone()) };
    result.set_default("resultType", r#""complete""#);
    if matches!(
        method,
        "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" | "resources/read"
    ) {
        result.set_default("ttlMs", "0");
        result.set_default("cacheScope", r#""private""#);
    }
    let mut members = Members::read(message.bytes()).ok_or(Malformed::NotRpc)?;
    members.set("result", result.to_string());
    read(members.to_string())
}
