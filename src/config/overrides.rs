//! What the user settled otherwise than the standards, or the server, would have it. Each is a decision somebody may ask
//! about later, so each is shown by `status` and written into the audit log with the login that it led to.

use std::path::Path;

use super::{ResourceChoice, ServerProfile};
use crate::model::grant::TokenSource;
use crate::model::{DpopChoice, GrantKind, Issuer};
use crate::wording::quoted;

impl ServerProfile {
    /// The overrides, as flags. What a further parameter says is left out: it may be about a person.
    pub fn overrides(&self) -> Vec<String> {
        self.flags(|name, _| format!("{name}=…"))
    }

    /// The flags that would settle the overrides again.
    pub fn override_flags(&self) -> Vec<String> {
        self.flags(|name, value| quoted(&format!("{name}={value}")))
    }

    fn flags(&self, parameter: impl Fn(&str, &str) -> String) -> Vec<String> {
        let mut flags = Vec::new();
        self.about_the_issuer(&mut flags);
        self.about_the_request(&mut flags);
        let parameters = self.auth_params.iter().map(|(name, value)| parameter(name, value));
        flags.extend(parameters.map(|parameter| format!("--auth-param {parameter}")));
        self.about_the_redirect(&mut flags);
        self.about_the_server(&mut flags);
        flags
    }

    fn about_the_server(&self, flags: &mut Vec<String>) {
        let line = |(name, source)| format!("--header {}", quoted(&format!("{name}: {source}")));
        flags.extend(self.headers.iter().map(line));
        if let Some(own) = &self.client_certificate {
            let file = |path: &Path| quoted(&path.to_string_lossy());
            flags.push(format!("--client-cert {} --client-key {}", file(&own.certificate), file(&own.key)));
        }
    }

    /// How to sign in, as the flags that would settle it again.
    pub fn grant_flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        let enterprise = &self.enterprise;
        when(&mut flags, self.identity_provider, "--identity-provider");
        // Where the assertion or the identity provider is says which grant is meant.
        let implied =
            self.assertion.is_some() || enterprise.provider.is_some() || enterprise.subject.is_some();
        let grant = Some(self.grant).filter(|grant| *grant != GrantKind::default() && !implied);
        flags.extend(grant.map(|grant| format!("--grant {grant}")));
        flags.extend(self.assertion.as_ref().map(|source| from("assertion", source)));
        flags.extend(enterprise.provider.as_ref().map(|name| format!("--idp {name}")));
        flags.extend(enterprise.subject.as_ref().map(|source| from("subject-token", source)));
        let issuer = enterprise.issuer.as_ref().map(|issuer| quoted(issuer.as_str()));
        flags.extend(issuer.map(|issuer| format!("--idp-issuer {issuer}")));
        let endpoint = enterprise.token_endpoint.as_ref().map(|url| quoted(url.as_str()));
        flags.extend(endpoint.map(|url| format!("--idp-token-url {url}")));
        flags.extend(enterprise.client_id.as_deref().map(|id| format!("--idp-client-id {}", quoted(id))));
        flags
    }

    fn about_the_issuer(&self, flags: &mut Vec<String>) {
        let endpoints = &self.endpoints;
        for (flag, url) in [
            ("--authorize-url", &endpoints.authorization),
            ("--token-url", &endpoints.token),
            ("--register-url", &endpoints.registration),
            ("--revoke-url", &endpoints.revocation),
            ("--device-url", &endpoints.device_authorization),
        ] {
            flags.extend(url.as_ref().map(|url| format!("{flag} {}", quoted(url.as_str()))));
        }
        let of_issuer = |flag: &str, issuer: &Issuer| format!("{flag} {}", quoted(issuer.as_str()));
        flags.extend(self.issuer.as_ref().map(|issuer| of_issuer("--issuer", issuer)));
        flags.extend(self.trusted_issuers.iter().map(|issuer| of_issuer("--trust-issuer", issuer)));
        when(flags, self.strict_resource, "--strict-resource");
        when(flags, self.assume_pkce, "--assume-pkce");
        when(flags, self.tolerate_missing_iss, "--tolerate-missing-iss");
        match self.quirks.as_deref() {
            None => {}
            Some([]) => flags.push("--quirks none".into()),
            Some(names) => flags.extend(names.iter().map(|name| format!("--quirks {name}"))),
        }
    }

    fn about_the_request(&self, flags: &mut Vec<String>) {
        flags.extend(match &self.resource {
            ResourceChoice::Discovered => None,
            ResourceChoice::Fixed(resource) => Some(format!("--resource {}", quoted(resource))),
            ResourceChoice::Omitted => Some("--no-resource".into()),
        });
        flags.extend(self.scope.as_ref().map(|scope| format!("--scope {}", quoted(&scope.to_string()))));
        flags.extend(self.refresh_scope.map(|named| format!("--refresh-scope={named}")));
        match self.dpop {
            DpopChoice::Auto => {}
            DpopChoice::Always => flags.push("--dpop always".into()),
            DpopChoice::Never => flags.push("--dpop never".into()),
        }
    }

    fn about_the_redirect(&self, flags: &mut Vec<String>) {
        let callback = &self.callback;
        flags.extend(callback.host.as_ref().map(|host| format!("--callback-host {}", quoted(host))));
        flags.extend(callback.port.map(|port| format!("--callback-port {port}")));
        flags.extend(callback.path.as_ref().map(|path| format!("--callback-path {path}")));
        flags.extend(
            callback.redirect_url.as_ref().map(|url| format!("--redirect-url {}", quoted(url.as_str()))),
        );
    }
}

fn from(what: &str, source: &TokenSource) -> String {
    match source {
        TokenSource::File(file) => format!("--{what}-file {}", quoted(&file.to_string_lossy())),
        TokenSource::Command(words) => {
            let command: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            format!("--{what}-command {}", quoted(&command.join(" ")))
        }
    }
}

fn when(flags: &mut Vec<String>, settled: bool, flag: &str) {
    flags.extend(settled.then(|| flag.to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grant_is_told_by_what_it_takes() {
        let mut profile =
            ServerProfile::new("box".parse().unwrap(), "https://s.example/mcp".parse().unwrap());
        assert_eq!(profile.grant_flags(), [""; 0]);
        profile.grant = GrantKind::ClientCredentials;
        assert_eq!(profile.grant_flags(), ["--grant client-credentials"]);
        let words = ["print", "it"].map(String::from).to_vec();
        profile.assertion = Some(TokenSource::Command(words));
        assert_eq!(profile.grant_flags(), ["--assertion-command 'print it'"]);
    }

    #[test]
    fn what_nobody_settled_is_no_override_and_what_somebody_did_is() {
        let mut profile =
            ServerProfile::new("box".parse().unwrap(), "https://s.example/mcp".parse().unwrap());
        assert_eq!(profile.overrides(), [""; 0]);
        profile.resource = ResourceChoice::Omitted;
        profile.assume_pkce = true;
        profile.quirks = Some(Vec::new());
        profile.auth_params.insert("login_hint".into(), "ana@example.org".into());
        let flags = profile.overrides();
        assert_eq!(flags, ["--assume-pkce", "--quirks none", "--no-resource", "--auth-param login_hint=…"]);
        let again = profile.override_flags().pop();
        assert_eq!(again.as_deref(), Some("--auth-param 'login_hint=ana@example.org'"));
    }
}
