//! Why a sign-in asks for what it asks: every decision between discovery and the first request to the issuer, with the
//! rule behind it and the flag that would change it.

use super::App;
use super::dealings::Dealings;
use crate::config::{ResourceChoice, ServerProfile};
use crate::model::{DpopChoice, GrantKind, RegistrationSource};
use crate::oauth::discovery::{Discovery, Trace};
use crate::oauth::registration::preferred_auth_method;
use crate::peer_text::PeerText;

/// What is decided about, and by what.
pub(super) struct Decisions<'a> {
    pub(super) app: &'a App,
    pub(super) profile: &'a ServerProfile,
    pub(super) grant: GrantKind,
    pub(super) found: &'a Discovery,
    pub(super) dealings: &'a Dealings,
    /// How the client that there is already came about.
    pub(super) at_hand: Option<RegistrationSource>,
}

impl Decisions<'_> {
    /// Writes all of them down.
    pub(super) fn explain(&self, trace: &mut Trace) {
        self.scope(trace);
        self.resource(trace);
        self.client(trace);
        self.proof_of_key(trace);
        if self.grant == GrantKind::AuthorizationCode {
            self.code(trace);
        }
    }

    fn scope(&self, trace: &mut Trace) {
        let scope = &self.dealings.scope;
        let (source, named) = self.found.named_scope();
        let why = match (&self.profile.scope, named.is_empty()) {
            (Some(_), _) => "you settled it",
            (None, _) if self.profile.identity_provider => "it is to tell who signs in",
            (None, false) => source,
            (None, true) => "nobody names one, so the issuer decides",
        };
        let asked = if scope.is_empty() { "none".to_owned() } else { scope.to_string() };
        trace.decide("scope", format!("{asked}: {why}"), "MCP Scope Selection Strategy", "--scope");
        if self.profile.scope.is_some() || scope.is_empty() {
            return;
        }
        let outcome = if scope.contains("offline_access") {
            "asked for: the issuer lists it, and a login that lasts takes it"
        } else {
            "not asked for: the issuer does not list it"
        };
        trace.decide("offline_access", outcome, "MCP Authorization, Refresh Tokens", "--scope");
    }

    fn resource(&self, trace: &mut Trace) {
        let of_document = self.found.resource_metadata.is_some();
        let (why, flag) = match &self.profile.resource {
            ResourceChoice::Fixed(_) | ResourceChoice::Omitted => ("you settled it", "--resource"),
            ResourceChoice::Discovered if of_document => ("as the server's metadata writes it", "--resource"),
            ResourceChoice::Discovered => ("the server's URL, for lack of metadata", "--no-resource"),
        };
        let outcome = match &self.dealings.resource {
            Some(resource) => format!("{}: {why}", PeerText::from(resource.as_str())),
            None if self.profile.identity_provider => "not sent: there is no server".into(),
            None if self.profile.resource == ResourceChoice::Omitted => format!("not sent: {why}"),
            None => "not sent: the issuer is known to refuse it".into(),
        };
        trace.decide("resource parameter", outcome, "RFC 8707; MCP Authorization, Resource Parameter", flag);
    }

    fn client(&self, trace: &mut Trace) {
        const RULE: &str = "MCP Client Registration";
        let issuer = &self.found.issuer;
        let settings = self.app.config.settings();
        let document = self.profile.client_metadata_url.as_ref().or(settings.client_metadata_url.as_ref());
        let document = document.filter(|_| issuer.client_id_metadata_document_supported);
        let (outcome, flag) = match (self.at_hand, document) {
            (Some(RegistrationSource::Preregistered), _) => ("yours".to_owned(), "--client-id"),
            (_, Some(url)) => {
                (format!("described by {url}, which the issuer takes"), "--client-metadata-url")
            }
            (Some(RegistrationSource::Dynamic), None) if issuer.registration_endpoint.is_some() => {
                ("that of an earlier login, or a new one if that is no longer good".to_owned(), "--client-id")
            }
            _ if issuer.registration_endpoint.is_some() => {
                ("registered by the issuer on request".to_owned(), "--client-id")
            }
            _ if self.grant == GrantKind::Workload => {
                ("none: the platform vouches".to_owned(), "--client-id")
            }
            _ => ("has to be registered there by hand".to_owned(), "--client-id"),
        };
        trace.decide("client", outcome, RULE, flag);
        if self.at_hand != Some(RegistrationSource::Preregistered) {
            let method = preferred_auth_method(issuer, false).word();
            let listed = issuer.token_endpoint_auth_methods_supported.as_ref();
            let offered = listed.map_or("the issuer lists nothing".to_owned(), |listed| {
                format!("of what the issuer takes ({})", PeerText::from(listed.join(", ").as_str()))
            });
            trace.note("proof of the client", format!("{method}, {offered}"), "RFC 7591 section 2");
        }
    }

    fn proof_of_key(&self, trace: &mut Trace) {
        let (demanded, offered) = (self.found.demands_dpop(), self.found.offers_dpop());
        let outcome = match (self.profile.dpop, demanded, offered) {
            (DpopChoice::Always, false, false) => "refused: you demand what the issuer does not offer",
            (DpopChoice::Always, ..) => "bound to a key: you settled it",
            (DpopChoice::Never, true, _) => "not bound, although the server demands it: you settled it",
            (DpopChoice::Never, ..) => "not bound: you settled it",
            (DpopChoice::Auto, true, _) => "bound to a key: the server demands it",
            (DpopChoice::Auto, false, true) => {
                "not bound: the issuer would, and the server does not ask for it"
            }
            (DpopChoice::Auto, false, false) => "not bound: nobody speaks of it",
        };
        trace.decide("tokens", outcome, "RFC 9449", "--dpop");
    }

    /// What concerns the page that a person is sent to, and its answer.
    fn code(&self, trace: &mut Trace) {
        self.proof_of_code(trace);
        self.redirect(trace);
        self.prompt(trace);
    }

    fn proof_of_code(&self, trace: &mut Trace) {
        const RULE: &str = "MCP Authorization Code Protection";
        if self.profile.endpoints.token.is_some() {
            // Nobody advertises anything, and discovery has told who answers for it.
            return;
        }
        match (self.found.issuer.advertises_s256(), self.dealings.assume_pkce) {
            (true, _) => trace.note("PKCE", "S256: the issuer advertises it", RULE),
            (false, true) => trace.note("PKCE", "S256: not advertised, and assumed", RULE),
            (false, false) => {
                trace.decide("PKCE", "refused: the issuer does not advertise S256", RULE, "--assume-pkce");
            }
        }
    }

    fn redirect(&self, trace: &mut Trace) {
        let promised = self.found.issuer.authorization_response_iss_parameter_supported;
        let outcome = match (promised, self.profile.tolerate_missing_iss) {
            (true, false) => {
                let outcome = "must name the issuer: it promises to";
                return trace.decide("the redirect", outcome, "RFC 9207", "--tolerate-missing-iss");
            }
            (true, true) => "may leave the issuer out: you settled it",
            (false, _) => "may leave the issuer out: it promises nothing",
        };
        trace.note("the redirect", outcome, "RFC 9207");
    }

    fn prompt(&self, trace: &mut Trace) {
        if self.found.issuer.openid && self.dealings.scope.contains("offline_access") {
            let outcome = match self.dealings.auth_params.get("prompt") {
                None => "consent, without which there is no offline_access".to_owned(),
                Some(own) => format!("{own}: it is settled"),
            };
            trace.decide("prompt parameter", outcome, "OpenID Connect Core section 11", "--auth-param");
        }
    }
}
