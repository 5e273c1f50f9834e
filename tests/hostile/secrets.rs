//! Secrets are looked for where they must not be, in every way in which they may be written.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use mcpauth::sandbox::SandboxOptions;
use serde_json::json;
use url::form_urlencoded;

use crate::peer::{
    ACCESS, CODE, ISSUER_METADATA, Peer, REFRESH, Script, at, bent, issuer_metadata, json_answer,
};
use crate::support::spellings::Search;
use crate::support::witness::sign_in;
use crate::support::{Ran, World, follow};
use crate::victim::{Victim, ended};

fn holds(text: &[u8], secret: &str) -> bool {
    !Search::new([("it", secret.as_bytes())]).within(text).is_empty()
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    let secret = "a s3cret/\"with\" +edges=";
    for text in [
        "x a s3cret/\"with\" +edges= y".to_owned(),
        json!({ "x": secret }).to_string(),
        format!("x={}&y", form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>()),
        BASE64_STANDARD_NO_PAD.encode(format!("id:{secret}")),
        BASE64_STANDARD_NO_PAD.encode(format!("i:{secret}!")),
        BASE64_URL_SAFE_NO_PAD.encode(format!("{secret} more")),
        format!("…{}…", &secret[..16]),
    ] {
        assert!(holds(text.as_bytes(), secret), "{text}");
    }
    assert!(!holds(b"nothing of it here", secret));
}

#[track_caller]
fn keeps_quiet(ran: &Ran, what: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!holds(ran.stderr.as_bytes(), secret), "{what}: {secret} is on standard error: {ran:?}");
        assert!(!holds(ran.stdout.as_bytes(), secret), "{what}: {secret} is on standard output: {ran:?}");
    }
}

/// Every file of a home but the records of the store.
fn files_outside_the_store(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with(".local/share/mcpauth") {
            continue;
        }
        if path.is_dir() { files_outside_the_store(&path, files) } else { files.push(path) }
    }
}

#[track_caller]
fn rests_only_in_the_store(world: &World, secrets: &[String]) {
    let mut files = Vec::new();
    files_outside_the_store(world.home(), &mut files);
    assert!(!files.is_empty());
    for file in files {
        let bytes = fs::read(&file).unwrap();
        for secret in secrets {
            assert!(!holds(&bytes, secret), "{secret} is in {}", file.display());
        }
    }
}

/// Takes a secret out of the last request to the token endpoint.
fn sent(world: &World, name: &str) -> String {
    world.sandbox.books().last_token_request.unwrap()[name].clone()
}

/// MCP 44.
#[test]
fn the_whole_life_of_a_login_shows_no_secret_at_any_loudness() {
    let secret = "canary/s3cret+with=\"edges\" and: more";
    let world = World::with(SandboxOptions { any_loopback_port: true, ..SandboxOptions::default() });
    world.sandbox.add_client("brought", Some(secret), &["http://127.0.0.1/callback"]);
    let url = world.url();
    let mut secrets = vec![secret.to_owned()];
    let login = |flags: &[&str]| {
        let common = ["login", &url, "--name", "box", "--store", "file", "--no-browser", "-vvv"];
        let common = [&common[..], &["--client-id", "brought", "--client-secret-stdin"]].concat();
        sign_in(world.command(&[&common, flags].concat()), secret, |address| drop(follow(address)))
    };
    for flags in [&["--explain"][..], &["--json", "--explain"]] {
        let ran = login(flags);
        ran.succeeded();
        secrets.extend([sent(&world, "code"), sent(&world, "code_verifier")]);
        secrets.push(world.run(&["token", "box"]).stdout.trim_end().to_owned());
        keeps_quiet(&ran, "login", &secrets);
    }
    for _ in 0..2 {
        let ran = world.run(&["refresh", "box", "-vvv"]);
        ran.succeeded();
        secrets.push(sent(&world, "refresh_token"));
        secrets.push(world.run(&["token", "box"]).stdout.trim_end().to_owned());
        keeps_quiet(&ran, "refresh", &secrets);
    }
    assert!(secrets.iter().all(|secret| secret.len() > 20), "{secrets:?}");
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["status", "--check"],
        &["list"],
        &["list", "--json"],
        &["discover", "box"],
        &["doctor", "--check", "--fix"],
        &["doctor", "--json"],
        &["server", "show", "box"],
        &["server", "test", "box"],
        &["server", "test", "box", "--json"],
        &["exec", "--", "true"],
        &["audit"],
        &["audit", "--json"],
        &["audit", "verify"],
    ] {
        let ran = world.run(&[&["-vvv"], args].concat());
        ran.succeeded();
        keeps_quiet(&ran, &args.join(" "), &secrets);
    }
    // These two answer with the token, and say it nowhere else.
    for args in
        [&["token", "box", "-vvv"][..], &["headers", "box", "-vvv"], &["token", "box", "-vvv", "--json"]]
    {
        let ran = world.run(args);
        keeps_quiet(&Ran { stdout: String::new(), ..ran }, &args.join(" "), &secrets);
    }
    rests_only_in_the_store(&world, &secrets);
    let ran = world.run(&["logout", "box", "-vvv"]);
    ran.succeeded();
    keeps_quiet(&ran, "logout", &secrets);
    rests_only_in_the_store(&world, &secrets);
}

/// An issuer that repeats in its error what it was sent.
fn echo(grant: &'static str) -> Script {
    let metadata = at(ISSUER_METADATA, |seen| {
        let change = json!({ "revocation_endpoint": "{origin}/revoke" });
        json_answer(200, &bent(issuer_metadata(seen), seen, &change))
    });
    Box::new(move |seen| {
        let echoes = seen.body.contains(grant) && matches!(seen.path(), "/token" | "/revoke");
        if !echoes {
            return metadata(seen);
        }
        // The secrets first, so that they do not fall to the limit of what is shown.
        let pairs: Vec<_> = form_urlencoded::parse(seen.body.as_bytes()).collect();
        let find = |name: &str| pairs.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value);
        let words = ["code_verifier", "code", "refresh_token", "token"].map(find).join(" ");
        Some(json_answer(400, &json!({ "error": format!("bad {words}"), "error_description": words })))
    })
}

#[test]
fn what_an_issuer_repeats_of_a_secret_is_blotted_out() {
    let victim = Victim::new();
    let peer = Peer::start(echo("authorization_code"));
    let ran = victim.sign_in_to(&peer, &["-vvv"]);
    ended(&ran, "exchange", 4, "[redacted]");
    let request = peer.seen().into_iter().find(|seen| seen.path() == "/token").unwrap();
    let mut form = form_urlencoded::parse(request.body.as_bytes());
    let verifier = form.find(|(name, _)| name == "code_verifier").unwrap().1.into_owned();
    assert!(verifier.len() >= 43);
    keeps_quiet(&ran, "exchange", &[CODE.into(), verifier]);
    victim.is_unharmed();

    let secrets = [ACCESS.to_owned(), REFRESH.to_owned()];
    for (grant, args, exit) in [
        ("grant_type=refresh_token", &["token", "other", "--force-refresh", "-vvv"][..], 3),
        ("token_type_hint", &["logout", "other", "-vvv"], 0),
    ] {
        let peer = Peer::start(echo(grant));
        victim.sign_in_to(&peer, &[]).succeeded();
        let ran = victim.run(args);
        assert_eq!(ran.exit, exit, "{ran:?}");
        assert!(ran.stderr.contains("[redacted]"), "{ran:?}");
        keeps_quiet(&ran, grant, &secrets);
        if exit != 0 {
            victim.run(&["logout", "other", "--local-only"]).succeeded();
        }
        victim.run(&["server", "remove", "other"]).succeeded();
    }
    victim.is_unharmed();
}
