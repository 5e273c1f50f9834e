//! When the next page may be opened.

use super::{Wanted, ago};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::model::ScopeSet;
use crate::store::{Ending, SignIn};

/// For how many seconds a page counts.
pub(super) const WINDOW: i64 = 600;
/// How many pages are enough in that time, whatever they are for: a server that keeps asking for more gets no more.
const ENOUGH: usize = 3;
/// For how many seconds a sign-in counts that came to nothing before a page was opened.
const PAUSE: i64 = 15;

/// What a page is for, in words that are equal if the wishes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::flows) struct Wish(String);

impl Wish {
    pub(super) fn of(wanted: &Wanted) -> Self {
        match wanted {
            Wanted::Login(_) => Self::for_scopes(&ScopeSet::default()),
            Wanted::Scopes(scopes) => Self::for_scopes(scopes),
        }
    }

    pub(in crate::flows) fn for_scopes(scopes: &ScopeSet) -> Self {
        let mut scopes: Vec<&str> = scopes.iter().collect();
        scopes.sort_unstable();
        if scopes.is_empty() { Self("login".into()) } else { Self(format!("scope {}", scopes.join(" "))) }
    }

    pub(super) fn into_words(self) -> String {
        self.0
    }
}

/// Why no page is opened.
#[derive(Debug)]
pub(super) enum Refusal {
    /// In words that go on from what is needed.
    TooSoon(String),
    /// The same was tried just now, and this is what came of it.
    Failed(Error),
}

impl Refusal {
    pub(super) fn into_error(self, needed: impl FnOnce(&str) -> Error) -> Error {
        match self {
            Self::TooSoon(why) => needed(&why),
            Self::Failed(error) => error,
        }
    }
}

/// Whether this wish may lead to a sign-in now, after those that there were.
pub(super) fn is_open(before: &[SignIn], wish: &Wish, now: UnixTime) -> Result<(), Refusal> {
    let lately = |sign_in: &&SignIn| counts(sign_in, now);
    let same = before.iter().filter(lately).rfind(|sign_in| sign_in.wish == wish.0);
    if let Some(same) = same {
        return Err(refusal(same, now));
    }
    let pages = before.iter().filter(lately).filter(|sign_in| sign_in.page).count();
    if pages >= ENOUGH {
        let why = format!("; {pages} sign-in pages were opened within ten minutes, which is enough");
        return Err(Refusal::TooSoon(why));
    }
    Ok(())
}

/// Whether a sign-in still counts. One from the future does not: the clock went back.
pub(super) fn counts(sign_in: &SignIn, now: UnixTime) -> bool {
    let window = if sign_in.page { WINDOW } else { PAUSE };
    (0..window).contains(&now.since(sign_in.at))
}

fn refusal(same: &SignIn, now: UnixTime) -> Refusal {
    let ago = ago(same.at, now);
    match &same.ending {
        Some(Ending::Failed { exit, message, hint }) => {
            let (message, hint) = (message.clone(), hint.clone());
            Refusal::Failed(Error::PassedOn { exit_code: *exit, message, hint })
        }
        Some(Ending::Done) => Refusal::TooSoon(format!("; somebody signed in for this {ago} already")),
        None => Refusal::TooSoon(format!("; a sign-in for this was begun {ago} and broken off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(at: i64, wish: &str) -> SignIn {
        SignIn { at: UnixTime(at), wish: wish.into(), process: 1, page: true, ending: Some(Ending::Done) }
    }

    fn open(before: &[SignIn], wanted: &Wanted, now: i64) -> bool {
        is_open(before, &Wish::of(wanted), UnixTime(now)).is_ok()
    }

    #[test]
    fn one_wish_opens_one_page_in_ten_minutes() {
        let before = [page(100, "login")];
        assert!(
            !open(&before, &Wanted::Login(String::new()), 100)
                && !open(&before, &Wanted::Login(String::new()), 699)
        );
        assert!(open(&before, &Wanted::Login(String::new()), 700));
        // Another wish is another matter, and the order of its words none.
        assert!(open(&before, &Wanted::Scopes("b a".into()), 100));
        assert!(!open(&[page(100, "scope a b")], &Wanted::Scopes("b a".into()), 100));
        // The clock went back.
        assert!(open(&before, &Wanted::Login(String::new()), 99));
    }

    #[test]
    fn three_pages_are_enough() {
        let mut before = vec![page(0, "login"), page(10, "scope a")];
        assert!(open(&before, &Wanted::Scopes("c".into()), 20));
        before.push(page(20, "scope b"));
        assert!(!open(&before, &Wanted::Scopes("c".into()), 30));
        assert!(open(&before, &Wanted::Scopes("c".into()), 600));
    }

    #[test]
    fn a_sign_in_that_opened_no_page_is_tried_again_soon() {
        let before = [SignIn { page: false, ..page(0, "login") }];
        assert!(
            !open(&before, &Wanted::Login(String::new()), 14)
                && open(&before, &Wanted::Login(String::new()), 15)
        );
    }
}
