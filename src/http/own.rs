//! What one server wants beside the token: headers of the user's own, and a certificate of the client. Both are for the
//! origin of that server and nobody else, and both are secrets that lie where the user keeps them: what is settled says
//! where, and never what.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::HttpError;
use crate::files;

/// Headers that say who asks, or where a message ends: those are settled here.
pub const OURS: [&str; 14] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "dpop",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// The longest value or key that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Where the value of a header is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Source {
    /// In a variable of the environment.
    Variable(String),
    /// In a file.
    File(PathBuf),
}

/// A text that does not say where a value is. It is not repeated: it may be the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a header is settled by where its value is, `env:VAR` or `file:PATH`, and not by the value")]
pub struct NoSource;

impl FromStr for Source {
    type Err = NoSource;

    fn from_str(text: &str) -> Result<Self, NoSource> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '\0']) => {
                Ok(Self::Variable(name.into()))
            }
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(NoSource),
        }
    }
}

impl TryFrom<String> for Source {
    type Error = NoSource;

    fn try_from(text: String) -> Result<Self, NoSource> {
        text.parse()
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(formatter, "env:{name}"),
            Self::File(path) => write!(formatter, "file:{}", path.display()),
        }
    }
}

impl Source {
    fn read(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        match self {
            Self::Variable(name) => std::env::var(name)
                .map(|value| Zeroizing::new(value.into_bytes()))
                .map_err(|_| format!("the variable {name} is not set")),
            Self::File(path) => {
                files::read_foreign(path, LONGEST).map_err(|error| format!("{}: {error}", path.display()))
            }
        }
    }
}

/// The certificate with which a client shows who it is, and the key to it (RFC 8446 section 4.4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// A PEM file with the certificate, and those that lead from it to an authority.
    pub certificate: PathBuf,
    /// A PEM file with its private key, which nobody else can read.
    pub key: PathBuf,
}

impl ClientCertificate {
    /// Reads both files.
    pub fn read(&self) -> Result<reqwest::Identity, HttpError> {
        let failed = |file: &Path, why: &dyn ToString| HttpError::Unprepared {
            what: format!("the client certificate: {}", file.display()),
            why: why.to_string(),
        };
        let certificate = files::read_foreign(&self.certificate, LONGEST)
            .map_err(|error| failed(&self.certificate, &error))?;
        let key = files::read_private(&self.key, LONGEST)
            .map_err(|error| failed(&self.key, &error))?
            .ok_or_else(|| failed(&self.key, &"there is no such file"))?;
        let mut both = Zeroizing::new(Vec::with_capacity(certificate.len() + 1 + key.len()));
        both.extend_from_slice(&certificate);
        both.push(b'\n');
        both.extend_from_slice(&key);
        reqwest::Identity::from_pem(&both).map_err(|_| {
            failed(&self.certificate, &"it and the key are not a certificate and its key in PEM")
        })
    }
}

/// What one server wants beside the token.
#[derive(Clone, Debug, Default)]
pub struct Own {
    headers: Vec<(String, Source)>,
    /// How the client shows who it is.
    pub(super) certificate: Option<ClientCertificate>,
    /// The headers with their values, once they were needed.
    read: OnceLock<HeaderMap>,
}

impl Own {
    /// Touches nothing that it names yet.
    pub fn new(
        headers: impl IntoIterator<Item = (String, Source)>,
        certificate: Option<ClientCertificate>,
    ) -> Self {
        Self { headers: headers.into_iter().collect(), certificate, read: OnceLock::new() }
    }

    /// The headers with their values.
    pub(super) fn headers(&self) -> Result<&HeaderMap, HttpError> {
        if let Some(known) = self.read.get() {
            return Ok(known);
        }
        let read = self.headers.iter().map(|(name, source)| header(name, source));
        let read = read.collect::<Result<HeaderMap, _>>()?;
        Ok(self.read.get_or_init(|| read))
    }
}

fn header(name: &str, source: &Source) -> Result<(HeaderName, HeaderValue), HttpError> {
    let failed = |why: String| HttpError::Unprepared { what: format!("the header {name}"), why };
    let value = source.read().map_err(failed)?;
    let mut value = HeaderValue::from_bytes(value.trim_ascii())
        .map_err(|_| failed(format!("what is in {source} is no value of a header")))?;
    value.set_sensitive(true);
    Ok((may_be_settled(name).map_err(failed)?, value))
}

/// The name of a header that is the user's to settle; else what is wrong with it.
pub fn may_be_settled(name: &str) -> Result<HeaderName, String> {
    let known =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| "that is no name of a header".to_owned())?;
    if OURS.contains(&known.as_str()) {
        return Err(format!("the header {known} is not yours to set"));
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_settled_says_where_a_value_is_and_is_never_the_value() {
        for text in ["env:API_KEY", "file:/run/secrets/key"] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        for value in ["s3cret", "env:", "file:", "env:A=s3cret", "ENV:s3cret", ""] {
            let error = value.parse::<Source>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn who_asks_and_where_a_message_ends_is_not_the_users_to_settle() {
        assert_eq!(may_be_settled("X-Api-Key").unwrap(), "x-api-key");
        for name in ["Authorization", "DPoP", "cookie", "Content-Length", "X Y", "", "X\r\nY"] {
            assert!(may_be_settled(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_value_is_read_when_it_is_needed_and_ends_no_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let own = || Own::new([("X-Key".to_owned(), Source::File(file.path().into()))], None);
        std::fs::write(file.path(), "s3cret\n").unwrap();
        let read = own();
        assert_eq!(read.headers().unwrap()["x-key"], "s3cret");
        assert!(read.headers().unwrap()["x-key"].is_sensitive());
        std::fs::write(file.path(), "s3cret\r\nHost: evil.example").unwrap();
        let error = own().headers().unwrap_err();
        assert!(!error.to_string().contains("evil"), "{error}");
        let gone = Own::new([("X-Key".to_owned(), Source::Variable("MCPAUTH_NOWHERE".into()))], None);
        assert!(gone.headers().unwrap_err().to_string().contains("MCPAUTH_NOWHERE is not set"));
    }
}
