//! The ways of providers that the sandbox can imitate, as data.

use std::sync::LazyLock;

use serde::Deserialize;

/// The client that is known where clients cannot register themselves.
pub const KNOWN_CLIENT: &str = "sandbox-client";

/// What a sandbox does otherwise than the standards say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a way of its own, not the state of one machine")]
pub struct Imitation {
    /// Whom it imitates.
    pub name: String,
    /// What it shows of them.
    pub what: String,
    /// Says this where the resource parameter comes.
    pub(super) refuses_resource: Option<String>,
    /// Says this where a refresh names no scope.
    pub(super) refresh_needs_scope: Option<String>,
    /// Whether the metadata mentions PKCE.
    #[serde(default = "yes")]
    pub(super) mentions_pkce: bool,
    /// Whether clients can register themselves.
    #[serde(default = "yes")]
    pub(super) registers: bool,
    /// What the server puts behind the origin when it names its issuer.
    pub(super) issuer_path: Option<String>,
    /// How the metadata names the issuer; `{origin}` is the sandbox's.
    pub(super) issuer_spelling: Option<String>,
    /// The parameter of the sign-in page without which there is no refresh token.
    pub(super) offline_parameter: Option<(String, String)>,
    /// Whether there is a refresh token only for the scope `offline_access`, which no document mentions.
    #[serde(default)]
    pub(super) offline_scope: bool,
    /// The parameter of the sign-in page without which the access token opens nothing.
    pub(super) audience_parameter: Option<String>,
    /// Whether a redirect to this machine must say `localhost`.
    #[serde(default)]
    pub(super) only_localhost: bool,
    /// What stands between scopes in a token answer.
    pub(super) scope_separator: Option<String>,
    /// The member of the token answer that holds tokens and scope.
    pub(super) token_member: Option<String>,
    /// Whether the token endpoint refuses with status 200.
    #[serde(default)]
    pub(super) errors_with_200: bool,
}

impl Imitation {
    /// Whether clients can register themselves; where they cannot, [`KNOWN_CLIENT`] is known.
    pub fn registers(&self) -> bool {
        self.registers
    }
}

fn yes() -> bool {
    true
}

#[derive(Default, Deserialize)]
struct Imitations {
    imitation: Vec<Imitation>,
}

/// Every imitation, in the order of the file. The file is part of the program, and tests play each.
pub fn imitations() -> &'static [Imitation] {
    static ALL: LazyLock<Imitations> =
        LazyLock::new(|| toml::from_str(include_str!("imitations.toml")).unwrap_or_default());
    &ALL.imitation
}
