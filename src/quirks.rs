//! The ways of providers that differ from the standards: data with a version, in `quirks.toml`, which also says what
//! each effect stands for. No code knows any provider by name.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use url::Url;

/// What somebody chooses who wants none of them.
pub const NONE: &str = "none";

/// All that are known.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Grows with every change.
    pub version: u32,
    /// When the last change was made.
    pub date: String,
    #[serde(rename = "quirk")]
    quirks: Vec<Quirk>,
}

/// What is known of one provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quirk {
    /// Its name, for `--quirks`.
    pub name: String,
    /// When it was seen first.
    pub since: String,
    /// Where it is met: whole names of hosts, or `*.` and the end of one.
    pub hosts: Vec<String>,
    /// What is different there.
    pub why: String,
    /// Who saw it.
    pub source: String,
    /// What follows from it.
    pub effects: Effects,
}

/// What follows from a quirk. What is not named is as the standards say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Effects {
    /// Whether the resource parameter is sent.
    pub send_resource: Option<bool>,
    /// A further name for the resource in the address of the sign-in page.
    pub resource_as: Option<String>,
    /// Whether PKCE is taken although the metadata does not mention it.
    pub assume_pkce: bool,
    /// Further parameters of the sign-in page.
    pub auth_params: BTreeMap<String, String>,
    /// Whether each refresh repeats the scope.
    pub refresh_scope: bool,
    /// Asked for beside whatever scope the server wants.
    pub extra_scope: Vec<String>,
    /// Spellings in which the metadata may name the issuer.
    pub trusted_issuers: Vec<String>,
    /// The host in the redirect URI.
    pub callback_host: Option<String>,
    /// The object in a token answer that holds what the answer itself leaves out.
    pub token_answer_member: Option<String>,
    /// Whether clients can register themselves.
    pub registration: Option<bool>,
}

impl Effects {
    /// The spellings in which the metadata of the issuer that was asked may name it.
    pub fn spellings_of(&self, asked: &str) -> Vec<String> {
        let origin = Url::parse(asked).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        self.trusted_issuers.iter().map(|spelling| spelling.replace("{origin}", &origin)).collect()
    }
}

impl Quirk {
    /// Whether it is met at a host.
    fn is_met_at(&self, host: &str) -> bool {
        self.hosts.iter().any(|pattern| match pattern.strip_prefix('*') {
            // The dot stays: the end of a name is not the end of a label.
            Some(end) => host.len() > end.len() && host.ends_with(end),
            None => host == pattern,
        })
    }
}

/// All that are known. The file is part of the program, and a test reads it: it cannot fail here.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| read().unwrap_or_default());
    &CATALOGUE
}

fn read() -> Result<Catalogue, toml::de::Error> {
    toml::from_str(include_str!("quirks.toml"))
}

impl Catalogue {
    /// Every quirk, in the order of the file.
    pub fn all(&self) -> &[Quirk] {
        &self.quirks
    }

    /// The names of all, for people.
    pub fn names(&self) -> String {
        self.quirks.iter().map(|quirk| quirk.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// One by its name.
    pub fn named(&self, name: &str) -> Option<&Quirk> {
        self.quirks.iter().find(|quirk| quirk.name == name)
    }

    /// Those that somebody chose by name; a name that is not known is left out.
    pub fn chosen(&self, names: &[String]) -> Vec<&Quirk> {
        names.iter().filter_map(|name| self.named(name)).collect()
    }

    /// Those that are met at one of these addresses.
    pub fn met_at<'a>(&self, addresses: impl IntoIterator<Item = &'a str>) -> Vec<&Quirk> {
        let hosts: Vec<String> = addresses.into_iter().filter_map(host).collect();
        self.quirks.iter().filter(|quirk| hosts.iter().any(|host| quirk.is_met_at(host))).collect()
    }
}

/// The host of an address that nobody between here and there could have written: plain HTTP vouches for no name.
fn host(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(|url| url.scheme() == "https")?;
    url.host_str().map(str::to_owned)
}
