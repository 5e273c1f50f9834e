//! The store against everything that can happen to its files. Real files, a keychain that is a constant.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

mod hostile;
mod journal;
mod moving;
#[cfg(unix)]
mod on_unix;

use super::*;
use crate::clock::UnixTime;
use crate::model::{
    ClientAuthMethod, ClientFacts, Endpoints, ExtraFields, Grant, Identity, Issuer, LoginFacts, LoginState,
    RegistrationSource, ScopeSet, TokenFacts, TokenSet,
};
use crate::secret::{AccessToken, ClientSecret, DpopKey, RefreshToken};

const NOW: Duration = Duration::ZERO;
/// Begins every secret in these tests.
const CANARY: &str = "canary";

/// A constant key, or none, and how often it was asked for.
struct FixedKey(Option<u8>, Arc<AtomicUsize>);

impl KeySource for FixedKey {
    fn key(&self) -> Result<SealingKey, StoreError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.map(|byte| SealingKey::new([byte; 32])).ok_or(StoreError::KeyMissing)
    }

    fn create(&self) -> Result<SealingKey, StoreError> {
        self.key()
    }
}

struct World {
    scratch: tempfile::TempDir,
    asked: Arc<AtomicUsize>,
}

impl World {
    fn new() -> Self {
        Self { scratch: tempfile::tempdir().unwrap(), asked: Arc::default() }
    }

    fn store(&self, kind: StoreKind) -> Store {
        self.store_with(kind, Some(1))
    }

    fn store_with(&self, kind: StoreKind, key: Option<u8>) -> Store {
        let places = Places::find(&|_| None, Some(self.scratch.path())).unwrap();
        Store::new(&places, kind, Box::new(FixedKey(key, Arc::clone(&self.asked))))
    }

    fn logins(&self) -> PathBuf {
        self.scratch.path().join("data/logins")
    }

    fn file(&self, key: &LoginKey) -> PathBuf {
        self.logins().join(login_name(&key.server, &key.account))
    }

    /// What lies beside the records.
    fn set_aside(&self) -> Vec<PathBuf> {
        let paths = fs::read_dir(self.logins()).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.to_string_lossy().contains(".damaged-")).collect()
    }
}

fn key(server: &str) -> LoginKey {
    LoginKey { server: server.parse().unwrap(), account: Name::default() }
}

fn client() -> ClientRegistration {
    ClientRegistration {
        facts: ClientFacts {
            source: RegistrationSource::Dynamic,
            issuer: Issuer::new("https://issuer.example/"),
            client_id: "client-1".into(),
            auth_method: ClientAuthMethod::ClientSecretBasic,
            redirect_uri: None,
            scope: ScopeSet::default(),
            secret_expires_at: None,
            management_url: None,
            assertion: None,
        },
        secret: Some(ClientSecret::new("canary-client-secret")),
        key: None,
        management_token: None,
    }
}

fn login(server: &str, generation: u64) -> Login {
    let url = |path: &str| format!("https://issuer.example/{path}").parse().unwrap();
    let mut extra = ExtraFields::default();
    extra.insert("id_token".into(), "canary-id-token".into());
    Login {
        facts: LoginFacts {
            server: server.parse().unwrap(),
            account: Name::default(),
            url: "https://mcp.example/mcp".parse().unwrap(),
            resource: Some("https://mcp.example/mcp".into()),
            endpoints: Endpoints {
                authorization: Some(url("authorize")),
                token: url("token"),
                registration: None,
                revocation: None,
                userinfo: None,
                device_authorization: None,
            },
            grant: Grant::default(),
            requested_scope: ScopeSet::from("read"),
            refresh_scope: false,
            answer_member: None,
            identity: Identity::default(),
            state: LoginState::Active,
            generation,
            refresh_count: 0,
            created_at: UnixTime(1_700_000_000),
        },
        client: client(),
        tokens: TokenSet {
            facts: TokenFacts {
                token_type: "Bearer".into(),
                scope: ScopeSet::from("read"),
                received_at: UnixTime(1_700_000_000),
                expires_at: None,
                refreshable: true,
                fingerprint: None,
            },
            access_token: AccessToken::new(format!("canary-access-{server}-{generation}")),
            refresh_token: Some(RefreshToken::new("canary-refresh \"quoted\" \u{1F511}")),
            extra,
        },
        dpop_key: Some(DpopKey::new("canary-dpop-key")),
    }
}

fn save(store: &Store, login: &Login) -> Result<(), StoreError> {
    store.save(&store.lock(&login.key(), NOW)?, login)
}

/// The error, for results whose value has no `Debug` because it holds secrets.
fn error<T>(result: Result<T, StoreError>) -> StoreError {
    result.err().expect("must fail")
}

const KINDS: [StoreKind; 4] =
    [StoreKind::Keychain, StoreKind::Passphrase, StoreKind::File, StoreKind::Memory];

#[test]
fn what_is_saved_is_loaded() {
    for kind in KINDS {
        let world = World::new();
        let store = world.store(kind);
        assert!(store.load(&key("linear")).unwrap().is_none());
        save(&store, &login("linear", 1)).unwrap();
        let loaded = store.load(&key("LINEAR")).unwrap().unwrap();
        let saved = login("linear", 1);
        assert_eq!(loaded.facts, saved.facts);
        assert_eq!(loaded.client.facts, saved.client.facts);
        assert_eq!(loaded.tokens.facts, saved.tokens.facts);
        assert_eq!(loaded.tokens.access_token.expose(), "canary-access-linear-1");
        assert_eq!(
            loaded.tokens.refresh_token.unwrap().expose(),
            saved.tokens.refresh_token.unwrap().expose()
        );
        assert_eq!(loaded.tokens.extra.get("id_token").unwrap(), "canary-id-token");
        assert_eq!(loaded.client.secret.unwrap().expose(), "canary-client-secret");

        let lock = store.lock(&key("linear"), NOW).unwrap();
        assert!(store.remove(&lock).unwrap());
        assert!(!store.remove(&lock).unwrap());
        assert!(store.load(&key("linear")).unwrap().is_none());
    }
}

#[test]
fn a_large_login_fits() {
    let store = World::new();
    let store = store.store(StoreKind::Keychain);
    let mut large = login("linear", 1);
    large.tokens.access_token = AccessToken::new("x".repeat(200_000));
    save(&store, &large).unwrap();
    assert_eq!(store.load(&key("linear")).unwrap().unwrap().tokens.access_token.expose().len(), 200_000);
}

#[test]
fn a_registered_client_is_kept_apart_from_logins() {
    let world = World::new();
    let store = world.store(StoreKind::Keychain);
    let server: Name = "linear".parse().unwrap();
    assert!(store.load_client(&server).unwrap().is_none());
    store.save_client(&server, &client()).unwrap();
    let loaded = store.load_client(&server).unwrap().unwrap();
    assert_eq!(loaded.facts, client().facts);
    assert_eq!(loaded.secret.unwrap().expose(), "canary-client-secret");
    assert!(store.load(&key("linear")).unwrap().is_none());
    assert!(store.remove_client(&server).unwrap());
    assert!(!store.remove_client(&server).unwrap());
}

#[test]
fn sealed_files_show_no_secret_and_a_summary_needs_no_key() {
    let world = World::new();
    let store = world.store(StoreKind::Keychain);
    save(&store, &login("linear", 1)).unwrap();
    save(&store, &login("Asana", 1)).unwrap();
    for entry in fs::read_dir(world.logins()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
    }
    let asked = world.asked.load(Ordering::SeqCst);
    let locked = world.store_with(StoreKind::Keychain, None);
    assert_eq!(locked.summary(&key("linear")).unwrap().unwrap().login.generation, 1);
    let servers: Vec<_> = locked
        .summaries()
        .unwrap()
        .into_iter()
        .map(|summary| summary.unwrap().login.server.to_string())
        .collect();
    assert_eq!(servers, ["Asana", "linear"]);
    assert_eq!(world.asked.load(Ordering::SeqCst), asked);
    assert!(matches!(error(locked.load(&key("linear"))), StoreError::KeyMissing));
}

#[test]
fn the_key_is_fetched_once() {
    let world = World::new();
    let store = world.store(StoreKind::Keychain);
    for generation in 1..4 {
        save(&store, &login("linear", generation)).unwrap();
        store.load(&key("linear")).unwrap();
    }
    assert_eq!(world.asked.load(Ordering::SeqCst), 1);
}

#[test]
fn an_older_generation_never_wins() {
    let world = World::new();
    let store = world.store(StoreKind::Keychain);
    save(&store, &login("linear", 5)).unwrap();
    assert!(matches!(error(save(&store, &login("linear", 4))), StoreError::Outdated { stored: 5 }));
    assert_eq!(store.load(&key("linear")).unwrap().unwrap().facts.generation, 5);
    save(&store, &login("linear", 6)).unwrap();
}

#[test]
fn a_lock_is_for_one_login() {
    for kind in KINDS {
        let world = World::new();
        let store = world.store(kind);
        let lock = store.lock(&key("one"), NOW).unwrap();
        assert!(matches!(error(store.save(&lock, &login("two", 1))), StoreError::OtherLogin));
        let busy = error(store.lock(&key("ONE"), NOW));
        assert!(matches!(busy, StoreError::Busy { holder: Some(id) } if id == std::process::id()), "{busy}");
        store.lock(&key("two"), NOW).unwrap();
        drop(lock);
        store.lock(&key("one"), NOW).unwrap();
    }
}

#[test]
fn readers_never_see_half_a_record() {
    let world = World::new();
    let store = world.store(StoreKind::File);
    save(&store, &login("linear", 1)).unwrap();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut last = 1;
                    while last < 100 {
                        let login = store.load(&key("linear")).unwrap().unwrap();
                        assert!(login.facts.generation >= last);
                        last = login.facts.generation;
                        let token = format!("canary-access-linear-{last}");
                        assert_eq!(login.tokens.access_token.expose(), token);
                    }
                })
            })
            .collect();
        for generation in 2..=100 {
            save(&store, &login("linear", generation)).unwrap();
        }
        for reader in readers {
            reader.join().unwrap();
        }
    });
    assert_eq!(fs::read_dir(world.logins()).unwrap().count(), 1);
}

#[test]
fn leftovers_of_crashed_writers_are_no_logins_and_go_away() {
    let world = World::new();
    let store = world.store(StoreKind::File);
    save(&store, &login("linear", 1)).unwrap();
    let name = login_name(&"linear".parse().unwrap(), &Name::default());
    for number in 0..1000 {
        fs::write(world.logins().join(format!(".{name}.{number:016x}.tmp")), CANARY).unwrap();
    }
    assert_eq!(store.summaries().unwrap().len(), 1);
    save(&store, &login("linear", 2)).unwrap();
    assert_eq!(fs::read_dir(world.logins()).unwrap().count(), 1);
    fs::write(world.logins().join(format!(".{name}.{:016x}.tmp", 1)), CANARY).unwrap();
    store.remove(&store.lock(&key("linear"), NOW).unwrap()).unwrap();
    assert_eq!(fs::read_dir(world.logins()).unwrap().count(), 0);
}

#[test]
fn a_probe_proves_the_store_and_leaves_nothing() {
    for kind in KINDS {
        let world = World::new();
        world.store(kind).probe().unwrap();
        if kind != StoreKind::Memory {
            assert_eq!(fs::read_dir(world.logins()).unwrap().count(), 0);
        }
    }
    let locked = World::new();
    let store = locked.store_with(StoreKind::Keychain, None);
    assert!(matches!(error(store.probe()), StoreError::KeyMissing));
}

#[test]
fn a_note_opens_only_where_and_as_it_was_sealed() {
    for kind in [StoreKind::Keychain, StoreKind::File] {
        let world = World::new();
        let store = world.store(kind);
        let note = store.seal_note("journal", b"canary-answer").unwrap();
        assert_eq!(store.open_note("journal", &note).unwrap().unwrap().as_slice(), b"canary-answer");
        assert!(store.open_note("other", &note).unwrap().is_none());
        for length in 0..note.len() {
            assert!(store.open_note("journal", &note[..length]).unwrap().is_none());
        }
    }
}

#[test]
fn file_names_are_hashes_of_folded_names() {
    let name = |server: &str, account: &str| login_name(&server.parse().unwrap(), &account.parse().unwrap());
    assert_eq!(name("Linear", "Work"), name("linear", "work"));
    let names: BTreeSet<_> =
        [name("ab", "c"), name("a", "bc"), client_name(&"ab".parse().unwrap())].into_iter().collect();
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|name| name.len() == 64));
}
