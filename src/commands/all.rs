//! `--all`: one thing done to every login, where the trouble of one keeps nobody from the others.

use crate::error::Error;
use crate::flows::App;
use crate::model::{LoginKey, LoginSummary};

/// Every login, and what cannot be read as one.
pub(super) fn logins(app: &App) -> Result<Vec<Result<LoginSummary, Error>>, Error> {
    let summaries = app.store()?.summaries()?;
    Ok(summaries.into_iter().map(|summary| summary.map_err(Error::from)).collect())
}

/// Does something to each login. What fails is told at once, and is one error at the end.
pub(super) fn each<Outcome>(
    app: &App,
    logins: Vec<Result<LoginSummary, Error>>,
    act: impl Fn(&LoginKey) -> Result<Outcome, Error>,
) -> (Vec<Outcome>, Result<(), Error>) {
    let (mut outcomes, mut ended) = (Vec::new(), Ok(()));
    let all = logins.len();
    for (number, login) in logins.into_iter().enumerate() {
        match login.and_then(|summary| act(&summary.login.key())) {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => {
                app.console.error(&error);
                let failed = number + 1 - outcomes.len();
                ended = Err(Error::Partly { failed, all, exit_code: error.exit_code() });
            }
        }
    }
    (outcomes, ended)
}
