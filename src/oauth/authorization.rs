//! The authorization request and its answer: PKCE (RFC 7636), resource (RFC 8707), state, `iss` (RFC 9207).

use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope};
use url::Url;
use url::form_urlencoded;

use super::metadata::IssuerMetadata;
use super::{Error, ErrorResponse};
use crate::model::{ClientFacts, Issuer, ScopeSet};
use crate::peer_text::PeerText;
use crate::secret::{AuthorizationCode, CodeVerifier, State};

/// Bytes of randomness in the verifier: 64 characters.
const VERIFIER_BYTES: u32 = 48;
/// Bytes of randomness in the state: 43 characters.
const STATE_BYTES: u32 = 32;

/// What an authorization request asks for.
pub struct AuthorizationRequest<'a> {
    /// Who is asked.
    pub issuer: &'a IssuerMetadata,
    /// Who asks.
    pub client: &'a ClientFacts,
    /// Where the answer is awaited.
    pub redirect_uri: &'a str,
    /// For which resource; `None` if the user said not to tell.
    pub resource: Option<&'a str>,
    /// For which scope; no parameter is sent if it is empty.
    pub scope: &'a ScopeSet,
    /// Further parameters of the user's.
    pub parameters: &'a [(String, String)],
    /// Whether a redirect may name no issuer although the issuer promises to name itself.
    pub tolerates_missing_iss: bool,
    /// The member of the token answer that holds what the answer itself leaves out, at some issuers.
    pub answer_member: Option<&'a str>,
}

/// One attempt to sign in: everything that its answer is judged by, and nothing that outlives it.
pub struct PendingAuthorization {
    /// Where the browser is sent.
    pub url: Url,
    /// Goes with the code to the token endpoint.
    pub verifier: CodeVerifier,
    /// The redirect URI, to be repeated at the token endpoint.
    pub redirect_uri: String,
    /// The resource, to be repeated at the token endpoint and at every refresh.
    pub resource: Option<String>,
    /// What was asked for.
    pub scope: ScopeSet,
    /// The member of the token answer that holds what the answer itself leaves out.
    pub answer_member: Option<String>,
    state: State,
    issuer: Issuer,
    promises_iss: bool,
}

/// How a redirect is to be taken.
pub enum Redirect {
    /// Not the answer to this attempt: wrong or missing state, parameters given twice. The listener goes on.
    Foreign,
    /// The answer to this attempt, for better or worse.
    Answer(Result<AuthorizationCode, Error>),
}

impl PendingAuthorization {
    /// Makes a request with a fresh verifier and state.
    pub fn begin(request: &AuthorizationRequest<'_>) -> Result<Self, Error> {
        let endpoint = request.issuer.authorization_endpoint.clone().ok_or_else(|| Error::NotOffered {
            issuer: request.issuer.issuer.clone(),
            what: "a page to sign in at (authorization_endpoint)",
        })?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256_len(VERIFIER_BYTES);
        let redirect = RedirectUrl::new(request.redirect_uri.to_owned()).map_err(|error| {
            Error::Malformed { host: request.redirect_uri.to_owned(), why: format!("redirect URI: {error}") }
        })?;
        let client = oauth2::basic::BasicClient::new(ClientId::new(request.client.client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(endpoint))
            .set_redirect_uri(redirect);
        let mut authorize = client
            .authorize_url(|| CsrfToken::new_random_len(STATE_BYTES))
            .set_pkce_challenge(challenge)
            .add_scopes(request.scope.iter().map(|scope| Scope::new(scope.to_owned())));
        if let Some(resource) = request.resource {
            authorize = authorize.add_extra_param("resource", resource.to_owned());
        }
        // OpenID Connect Core section 11: offline access is granted only after the person was asked for it.
        let asks_itself = request.parameters.iter().any(|(name, _)| name == "prompt");
        if request.issuer.openid && request.scope.contains("offline_access") && !asks_itself {
            authorize = authorize.add_extra_param("prompt", "consent");
        }
        for (name, value) in request.parameters {
            authorize = authorize.add_extra_param(name.clone(), value.clone());
        }
        let (url, state) = authorize.url();
        Ok(Self {
            url: each_once(url),
            verifier: CodeVerifier::new(verifier.into_secret()),
            redirect_uri: request.redirect_uri.to_owned(),
            resource: request.resource.map(str::to_owned),
            scope: request.scope.clone(),
            answer_member: request.answer_member.map(str::to_owned),
            state: State::new(state.into_secret()),
            issuer: request.issuer.issuer.clone(),
            promises_iss: request.issuer.authorization_response_iss_parameter_supported
                && !request.tolerates_missing_iss,
        })
    }

    /// Reads the query of a redirect. State is checked first, then `iss`, and only then is anything else believed.
    pub fn receive(&self, query: &str) -> Redirect {
        match Parameters::read(query) {
            Some(parameters) if self.owns(&parameters) => Redirect::Answer(self.judge(parameters)),
            _ => Redirect::Foreign,
        }
    }

    fn owns(&self, parameters: &Parameters) -> bool {
        parameters.state.as_deref().is_some_and(|state| self.state.matches(state))
    }

    fn judge(&self, parameters: Parameters) -> Result<AuthorizationCode, Error> {
        match parameters.iss.as_deref() {
            Some(iss) if iss != self.issuer.as_str() => {
                return Err(Error::WrongIss("names another issuer than the one that was asked"));
            }
            None if self.promises_iss => {
                return Err(Error::WrongIss("names no issuer, although the issuer promises to name itself"));
            }
            _ => {}
        }
        match (parameters.error, parameters.code) {
            (Some(code), _) if code == "access_denied" => Err(Error::Declined(parameters.error_description)),
            (Some(code), _) => Err(Error::AuthorizationFailed(ErrorResponse {
                code,
                description: parameters.error_description,
            })),
            (None, Some(code)) => Ok(code),
            (None, None) => Err(Error::EmptyRedirect),
        }
    }
}

/// The same address with no parameter twice (RFC 6749 section 3.1). Some endpoints come with parameters of their own, and
/// ours, which stand behind them, are the ones that the answer is judged by.
fn each_once(mut url: Url) -> Url {
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let is_last = |at: usize| pairs[at + 1..].iter().all(|(name, _)| *name != pairs[at].0);
    let last: Vec<usize> = (0..pairs.len()).filter(|at| is_last(*at)).collect();
    if last.len() < pairs.len() {
        url.query_pairs_mut().clear().extend_pairs(last.into_iter().map(|at| &pairs[at]));
    }
    url
}

/// The parameters of a redirect (RFC 6749 section 4.1.2), form-decoded exactly once.
#[derive(Default)]
struct Parameters {
    code: Option<AuthorizationCode>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<PeerText>,
}

impl Parameters {
    /// `None` if a parameter is given twice: whichever were believed, the other might be the true one.
    fn read(query: &str) -> Option<Self> {
        let mut parameters = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let twice = match name.as_ref() {
                "code" => parameters.code.replace(AuthorizationCode::new(value)).is_some(),
                "state" => parameters.state.replace(value.into_owned()).is_some(),
                "iss" => parameters.iss.replace(value.into_owned()).is_some(),
                "error" => parameters.error.replace(value.into_owned()).is_some(),
                "error_description" => parameters.error_description.replace(PeerText::new(value)).is_some(),
                _ => false,
            };
            if twice {
                return None;
            }
        }
        Some(parameters)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::model::{ClientRegistration, RegistrationSource};

    fn issuer(promises_iss: bool) -> IssuerMetadata {
        serde_json::from_value(json!({
            "issuer": "https://i.example", "authorization_endpoint": "https://i.example/authorize?tenant=a",
            "token_endpoint": "https://i.example/token",
            "authorization_response_iss_parameter_supported": promises_iss }))
        .unwrap()
    }

    fn client() -> ClientFacts {
        let issuer = Issuer::new("https://i.example");
        ClientRegistration::public(RegistrationSource::Dynamic, &issuer, "c&d").facts
    }

    fn begin(promises_iss: bool) -> PendingAuthorization {
        PendingAuthorization::begin(&AuthorizationRequest {
            issuer: &issuer(promises_iss),
            client: &client(),
            redirect_uri: "http://127.0.0.1:7/callback",
            resource: Some("https://s.example"),
            scope: &ScopeSet::from("a b"),
            parameters: &[("audience".into(), "x y".into())],
            tolerates_missing_iss: false,
            answer_member: None,
        })
        .unwrap()
    }

    /// MCP 15, 22.
    #[test]
    fn the_request_says_everything_once() {
        let pending = begin(true);
        let pairs: Vec<(String, String)> = pending.url.query_pairs().into_owned().collect();
        let get = |name: &str| {
            pairs.iter().filter(|(own, _)| own == name).map(|(_, v)| v.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(get("tenant"), ["a"]);
        assert_eq!(get("response_type"), ["code"]);
        assert_eq!(get("client_id"), ["c&d"]);
        assert_eq!(get("redirect_uri"), ["http://127.0.0.1:7/callback"]);
        assert_eq!(get("resource"), ["https://s.example"]);
        assert_eq!(get("scope"), ["a b"]);
        assert_eq!(get("audience"), ["x y"]);
        assert_eq!(get("code_challenge_method"), ["S256"]);
        assert_eq!(get("state")[0].len(), 43);
        assert_eq!(pending.verifier.expose().len(), 64);
    }

    /// MCP 22.
    #[test]
    fn an_openid_provider_is_told_to_ask_for_offline_access() {
        let prompt = |openid: bool, scope: &str, parameters: &[(String, String)]| {
            let client = client();
            let request = AuthorizationRequest {
                issuer: &IssuerMetadata { openid, ..issuer(false) },
                client: &client,
                redirect_uri: "http://127.0.0.1:7/callback",
                resource: None,
                scope: &ScopeSet::from(scope),
                parameters,
                tolerates_missing_iss: false,
                answer_member: None,
            };
            let pending = PendingAuthorization::begin(&request).unwrap();
            let prompts = pending.url.query_pairs().filter(|(name, _)| name == "prompt");
            prompts.map(|(_, value)| value.into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(prompt(true, "a offline_access", &[]), ["consent"]);
        assert_eq!(prompt(true, "a", &[]), [""; 0]);
        assert_eq!(prompt(false, "a offline_access", &[]), [""; 0]);
        assert_eq!(prompt(true, "offline_access", &[("prompt".into(), "login".into())]), ["login"]);
    }

    /// MCP 15.
    #[test]
    fn what_an_endpoint_brings_along_gives_way_to_ours_and_the_rest_of_it_stays() {
        let endpoint = "https://i.example/a?resource=https://i.example&tenant=b&state=x&code_challenge=y";
        let endpoint = Url::parse(endpoint).ok();
        let issuer = IssuerMetadata { authorization_endpoint: endpoint, ..issuer(false) };
        let client = client();
        let request = AuthorizationRequest {
            issuer: &issuer,
            client: &client,
            redirect_uri: "http://127.0.0.1:7/callback",
            resource: Some("https://s.example"),
            scope: &ScopeSet::default(),
            parameters: &[],
            tolerates_missing_iss: false,
            answer_member: None,
        };
        let pending = PendingAuthorization::begin(&request).unwrap();
        let names: Vec<String> = pending.url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        let get = |wanted: &str| {
            let mut pairs = pending.url.query_pairs();
            pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        assert_eq!(get("resource").as_deref(), Some("https://s.example"));
        assert_eq!(get("tenant").as_deref(), Some("b"));
        assert_eq!(get("state").as_deref(), Some(pending.state.expose()));
        assert_eq!(get("code_challenge").unwrap().len(), 43);
    }

    /// MCP 15.
    #[test]
    fn no_two_attempts_share_state_or_verifier() {
        let attempts: Vec<_> = (0..500).map(|_| begin(false)).collect();
        let states: BTreeSet<_> = attempts.iter().map(|attempt| attempt.state.expose()).collect();
        let verifiers: BTreeSet<_> = attempts.iter().map(|attempt| attempt.verifier.expose()).collect();
        assert_eq!((states.len(), verifiers.len()), (500, 500));
    }

    fn receive(promises_iss: bool, query: &str) -> Redirect {
        let pending = begin(promises_iss);
        let query = query.replace("STATE", pending.state.expose());
        pending.receive(&query)
    }

    /// MCP 17.
    #[test]
    fn what_lacks_the_state_or_repeats_itself_is_not_ours() {
        for query in [
            "",
            "code=x",
            "code=x&state=wrong",
            "code=x&state=",
            "error=access_denied&state=wrong",
            "code=x&code=y&state=STATE",
            "code=x&state=STATE&state=STATE",
            "code=x&state=STATE&iss=https://i.example&iss=https://i.example",
        ] {
            assert!(matches!(receive(false, query), Redirect::Foreign), "{query}");
        }
    }

    /// MCP 18.
    #[test]
    fn the_four_rows_of_rfc_9207_and_their_traps() {
        let accepted = |promises, query: &str| matches!(receive(promises, query), Redirect::Answer(Ok(_)));
        assert!(accepted(true, "code=x&state=STATE&iss=https%3A%2F%2Fi.example"));
        assert!(!accepted(true, "code=x&state=STATE"));
        assert!(accepted(false, "code=x&state=STATE&iss=https://i.example"));
        assert!(accepted(false, "code=x&state=STATE"));
        for spelling in [
            "https://i.example/",
            "https://I.example",
            "https://i.example:443",
            "https%253A%252F%252Fi.example",
            "",
        ] {
            assert!(!accepted(false, &format!("code=x&state=STATE&iss={spelling}")), "{spelling}");
        }
    }

    /// MCP 18.
    #[test]
    fn an_error_is_believed_only_from_the_issuer_that_was_asked() {
        let wrong = receive(
            false,
            "error=access_denied&error_description=pay+me&state=STATE&iss=https://evil.example",
        );
        let Redirect::Answer(Err(error)) = wrong else { panic!("not an error") };
        assert!(!error.to_string().contains("pay me"), "{error}");
        let declined = receive(false, "error=access_denied&state=STATE");
        assert!(matches!(declined, Redirect::Answer(Err(Error::Declined(None)))));
        assert!(matches!(receive(false, "state=STATE"), Redirect::Answer(Err(Error::EmptyRedirect))));
    }

    #[test]
    fn the_code_is_decoded_exactly_once() {
        let Redirect::Answer(Ok(code)) = receive(false, "code=a%2526b%2Bc+d&state=STATE") else {
            panic!("no code")
        };
        assert_eq!(code.expose(), "a%26b+c d");
    }
}
