//! Without what is known: whoever follows the hints gets there, too, one flag after the other.

use mcpauth::sandbox::{KNOWN_CLIENT, SandboxOptions};

use crate::support::steps::parameters;
use crate::support::{Ran, World, call};

fn imitating(name: &str) -> World {
    World::with(SandboxOptions::default().imitate(name).unwrap())
}

/// The flags of the command that a hint names: those that were typed, and one more.
fn advised(ran: &Ran) -> Vec<String> {
    let (_, flags) = ran.advice().split_once("--name box").unwrap_or_else(|| panic!("{ran:?}"));
    flags.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect()
}

#[test]
fn four_hints_lead_through_the_strangest_issuer() {
    let world = imitating("entra");
    let mut flags: Vec<String> = ["--quirks", "none", "--client-id", KNOWN_CLIENT].map(String::from).into();
    for (exit, flag) in [(5, "--trust-issuer"), (5, "--assume-pkce"), (4, "--no-resource")] {
        let ran = world.login(&flags.iter().map(String::as_str).collect::<Vec<_>>());
        let advice = advised(ran.failed_with(exit, ""));
        let news: Vec<_> = advice.iter().filter(|word| !flags.contains(word)).collect();
        assert_eq!(news[0], flag, "{ran:?}");
        flags = advice;
    }
    world.login(&flags.iter().map(String::as_str).collect::<Vec<_>>()).succeeded();
    assert_eq!(call(&world.url(), &world.token(&[])), 200);

    let refused = world.run(&["refresh", "box"]);
    refused.failed_with(3, "AADSTS90009");
    assert_eq!(refused.advice(), "mcpauth login box --refresh-scope");
    world.login_as_advised(&refused).succeeded();
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
}

#[test]
fn explain_tells_who_saw_it_and_the_flag_that_changes_it() {
    let world = imitating("entra");
    let flags = ["--quirks", "entra", "--client-id", KNOWN_CLIENT, "--explain"];
    let ran = world.login(&flags);
    for words in ["known as entra", "not sent", "mcp-remote#217", "--resource", "--refresh-scope"] {
        assert!(ran.succeeded().stderr.contains(words), "no `{words}` in {}", ran.stderr);
    }
    assert!(!world.login(&flags[..4]).succeeded().stderr.contains("known as"), "only who asks is told");
}

#[test]
fn a_choice_stays_with_the_server_until_it_is_taken_back() {
    let world = imitating("dropbox");
    world.login(&["--quirks", "dropbox"]).succeeded();
    assert!(world.run(&["server", "show", "box"]).succeeded().stdout.contains("dropbox"));
    let again = world.command(&["login", "box", "--no-browser"]);
    world.login_as(again).succeeded();
    let asked = || world.sandbox.books().last_authorize.unwrap().get("token_access_type").cloned();
    assert_eq!(asked().as_deref(), Some("offline"));

    world.run(&["server", "set", "box", "--unset", "quirks"]).succeeded();
    let again = world.command(&["login", "box", "--no-browser"]);
    assert!(world.login_as(again).succeeded().stderr.contains("no refresh token"));
    assert_eq!(asked(), None);
}

#[test]
fn what_is_settled_by_hand_goes_before_what_was_chosen() {
    let world = imitating("salesforce");
    let flags = ["login", &world.url(), "--name", "box", "--no-browser", "--store", "file"];
    let flags = [flags.as_slice(), &["--quirks", "salesforce", "--callback-host", "127.0.0.1"]].concat();
    world.login_as(world.command(&flags)).failed_with(4, "Invalid redirect URI");
    let (mut child, _, address) = world.start_login(world.command(&flags[..9]));
    let redirect = parameters(&address.unwrap())["redirect_uri"].clone();
    assert!(redirect.starts_with("http://localhost:"), "{redirect}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn commas_and_errors_with_status_200_need_no_knowledge() {
    let world = imitating("github");
    let flags = ["--quirks", "none", "--client-id", KNOWN_CLIENT, "--scope", "mcp:basic mcp:admin"];
    world.login(&flags).succeeded();
    let status = world.run(&["status", "box", "--json"]);
    assert!(status.succeeded().stdout.contains(r#""scope":"mcp:basic mcp:admin""#), "{status:?}");
    world.sandbox.revoke_everything();
    world.run(&["refresh", "box"]).failed_with(3, "invalid_grant");
}

#[test]
fn an_imitation_says_that_it_is_one() {
    let world = World::new();
    let mut sandbox = world
        .command(&["sandbox", "--imitate", "slack", "--auto-consent", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let read = |what: &mut dyn std::io::Read| {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(what), &mut line).unwrap();
        line
    };
    let answer: serde_json::Value = serde_json::from_str(&read(sandbox.stdout.as_mut().unwrap())).unwrap();
    assert_eq!(answer["imitates"], "slack");
    sandbox.kill().unwrap();
    sandbox.wait().unwrap();
    let help = world.run(&["sandbox", "--help"]);
    assert!(help.succeeded().stdout.contains("as far as people reported them"), "{help:?}");
}

#[test]
fn a_sandbox_that_registers_nobody_names_the_client_that_it_knows() {
    let world = World::new();
    let mut sandbox = world
        .command(&["sandbox", "--no-registration", "--auto-consent"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let said = std::io::BufRead::lines(std::io::BufReader::new(sandbox.stderr.take().unwrap()));
    let advised = said
        .map(Result::unwrap)
        .find_map(|line| line.split_once("sign in:").map(|(_, command)| command.trim().to_owned()));
    let typed = format!("{} --name box --no-browser --store file", advised.unwrap());
    let ran = world.login_as(world.typed(&typed));
    sandbox.kill().unwrap();
    sandbox.wait().unwrap();
    ran.succeeded();
}
