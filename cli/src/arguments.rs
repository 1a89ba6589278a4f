//! The arguments of `pannier profile try`. No secret is ever one: other people see a command line.

use crate::Trouble;
use crate::machine::Machine;
use crate::talk::Talk;
use lexopt::{Arg, Parser, ValueExt};
use pannier::profile::document::{Profile, SignInKind};
use serde_json::{Map, Value};

/// The authorities of a whole system are a quarter of this.
const CERTIFICATES_BYTES_MAX: u64 = 1 << 20;

#[derive(Default)]
pub struct Wanted {
    pub file: String,
    pub send: Vec<String>,
    pub stop: Option<String>,
    pub picture: Option<String>,
    addresses: Vec<String>,
    username: Option<String>,
    password_env: Option<String>,
    key_env: Option<String>,
    token_env: Option<String>,
    account: Option<String>,
    secret_env: Vec<String>,
    ca: Option<String>,
}

impl Wanted {
    pub fn read(mut arguments: Parser) -> Result<Self, Trouble> {
        let mut out = Self::default();
        while let Some(argument) = arguments.next()? {
            let name = match argument {
                Arg::Long(name) => name.to_owned(),
                Arg::Value(file) if out.file.is_empty() => {
                    out.file = file.to_string_lossy().into_owned();
                    continue;
                }
                other => return Err(other.unexpected().into()),
            };
            if name == "send" {
                for kind in arguments.values()? {
                    out.send.push(kind.string()?);
                }
                continue;
            }
            let value = arguments.value()?.string()?;
            match name.as_str() {
                "base-url" => out.addresses.push(value),
                "username" => out.username = Some(value),
                "password-env" => out.password_env = Some(value),
                "key-env" => out.key_env = Some(value),
                "token-env" => out.token_env = Some(value),
                "account" => out.account = Some(value),
                "secret-env" => out.secret_env.push(value),
                "ca" => out.ca = Some(value),
                "stop" => out.stop = Some(value),
                "picture" => out.picture = Some(value),
                "password" | "key" | "token" | "secret" => {
                    let text = format!(
                        "a secret is no argument, since other people see it: --{name}-env VARIABLE"
                    );
                    return Err(Trouble(text));
                }
                other => return Err(Trouble(format!("--{other} is no option of profile try"))),
            }
        }
        // Before anything is asked: half a trial helps nobody.
        let pictured = out
            .send
            .iter()
            .any(|kind| kind == "photo" || kind == "signature");
        let missing = match &out {
            Self { file, .. } if file.is_empty() => "which file?",
            Self {
                send, stop: None, ..
            } if !send.is_empty() => "--send needs --stop ID",
            Self { picture: None, .. } if pictured => "--send needs --picture FILE for this",
            _ => return Ok(out),
        };
        Err(Trouble(missing.to_owned()))
    }

    /// Puts the addresses in place of the profile's own.
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
    pub fn trust(&self, machine: &dyn Machine) -> Result<(), Trouble> {
        let Some(file) = &self.ca else {
            return Ok(());
        };
        let pem = machine.read(file, CERTIFICATES_BYTES_MAX);
        let trusted = pem.and_then(|pem| machine.trust(&pem));
        trusted.map_err(|why| Trouble(format!("{file}: {why}")))
    }

    /// `$secrets` of the profile, from the environment.
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
