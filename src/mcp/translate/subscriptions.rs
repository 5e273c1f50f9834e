//! News of a server of 2026-07-28 for a host of the old era: what came by itself has to be listened for
//! (Subscriptions).

use std::collections::HashMap;

use serde_json::Value;

use super::members::{Members, quoted};
use super::{Effect, Ids, answer, cancellation, notification, request, with_id};
use crate::mcp::message::{self, INVALID_PARAMS, Id, METHOD_NOT_FOUND, Malformed, Message};
use crate::mcp::modern::META_SUBSCRIPTION;

/// How often somebody is listened to in vain.
const MOST_FAILURES: u32 = 10;

/// Every request that listens.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(HashMap<Id, Subscription>);

#[derive(Debug)]
struct Subscription {
    news: News,
    /// How often it has ended without any news.
    failures: u32,
    is_acknowledged: bool,
    /// The request of the host that is answered when the server agrees.
    waiting: Option<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum News {
    /// That lists have changed: these.
    Lists(Vec<&'static str>),
    /// That a resource has.
    Resource(String),
}

impl News {
    fn filter(&self) -> String {
        match self {
            Self::Lists(lists) => {
                let lists: Vec<String> =
                    lists.iter().map(|list| format!(r#""{list}ListChanged":true"#)).collect();
                format!("{{{}}}", lists.join(","))
            }
            Self::Resource(uri) => format!(r#"{{"resourceSubscriptions":[{}]}}"#, quoted(uri)),
        }
    }

    /// What may have been missed while nobody listened.
    fn missed(&self) -> Result<Vec<Effect>, Malformed> {
        let told = |method: &str, params: &str| notification(method, params).map(Effect::ToHost);
        match self {
            Self::Lists(lists) => {
                lists.iter().map(|list| told(&format!("notifications/{list}/list_changed"), "{}")).collect()
            }
            Self::Resource(uri) => {
                Ok(vec![told("notifications/resources/updated", &format!(r#"{{"uri":{}}}"#, quoted(uri)))?])
            }
        }
    }
}

impl Subscriptions {
    /// Listens for changes of the lists that the server says may change.
    pub(super) fn listen_for_lists(
        &mut self,
        ids: &mut Ids,
        meta: &Members<'_>,
        capabilities: &Value,
    ) -> Result<Vec<Effect>, Malformed> {
        let changing = |list: &&'static str| capabilities[*list]["listChanged"] == true;
        let lists: Vec<_> = ["tools", "prompts", "resources"].into_iter().filter(changing).collect();
        let is_there = self.0.values().any(|own| matches!(own.news, News::Lists(_)));
        if lists.is_empty() || is_there {
            return Ok(Vec::new());
        }
        let message = self.listen(ids, meta, News::Lists(lists), 0, None)?;
        Ok(vec![Effect::ToServer(message)])
    }

    /// Listens for changes of a resource, as the host has asked.
    pub(super) fn subscribe(
        &mut self,
        ids: &mut Ids,
        meta: &Members<'_>,
        uri: &str,
        asked: &Id,
    ) -> Result<Vec<Effect>, Malformed> {
        let news = News::Resource(uri.to_owned());
        if self.0.values().any(|own| own.news == news && own.is_acknowledged) {
            return Ok(vec![Effect::ToHost(answer(asked, "{}")?)]);
        }
        let message = self.listen(ids, meta, news, 0, Some(asked.clone()))?;
        Ok(vec![Effect::ToServer(message)])
    }

    fn listen(
        &mut self,
        ids: &mut Ids,
        meta: &Members<'_>,
        news: News,
        failures: u32,
        waiting: Option<Id>,
    ) -> Result<Message, Malformed> {
        let id = ids.next();
        let params = format!(r#"{{"notifications":{},"_meta":{meta}}}"#, news.filter());
        let message = request(&id, "subscriptions/listen", &params)?;
        self.0.insert(id, Subscription { news, failures, is_acknowledged: false, waiting });
        Ok(message)
    }

    /// Listens no more.
    pub(super) fn unsubscribe(&mut self, uri: &str) -> Result<Vec<Effect>, Malformed> {
        let is_meant = |own: &Subscription| own.news == News::Resource(uri.to_owned());
        let meant: Vec<Id> =
            self.0.iter().filter(|(_, own)| is_meant(own)).map(|(id, _)| id.clone()).collect();
        self.0.retain(|_, own| !is_meant(own));
        meant.iter().map(|id| cancellation(id).map(Effect::ToServer)).collect()
    }

    /// Whether a request listens.
    pub(super) fn is_one(&self, id: &Id) -> bool {
        self.0.contains_key(id)
    }

    /// The server agrees to all of it, or to a part.
    pub(super) fn acknowledged(&mut self, message: &Message) -> Result<Vec<Effect>, Malformed> {
        let params = message.params().and_then(|params| Members::read(params)).unwrap_or_default();
        let Some((id, own)) = id_in(&params).and_then(|id| self.0.get_mut(&id).map(|own| (id, own))) else {
            return Ok(Vec::new());
        };
        own.is_acknowledged = true;
        let agreed = params.value("notifications");
        let News::Resource(uri) = &own.news else { return own.again() };
        let agreed =
            agreed["resourceSubscriptions"].as_array().is_some_and(|uris| uris.iter().any(|own| own == uri));
        match own.waiting.take() {
            Some(asked) if agreed => Ok(vec![Effect::ToHost(answer(&asked, "{}")?)]),
            Some(asked) => {
                self.0.remove(&id);
                let why = "the server tells nobody when this resource changes";
                let failure = message::failure(Some(&asked), INVALID_PARAMS, why);
                Ok(vec![Effect::ToHost(failure), Effect::ToServer(cancellation(&id)?)])
            }
            None => own.again(),
        }
    }

    /// There was news: it is worth listening.
    pub(super) fn heard(&mut self, message: &Message) {
        let params = message.params().and_then(|params| Members::read(params)).unwrap_or_default();
        if let Some(own) = id_in(&params).and_then(|id| self.0.get_mut(&id)) {
            own.failures = 0;
        }
    }

    /// A request has ended, by an answer or without; the server is listened to again in a while.
    pub(super) fn ended(
        &mut self,
        ids: &mut Ids,
        meta: &Members<'_>,
        id: &Id,
        answer: Option<&Message>,
    ) -> Result<Vec<Effect>, Malformed> {
        let Some(own) = self.0.remove(id) else { return Ok(Vec::new()) };
        let code = answer.and_then(code_of);
        if let (Some(asked), Some(answer), Some(_)) = (&own.waiting, answer, code) {
            return Ok(vec![Effect::ToHost(with_id(answer, asked)?)]);
        }
        let times = own.failures + 1;
        let is_final = matches!(code, Some(METHOD_NOT_FOUND | INVALID_PARAMS));
        if is_final || (times > MOST_FAILURES && !own.is_acknowledged) {
            return Ok(Vec::new());
        }
        let message = self.listen(ids, meta, own.news, times, own.waiting)?;
        Ok(vec![Effect::Later { message, times }])
    }
}

impl Subscription {
    fn again(&self) -> Result<Vec<Effect>, Malformed> {
        if self.failures == 0 { Ok(Vec::new()) } else { self.news.missed() }
    }
}

/// The request that a notification goes back to.
fn id_in(params: &Members<'_>) -> Option<Id> {
    Id::read(params.object("_meta")?.get(META_SUBSCRIPTION)?)
}

fn code_of(answer: &Message) -> Option<i64> {
    Members::read(answer.bytes())?.object("error")?.value("code").as_i64()
}
