//! What a server of 2026-07-28 wants to know before it goes on, asked of a host of the old era as a server of that era
//! asks (Multi Round-Trip Requests).

use std::collections::HashMap;

use serde_json::Value;

use super::members::{Members, quoted};
use super::{Effect, Ids, cancellation, request};
use crate::mcp::message::{Id, Malformed, Message};
use crate::peer_text::PeerText;

/// How often a server may want to know more about one request.
const MOST_ROUNDS: u32 = 25;

/// A request of the host.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// What the host calls it.
    pub(super) id: Id,
    /// As the host sent it.
    pub(super) message: Message,
    rounds: u32,
    /// What the server wants to see again.
    state: Option<String>,
    responses: Vec<(String, String)>,
}

/// A request that waits for answers of the host.
#[derive(Debug)]
struct Collecting {
    asked: Asked,
    missing: usize,
}

/// How it goes on.
#[derive(Debug)]
pub(super) enum Step {
    /// With these, and then with whatever comes.
    Wait(Vec<Effect>),
    /// The request is sent once more.
    Retry(Asked),
    /// It has come to nothing.
    Fail {
        /// What the host calls it.
        id: Id,
        /// What happened.
        why: String,
    },
}

/// The questions that the host is asked for the server.
#[derive(Debug)]
pub(super) struct Inputs {
    /// What the host can answer.
    offers: Value,
    /// By the id of the question: the request that it is about, and what the server calls the question.
    questions: HashMap<Id, (Id, String, Message)>,
    collecting: HashMap<Id, Collecting>,
}

impl Asked {
    pub(super) fn new(id: &Id, message: &Message) -> Self {
        Self { id: id.clone(), message: message.clone(), rounds: 0, state: None, responses: Vec::new() }
    }

    /// How often it has been sent with nothing new in it.
    pub(super) fn times_without_input(&self) -> u32 {
        if self.responses.is_empty() { self.rounds } else { 0 }
    }

    /// The parameters with the answers.
    pub(super) fn with_inputs(&self, params: String) -> String {
        if self.rounds == 0 {
            return params;
        }
        let Some(mut with) = Members::read(params.as_bytes()) else { return params };
        let mut responses = Members::default();
        for (name, json) in &self.responses {
            responses.set(name.as_str(), json.as_str());
        }
        if !responses.is_empty() {
            with.set("inputResponses", responses.to_string());
        }
        if let Some(state) = &self.state {
            with.set("requestState", state.as_str());
        }
        with.to_string()
    }
}

impl Inputs {
    /// Those of a host with these capabilities.
    pub(super) fn new(offers: Value) -> Self {
        Self { offers, questions: HashMap::new(), collecting: HashMap::new() }
    }

    /// Asks the host what the server wants to know.
    pub(super) fn ask(
        &mut self,
        ids: &mut Ids,
        mut asked: Asked,
        result: &Members<'_>,
    ) -> Result<Step, Malformed> {
        asked.rounds += 1;
        asked.state = result.get("requestState").map(str::to_owned);
        asked.responses.clear();
        let fail = |asked: Asked, why: String| Ok(Step::Fail { id: asked.id, why });
        let Some(wanted) = result.object("inputRequests") else {
            return fail(asked, "the server asks for something that is no list of requests".into());
        };
        if asked.rounds > MOST_ROUNDS {
            return fail(asked, "the server asks for more and more input".into());
        }
        let mut effects = Vec::new();
        let mut questions = Vec::new();
        for (name, json) in wanted.iter() {
            let id = ids.next();
            let question = Members::read(json.as_bytes()).unwrap_or_default();
            let method = question.text("method").unwrap_or_default();
            if !self.is_offered(&method) {
                let method = PeerText::new(method);
                return fail(asked, format!("the server asks for {method}, which this host does not offer"));
            }
            let question = request(&id, &method, &params(&id, &question))?;
            effects.push(Effect::ToHost(question.clone()));
            questions.push((id, (asked.id.clone(), name.to_owned(), question)));
        }
        if questions.is_empty() {
            return Ok(Step::Retry(asked));
        }
        let collecting = Collecting { missing: questions.len(), asked };
        self.collecting.insert(collecting.asked.id.clone(), collecting);
        self.questions.extend(questions);
        Ok(Step::Wait(effects))
    }

    fn is_offered(&self, method: &str) -> bool {
        let name = match method {
            "elicitation/create" => "elicitation",
            "sampling/createMessage" => "sampling",
            "roots/list" => "roots",
            _ => return false,
        };
        self.offers[name].is_object()
    }

    /// Takes an answer of the host.
    pub(super) fn answered(&mut self, id: &Id, answer: &Message) -> Result<Step, Malformed> {
        let Some((asked, name, question)) = self.questions.remove(id) else {
            return Ok(Step::Wait(Vec::new()));
        };
        let Some(mut collecting) = self.collecting.remove(&asked) else { return Ok(Step::Wait(Vec::new())) };
        let members = Members::read(answer.bytes()).ok_or(Malformed::NotRpc)?;
        let method = question.method();
        let result = match members.get("result") {
            Some(result) => result.to_owned(),
            // Whoever cannot show a form has not filled it in.
            None if method == "elicitation/create" => r#"{"action":"cancel"}"#.to_owned(),
            None => {
                self.questions.retain(|_, (other, ..)| *other != asked);
                let why = format!("the host has not answered {method}, which the server needs for this");
                return Ok(Step::Fail { id: asked, why });
            }
        };
        collecting.asked.responses.push((name, result));
        collecting.missing -= 1;
        if collecting.missing == 0 {
            return Ok(Step::Retry(collecting.asked));
        }
        self.collecting.insert(asked, collecting);
        Ok(Step::Wait(Vec::new()))
    }

    /// Takes back the questions about a request that the host does not wait for any more.
    pub(super) fn cancel(&mut self, asked: &Id) -> Result<Vec<Effect>, Malformed> {
        self.collecting.remove(asked);
        let about: Vec<Id> =
            self.questions.iter().filter(|(_, (own, ..))| own == asked).map(|(id, _)| id.clone()).collect();
        self.questions.retain(|_, (own, ..)| own != asked);
        about.iter().map(|id| cancellation(id).map(Effect::ToHost)).collect()
    }
}

/// What a question says. A page to open had a name of its own in the old era.
fn params(id: &Id, question: &Members<'_>) -> String {
    let mut params = question.object("params").unwrap_or_default();
    if params.text("mode").as_deref() == Some("url") && params.get("elicitationId").is_none() {
        let name = match id {
            Id::Text(name) => quoted(name),
            id => quoted(&id.to_string()),
        };
        params.set("elicitationId", name);
    }
    params.to_string()
}
