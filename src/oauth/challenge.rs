//! `WWW-Authenticate` challenges (RFC 9110 section 11.6.1, RFC 6750 section 3, RFC 9728 section 5.1).

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use serde::{Deserialize, Serialize};

use crate::peer_text::PeerText;

/// What a server said when it refused a request without (sufficient) authorization: the parameters of its
/// `Bearer` and `DPoP` challenges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Whether a `Bearer` token would do (RFC 6750).
    bearer: bool,
    /// Whether a token with a proof would do (RFC 9449 section 7.1).
    dpop: bool,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Reads every `WWW-Authenticate` header. `None` if none of them holds a `Bearer` or `DPoP` challenge.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut challenge = Self::default();
        for value in headers.get_all(WWW_AUTHENTICATE) {
            for (scheme, own) in parse(&String::from_utf8_lossy(value.as_bytes())) {
                let (bearer, dpop) =
                    (scheme.eq_ignore_ascii_case("bearer"), scheme.eq_ignore_ascii_case("dpop"));
                challenge.bearer |= bearer;
                challenge.dpop |= dpop;
                if bearer || dpop {
                    challenge.parameters.extend(own);
                }
            }
        }
        (challenge.bearer || challenge.dpop).then_some(challenge)
    }

    /// Whether only a token that is bound to a key would do.
    pub fn demands_dpop(&self) -> bool {
        self.dpop && !self.bearer
    }

    /// Why the server refused, such as `invalid_token` or `insufficient_scope` (RFC 6750 section 3.1).
    pub fn error(&self) -> Option<&str> {
        self.get("error")
    }

    /// The server's words about it, to be shown as what they are.
    pub fn error_description(&self) -> Option<PeerText> {
        self.get("error_description").map(PeerText::from)
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a parameter; some servers repeat one.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.parameters
            .iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

pub(super) type Parsed = (String, Vec<(String, String)>);

/// Splits one header value into challenges. A token that is followed by `=` is a parameter of the current
/// challenge, any other token begins a new one. What follows no grammar is skipped, never guessed at.
pub(super) fn parse(header: &str) -> Vec<Parsed> {
    let mut challenges: Vec<Parsed> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some(first) = rest.chars().next() else { return challenges };
        let (token, after) = take_token(rest);
        if token.is_empty() {
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let padded = after.trim_start_matches([' ', '\t']);
        match (padded.strip_prefix('='), challenges.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let (value, after) = take_value(value.trim_start_matches([' ', '\t']));
                parameters.push((token.to_owned(), value));
                rest = after;
            }
            (Some(value), None) => rest = take_value(value).1,
            (None, _) => {
                challenges.push((token.to_owned(), Vec::new()));
                rest = skip_token68(after);
            }
        }
    }
}

/// A token of RFC 9110 section 5.6.2, and what follows it.
fn take_token(text: &str) -> (&str, &str) {
    let legal = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.split_at(text.find(|c| !legal(c)).unwrap_or(text.len()))
}

/// What follows the `token68` of a challenge (RFC 9110 section 11.2), if there is one: a challenge of a scheme like
/// `Negotiate` holds one instead of parameters, and it may look like the name of another scheme.
fn skip_token68(text: &str) -> &str {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
    let value = text.trim_start_matches(' ');
    let after = value.trim_start_matches(legal);
    let is_there = value.len() < text.len() && after.len() < value.len();
    let end = after.trim_start_matches('=').trim_start_matches([' ', '\t']);
    if is_there && (end.is_empty() || end.starts_with(',')) { end } else { text }
}

/// A token or a quoted string with its escapes undone, and what follows it. An unquoted value goes on to the next
/// comma or space: URLs without quotes occur.
fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, after) = text.split_at(text.find([',', ' ', '\t']).unwrap_or(text.len()));
        return (value.to_owned(), after);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        Challenge::from_headers(&headers)
    }

    /// MCP 2.
    #[test]
    fn parameters_are_read_by_the_grammar_and_only_of_bearer() {
        let url = "https://s.example/.well-known/oauth-protected-resource";
        for header in [
            &format!(r#"Bearer resource_metadata="{url}", scope="a b""#),
            &format!(r#"bearer Scope = "a b" ,resource_metadata = {url}"#),
            &format!(r#"Basic realm="x, Bearer scope=\"no\"", Bearer scope="a b",resource_metadata="{url}""#),
            &format!(r#"Bearer error_scope="no", scope="a b", resource_metadata="{url}", Basic scope="no""#),
            &format!(r#"Negotiate abc==, BEARER scope="a\ b", resource_metadata="{url}""#),
            &format!(
                r#"Negotiate a/Bearer/x , bearer scope="a b", resource_metadata="{url}", Custom dpop/+"#
            ),
        ] {
            let challenge = challenge(&[header]).unwrap();
            assert_eq!(challenge.get("scope"), Some("a b"), "{header}");
            assert_eq!(challenge.get("resource_metadata"), Some(url), "{header}");
        }
    }

    /// MCP 2.
    #[test]
    fn several_headers_are_one_answer_and_repetitions_are_kept() {
        let challenge = challenge(&["Basic realm=x", "Bearer a=1, a=2"]).unwrap();
        assert_eq!(challenge.all("a").collect::<Vec<_>>(), ["1", "2"]);
    }

    /// MCP 2, 48.
    #[test]
    fn only_a_server_that_takes_no_plain_token_demands_a_proof() {
        let demands = |values: &[&str]| challenge(values).unwrap().demands_dpop();
        assert!(demands(&["DPoP algs=\"ES256\""]) && demands(&["Basic realm=x, dpop"]));
        assert!(!demands(&["Bearer, DPoP"]) && !demands(&["DPoP algs=ES256", "Bearer"]));
        let refused = challenge(&["DPoP error=\"use_dpop_nonce\", error_description=\"again\""]);
        assert_eq!(refused.as_ref().and_then(Challenge::error), Some("use_dpop_nonce"));
    }

    /// MCP 2.
    #[test]
    fn what_is_no_bearer_challenge_is_none() {
        for header in [
            "",
            "Negotiate Bearer",
            "Negotiate Bearer/x==",
            "Basic realm=\"Bearer\"",
            ",,,=,\"",
            "scope=\"a\"",
        ] {
            assert_eq!(challenge(&[header]), None, "{header}");
        }
        assert_eq!(
            challenge(&["Bearer"]),
            Some(Challenge { bearer: true, dpop: false, parameters: Vec::new() })
        );
        assert!(challenge(&[&format!("Bearer scope=\"{}", "x\\".repeat(32 * 1024))]).is_some());
    }
}
