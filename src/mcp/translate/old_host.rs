//! A host of the old era at a server of 2026-07-28: there is no session, so every request says what the host said once.

use std::collections::HashMap;

use serde_json::Value;

use super::inputs::{Asked, Inputs, Step};
use super::members::{Members, quoted};
use super::subscriptions::Subscriptions;
use super::{
    Done, Effect, Ids, OLD_REVISION, OLD_REVISIONS, answer, cancellation, cancelled, meta_of, notification,
    parts, read, request, with_id,
};
use crate::mcp::message::{self, INVALID_PARAMS, Id, Kind, Malformed, Message, SERVER_ERROR};
use crate::mcp::modern::{META_LOG_LEVEL, META_SERVER};

/// A host of the old era, and what its server does for it.
#[derive(Debug)]
pub(super) struct OldHost {
    /// What every request says of it.
    meta: Members<'static>,
    /// What the server can do.
    capabilities: Value,
    /// What the server works at, by the id that it knows.
    open: HashMap<Id, Asked>,
    inputs: Inputs,
    subscriptions: Subscriptions,
}

impl OldHost {
    /// The host that has greeted so, at the server that describes itself so.
    pub(super) fn new(initialize: &Message, described: &Members<'_>) -> Self {
        let params = initialize.params().and_then(|params| Members::read(params)).unwrap_or_default();
        Self {
            meta: meta_of(initialize),
            capabilities: described.value("capabilities"),
            open: HashMap::new(),
            inputs: Inputs::new(params.value("capabilities")),
            subscriptions: Subscriptions::default(),
        }
    }

    pub(super) fn hear_host(&mut self, ids: &mut Ids, message: &Message) -> Done {
        let mut effects = Vec::new();
        for part in parts(message) {
            effects.extend(match part.kind() {
                Kind::Request { id, method } => self.asked(ids, id, method, part)?,
                Kind::Notification { method } => self.told(ids, method, part)?,
                Kind::Response { id } => {
                    let step = self.inputs.answered(id, part);
                    self.step(ids, step)?
                }
                Kind::Batch(_) => Vec::new(),
            });
        }
        Ok(effects)
    }

    /// What the server does not know any more is answered here.
    fn asked(&mut self, ids: &mut Ids, id: &Id, method: &str, message: &Message) -> Done {
        let params = message.params().and_then(|params| Members::read(params)).unwrap_or_default();
        let done = || answer(id, "{}").map(|done| vec![Effect::ToHost(done)]);
        match method {
            "ping" => done(),
            "logging/setLevel" => {
                let level = params.get("level").unwrap_or("null").to_owned();
                self.meta.set(META_LOG_LEVEL, level);
                done()
            }
            "resources/subscribe" => {
                let uri = params.text("uri").unwrap_or_default();
                self.subscriptions.subscribe(ids, &self.meta, &uri, id)
            }
            "resources/unsubscribe" => {
                let uri = params.text("uri").unwrap_or_default();
                let mut effects = self.subscriptions.unsubscribe(&uri)?;
                effects.extend(done()?);
                Ok(effects)
            }
            _ => self.send(id.clone(), Asked::new(id, message)),
        }
    }

    fn told(&mut self, ids: &mut Ids, method: &str, message: &Message) -> Done {
        match method {
            "notifications/initialized" => {
                self.subscriptions.listen_for_lists(ids, &self.meta, &self.capabilities)
            }
            "notifications/cancelled" => self.cancel(message),
            // These are about requests of the server, which it does not make.
            "notifications/progress" | "notifications/roots/list_changed" => Ok(Vec::new()),
            method => {
                let params = self.stamped(message)?;
                Ok(vec![Effect::ToServer(notification(method, &params)?)])
            }
        }
    }

    /// Sends a request under this id, which is the host's own unless it is not the first time.
    fn send(&mut self, id: Id, asked: Asked) -> Done {
        let Ok(params) = self.stamped(&asked.message).map(|params| asked.with_inputs(params)) else {
            let why = "the parameters are no object";
            return Ok(vec![Effect::ToHost(message::failure(Some(&asked.id), INVALID_PARAMS, why))]);
        };
        let message = request(&id, asked.message.method(), &params)?;
        // Whoever asks once more for nothing but time gets it.
        let effect = match asked.times_without_input() {
            0 => Effect::ToServer(message),
            times => Effect::Later { message, times },
        };
        self.open.insert(id, asked);
        Ok(vec![effect])
    }

    /// The parameters, and what they say of the host.
    fn stamped(&self, message: &Message) -> Result<String, Malformed> {
        let params = message.params().map_or(&b"{}"[..], |params| params);
        let mut params = Members::read(params).ok_or(Malformed::NotRpc)?;
        let mut meta = params.object("_meta").ok_or(Malformed::NotRpc)?;
        for (name, json) in self.meta.iter() {
            meta.set(name, json);
        }
        let meta = meta.to_string();
        params.set("_meta", meta);
        Ok(params.to_string())
    }

    fn cancel(&mut self, message: &Message) -> Done {
        let Some(id) = cancelled(message) else { return Ok(Vec::new()) };
        let open = self.open.iter().find(|(_, asked)| asked.id == id).map(|(id, _)| id.clone());
        if let Some(own) = open {
            self.open.remove(&own);
            return Ok(vec![Effect::ToServer(cancellation(&own)?)]);
        }
        self.inputs.cancel(&id)
    }

    pub(super) fn hear_server(&mut self, ids: &mut Ids, message: &Message) -> Done {
        let mut effects = Vec::new();
        for part in parts(message) {
            effects.extend(match part.kind() {
                Kind::Response { id } => self.answered(ids, id, part)?,
                Kind::Notification { .. } => self.heard(ids, part)?,
                // A server of this era has no requests, and nobody could answer them.
                Kind::Request { .. } | Kind::Batch(_) => Vec::new(),
            });
        }
        Ok(effects)
    }

    fn heard(&mut self, ids: &mut Ids, message: &Message) -> Done {
        match message.method() {
            "notifications/subscriptions/acknowledged" => self.subscriptions.acknowledged(message),
            "notifications/cancelled" => {
                let Some(id) = cancelled(message) else { return Ok(Vec::new()) };
                self.subscriptions.ended(ids, &self.meta, &id, None)
            }
            _ => {
                self.subscriptions.heard(message);
                Ok(vec![Effect::ToHost(message.clone())])
            }
        }
    }

    fn answered(&mut self, ids: &mut Ids, id: &Id, message: &Message) -> Done {
        if self.subscriptions.is_one(id) {
            return self.subscriptions.ended(ids, &self.meta, id, Some(message));
        }
        let Some(asked) = self.open.remove(id) else { return Ok(Vec::new()) };
        let Some(result) = super::result(message) else {
            return Ok(vec![Effect::ToHost(with_id(message, &asked.id)?)]);
        };
        if result.text("resultType").as_deref() == Some("input_required") {
            let step = self.inputs.ask(ids, asked, &result);
            return self.step(ids, step);
        }
        let message = with_id(message, &asked.id)?;
        Ok(vec![Effect::ToHost(in_old_words(asked.message.method(), message)?)])
    }

    fn step(&mut self, ids: &mut Ids, step: Result<Step, Malformed>) -> Done {
        match step? {
            Step::Wait(effects) => Ok(effects),
            Step::Retry(asked) => self.send(ids.next(), asked),
            Step::Fail { id, why } => {
                Ok(vec![Effect::ToHost(message::failure(Some(&id), SERVER_ERROR, &why))])
            }
        }
    }
}

/// The answer to the greeting.
pub(super) fn greeting(initialize: &Message, described: &Members<'_>) -> Result<Message, Malformed> {
    let params = initialize.params().and_then(|params| Members::read(params)).unwrap_or_default();
    let wanted = params.text("protocolVersion");
    let version = wanted.filter(|wanted| OLD_REVISIONS.contains(&&**wanted));
    let meta = described.object("_meta").unwrap_or_default();
    let server = meta.get(META_SERVER).or(described.get("serverInfo"));
    let mut result = Members::default();
    result.set("protocolVersion", quoted(version.as_deref().unwrap_or(OLD_REVISION)));
    result.set("capabilities", described.get("capabilities").unwrap_or("{}"));
    result.set("serverInfo", server.unwrap_or(r#"{"name":"","version":""}"#));
    if let Some(instructions) = described.get("instructions") {
        result.set("instructions", instructions);
    }
    answer(initialize.request_id().unwrap_or(&Id::Null), &result.to_string())
}

/// The result, without what a host of the old era refuses: since 2026-07-28 what is structured need be no object.
fn in_old_words(method: &str, message: Message) -> Result<Message, Malformed> {
    let Some(mut result) = super::result(&message) else { return Ok(message) };
    let has_changed = match method {
        "tools/call" => drop_unless_object(&mut result, "structuredContent"),
        "tools/list" => rewrite_tools(&mut result),
        _ => false,
    };
    if !has_changed {
        return Ok(message);
    }
    let mut members = Members::read(message.bytes()).ok_or(Malformed::NotRpc)?;
    members.set("result", result.to_string());
    read(members.to_string())
}

fn drop_unless_object(members: &mut Members<'_>, name: &str) -> bool {
    let is_other = members.get(name).is_some_and(|json| !json.starts_with('{'));
    if is_other {
        members.remove(name);
    }
    is_other
}

fn rewrite_tools(result: &mut Members<'_>) -> bool {
    let Some(json) = result.get("tools").map(str::to_owned) else { return false };
    let Ok(mut tools) = serde_json::from_str::<Vec<Members<'_>>>(&json) else { return false };
    let mut has_changed = false;
    for tool in &mut tools {
        let schema = tool.get("outputSchema").and_then(|json| Members::read(json.as_bytes()));
        if schema.is_some_and(|schema| schema.text("type").as_deref() != Some("object")) {
            tool.remove("outputSchema");
            has_changed = true;
        }
    }
    if has_changed {
        let tools: Vec<String> = tools.iter().map(ToString::to_string).collect();
        result.set("tools", format!("[{}]", tools.join(",")));
    }
    has_changed
}
