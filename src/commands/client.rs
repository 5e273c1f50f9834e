//! A client that was registered at the issuer by hand, as flags. Its secrets come from standard input or a file: an
//! argument could be seen by every process on the machine.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::Error;
use crate::files;
use crate::flows::brought::{BroughtClient, BroughtKey};
use crate::model::grant::AssertionAudience;
use crate::secret::{ClientKey, ClientSecret};

/// The longest secret or key that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Where help lists these flags.
const HEADING: &str = "A client that you registered";

/// What the user brings of a client.
#[derive(clap::Args)]
pub(super) struct ClientArgs {
    /// A client that was registered at the issuer by hand
    #[arg(long, help_heading = HEADING, value_name = "ID")]
    client_id: Option<String>,

    /// Read that client's secret from standard input, into the store
    #[arg(long, help_heading = HEADING, requires = "client_id")]
    client_secret_stdin: bool,

    /// A file with that client's private key in PEM, to be taken into the store (`private_key_jwt`)
    #[arg(long, help_heading = HEADING, value_name = "FILE", requires = "client_id", conflicts_with = "client_secret_stdin")]
    key: Option<PathBuf>,

    /// The name of that key at the issuer (`kid`)
    #[arg(long, help_heading = HEADING, value_name = "ID", requires = "key")]
    key_id: Option<String>,

    /// For whom the client's assertions are meant: `issuer`, which is the default, or `token-endpoint`
    #[arg(long, help_heading = HEADING, value_name = "WHOM", value_enum, requires = "key", hide_possible_values = true)]
    assertion_audience: Option<AssertionAudience>,
}

impl ClientArgs {
    /// Reads what the flags name; `None` if they name no client.
    pub(super) fn read(&self) -> Result<Option<BroughtClient>, Error> {
        let Some(id) = &self.client_id else { return Ok(None) };
        let secret = self.client_secret_stdin.then(read_client_secret).transpose()?;
        let key = self.key.as_deref().map(|file| self.read_key(file)).transpose()?;
        Ok(Some(BroughtClient { id: id.clone(), secret, key }))
    }

    fn read_key(&self, file: &Path) -> Result<BroughtKey, Error> {
        let unreadable = |why: String| Error::Usage {
            message: format!("{}: {why}", file.display()),
            hint: "give a file with a private key in PEM".into(),
        };
        let text = files::read_foreign(file, LONGEST).map_err(|error| unreadable(error.to_string()))?;
        let text = std::str::from_utf8(&text).map_err(|_| unreadable("it is no text".into()))?;
        let audience = self.assertion_audience.unwrap_or_default();
        Ok(BroughtKey { key: ClientKey::new(text), key_id: self.key_id.clone(), audience })
    }
}

fn read_client_secret() -> Result<ClientSecret, Error> {
    let mut text = Zeroizing::new(String::new());
    let read = std::io::stdin().lock().take(LONGEST).read_to_string(&mut text);
    let secret = text.trim_end_matches(['\r', '\n']);
    if read.is_err() || secret.is_empty() {
        return Err(Error::Usage {
            message: "no client secret on standard input".into(),
            hint: "pipe it in, as in `pass show client | mcpauth login … --client-secret-stdin`".into(),
        });
    }
    Ok(ClientSecret::new(secret))
}
