//! Answers a remote that asks who we are: each method once, so that a refusal ends instead of looping.

use std::fmt;
use std::path::PathBuf;

use git2::{Config, Cred, CredentialType};

/// What to present to a remote, beyond what its URL holds, the ssh agent and the user's credential helpers.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The user name; `git` where ssh needs one and none is given.
    pub username: Option<String>,
    /// A password or token for HTTP.
    pub password: Option<String>,
    /// Private key files for ssh, tried in order after the agent.
    pub ssh_keys: Vec<PathBuf>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username.as_ref().map(|_| "***"))
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("ssh_keys", &self.ssh_keys)
            .finish()
    }
}

/// One conversation's answers.
pub(super) struct Answers {
    given: Credentials,
    config: Option<Config>,
    tried: u32,
}

impl Answers {
    pub(super) fn new(given: &Credentials, config: Option<Config>) -> Self {
        Self { given: given.clone(), config, tried: 0 }
    }

    /// The next credential for what the remote allows; an error once all are used up.
    pub(super) fn next(&mut self, url: &str, user: Option<&str>, allowed: CredentialType) -> Result<Cred, git2::Error> {
        let user = user.or(self.given.username.as_deref());
        // Asking for the name alone comes before every ssh method and uses none up.
        if allowed.contains(CredentialType::USERNAME) {
            return Cred::username(user.unwrap_or("git"));
        }
        loop {
            let step = self.tried as usize;
            self.tried += 1;
            let cred = match step {
                0 if allowed.contains(CredentialType::SSH_KEY) => Cred::ssh_key_from_agent(user.unwrap_or("git")),
                1 if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) => match &self.given.password {
                    Some(password) => Cred::userpass_plaintext(user.unwrap_or("git"), password),
                    None => continue,
                },
                2 if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) => match &self.config {
                    Some(config) => Cred::credential_helper(config, url, user),
                    None => continue,
                },
                0..3 => continue,
                step => match self.given.ssh_keys.get(step - 3) {
                    Some(key) if allowed.contains(CredentialType::SSH_KEY) => {
                        Cred::ssh_key(user.unwrap_or("git"), None, key, None)
                    }
                    Some(_) => continue,
                    None => return Err(refused()),
                },
            };
            if let Ok(cred) = cred {
                return Ok(cred);
            }
        }
    }
}

fn refused() -> git2::Error {
    git2::Error::new(git2::ErrorCode::Auth, git2::ErrorClass::Callback, "no credentials left to try")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_tried_once() {
        let given = Credentials { password: Some("secret".into()), ..Credentials::default() };
        let mut answers = Answers::new(&given, None);
        let plain = CredentialType::USER_PASS_PLAINTEXT;
        assert!(answers.next("https://example.org", None, plain).is_ok());
        assert!(answers.next("https://example.org", None, plain).is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        let given = Credentials { username: Some("bot".into()), password: Some("hunter2".into()), ssh_keys: vec![] };
        let shown = format!("{given:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("bot"), "{shown}");
    }
}
