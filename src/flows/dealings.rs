//! How an issuer is to be dealt with: what the user settled goes before what is known of the issuer, and that before
//! what the standards say.

use std::collections::BTreeMap;

use crate::config::{ResourceChoice, ServerProfile};
use crate::error::Error;
use crate::model::{Issuer, ScopeSet};
use crate::oauth::discovery::{Discovery, Trace};
use crate::quirks::{Quirk, catalogue};

/// How an issuer is to be dealt with.
#[derive(Clone, Debug, Default)]
pub struct Dealings {
    /// The resource parameter to send (RFC 8707); `None` if none is sent.
    pub resource: Option<String>,
    /// Whether PKCE is taken although the metadata does not promise it.
    pub assume_pkce: bool,
    /// Further parameters of the sign-in page.
    pub auth_params: BTreeMap<String, String>,
    /// The scope to ask for.
    pub scope: ScopeSet,
    /// Whether each refresh names the scope.
    pub refresh_scope: bool,
    /// The host in the redirect URI, where it is not the usual one.
    pub callback_host: Option<String>,
    /// Whether it is worth asking the issuer to register a client.
    pub registration: bool,
    /// The member of a token answer that holds what the answer itself leaves out.
    pub answer_member: Option<String>,
}

/// Whether a further parameter of the sign-in page may have this name: those that a login consists of are settled
/// elsewhere.
pub fn is_fit_parameter(name: &str) -> bool {
    const OURS: [&str; 10] = [
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "code_challenge",
        "code_challenge_method",
        "resource",
        "scope",
        "request",
        "request_uri",
    ];
    !name.is_empty() && !OURS.contains(&name)
}

/// An error if the user chose a provider that nothing is known of.
pub fn check(profile: &ServerProfile) -> Result<(), Error> {
    let unknown = profile.quirks.iter().flatten().find(|name| catalogue().named(name).is_none());
    unknown.map_or(Ok(()), |name| {
        Err(Error::Usage {
            message: format!("nothing is known of a provider `{name}`"),
            hint: format!("known are {}; `--quirks none` uses nothing of it", catalogue().names()),
        })
    })
}

/// The spellings in which an issuer is known to be named by its metadata. Asked for before there is anything else to go
/// by than the issuer that the server names. The name of another origin is believed of an issuer at the provider's own host,
/// or of one that the user named: otherwise whoever a server names could pass for the provider that the user chose.
pub fn spellings(profile: &ServerProfile, asked: &Issuer) -> Vec<Issuer> {
    let at_home = catalogue().met_at([asked.as_str()]);
    let is_pinned = profile.issuer.as_ref() == Some(asked);
    let of_quirk = |quirk: &&Quirk| {
        let is_met = at_home.iter().any(|known| known.name == quirk.name);
        let spellings = quirk.effects.spellings_of(asked.as_str()).into_iter().map(Issuer::new);
        spellings.filter(|own| is_met || is_pinned || own.is_at_origin_of(asked)).collect::<Vec<_>>()
    };
    applicable(profile, [asked.as_str()]).iter().flat_map(of_quirk).collect()
}

/// Settles how to deal with the issuer that was found, and says what is done otherwise than usual.
pub fn settle(profile: &ServerProfile, found: &Discovery, trace: &mut Trace) -> Dealings {
    let page = found.issuer.authorization_endpoint.as_ref().map(url::Url::as_str);
    let quirks = applicable(profile, [found.issuer.issuer.as_str()].into_iter().chain(page));
    let mut settling = Settling { profile, found, trace, dealings: by_the_standards(profile, found) };
    for quirk in quirks {
        settling.apply(quirk);
    }
    let mut dealings = settling.dealings;
    dealings.auth_params.extend(profile.auth_params.clone());
    dealings.refresh_scope = profile.refresh_scope.unwrap_or(dealings.refresh_scope);
    dealings
}

/// What is known of an issuer: by its addresses, or what the user says it is.
fn applicable<'a>(
    profile: &ServerProfile,
    addresses: impl IntoIterator<Item = &'a str>,
) -> Vec<&'static Quirk> {
    match &profile.quirks {
        Some(names) => catalogue().chosen(names),
        None => catalogue().met_at(addresses),
    }
}

/// What is done where nothing is known: what the user settled, else what discovery found.
fn by_the_standards(profile: &ServerProfile, found: &Discovery) -> Dealings {
    Dealings {
        resource: match &profile.resource {
            ResourceChoice::Discovered => found.resource.clone(),
            ResourceChoice::Fixed(resource) => Some(resource.clone()),
            ResourceChoice::Omitted => None,
        },
        assume_pkce: profile.assume_pkce,
        scope: profile.scope.clone().unwrap_or_else(|| found.scope()),
        callback_host: profile.callback.host.clone(),
        registration: true,
        ..Dealings::default()
    }
}

/// The work on one set of dealings.
struct Settling<'a> {
    profile: &'a ServerProfile,
    found: &'a Discovery,
    trace: &'a mut Trace,
    dealings: Dealings,
}

impl Settling<'_> {
    /// Lets a quirk decide what the user left open.
    fn apply(&mut self, quirk: &'static Quirk) {
        self.note(quirk, &format!("known as {}", quirk.name), &quirk.why, "--quirks");
        self.resource(quirk);
        self.request(quirk);
        self.client(quirk);
        self.refresh(quirk);
        let member = quirk.effects.token_answer_member.clone();
        self.dealings.answer_member = member.or(self.dealings.answer_member.take());
    }

    /// For whom the tokens will be.
    fn resource(&mut self, quirk: &'static Quirk) {
        let effects = &quirk.effects;
        if let (Some(name), Some(resource)) = (&effects.resource_as, self.dealings.resource.clone())
            && !self.profile.auth_params.contains_key(name)
        {
            self.note(quirk, &format!("{name} parameter"), &resource, "--auth-param");
            self.dealings.auth_params.insert(name.clone(), resource);
        }
        if effects.send_resource == Some(false) && self.profile.resource == ResourceChoice::Discovered {
            self.note(quirk, "resource parameter", "not sent", "--resource");
            self.dealings.resource = None;
        }
    }

    /// What else the authorization request says.
    fn request(&mut self, quirk: &'static Quirk) {
        let effects = &quirk.effects;
        for (name, value) in &effects.auth_params {
            if !self.profile.auth_params.contains_key(name) {
                self.note(quirk, &format!("{name} parameter"), value, "--auth-param");
                self.dealings.auth_params.insert(name.clone(), value.clone());
            }
        }
        // Alone it would take the place of the scope that the issuer gives by itself.
        if self.profile.scope.is_none() && !self.dealings.scope.is_empty() {
            for scope in &effects.extra_scope {
                self.note(quirk, "scope", &format!("{scope} is asked for, too"), "--scope");
                self.dealings.scope.insert(scope);
            }
        }
    }

    /// How the client shows itself.
    fn client(&mut self, quirk: &'static Quirk) {
        let effects = &quirk.effects;
        // A metadata that names other methods and not this one is believed.
        let silent = self.found.issuer.code_challenge_methods_supported.is_none();
        if effects.assume_pkce && silent && !self.dealings.assume_pkce {
            self.note(quirk, "PKCE", "used, although the metadata does not mention it", "--assume-pkce");
            self.dealings.assume_pkce = true;
        }
        if let (Some(host), None) = (&effects.callback_host, &self.profile.callback.host) {
            self.note(quirk, "redirect", &format!("to {host}"), "--callback-host");
            self.dealings.callback_host = Some(host.clone());
        }
        if effects.registration == Some(false) {
            self.note(quirk, "registration", "not asked for: clients are registered by hand", "--client-id");
            self.dealings.registration = false;
        }
    }

    fn refresh(&mut self, quirk: &'static Quirk) {
        if quirk.effects.refresh_scope && self.profile.refresh_scope.is_none() {
            self.note(quirk, "refresh", "will name the scope", "--refresh-scope");
            self.dealings.refresh_scope = true;
        }
    }

    fn note(&mut self, quirk: &'static Quirk, action: &str, outcome: &str, flag: &str) {
        self.trace.decide(action, outcome, quirk.source.as_str(), flag.to_owned());
    }
}
