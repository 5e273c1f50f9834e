//! The file of quirks: every entry is whole, and is met where it should be and nowhere else.

use mcpauth::quirks::{Effects, NONE, Quirk, catalogue};

fn names(quirks: Vec<&Quirk>) -> Vec<&str> {
    quirks.into_iter().map(|quirk| quirk.name.as_str()).collect()
}

fn met_at(address: &str) -> Vec<&'static str> {
    names(catalogue().met_at([address]))
}

#[test]
fn the_file_can_be_read_and_every_entry_is_whole() {
    let catalogue = catalogue();
    assert!(catalogue.version >= 1 && is_date(&catalogue.date), "{} {}", catalogue.version, catalogue.date);
    assert!(catalogue.all().len() >= 8);
    for quirk in catalogue.all() {
        let Quirk { name, since, hosts, why, source, effects } = quirk;
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
        assert!(name != NONE && catalogue.all().iter().filter(|other| other.name == *name).count() == 1);
        assert!(is_date(since) && *since <= catalogue.date, "{name}: {since}");
        assert!(!hosts.is_empty() && hosts.iter().all(|host| is_pattern(host)), "{name}: {hosts:?}");
        assert!(why.len() > 20 && !why.ends_with('.'), "{name}: {why}");
        assert!(source.contains('#'), "{name}: {source}");
        assert_ne!(*effects, Effects::default(), "{name} changes nothing");
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.split('-').all(|part| part.chars().all(|c| c.is_ascii_digit()))
}

/// A star alone, or before a whole country, would let anybody in.
fn is_pattern(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    !name.contains('*') && name.split('.').count() >= 2 && name.split('.').all(|label| !label.is_empty())
}

#[test]
fn a_quirk_is_met_at_its_hosts_and_nowhere_else() {
    assert_eq!(met_at("https://login.microsoftonline.com/t/v2.0"), ["entra"]);
    assert_eq!(met_at("https://tenant.eu.auth0.com/"), ["auth0"]);
    assert_eq!(met_at("https://pool.auth.eu-west-1.amazoncognito.com/oauth2/authorize"), ["cognito"]);
    for stranger in [
        "https://auth0.com/",
        "https://.auth0.com/",
        "https://evilauth0.com/",
        "https://login.microsoftonline.com.evil.example/",
        "https://login.microsoftonline.com@evil.example/",
        "https://xlogin.microsoftonline.com/",
        "http://login.microsoftonline.com/",
        "https://evil.example/login.microsoftonline.com",
        "login.microsoftonline.com",
        "",
    ] {
        assert_eq!(met_at(stranger), [""; 0], "{stranger}");
    }
}

#[test]
fn several_addresses_meet_a_quirk_once_and_case_does_not_matter() {
    let addresses = ["https://SLACK.com", "https://mcp.slack.com"];
    assert_eq!(names(catalogue().met_at(addresses)), ["slack"]);
}

#[test]
fn a_choice_by_name_takes_what_is_known() {
    let chosen = |list: &[&str]| {
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        names(catalogue().chosen(&list))
    };
    assert_eq!(chosen(&["google", "entra"]), ["google", "entra"]);
    assert_eq!(chosen(&["nobody"]), [""; 0]);
    assert_eq!(chosen(&[]), [""; 0]);
}

#[test]
fn the_origin_in_a_spelling_is_that_of_the_issuer_that_was_asked() {
    let spellings = |name: &str, asked: &str| catalogue().named(name).unwrap().effects.spellings_of(asked);
    assert_eq!(
        spellings("entra", "https://login.microsoftonline.us/organizations/v2.0"),
        ["https://login.microsoftonline.us/{tenantid}/v2.0"]
    );
    assert_eq!(spellings("atlassian", "https://auth.atlassian.com/abc"), ["https://auth.atlassian.com"]);
    assert_eq!(spellings("meta", "https://mcp.facebook.com/ads"), ["https://www.facebook.com"]);
}
