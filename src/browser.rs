//! The browser side of a login: open a page for the person, receive one redirect.
//!
//! Nothing here knows what the page asks or what the redirect means. [`Browser`] opens a URL; [`Listener`]
//! hands every query that comes to its path to a judge and holds the one that the judge takes.

mod choice;
mod elsewhere;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gate;
mod head;
mod launch;
mod listener;
mod pages;

pub use elsewhere::{Elsewhere, SshWay};
pub use listener::{ListenError, Listener, ListenerOptions, Stopper, Verdict, Waiting};
pub use pages::Page;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

use url::Url;

use crate::platform;
use launch::Launch;

/// The longest URL that is handed to a browser, in bytes; within what every platform takes as one argument.
const URL_LIMIT: usize = 8 * 1024;

/// Opens a page for the person. A port.
pub trait Browser: Send + Sync {
    /// Has the page opened, without waiting until it is; `Ok` says that a program was started.
    fn open(&self, url: &Url) -> Result<(), BrowserError>;

    /// The program that would be started for a page.
    fn program(&self) -> Result<PathBuf, BrowserError>;

    /// Whether trying makes sense; otherwise the URL is printed for the person to carry.
    fn available(&self) -> bool;

    /// Whether the person's browser is likely to be on another machine.
    fn elsewhere(&self) -> Option<Elsewhere> {
        None
    }
}

/// Why no page was opened. No text here repeats the URL: it carries the `state` of a login.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// The URL is nothing to give to a browser.
    #[error("cannot open this address in a browser: {0}")]
    UnfitUrl(&'static str),
    /// `$BROWSER` names no program that could be started.
    #[error("the variable BROWSER {0}")]
    UnfitVariable(&'static str),
    /// The system has no program for web pages.
    #[error("found no program that opens web pages")]
    NoProgram,
    /// There is a program, and the system refused to start it.
    #[error("cannot start a browser: {0}")]
    NotStarted(#[source] io::Error),
}

/// The browser that `$BROWSER` names, else the one of the desktop.
///
/// `$BROWSER` is a list in the manner of `$PATH`; each entry is split into words first, and then the URL
/// becomes one argument, at `%s` or at the end. No shell sees it.
pub struct SystemBrowser {
    variable: Option<OsString>,
    path: Option<OsString>,
    display: bool,
}

impl SystemBrowser {
    /// Reads `$BROWSER` and `$PATH`; `display` says whether this session can show windows.
    pub fn new(display: bool) -> Self {
        Self::with_environment(env::var_os("BROWSER"), env::var_os("PATH"), display)
    }

    /// The same with the values of `$BROWSER` and `$PATH` given.
    pub fn with_environment(variable: Option<OsString>, path: Option<OsString>, display: bool) -> Self {
        Self { variable: variable.filter(|value| !value.is_empty()), path, display }
    }

    /// What could be started for a page, best first.
    fn launches(&self, url: &str) -> Result<Vec<Launch>, BrowserError> {
        match &self.variable {
            Some(variable) => self.chosen(variable, url),
            None => self.usual(url),
        }
    }

    /// What the entries of `$BROWSER` amount to, without those whose program is not there.
    fn chosen(&self, variable: &OsStr, url: &str) -> Result<Vec<Launch>, BrowserError> {
        let text = variable.to_str().ok_or(BrowserError::UnfitVariable("is not valid UTF-8"))?;
        let mut launches = Vec::new();
        for entry in choice::entries(text).map_err(BrowserError::UnfitVariable)? {
            let words = choice::with_url(entry, url).map_err(BrowserError::UnfitVariable)?;
            let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
            launches.extend(Launch::resolve(&words, self.path.as_deref()));
        }
        if launches.is_empty() {
            return Err(BrowserError::UnfitVariable("names no program that is installed"));
        }
        Ok(launches)
    }

    /// What the desktop would use, best first, without what is not installed.
    fn usual(&self, url: &str) -> Result<Vec<Launch>, BrowserError> {
        let launches: Vec<Launch> = open::commands(url)
            .iter()
            .filter_map(|command| Launch::resolve_command(command, self.path.as_deref()))
            .collect();
        if launches.is_empty() { Err(BrowserError::NoProgram) } else { Ok(launches) }
    }
}

impl Browser for SystemBrowser {
    fn open(&self, url: &Url) -> Result<(), BrowserError> {
        let url = fit(url)?;
        launch::start_first(self.launches(url)?).map_err(BrowserError::NotStarted)
    }

    fn program(&self) -> Result<PathBuf, BrowserError> {
        let first = self.launches("https://example.com/")?.into_iter().next();
        first.map(|launch| launch.program().to_owned()).ok_or(BrowserError::NoProgram)
    }

    fn available(&self) -> bool {
        self.display || self.variable.is_some()
    }

    fn elsewhere(&self) -> Option<Elsewhere> {
        Elsewhere::find(&|name| env::var(name).ok(), platform::is_container())
    }
}

/// The serialised form of a URL that may go to a browser: ASCII, a web address, without a password.
fn fit(url: &Url) -> Result<&str, BrowserError> {
    let refuse = |why| Err(BrowserError::UnfitUrl(why));
    if !matches!(url.scheme(), "https" | "http") {
        return refuse("it is no web address");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("it contains a user name or password");
    }
    if url.as_str().len() > URL_LIMIT {
        return refuse("it is too long");
    }
    if !url.as_str().bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse("it has characters that no address has");
    }
    Ok(url.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MCP 21.
    #[test]
    fn only_web_addresses_without_a_password_are_opened() {
        let long = format!("https://a.example/{}", "a".repeat(URL_LIMIT));
        for (text, fits) in [
            ("https://a.example/authorize?x=1", true),
            ("http://127.0.0.1:8080/", true),
            ("https://münchen.example/ü?q=ü", true),
            ("file:///etc/passwd", false),
            ("javascript:alert(1)", false),
            ("ms-settings:display", false),
            ("https://user@a.example/", false),
            ("https://:secret@a.example/", false),
            (long.as_str(), false),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!(fit(&url).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn errors_do_not_repeat_the_url() {
        let browser = SystemBrowser::with_environment(Some("/no/such/program".into()), None, true);
        for text in
            ["https://u:p@a.example/?state=hush", "https://a.example/?state=hush", "ftp://a/?state=hush"]
        {
            let error = browser.open(&text.parse().unwrap()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
        }
    }

    #[test]
    fn a_display_or_a_variable_makes_a_browser_available() {
        let browser = |variable: Option<&str>, display| {
            SystemBrowser::with_environment(variable.map(OsString::from), None, display)
        };
        assert!(browser(None, true).available());
        assert!(browser(Some("w3m"), false).available());
        assert!(!browser(None, false).available());
        assert!(!browser(Some(""), false).available());
    }
}
