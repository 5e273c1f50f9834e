//! What is answered to whom.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Method, Request, Response, StatusCode};
use mcpauth_remote_bench::message;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::books::{Books, Knobs};
use crate::issuer::{Issuer, Refusal};

type Answer = Response<Full<Bytes>>;

/// How much of a body's two ends is kept to look at.
const ENDS: usize = 512;

/// The server, its issuer and their books.
pub(crate) struct Server {
    origin: String,
    knobs: RefCell<Knobs>,
    books: RefCell<Books>,
    issuer: RefCell<Issuer>,
}

impl Server {
    pub(crate) fn new(origin: String) -> Self {
        let knobs = Knobs { lifetime: 3600, ..Knobs::default() };
        Self { origin, knobs: knobs.into(), books: RefCell::default(), issuer: RefCell::default() }
    }

    pub(crate) async fn answer(self: Rc<Self>, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        if path == "/mcp" {
            return Ok(self.mcp(&head.method, &head.headers, body).await);
        }
        if let Some(control) = path.strip_prefix("/_ctl/") {
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            return Ok(self.control(control, &body));
        }
        self.books.borrow_mut().request(&format!("{} {path}", head.method));
        Ok(match path {
            "/authorize" => self.authorize(head.uri.query().unwrap_or_default()),
            "/token" => self.token(body).await,
            "/register" => {
                let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                self.discovered(StatusCode::CREATED, registered(&body)).await
            }
            "/.well-known/oauth-protected-resource/mcp" | "/.well-known/oauth-protected-resource" => {
                self.discovered(StatusCode::OK, self.resource()).await
            }
            "/.well-known/oauth-authorization-server" => {
                self.discovered(StatusCode::OK, self.metadata()).await
            }
            _ => plain(StatusCode::NOT_FOUND),
        })
    }

    async fn mcp(&self, method: &Method, headers: &HeaderMap, body: Incoming) -> Answer {
        let authorization = headers.get("authorization").map(|value| value.as_bytes()).unwrap_or_default();
        let honoured = self.issuer.borrow().honours(authorization);
        // Also what is refused has been sent, and is read.
        let (length, ends) = read(body).await;
        let answer = match *method {
            _ if !honoured => {
                self.books.borrow_mut().request(&format!("{method} /mcp refused"));
                return self.challenge();
            }
            Method::POST => self.called(length, &ends).await,
            Method::DELETE => plain(StatusCode::OK),
            _ => plain(StatusCode::METHOD_NOT_ALLOWED),
        };
        self.books.borrow_mut().request(match *method {
            Method::POST => "POST /mcp",
            Method::DELETE => "DELETE /mcp",
            _ => "GET /mcp",
        });
        answer
    }

    async fn called(&self, length: usize, ends: &[u8]) -> Answer {
        let Some(id) = message::id(ends) else { return plain(StatusCode::ACCEPTED) };
        if message::mentions(ends, "\"initialize\"") {
            return begun(id);
        }
        let Knobs { answer, events, .. } = *self.knobs.borrow();
        if answer > 0 {
            sleep(Duration::from_millis(answer)).await;
        }
        let answer =
            if message::mentions(ends, "\"tools/list\"") { tools(id) } else { message::answer(id, length) };
        if events { as_event(&answer) } else { as_json(answer) }
    }

    fn challenge(&self) -> Answer {
        let at = format!("{}/.well-known/oauth-protected-resource/mcp", self.origin);
        let challenge = format!("Bearer resource_metadata=\"{at}\", error=\"invalid_token\"");
        let answer =
            Response::builder().status(StatusCode::UNAUTHORIZED).header("www-authenticate", challenge);
        answer.body(Full::default()).unwrap_or_default()
    }

    fn resource(&self) -> Value {
        let origin = &self.origin;
        json!({
            "resource": format!("{origin}/mcp"), "authorization_servers": [origin], "scopes_supported": ["mcp"],
            "bearer_methods_supported": ["header"],
        })
    }

    fn metadata(&self) -> Value {
        let at = |path| format!("{}{path}", self.origin);
        json!({
            "issuer": self.origin, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "registration_endpoint": at("/register"), "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"], "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true, "scopes_supported": ["mcp"],
        })
    }

    async fn discovered(&self, status: StatusCode, document: Value) -> Answer {
        let delay = self.knobs.borrow().discovery;
        if delay > 0 {
            sleep(Duration::from_millis(delay)).await;
        }
        with_status(status, &document)
    }

    fn authorize(&self, query: &str) -> Answer {
        let asked = pairs(query.as_bytes());
        let Some(back) = asked("redirect_uri") else { return plain(StatusCode::BAD_REQUEST) };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("code", "granted").append_pair("iss", &self.origin);
        query.extend_pairs(asked("state").map(|state| ("state", state)));
        let back = format!("{back}?{}", query.finish());
        let answer = Response::builder().status(StatusCode::FOUND).header("location", back);
        answer.body(Full::default()).unwrap_or_default()
    }

    async fn token(&self, body: Incoming) -> Answer {
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let asked = pairs(&body);
        let Knobs { lifetime, revoke, token: delay, .. } = *self.knobs.borrow();
        let outcome = match asked("refresh_token") {
            Some(token) => self.issuer.borrow_mut().renew(&token, lifetime, revoke),
            None => Ok(self.issuer.borrow_mut().begin(lifetime)),
        };
        let refresh = asked("refresh_token").is_some();
        if delay > 0 {
            sleep(Duration::from_millis(delay)).await;
        }
        self.books.borrow_mut().count(match &outcome {
            Ok(_) if refresh => "refreshed",
            Ok(_) => "logged in",
            Err(Refusal::Reuse) => "reused",
            Err(Refusal::Unknown) => "refresh refused",
        });
        match outcome {
            Ok(tokens) => with_status(StatusCode::OK, &tokens),
            Err(_) => with_status(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_grant" })),
        }
    }

    /// What the driver wants: `set`, `books` (and new ones from here on), `token`, `stop-honouring`.
    fn control(&self, wanted: &str, body: &[u8]) -> Answer {
        let answer = match wanted {
            "set" => {
                self.knobs.borrow_mut().turn(&serde_json::from_slice(body).unwrap_or_default());
                json!({})
            }
            "books" => self.books.take().to_json(),
            "token" => self.issuer.borrow_mut().begin(3600),
            "stop-honouring" => {
                self.issuer.borrow_mut().stop_honouring();
                json!({})
            }
            _ => return plain(StatusCode::NOT_FOUND),
        };
        with_status(StatusCode::OK, &answer)
    }
}

/// How long a body is, and its two ends.
async fn read(mut body: Incoming) -> (usize, BytesMut) {
    let (mut length, mut head, mut tail) = (0, BytesMut::new(), Bytes::new());
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        head.extend_from_slice(&data[..data.len().min(ENDS.saturating_sub(head.len()))]);
        // The last piece may be a short one.
        tail = if data.len() >= ENDS { data } else { [tail, data].concat().into() };
        tail = tail.slice(tail.len().saturating_sub(ENDS)..);
    }
    if length > ENDS {
        head.extend_from_slice(&tail);
    }
    (length, head)
}

fn begun(id: &[u8]) -> Answer {
    let id = String::from_utf8_lossy(id);
    let answer = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":"2025-06-18","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"bench","version":"1"}}}}}}"#
    );
    let mut answer = as_json(answer.into_bytes());
    answer.headers_mut().insert("mcp-session-id", hyper::header::HeaderValue::from_static("bench-session"));
    answer
}

fn tools(id: &[u8]) -> Vec<u8> {
    let id = String::from_utf8_lossy(id);
    let tool = r#"{"name":"echo","description":"says it again","inputSchema":{"type":"object"}}"#;
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{tool}]}}}}"#).into_bytes()
}

fn as_json(answer: Vec<u8>) -> Answer {
    let response = Response::builder().header("content-type", "application/json");
    response.body(Full::new(answer.into())).unwrap_or_default()
}

fn as_event(answer: &[u8]) -> Answer {
    let event = [b"event: message\ndata: ", answer, b"\n\n"].concat();
    let response = Response::builder().header("content-type", "text/event-stream");
    response.body(Full::new(event.into())).unwrap_or_default()
}

fn with_status(status: StatusCode, document: &Value) -> Answer {
    let mut answer = as_json(document.to_string().into_bytes());
    *answer.status_mut() = status;
    answer
}

fn plain(status: StatusCode) -> Answer {
    Response::builder().status(status).body(Full::default()).unwrap_or_default()
}

/// A client as it was described, with a name of its own.
fn registered(body: &[u8]) -> Value {
    let mut client: Value = serde_json::from_slice(body).unwrap_or_default();
    client["client_id"] = "client-of-the-benchmark".into();
    client["client_id_issued_at"] = 1_700_000_000.into();
    client["token_endpoint_auth_method"] = "none".into();
    client
}

/// What a form or a query says under a name.
fn pairs(text: &[u8]) -> impl Fn(&str) -> Option<String> {
    move |wanted| {
        form_urlencoded::parse(text).find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
    }
}
