//! One request and its answer, passed on as they come.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::stream;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Either, Full, StreamBody};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING, VARY};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::oneshot;
use url::Url;

use super::Site;
use super::crowd::Busy;
use super::edit::Edit;
use super::guard::{Admitted, Hosts};
use super::headers;
use super::metrics::{self, Counts, Open};
use super::mount::Mount;
use super::rate::Meter;
use super::refusal::{Refusal, written};
use crate::flows::relay::{Outgoing, Payload};
use crate::http::{FlowingBody, HttpError, Streamed};
use crate::mcp::message::{Id, Message};
use crate::peer_text::PeerText;

/// The largest body that is kept until the server has taken it, so that it can be sent again with another token.
const KEPT: usize = 1024 * 1024;
/// The largest body that is read because rules have to be kept.
const JUDGED: usize = 16 * 1024 * 1024;
/// How long a client may let us wait for the next piece of a body.
const PATIENCE: Duration = Duration::from_secs(30);
/// The format that Prometheus reads.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
/// What pages that were invited may send and read.
const FOR_PAGES: [(&str, &str); 3] = [
    ("access-control-allow-methods", "GET, POST, DELETE"),
    (
        "access-control-allow-headers",
        "authorization, content-type, accept, last-event-id, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name",
    ),
    ("access-control-max-age", "600"),
];

/// An answer on its way out.
pub(super) type Reply = Response<Either<Full<Bytes>, UnsyncBoxBody<Bytes, HttpError>>>;

/// Answers a request, in one way or another.
pub(super) async fn answer(site: &Site, hosts: &Hosts, request: Request<Incoming>, busy: Busy) -> Reply {
    let (head, body) = request.into_parts();
    let is_chunked = head.headers.contains_key(TRANSFER_ENCODING);
    let has_body = is_chunked || !body.is_end_stream();
    let Admitted { path, origin, is_preflight } = match site.guard.admit(&head, hosts) {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal.into_reply(true),
    };
    let origin = origin.cloned();
    let mut reply = if is_preflight {
        preflight()
    } else if site.tells_metrics && path == "/metrics" {
        written(StatusCode::OK, METRICS, metrics::text(&site.mounts))
    } else {
        match site.mounts.lead(path, head.uri.query()) {
            Err(refusal) => refusal.into_reply(has_body),
            Ok((mount, url)) => {
                let reply = Passage { site, mount }.go(url, head, body, busy).await;
                mount.counts.answered(reply.status().as_u16());
                reply
            }
        }
    };
    if let Some(origin) = origin {
        let headers = reply.headers_mut();
        headers.insert("access-control-allow-origin", origin);
        headers.insert("access-control-expose-headers", HeaderValue::from_static("mcp-session-id"));
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    if is_chunked {
        // Nobody before us has looked where they end.
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    reply
}

fn preflight() -> Reply {
    let mut reply = Response::new(Either::Left(Full::default()));
    *reply.status_mut() = StatusCode::NO_CONTENT;
    for (name, value) in FOR_PAGES {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// The way of one request to its server, and back.
struct Passage<'a> {
    site: &'a Site,
    mount: &'a Mount,
}

impl Passage<'_> {
    async fn go(&self, url: Url, head: Parts, body: Incoming, busy: Busy) -> Reply {
        let flows = !body.is_end_stream();
        match self.pass(url, head, body, busy).await {
            Ok(reply) => reply,
            Err(refusal) => refusal.into_reply(flows),
        }
    }

    async fn pass(&self, url: Url, head: Parts, body: Incoming, busy: Busy) -> Result<Reply, Refusal> {
        let has_rules = !self.site.rules.are_none();
        let length = head.headers.get(CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse().ok());
        let taken = take(body, length, if has_rules { JUDGED } else { KEPT }).await?;
        if has_rules {
            self.judge(&head, &taken)?;
        }
        self.meter(&taken)?;
        let (payload, whole, upload) = self.payload(taken);
        let headers = headers::outward(head.headers, has_rules, &self.mount.profile);
        let outgoing = Outgoing { method: head.method, url, headers, payload, patience: None };
        let id = || whole.clone().and_then(request_id);
        let answer = self.mount.relay.send(&outgoing).await;
        let answer = answer.map_err(|error| Refusal::of(&error).to(id()))?;
        self.reply(answer, upload, busy).map_err(|refusal| refusal.to(id()))
    }

    fn judge(&self, head: &Parts, taken: &Taken) -> Result<(), Refusal> {
        let judged = match taken {
            Taken::Nothing if matches!(head.method, Method::GET | Method::HEAD | Method::DELETE) => Ok(()),
            Taken::Whole(bytes) if head.method == Method::POST => self.site.rules.judge(&head.headers, bytes),
            Taken::Flowing(_) => {
                let why = format!("more than {JUDGED} bytes are not passed on where there are rules");
                Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, why))
            }
            _ => {
                Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this proxy passes on messages of MCP only"))
            }
        };
        judged.inspect_err(|_| self.mount.counts.refused())
    }

    fn meter(&self, taken: &Taken) -> Result<(), Refusal> {
        let Some(Err(refusal)) = self.mount.meter.as_ref().map(Meter::admit) else { return Ok(()) };
        self.mount.counts.refused();
        let id = if let Taken::Whole(bytes) = taken { request_id(bytes.clone()) } else { None };
        Err(refusal.to(id))
    }

    /// What is sent, and once more if all of it is here.
    fn payload(&self, taken: Taken) -> (Payload, Option<Bytes>, Option<Upload>) {
        let counts = &self.mount.counts;
        match taken {
            Taken::Nothing => (Payload::Empty, None, None),
            Taken::Whole(bytes) => {
                counts.sent(bytes.len());
                (Payload::Whole(bytes.clone()), Some(bytes), None)
            }
            Taken::Flowing(mut rest) => {
                let (upload, wanted) = oneshot::channel();
                rest.counts = Some(Arc::clone(counts));
                rest.wanted = Some(wanted);
                (Payload::Flowing(Mutex::new(Some(FlowingBody::wrap(rest)))), None, Some(upload))
            }
        }
    }

    /// The answer of the server as it goes back. Where it points elsewhere nobody goes, and nobody is sent.
    fn reply(&self, mut answer: Streamed, upload: Option<Upload>, busy: Busy) -> Result<Reply, Refusal> {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(redirected(&answer));
        }
        if !self.site.rules.are_none() && answer.headers.contains_key(CONTENT_ENCODING) {
            let text = "the server answers in compressed form, which the rules cannot be kept for";
            return Err(Refusal::new(StatusCode::BAD_GATEWAY, text));
        }
        let edit = Edit::of(&self.site.rules, &answer.headers);
        let headers = headers::inward(std::mem::take(&mut answer.headers), edit.is_some());
        let open = Open::of(&self.mount.counts);
        let returning = Returning { answer, edit, open, _upload: upload, _busy: busy };
        let mut reply = Response::new(Either::Right(returning.into_body()));
        *reply.status_mut() = status;
        *reply.headers_mut() = headers;
        Ok(reply)
    }
}

fn request_id(body: Bytes) -> Option<Id> {
    Message::read(body).ok()?.request_id().cloned()
}

fn redirected(answer: &Streamed) -> Refusal {
    let place = answer.headers.get("location").map(|place| String::from_utf8_lossy(place.as_bytes()));
    let place = place.map(|place| format!(" to {}", PeerText::new(place))).unwrap_or_default();
    let text = format!("the server points{place}, and that is not followed");
    Refusal::new(StatusCode::BAD_GATEWAY, text)
}

/// The body of a request.
enum Taken {
    Nothing,
    Whole(Bytes),
    Flowing(Rest),
}

/// Reads a body, as far as it is no larger than that.
async fn take(mut body: Incoming, length: Option<u64>, limit: usize) -> Result<Taken, Refusal> {
    let (mut pieces, mut size) = (Vec::new(), 0);
    if length.is_some_and(|length| length > limit as u64) {
        return Ok(Taken::Flowing(Rest { pieces, body, left: length, counts: None, wanted: None }));
    }
    while let Some(piece) = next_piece(&mut body).await? {
        size += piece.len();
        pieces.push(piece);
        if size > limit {
            pieces.reverse();
            return Ok(Taken::Flowing(Rest { pieces, body, left: None, counts: None, wanted: None }));
        }
    }
    Ok(match pieces.len() {
        0 => Taken::Nothing,
        1 => Taken::Whole(pieces.remove(0)),
        _ => {
            let mut whole = BytesMut::with_capacity(size);
            for piece in &pieces {
                whole.extend_from_slice(piece);
            }
            Taken::Whole(whole.freeze())
        }
    })
}

/// The next bytes, if there are more. What may follow a body is left out.
async fn next_piece(body: &mut Incoming) -> Result<Option<Bytes>, Refusal> {
    let late = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body of the request does not come");
    let broken = |_| Refusal::new(StatusCode::BAD_REQUEST, "the body of the request is broken");
    loop {
        if body.is_end_stream() {
            return Ok(None);
        }
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.map_err(late)?;
        match frame.transpose().map_err(broken)?.map(Frame::into_data) {
            Some(Ok(piece)) => return Ok(Some(piece)),
            Some(Err(_)) => {}
            None => return Ok(None),
        }
    }
}

/// A body that is too large to be kept: what was read of it, the last piece first, and what is still to come.
struct Rest {
    pieces: Vec<Bytes>,
    body: Incoming,
    left: Option<u64>,
    counts: Option<Arc<Counts>>,
    /// Ends when nobody cares for the answer any more: then the rest goes nowhere, either.
    wanted: Option<oneshot::Receiver<Infallible>>,
}

/// Held for as long as the answer to a large body is of interest.
type Upload = oneshot::Sender<Infallible>;

impl Rest {
    fn passes(&mut self, piece: Bytes) -> Frame<Bytes> {
        if let Some(counts) = &self.counts {
            counts.sent(piece.len());
        }
        self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
        Frame::data(piece)
    }
}

impl http_body::Body for Rest {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.wanted.as_mut().is_some_and(|wanted| Pin::new(wanted).poll(context).is_ready()) {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        }
        if let Some(piece) = self.pieces.pop() {
            return Poll::Ready(Some(Ok(self.passes(piece))));
        }
        loop {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        return Poll::Ready(Some(Ok(self.passes(piece))));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// An answer on its way back.
struct Returning {
    answer: Streamed,
    edit: Option<Edit>,
    open: Open,
    _upload: Option<Upload>,
    _busy: Busy,
}

impl Returning {
    fn into_body(self) -> UnsyncBoxBody<Bytes, HttpError> {
        let pieces = stream::unfold(Some(self), |returning| async {
            let mut returning = returning?;
            match returning.next().await {
                Ok(Some(piece)) => Some((Ok(Frame::data(piece)), Some(returning))),
                Ok(None) => None,
                // The connection ends in the middle, which no client takes for an end.
                Err(error) => Some((Err(error), None)),
            }
        });
        StreamBody::new(pieces).boxed_unsync()
    }

    async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            let chunk = self.answer.chunk().await?;
            self.open.counts().received(chunk.as_ref().map_or(0, Bytes::len));
            let Some(edit) = &mut self.edit else { return Ok(chunk) };
            let is_last = chunk.is_none();
            let edited = edit.next(chunk, self.answer.host())?;
            if edited.is_some() || is_last {
                return Ok(edited);
            }
        }
    }
}
