//! Tokens of somebody else's, which lie in a file or are printed by a command.

use std::path::Path;
use std::time::Duration;

use super::printed;
use crate::error::Error;
use crate::files;
use crate::model::grant::TokenSource;
use crate::secret::Assertion;

/// The longest token that is read, in bytes.
const LONGEST: usize = 64 * 1024;
/// How long a command that prints one has.
const LIMIT: Duration = Duration::from_secs(10);

/// Reads a token of somebody else's as it is now.
pub(super) fn read(source: &TokenSource) -> Result<Assertion, Error> {
    let text = match source {
        TokenSource::File(file) => of_file(file),
        TokenSource::Command(words) => match words.split_first() {
            Some((program, arguments)) => printed::by(program, arguments, LIMIT, LONGEST)
                .map(|text| Assertion::new(text.trim()))
                .map_err(|why| (why, "run the command by hand to see what it says".to_owned())),
            None => Err(("no command is settled".into(), "settle one with `mcpauth server set`".into())),
        },
    };
    let (message, hint) = match text {
        Ok(text) if is_token(text.expose()) => return Ok(text),
        Ok(_) => ("what was read is no token".into(), "one line of visible characters is wanted".into()),
        Err(trouble) => trouble,
    };
    Err(Error::Usage { message: format!("cannot read the assertion: {message}"), hint })
}

fn of_file(file: &Path) -> Result<Assertion, (String, String)> {
    let hint = || "check --assertion-file, or --subject-token-file".to_owned();
    let named = |why: String| (format!("{}: {why}", file.display()), hint());
    let bytes = files::read_foreign(file, LONGEST as u64).map_err(|error| named(error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| named("it is not text".into()))?;
    Ok(Assertion::new(text.trim()))
}

/// Whether a text can be a token: nothing in it that a form or a header would trip over.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
