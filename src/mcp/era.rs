//! What an answer says about the era of a server: with sessions, up to 2025-11-25, or without them (Versioning; Streamable
//! HTTP, Backward Compatibility).

use serde::Deserialize;
use serde_json::Value;

use super::message::METHOD_NOT_FOUND;
use super::modern::Complaint;

/// The two ways to speak MCP over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// `initialize` comes first.
    Legacy,
    /// Every request stands for itself.
    Modern,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    result: Value,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: i64,
}

/// What the answer to a request says, if anything: whether somebody is let in has nothing to do with an era, and neither
/// has trouble that passes. `asked` is the method of the request; `initialize` is of the old era, all others are sent
/// as a modern host sends them.
pub fn said_by(asked: &str, status: u16, body: &[u8]) -> Option<Era> {
    if Complaint::read(body).is_some() && (status == 200 || (400..500).contains(&status)) {
        return Some(Era::Modern);
    }
    let answer = serde_json::from_slice::<Answer>(body).ok();
    let code = answer.as_ref().and_then(|answer| answer.error.as_ref()).map(|error| error.code);
    match status {
        // Every modern server knows this one; `initialize` none that is only modern.
        404 if code == Some(METHOD_NOT_FOUND) && asked != "server/discover" => Some(Era::Modern),
        401 | 403 | 407 | 408 | 425 | 429 => None,
        400..=499 => Some(Era::Legacy),
        200 => of_success(asked, answer.as_ref()?),
        _ => None,
    }
}

fn of_success(asked: &str, answer: &Answer) -> Option<Era> {
    match asked {
        _ if answer.error.is_some() => (asked == "server/discover").then_some(Era::Legacy),
        "initialize" => answer.result.is_object().then_some(Era::Legacy),
        "server/discover" => answer.result["supportedVersions"].is_array().then_some(Era::Modern),
        _ => answer.result["resultType"].is_string().then_some(Era::Modern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MCP 60, 61.
    #[test]
    fn words_tell_the_era_and_refusals_of_entry_tell_nothing() {
        let version = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"","data":{"supported":["2026-07-28"]}}}"#;
        let mismatch = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":""}}"#;
        let unknown = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":""}}"#;
        let own = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no session"}}"#;
        let discovered = r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"]}}"#;
        let complete = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete"}}"#;
        let bare = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        let (discover, list, initialize) = ("server/discover", "tools/list", "initialize");
        for (asked, status, body, era) in [
            (discover, 400, version, Some(Era::Modern)),
            (discover, 400, mismatch, Some(Era::Modern)),
            (initialize, 400, mismatch, Some(Era::Modern)),
            (discover, 400, own, Some(Era::Legacy)),
            (discover, 400, "", Some(Era::Legacy)),
            (discover, 404, "not found", Some(Era::Legacy)),
            (discover, 405, "", Some(Era::Legacy)),
            (discover, 404, unknown, Some(Era::Legacy)),
            (list, 404, unknown, Some(Era::Modern)),
            (initialize, 404, unknown, Some(Era::Modern)),
            (initialize, 404, "<html>", Some(Era::Legacy)),
            (discover, 200, unknown, Some(Era::Legacy)),
            (discover, 200, version, Some(Era::Modern)),
            (discover, 200, discovered, Some(Era::Modern)),
            (discover, 200, bare, None),
            (list, 200, complete, Some(Era::Modern)),
            (list, 200, bare, None),
            (list, 200, unknown, None),
            (initialize, 200, bare, Some(Era::Legacy)),
            (initialize, 200, own, None),
            (discover, 401, "", None),
            (discover, 403, own, None),
            (discover, 429, "", None),
            (discover, 500, own, None),
            (discover, 503, version, None),
            (discover, 307, "", None),
            (discover, 202, "", None),
        ] {
            assert_eq!(said_by(asked, status, body.as_bytes()), era, "{asked} {status} {body}");
        }
    }
}
