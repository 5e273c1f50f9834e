//! What the user settled otherwise than the standards, or the server, would have it. Each is a decision somebody may ask
//! about later, so each is shown by `status` and written into the audit log with the login that it led to.

use super::{ResourceChoice, ServerProfile};
use crate::model::DpopChoice;

impl ServerProfile {
    /// The overrides, as the flags that would settle them again. No secret is ever among them.
    pub fn overrides(&self) -> Vec<String> {
        let mut flags = Vec::new();
        self.about_the_issuer(&mut flags);
        self.about_the_request(&mut flags);
        self.about_the_redirect(&mut flags);
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
            flags.extend(url.as_ref().map(|url| format!("{flag} {url}")));
        }
        flags.extend(self.issuer.as_ref().map(|issuer| format!("--issuer {issuer}")));
        flags.extend(self.trusted_issuers.iter().map(|issuer| format!("--trust-issuer {issuer}")));
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
            ResourceChoice::Fixed(resource) => Some(format!("--resource {resource}")),
            ResourceChoice::Omitted => Some("--no-resource".into()),
        });
        flags.extend(self.scope.as_ref().map(|scope| format!("--scope \"{scope}\"")));
        // The value may be an account, a tenant, a hint at the person: the name tells what was settled.
        flags.extend(self.auth_params.keys().map(|name| format!("--auth-param {name}=…")));
        flags.extend(self.refresh_scope.map(|named| format!("--refresh-scope={named}")));
        match self.dpop {
            DpopChoice::Auto => {}
            DpopChoice::Always => flags.push("--dpop always".into()),
            DpopChoice::Never => flags.push("--dpop never".into()),
        }
    }

    fn about_the_redirect(&self, flags: &mut Vec<String>) {
        let callback = &self.callback;
        flags.extend(callback.host.as_ref().map(|host| format!("--callback-host {host}")));
        flags.extend(callback.port.map(|port| format!("--callback-port {port}")));
        flags.extend(callback.path.as_ref().map(|path| format!("--callback-path {path}")));
        flags.extend(callback.redirect_url.as_ref().map(|url| format!("--redirect-url {url}")));
    }
}

fn when(flags: &mut Vec<String>, settled: bool, flag: &str) {
    flags.extend(settled.then(|| flag.to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
