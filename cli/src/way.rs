//! How a command comes to a real backend: its addresses, whom to trust, who signs in. No secret is
//! ever an argument: other people see a command line.

use crate::Trouble;
use crate::machine::Machine;
use crate::talk::Talk;
use pannier::profile::document::{Profile, SignInKind};
use serde_json::{Map, Value};

/// The authorities of a whole system are a quarter of this.
const CERTIFICATES_BYTES_MAX: u64 = 1 << 20;

#[derive(Default)]
pub struct Way {
    addresses: Vec<String>,
    username: Option<String>,
    password_env: Option<String>,
    key_env: Option<String>,
    token_env: Option<String>,
    account: Option<String>,
    secret_env: Vec<String>,
    ca: Option<String>,
}

impl Way {
    /// Takes an option if it is one of these; gives it back if not.
    ///
    /// # Errors
    /// When it says a secret.
    pub fn take(&mut self, name: &str, value: String) -> Result<Option<String>, Trouble> {
        match name {
            "base-url" => self.addresses.push(value),
            "username" => self.username = Some(value),
            "password-env" => self.password_env = Some(value),
            "key-env" => self.key_env = Some(value),
            "token-env" => self.token_env = Some(value),
            "account" => self.account = Some(value),
            "secret-env" => self.secret_env.push(value),
            "ca" => self.ca = Some(value),
            "password" | "key" | "token" | "secret" => {
                return Err(Trouble(format!(
                    "a secret is no argument, since other people see it: --{name}-env VARIABLE"
                )));
            }
            _ => return Ok(Some(value)),
        }
        Ok(None)
    }

    /// Puts the addresses in place of the profile's own.
    ///
    /// # Errors
    /// An address that is none, or of no server.
    pub fn address(&self, profile: &mut Profile) -> Result<(), Trouble> {
        for given in &self.addresses {
            let (name, url) = match given
                .split_once('=')
                .filter(|(name, _)| !name.contains(':'))
            {
                Some((name, url)) => (name.to_owned(), url),
                None => {
                    let mut names = profile.servers.keys();
                    let (Some(only), None) = (names.next(), names.next()) else {
                        let text = "the profile has not exactly one server: --base-url NAME=URL";
                        return Err(Trouble(text.to_owned()));
                    };
                    (only.clone(), given.as_str())
                }
            };
            if !profile.servers.contains_key(&name) {
                return Err(Trouble(format!("the profile has no server {name}")));
            }
            if !url.starts_with("https://") && !url.starts_with("http://") {
                return Err(Trouble(format!("{url} is no address of a server")));
            }
            profile.servers.insert(name, url.to_owned());
        }
        Ok(())
    }

    /// Trusts who was named.
    ///
    /// # Errors
    /// A file that holds no certificate.
    pub fn trust(&self, machine: &dyn Machine) -> Result<(), Trouble> {
        let Some(file) = &self.ca else {
            return Ok(());
        };
        let pem = machine.read(file, CERTIFICATES_BYTES_MAX);
        let trusted = pem.and_then(|pem| machine.trust(&pem));
        trusted.map_err(|why| Trouble(format!("{file}: {why}")))
    }

    /// `$secrets` of the profile, from the environment.
    ///
    /// # Errors
    /// One that is not there.
    pub fn secrets(&self, profile: &Profile, talk: &mut Talk) -> Result<Value, Trouble> {
        let mut out = Map::new();
        for name in &profile.secrets {
            let named = |pair: &&String| pair.split_once('=').is_some_and(|(n, _)| n == name);
            let variable = self.secret_env.iter().find(named);
            let variable = variable
                .and_then(|pair| pair.split_once('='))
                .map(|(_, v)| v);
            let value = talk.secret(variable, &format!("$secrets.{name}: "))?;
            out.insert(name.clone(), Value::String(value));
        }
        Ok(Value::Object(out))
    }

    /// What this kind of sign-in takes.
    ///
    /// # Errors
    /// What is missing.
    pub fn credentials(
        &self,
        kind: SignInKind,
        talk: &mut Talk,
    ) -> Result<Map<String, Value>, Trouble> {
        let mut out = Map::new();
        let mut put = |name: &str, value: String| {
            out.insert(name.to_owned(), Value::String(value));
        };
        let username = |why: &str| {
            self.username
                .clone()
                .ok_or_else(|| Trouble(format!("{why}: --username NAME")))
        };
        match kind {
            SignInKind::None | SignInKind::ClientCredentials => {}
            SignInKind::Key => {
                put("key", talk.secret(self.key_env.as_deref(), "key: ")?);
                if let Some(name) = &self.username {
                    put("username", name.clone());
                }
            }
            SignInKind::Password => {
                put("username", username("who signs in?")?);
                put(
                    "password",
                    talk.secret(self.password_env.as_deref(), "password: ")?,
                );
            }
            SignInKind::Code => {
                put("username", username("who is sent the code?")?);
                if self.password_env.is_some() {
                    put(
                        "password",
                        talk.secret(self.password_env.as_deref(), "password: ")?,
                    );
                }
            }
            // The one needs the app that brings it, the other a browser: here it is brought along.
            SignInKind::Host | SignInKind::AuthorizationCode => {
                put("token", talk.secret(self.token_env.as_deref(), "token: ")?);
                let account = self.account.clone();
                put(
                    "account",
                    account.ok_or_else(|| Trouble("whose token is it? --account ID".to_owned()))?,
                );
            }
        }
        Ok(out)
    }
}
