//! A sandbox and a client that can be made to do wrong.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use mcpauth::sandbox::{Books, Sandbox, SandboxOptions};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

pub(crate) const REDIRECT: &str = "http://127.0.0.1:4111/callback";
pub(crate) const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more";

/// Parameters of a request, to be sent as they are or bent first.
#[derive(Clone)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn new(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(own, _)| own != name);
        self
    }

    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    /// Adds a parameter even if it is there.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    pub(crate) fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

/// An answer that has been read whole.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text))
    }

    /// A string member of the JSON body.
    pub(crate) fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", self.text)).into()
    }

    /// Status and error code of an OAuth answer.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.member("error"))
    }

    /// The parameters that a redirect carries.
    pub(crate) fn redirected(&self) -> HashMap<String, String> {
        let url =
            Url::parse(self.header("location")).unwrap_or_else(|_| panic!("no redirect: {}", self.text));
        url.query_pairs().into_owned().collect()
    }
}

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    http: reqwest::Client,
}

impl World {
    /// A sandbox whose person always consents, and one public client called `client`.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(edit: impl FnOnce(&mut SandboxOptions)) -> Self {
        let mut options = SandboxOptions { auto_consent: true, ..SandboxOptions::default() };
        edit(&mut options);
        let sandbox = Sandbox::start(options).unwrap();
        sandbox.add_client("client", None, &[REDIRECT]);
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // A connection that waits to be used again would be found broken after the server stopped.
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self { sandbox, http }
    }

    /// Waits until the books say something; whether they do. The thread of the test goes on serving its own connections
    /// meanwhile, which `Sandbox::until` would not let it.
    pub(crate) async fn until(&self, holds: impl Fn(&Books) -> bool) -> bool {
        for _ in 0..5_000 {
            if holds(&self.sandbox.books()) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        false
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.origin())
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.parse().unwrap(), self.url(path))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Reply { status, headers, text: response.text().await.unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request("GET", path)).await
    }

    pub(crate) fn form(&self, path: &str, form: &Parameters) -> reqwest::RequestBuilder {
        self.request("POST", path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.encoded())
    }

    pub(crate) async fn post(&self, path: &str, form: &Parameters) -> Reply {
        self.send(self.form(path, form)).await
    }

    pub(crate) async fn register(&self, metadata: &Value) -> Reply {
        let request = self.request("POST", "/register").header("content-type", "application/json");
        self.send(request.body(metadata.to_string())).await
    }

    /// A correct authorization request.
    pub(crate) fn authorization(&self) -> Parameters {
        let digest = ring::digest::digest(&ring::digest::SHA256, VERIFIER.as_bytes());
        Parameters::new(&[
            ("response_type", "code"),
            ("client_id", "client"),
            ("redirect_uri", REDIRECT),
            ("code_challenge", &BASE64_URL_SAFE_NO_PAD.encode(digest)),
            ("code_challenge_method", "S256"),
            ("state", "a state & more"),
            ("scope", "mcp:basic"),
            ("resource", &self.sandbox.mcp_url()),
        ])
    }

    pub(crate) async fn authorize(&self, parameters: &Parameters) -> Reply {
        self.get(&format!("/authorize?{}", parameters.encoded())).await
    }

    pub(crate) async fn code(&self, parameters: &Parameters) -> String {
        let redirected = self.authorize(parameters).await.redirected();
        redirected.get("code").unwrap_or_else(|| panic!("no code: {redirected:?}")).clone()
    }

    /// A correct token request for a code.
    pub(crate) fn redemption(&self, code: &str) -> Parameters {
        Parameters::new(&[
            ("grant_type", "authorization_code"),
            ("client_id", "client"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("resource", &self.sandbox.mcp_url()),
        ])
    }

    /// A correct token request for a refresh token.
    pub(crate) fn refreshing(&self, token: &str) -> Parameters {
        Parameters::new(&[
            ("grant_type", "refresh_token"),
            ("client_id", "client"),
            ("refresh_token", token),
            ("resource", &self.sandbox.mcp_url()),
        ])
    }

    pub(crate) async fn refresh(&self, token: &str) -> Reply {
        self.post("/token", &self.refreshing(token)).await
    }

    /// The token answer of a whole login for a scope.
    pub(crate) async fn login_for(&self, scope: &str) -> Reply {
        let code = self.code(&self.authorization().with("scope", scope)).await;
        let reply = self.post("/token", &self.redemption(&code)).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply
    }

    pub(crate) async fn login(&self) -> Reply {
        self.login_for("mcp:basic").await
    }

    /// A request to the MCP server with the headers that every revision wants.
    pub(crate) fn mcp(&self, token: Option<&str>, message: &Value) -> reqwest::RequestBuilder {
        let request = self
            .request("POST", "/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(message.to_string());
        match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// The status with which the MCP server meets a token.
    pub(crate) async fn knock(&self, token: &str) -> u16 {
        self.send(self.mcp(Some(token), &initialize("2025-11-25"))).await.status
    }
}

/// The opening message of the revisions with sessions.
pub(crate) fn initialize(version: &str) -> Value {
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": { "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } },
    })
}
