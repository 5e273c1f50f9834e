//! What a conversation with a server or an issuer that came to no good end means: the exit code, and what to type next.

use super::{REFUSED, TEMPORARY};
use crate::http::{Flaw, HttpError, TOO_LOCAL};
use crate::model::{Issuer, is_loopback};
use crate::oauth;
use crate::wording::quoted;

pub(super) fn exit_code(error: &oauth::Error) -> u8 {
    use oauth::Error as E;
    match error {
        E::NoSignIn(_)
        | E::NoRegistration { .. }
        | E::NotOffered { .. }
        | E::NoDevices(_)
        | E::BadKey(_)
        | E::Http(HttpError::Setup(_) | HttpError::Unprepared { .. }) => 2,
        E::Declined(_)
        | E::CodeEnded
        | E::AuthorizationFailed(_)
        | E::Refused { .. }
        | E::RegistrationRefused { .. } => 4,
        E::Http(HttpError::Refused { .. })
        | E::IssuerMismatch { .. }
        | E::IssuerChanged { .. }
        | E::ResourceMismatch { .. }
        | E::AmbiguousChallenge(_)
        | E::NoPkce(_)
        | E::ForeignClient { .. }
        | E::WrongIss(_) => REFUSED,
        E::NoMetadata { .. }
        | E::EmptyRedirect
        | E::Malformed { .. }
        | E::Http(HttpError::TooLarge { .. }) => 8,
        E::Temporary { .. } | E::Intercepted { .. } | E::Http(_) => TEMPORARY,
    }
}

pub(super) fn hint(server: &str, command: &str, error: &oauth::Error) -> String {
    use oauth::Error as E;
    match error {
        E::NoSignIn(_) => "use it without mcpauth, or name its issuer with --issuer".into(),
        E::NoMetadata { .. } => {
            format!("check the URL; `mcpauth discover {server}` shows every step, --issuer names the issuer")
        }
        E::IssuerMismatch { expected, found } => mismatch_hint(command, expected, found),
        E::IssuerChanged { found, .. } => {
            format!("if the move is genuine: `{command} --trust-issuer {}`", quoted(found.as_str()))
        }
        E::ResourceMismatch { .. } | E::AmbiguousChallenge(_) => tell_with_discovery(server),
        E::NotOffered { .. } => {
            format!(
                "`mcpauth discover {server}` shows what it offers; `{command} --grant …` chooses another way"
            )
        }
        E::NoDevices(_) => {
            let padded = format!("{command} ");
            let other = padded.replacen(" --device ", " ", 1).replacen(" --grant device ", " ", 1);
            let other = other.trim_end();
            // Otherwise it is the profile that says so.
            let settled = if other == command { " --grant authorization-code" } else { "" };
            format!("`{other}{settled} --paste` does without a browser on this machine, too")
        }
        E::CodeEnded => format!("run `{command}` again for a new one"),
        E::BadKey(_) => "give a private key in PEM: PKCS #8, or PKCS #1 for RSA; \
                         `openssl pkcs8 -topk8 -nocrypt` converts others"
            .into(),
        E::NoPkce(_) => format!("if you trust it all the same: `{command} --assume-pkce`"),
        E::RegistrationRefused { reason, redirect_uri, .. }
            if reason.code == "invalid_redirect_uri" && redirect_uri.starts_with("http://127.0.0.1:") =>
        {
            format!(
                "some issuers take only another name for this machine: `{command} --callback-host localhost`"
            )
        }
        // Where no browser comes back there is no redirect.
        E::NoRegistration { redirect_uri, .. } | E::RegistrationRefused { redirect_uri, .. }
            if redirect_uri.is_empty() =>
        {
            format!("register a client for this grant there, then run `{command} --client-id ID`")
        }
        E::NoRegistration { redirect_uri, .. } | E::RegistrationRefused { redirect_uri, .. } => format!(
            "register a client there with the redirect URI {redirect_uri}, then run `{command} --client-id ID{}`",
            callback_flags(redirect_uri, command),
        ),
        E::ForeignClient { found, .. } => format!(
            "if the move is genuine: `{command} --trust-issuer {} --client-id ID` with a client of the new issuer",
            quoted(found.as_str())
        ),
        E::AuthorizationFailed(reason) | E::Refused { reason, .. } if reason.code == "invalid_target" => {
            format!("if this issuer does not take the resource parameter: `{command} --no-resource`")
        }
        E::Declined(_) | E::AuthorizationFailed(_) | E::EmptyRedirect | E::WrongIss(_) => {
            format!("run `{command}` again; if it ends the same, tell whoever runs the issuer")
        }
        E::Refused { reason, .. }
            if reason.code == "invalid_client" || reason.code == "unauthorized_client" =>
        {
            if command.contains(" --client-id ") {
                return format!(
                    "check the --client-id and what belongs to it, its secret or key; then run `{command}`"
                );
            }
            format!("run `{command}` to register anew, or give a --client-id that the issuer knows")
        }
        E::Refused { reason, .. } if reason.code == "unsupported_grant_type" => {
            format!("`mcpauth discover {server}` shows which grants it takes; --grant chooses one")
        }
        E::Refused { .. } => format!("run `{command}` again"),
        E::Temporary { retry_after: Some(seconds), .. } => {
            format!("try again in {seconds} s; what is stored was kept")
        }
        E::Temporary { .. } => "try again later; what is stored was kept".into(),
        E::Intercepted { .. } => {
            "open any page in a browser to get through it; if there is none, tell whoever runs the issuer"
                .into()
        }
        E::Http(error) => network_hint(server, error),
        E::Malformed { .. } => tell_with_requests(),
    }
}

/// Another spelling of the host that was asked is trusted by itself; that of another host only together with whom to
/// ask.
fn mismatch_hint(command: &str, expected: &Issuer, found: &Issuer) -> String {
    let whom = if found.is_at_origin_of(expected) {
        String::new()
    } else {
        format!(" --issuer {}", quoted(expected.as_str()))
    };
    let found = quoted(found.as_str());
    format!(
        "tell whoever runs the server; if you trust that issuer: `{command}{whom} --trust-issuer {found}`"
    )
}

fn network_hint(server: &str, error: &HttpError) -> String {
    use HttpError as H;
    match error {
        H::Refused { why: TOO_LOCAL, .. } => {
            "if you trust that host, add it to network.allow_hosts in config.toml".into()
        }
        H::Refused { .. } => tell_with_discovery(server),
        H::NameUnknown { .. } => "check the network and the name; what is stored was kept".into(),
        H::Unreachable { .. } | H::NoConnection { .. } => {
            "check the network, the URL and the proxy; what is stored was kept".into()
        }
        H::Proxy { .. } => {
            "check HTTPS_PROXY, or network.proxy in config.toml; what is stored was kept".into()
        }
        H::Certificate { flaw: Flaw::Ended { clock, .. } | Flaw::NotYetValid { clock, .. }, .. } => {
            format!("is this machine's clock right? it says {clock}; what is stored was kept")
        }
        H::Certificate { flaw: Flaw::Untrusted | Flaw::OtherName, .. } => {
            "if you know who signed it, name his certificate with network.ca_file in config.toml; \
             otherwise something stands between you and the server, such as the sign-in page of a network"
                .into()
        }
        H::Tls { .. } | H::NotHttp { .. } => "check the URL and the network; what is stored was kept".into(),
        H::Broken { .. } | H::Timeout { .. } => "try again later; what is stored was kept".into(),
        H::Certificate { .. } | H::TooLarge { .. } => tell_with_requests(),
        H::Unprepared { .. } => {
            "see to it that it is there and that a key is yours alone, or settle another with `mcpauth server set`"
                .into()
        }
        H::Setup(_) => "check the [network] part of config.toml".into(),
    }
}

fn tell_with_discovery(server: &str) -> String {
    format!("tell whoever runs the server; `mcpauth discover {server}` shows what it says")
}

/// It may have been any command, and signing in again is not what shows the requests of a refresh.
fn tell_with_requests() -> String {
    "tell whoever runs it; the same command with -v shows each request".into()
}

/// The flags that lead to this redirect URI again, as far as the command does not have them: nothing of a login that failed
/// is settled.
fn callback_flags(redirect_uri: &str, command: &str) -> String {
    let Ok(url) = url::Url::parse(redirect_uri) else { return String::new() };
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().filter(|_| url.scheme() == "http" && is_loopback(&url));
    let flags = match port {
        Some(port) => vec![
            ("--callback-port", Some(port.to_string())),
            ("--callback-host", Some(quoted(host)).filter(|_| host != "127.0.0.1")),
            ("--callback-path", Some(url.path().to_owned()).filter(|path| path != "/callback")),
        ],
        None => vec![("--redirect-url", Some(quoted(redirect_uri)))],
    };
    let missing = flags.into_iter().filter(|(flag, _)| !command.contains(flag));
    missing.filter_map(|(flag, value)| Some(format!(" {flag} {}", value?))).collect()
}
