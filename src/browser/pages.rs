//! What the person sees in the browser after a login, and what everybody else sees.
//!
//! Every byte is a constant: nothing that came with a request is ever repeated, so there is nothing to
//! escape. No script, and nothing is loaded from anywhere.

use std::io::{self, Write};

use tiny_http::{HTTPVersion, Header, Response, StatusCode};

/// The page at the end of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The login is stored.
    SignedIn,
    /// It is not, and the terminal says why.
    NotSignedIn,
}

impl Page {
    /// Where the page is; a path that holds no code.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::SignedIn => "/signed-in",
            Self::NotSignedIn => "/not-signed-in",
        }
    }

    /// The page itself.
    pub(super) fn reply(self) -> Reply {
        let body = match self {
            Self::SignedIn => SIGNED_IN,
            Self::NotSignedIn => NOT_SIGNED_IN,
        };
        Reply { status: 200, further: None, body }
    }
}

/// Sends the browser to a page.
pub(super) fn redirect_to(page: Page) -> Reply {
    Reply { status: 303, further: Some(("Location", page.path())), body: "" }
}

/// Says that a request is not served, without a word about it.
pub(super) fn refusal(status: u16) -> Reply {
    let body = if status == 404 { NOTHING_HERE } else { NOT_EXPECTED };
    Reply { status, further: (status == 405).then_some(("Allow", "GET")), body }
}

/// A whole answer.
pub(super) struct Reply {
    status: u16,
    further: Option<(&'static str, &'static str)>,
    body: &'static str,
}

impl Reply {
    /// Writes it as the last one of its connection.
    pub(super) fn write(&self, mut to: impl Write) -> io::Result<()> {
        let headers = HEADERS.iter().copied().chain(self.further).filter_map(header).collect();
        let body = self.body.as_bytes();
        let response = Response::new(StatusCode(self.status), headers, body, Some(body.len()), None);
        let mut text = Vec::with_capacity(1024 + body.len());
        response.raw_print(&mut text, HTTPVersion(1, 1), &[], false, None)?;
        // tiny_http keeps this header to itself; it goes in behind the status line.
        let line = text.iter().position(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        text.splice(line..line, *b"Connection: close\r\n");
        to.write_all(&text)?;
        to.flush()
    }
}

fn header((name, value): (&str, &str)) -> Option<Header> {
    Header::from_bytes(name, value).ok()
}

/// Sent with everything. The hash is that of [`style!`], and a test says so.
const HEADERS: [(&str, &str); 8] = [
    ("Content-Type", "text/html; charset=utf-8"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'sha256-ssKMJHBvKaAFfnH9cNEsgyv1X1VQmkLmLjqwmJibOEI='; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Server", "mcpauth"),
];

/// The one style of all pages: a quiet sheet of paper, or a quiet night.
macro_rules! style {
    () => {
        "\
:root{color-scheme:light dark;--paper:#faf8f4;--ink:#23211d;--soft:#6d685f;--line:#e2ddd3;--good:#1f7a55;--bad:#a8572a}
@media(prefers-color-scheme:dark){:root{--paper:#151513;--ink:#efece5;--soft:#a09a8f;--line:#33312c;--good:#62c79a;--bad:#e29a6b}}
*{margin:0;box-sizing:border-box}
body{min-height:100vh;display:grid;grid-template:1fr auto/minmax(0,33rem);justify-content:center;padding:0 2rem;\
background:var(--paper);color:var(--ink);\
font:17px/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}
main{align-self:center;padding:4rem 0 5rem}
svg{display:block;width:120px;height:60px;margin:0 0 2.25rem -1px;fill:none;stroke:currentColor;stroke-width:2;\
stroke-linecap:round;stroke-linejoin:round}
.good{color:var(--good)}.bad{color:var(--bad)}.soft{color:var(--soft)}
h1{font:400 2.6rem/1.15 'Iowan Old Style','Palatino Linotype',Palatino,'URW Palladio L','Noto Serif',Georgia,serif;\
letter-spacing:-.015em;margin-bottom:1rem;text-wrap:balance}
p{color:var(--soft);text-wrap:pretty}
footer{padding:1.1rem 0 1.4rem;border-top:1px solid var(--line);color:var(--soft);\
font:13px/1.5 ui-monospace,'SF Mono','Cascadia Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace}
"
    };
}

macro_rules! page {
    ($title:literal, $tone:literal, $mark:literal, $text:literal) => {
        concat!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>",
            $title,
            "</title>\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n",
            "<meta name=\"robots\" content=\"noindex\">\n<style>",
            style!(),
            "</style>\n</head>\n<body>\n<main>\n<svg class=\"",
            $tone,
            "\" viewBox=\"0 0 120 60\" aria-hidden=\"true\">",
            $mark,
            "</svg>\n<h1>",
            $title,
            "</h1>\n<p>",
            $text,
            "</p>\n</main>\n<footer>mcpauth</footer>\n</body>\n</html>\n"
        )
    };
}

const SIGNED_IN: &str = page!(
    "You are signed in",
    "good",
    "<circle cx=\"30\" cy=\"30\" r=\"28\"/><path d=\"M58 30h58v13M102 30v9M19.5 30.5l7.5 7.5 14-15.5\"/>",
    "You can close this tab and return to your terminal."
);

const NOT_SIGNED_IN: &str = page!(
    "Not signed in",
    "bad",
    "<circle cx=\"30\" cy=\"30\" r=\"28\"/><path d=\"M58 30h16M90 30h26v13M102 30v9M30 18v15M30 41v.5\"/>",
    "Your terminal says why. Nothing was stored."
);

const NOT_EXPECTED: &str = page!(
    "This answer was not expected",
    "soft",
    "<g stroke-dasharray=\"2 6\"><circle cx=\"30\" cy=\"30\" r=\"28\"/><path d=\"M58 30h58v13M102 30v9\"/></g>",
    "It changed nothing. If you are signing in, go on in the page where you started."
);

const NOTHING_HERE: &str = page!(
    "Nothing here",
    "soft",
    "<g stroke-dasharray=\"2 6\"><circle cx=\"30\" cy=\"30\" r=\"28\"/><path d=\"M58 30h58v13M102 30v9\"/></g>",
    "This address only waits for a sign-in to finish. Your terminal knows more."
);

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::*;

    #[test]
    fn the_policy_admits_exactly_the_style() {
        let digest = ring::digest::digest(&ring::digest::SHA256, style!().as_bytes());
        let source =
            format!("style-src 'sha256-{}';", base64::engine::general_purpose::STANDARD.encode(digest));
        let policy = HEADERS.iter().find(|(name, _)| *name == "Content-Security-Policy").unwrap().1;
        assert!(policy.contains(&source), "write {source}");
    }

    #[test]
    fn pages_load_nothing_and_run_nothing() {
        for page in [SIGNED_IN, NOT_SIGNED_IN, NOT_EXPECTED, NOTHING_HERE] {
            for foreign in ["<script", "http:", "https:", "href", "src=", "url(", "@import", "style=", " on"]
            {
                // ` on` begins an event attribute; in the texts it would be a word.
                let markup = page.split("<p>").next().unwrap();
                assert!(!markup.contains(foreign), "{foreign}");
            }
            assert_eq!(page.matches("<style>").count(), 1);
        }
    }

    #[test]
    fn every_header_is_written() {
        let mut written = Vec::new();
        refusal(405).write(&mut written).unwrap();
        let text = String::from_utf8(written).unwrap();
        assert!(text.starts_with("HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n"), "{text}");
        for (name, value) in HEADERS.iter().chain(&[("Allow", "GET")]) {
            assert!(text.contains(&format!("\r\n{name}: {value}\r\n")), "{name}");
        }
        assert!(text.ends_with(&format!("\r\n\r\n{NOT_EXPECTED}")));
    }
}
