//! The table in docs/requirements.md is true: every requirement is there, every test that it names exists and says so,
//! and none goes without.

#![expect(clippy::unwrap_used, reason = "a table that cannot be read has failed the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TABLE: &str = include_str!("../docs/requirements.md");
const NUMBERS: std::ops::RangeInclusive<u32> = 1..=67;

/// A line of the table.
struct Requirement {
    number: u32,
    level: String,
    proof: String,
}

impl Requirement {
    /// The tests that it names: file and function.
    fn tests(&self) -> Vec<(&str, &str)> {
        self.proof.split('`').skip(1).step_by(2).filter_map(|name| name.split_once("::")).collect()
    }
}

fn requirements() -> Vec<Requirement> {
    let rows = TABLE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = rows.map(|row| row.split(" | ").map(str::to_owned).collect::<Vec<_>>());
    let numbered = cells.filter(|cells| cells[0].parse::<u32>().is_ok());
    let read = numbered.map(|cells| {
        let [number, level, _, _, proof] = &cells[..] else { panic!("not five cells: {cells:?}") };
        Requirement { number: number.parse().unwrap(), level: level.clone(), proof: proof.clone() }
    });
    read.collect()
}

#[test]
fn every_requirement_is_there_once_and_in_order() {
    let numbers: Vec<u32> = requirements().iter().map(|requirement| requirement.number).collect();
    assert_eq!(numbers, NUMBERS.collect::<Vec<_>>());
    for Requirement { number, level, .. } in requirements() {
        assert!(["M", "S", "O", "P"].contains(&level.as_str()), "requirement {number}: level {level}");
    }
}

#[test]
fn every_requirement_is_proved() {
    for requirement in requirements() {
        assert!(!requirement.tests().is_empty(), "requirement {} names no test", requirement.number);
    }
}

/// Both ways: who is named says so, and who says so is named.
#[test]
fn the_tests_and_the_table_name_each_other() {
    let named: BTreeSet<(String, String, u32)> = requirements()
        .iter()
        .flat_map(|requirement| {
            let tests = requirement.tests().into_iter();
            tests
                .map(|(file, name)| (file.to_owned(), name.to_owned(), requirement.number))
                .collect::<Vec<_>>()
        })
        .collect();
    let saying: BTreeSet<_> = sources().iter().flat_map(|file| claims(file)).collect();
    let silent: Vec<_> = named.difference(&saying).collect();
    assert!(silent.is_empty(), "named by the table, but no test that says `/// MCP <number>.`: {silent:#?}");
    let unnamed: Vec<_> = saying.difference(&named).collect();
    if std::env::var_os("MCPAUTH_BLESS").is_some() {
        return fs::write("docs/requirements.md", with(&unnamed)).unwrap();
    }
    assert!(
        unnamed.is_empty(),
        "MCPAUTH_BLESS=1 cargo test --test requirements adds these to the table: {unnamed:#?}"
    );
}

/// The table with further tests.
fn with(tests: &[&(String, String, u32)]) -> String {
    let named = |line: &str| {
        let own = tests.iter().filter(|(.., number)| line.starts_with(&format!("| {number} | ")));
        own.fold(line.to_owned(), |line, (file, name, _)| {
            let cells = line.trim_end_matches(" |");
            format!("{cells} `{file}::{name}` |")
        })
    };
    TABLE.lines().map(|line| named(line) + "\n").collect()
}

/// What the tests of a file say that they prove.
fn claims(file: &Path) -> Vec<(String, String, u32)> {
    let text = fs::read_to_string(file).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
    let (mut claims, mut numbers, mut is_test) = (Vec::new(), Vec::new(), false);
    for line in text.lines().map(str::trim) {
        if let Some(list) = line.strip_prefix("/// MCP ").and_then(|line| line.split('.').next()) {
            numbers.extend(list.split(", ").filter_map(|number| number.parse::<u32>().ok()));
        } else if line.starts_with("#[") {
            is_test |= matches!(line, "#[test]" | "#[tokio::test]");
        } else if !line.starts_with("//") {
            let name =
                line.trim_start_matches("async ").strip_prefix("fn ").and_then(|line| line.split('(').next());
            let name = name.filter(|_| is_test).map(str::to_owned);
            let own =
                numbers.drain(..).filter_map(|number| name.clone().map(|name| (file.clone(), name, number)));
            claims.extend(own);
            is_test = false;
        }
    }
    claims
}

fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut directories = vec![root.join("src"), root.join("tests")];
    while let Some(directory) = directories.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.ends_with("node_modules") {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}
