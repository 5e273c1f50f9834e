//! No code knows a provider by name: what is known of them is data.

use std::fs;
use std::path::{Path, PathBuf};

use mcpauth::quirks::catalogue;

/// What providers are called beside the names that their quirks have.
const ALSO: [&str; 6] = ["microsoft", "azure", "facebook", "instagram", "okta", "amazon"];
/// Names that are English words, too.
const WORDS: [&str; 1] = ["meta"];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_code_names_a_provider() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 100);
    let quirks = catalogue().all().iter().filter_map(|quirk| quirk.name.split('-').next());
    let names: Vec<&str> = quirks.chain(ALSO).filter(|name| !WORDS.contains(name)).collect();
    for file in files {
        let text = fs::read_to_string(&file).unwrap().to_lowercase();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        for name in &names {
            assert!(!words.contains(name), "{} names {name}", file.display());
        }
    }
}
