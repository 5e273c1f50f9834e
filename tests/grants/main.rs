//! Ways to a token that take no person: the client's own credentials, a platform's word, an identity provider's word.

#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "the stories of the sandbox use the rest; a pen that is none has failed"
)]
#[path = "../sandbox/keys.rs"]
mod keys;
#[path = "../support/mod.rs"]
mod support;

mod credentials;
mod enterprise;
mod workload;

use mcpauth::sandbox::{Preregistered, SandboxOptions};

use support::{Ran, World};

/// The arguments of a login at the world's server, with further flags.
fn login_args<'a>(url: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
    [&["login", url, "--name", "box", "--store", "file"], flags].concat()
}

/// A client of these grants.
fn client(id: &str, secret: Option<&str>, grant_types: &[&str]) -> Preregistered {
    Preregistered {
        id: id.into(),
        secret: secret.map(str::to_owned),
        key: None,
        grant_types: grant_types.iter().copied().map(str::to_owned).collect(),
        redirect_uris: vec!["http://127.0.0.1/callback".into()],
    }
}

/// Options of an issuer that registers nobody and knows these.
fn knowing(clients: &[Preregistered]) -> SandboxOptions {
    SandboxOptions {
        registration: false,
        any_loopback_port: true,
        preregistered: clients.to_vec(),
        ..SandboxOptions::default()
    }
}

/// Whatever the store holds, in the clear.
fn stored(world: &World) -> String {
    world.records().iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect()
}

/// No word of a run is one of these secrets.
fn tells_nothing_of(ran: &Ran, secrets: &[&str]) {
    for secret in secrets {
        assert!(!ran.stderr.contains(secret) && !ran.stdout.contains(secret), "{ran:?}");
    }
}
