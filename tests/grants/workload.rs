//! A platform vouches for the program that runs on it (RFC 7523 section 2.1).

use mcpauth::sandbox::{SandboxOptions, TrustedIssuer};
use serde_json::{Value, json};

use super::keys::{Signer, now};
use super::login_args;
use super::support::{World, call};

const PLATFORM: &str = "https://platform.example";

/// A world whose issuer takes the word of a platform, and the platform's pen.
fn world() -> (World, Signer) {
    let signer = Signer::es256();
    let trusted = TrustedIssuer { issuer: PLATFORM.into(), key: signer.public() };
    let options =
        SandboxOptions { registration: false, trusted_issuers: vec![trusted], ..SandboxOptions::default() };
    (World::with(options), signer)
}

fn word(world: &World, signer: &Signer, lifetime: i64) -> String {
    let now: i64 = now();
    let claims: Value = json!({ "iss": PLATFORM, "sub": "build-7", "aud": world.sandbox.origin(),
        "exp": now + lifetime });
    signer.sign(json!({}), &claims)
}

/// MCP 49.
#[test]
fn a_program_comes_in_on_its_platforms_word_which_is_read_anew_each_time() {
    let (world, signer) = world();
    let file = world.home().join("assertion");
    let file_name = file.to_string_lossy().into_owned();
    let first = word(&world, &signer, 60);
    std::fs::write(&file, format!("{first}\n")).unwrap();
    let login = world.run(&login_args(&world.url(), &["--assertion-file", &file_name]));
    login.succeeded();
    super::tells_nothing_of(&login, &[&first]);
    let asked = world.sandbox.books().last_token_request.unwrap();
    assert_eq!(asked["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(
        (asked["assertion"].as_str(), asked["resource"].as_str()),
        (first.as_str(), world.url().as_str())
    );
    assert_eq!(asked.get("client_id"), None);
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
    // It is the platform's, and kept nowhere.
    assert!(!super::stored(&world).contains(&first));

    let second = word(&world, &signer, 120);
    std::fs::write(&file, &second).unwrap();
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(world.sandbox.books().last_token_request.unwrap()["assertion"], second);
    // Nothing new to show: the token that there is goes on.
    std::fs::remove_file(&file).unwrap();
    world.run(&["refresh", "box"]).failed_with(2, "cannot read the assertion");
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
}

/// MCP 49.
#[test]
fn a_word_that_is_refused_is_shown_once_and_nothing_else_is_tried() {
    let (world, signer) = world();
    let file = world.home().join("assertion");
    std::fs::write(&file, word(&world, &signer, -60)).unwrap();
    let file = file.to_string_lossy().into_owned();
    world.run(&login_args(&world.url(), &["--assertion-file", &file])).failed_with(4, "invalid_grant");
    let books = world.sandbox.books();
    assert_eq!((books.assertions, books.assertions_refused), (0, 1));
    assert_eq!((books.codes_issued, books.registrations), (0, 0));
    assert!(world.records().is_empty());
}

#[test]
fn a_command_may_print_the_word() {
    let (world, signer) = world();
    let file = world.home().join("a word");
    std::fs::write(&file, word(&world, &signer, 60)).unwrap();
    let command = format!("cat '{}'", file.display());
    world.run(&login_args(&world.url(), &["--assertion-command", &command])).succeeded();
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
    let status = world.run(&["status", "box", "--json"]).json();
    assert_eq!(status["logins"][0]["login"]["grant"]["kind"], "workload");
    for (command, why) in [("false", "ended with"), ("echo", "no token"), ("printf 'a b'", "no token")] {
        world.run(&["server", "set", "box", "--assertion-command", command]).succeeded();
        let args = login_args("box", &["--fresh"]);
        world.run(&[&["login", "box"], &args[4..]].concat()).failed_with(2, why);
    }
}
