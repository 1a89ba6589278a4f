//! What leaves the phone as a file: everything of an account that is not settled, with what the
//! office needs to go on with it under the same identities. Here is decided what belongs in it and
//! what does not; arranging it, packing the pictures beside it and sealing the whole is
//! JavaScript's: bytes never enter the core.

use super::driver::Driver;
use super::error::CoreError;
use super::handover::everyone;
use super::host::Host;
use super::records;
use super::step::{Halt, View, decided};
use super::store::{Key, Query, Record, Table};
use crate::domain::ids::AccountId;
use crate::domain::json::{ToJson, parse, write_fields};
use crate::domain::operation::{Operation, OperationState};
use crate::domain::text::{find, replaced};
use crate::domain::tree::remove;
use crate::engine::change::{Change, Counters, EntityKey, TakenOut};
use crate::engine::listing::item;
use crate::engine::session::Session;
use serde_json::Value;

/// What is shorter is no secret, and hiding it would spoil ordinary words.
const SECRET_BYTES_MIN: usize = 6;

impl<H: Host> Driver<H> {
    /// The records of an export: operations that are not settled or were set aside by a person,
    /// older pages of their attempts, stops, half-filled stops, what is known of pictures, records
    /// that could not be read, and profiles. Neither tokens nor secrets.
    ///
    /// # Errors
    /// `account_unknown`, `signed_out`; the store's failures.
    pub async fn export(&self, of: Option<&str>) -> Result<Value, CoreError> {
        let account = self.look(|view| self.referred_in(view, of)).await?;
        let taken_out = self.take_out(&account).await?;
        let mut letters = vec![];
        let mut look = |record: &Record| {
            if find(&record.envelope.body, "\"is\":\"discarded\"").is_some() {
                letters.push(record.clone());
            }
            true
        };
        self.each_settled(&account, 0, &mut look).await?;
        self.look(|view| self.export_in(view, &account, taken_out, &letters))
            .await
    }

    fn export_in(
        &self,
        view: &View,
        account: &AccountId,
        taken_out: Option<u64>,
        letters: &[Record],
    ) -> Result<Value, Halt> {
        let attempts = Key::new(&account.0).text("attempts");
        let found = [
            view.all(account, Table::Operations),
            view.ask(Query::under(Table::Meta, attempts)),
            view.all(account, Table::Stops),
            view.all(account, Table::Drafts),
            view.all(account, Table::Blobs),
            view.ask(everyone(Table::Profiles)),
            view.all(account, Table::Quarantine),
        ];
        let session = view.one(account, &EntityKey::Session);
        view.read()?;
        let session = records::value::<Session>(session);
        // A backend may echo what it was sent; that does not leave the phone.
        let mut hidden = vec![];
        if let Value::Object(secrets) = self.secrets() {
            hidden.extend(secrets.into_iter().map(|(_, secret)| secret));
        }
        if let Some(session) = &session {
            hidden.push(session.token.to_json());
            hidden.push(session.refresh_token.to_json());
        }
        let mut raw = vec![];
        let mut lists = vec![];
        for (place, records) in found.iter().enumerate() {
            let mut list = vec![];
            let more = if place == 0 { letters } else { &[] };
            for record in records.iter().chain(more) {
                let body = hide(&record.envelope.body, &hidden);
                let mut words = None;
                if place == 0 {
                    words = records::open::<Operation>(record).ok().map(|o| o.value);
                }
                match (place, parse(&body), &words) {
                    (1..=5, Ok(Value::Object(mut fields)), _) => {
                        remove(&mut fields, "secrets");
                        list.push(Value::Object(fields));
                    }
                    (0, Ok(Value::Object(mut fields)), Some(op)) => {
                        // A field of the courier's own may look like that state.
                        let settled = matches!(op.state, OperationState::Settled { .. });
                        if !settled && op.seq < taken_out.unwrap_or(u64::MAX) {
                            let line = item(op, None);
                            fields.insert("title".into(), line.title.to_json());
                            fields.insert("said".into(), line.said.to_json());
                            fields.insert("kind".into(), op.intent.kind().to_json());
                            list.push(Value::Object(fields));
                        }
                    }
                    _ => raw.push(write_fields(
                        "key,type,typeVersion,body",
                        &[
                            &record.key.to_string(),
                            &record.envelope.t,
                            &record.envelope.v,
                            &body,
                        ],
                    )),
                }
            }
            lists.push(Value::Array(list));
        }
        Ok(write_fields(
            "exportedAt,id,name,profile,operations,attempts,stops,drafts,blobs,profiles,unreadable,noted",
            &[
                &self.now(),
                account,
                &session.map(|s| s.name),
                &self.profile().revision,
                &lists[0],
                &lists[1],
                &lists[2],
                &lists[3],
                &lists[4],
                &lists[5],
                &raw,
                &taken_out.is_some(),
            ],
        ))
    }

    /// Notes that the account's work leaves this device: from now on the backend is asked before
    /// any of it is sent from here. Gives the place in the order of recording before which it
    /// holds; `None` where this store takes no writes, which keeps nobody's work in.
    async fn take_out(&self, account: &AccountId) -> Result<Option<u64>, CoreError> {
        let mut before = 0;
        let mut step = |view: &View| {
            let found = view.one(account, &EntityKey::Counters);
            view.read()?;
            // Counters that cannot be read hold up recording too, so nothing is added after them.
            let counters = records::first_or(found, Counters::default());
            before = counters.map_or(u64::MAX, |c| c.value.next_seq);
            let mut change = Change::strict();
            // What is recorded at this moment has its place behind it, or comes with it.
            change.expect(EntityKey::Counters, found.first().map(|r| r.revision));
            change.put_blind(&TakenOut {
                at: self.now(),
                before,
            });
            decided(account, change)
        };
        match self.take(&mut step).await {
            Ok(_) => Ok(Some(before)),
            Err(error) if error.code.starts_with("storage_") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn hide(body: &str, hidden: &[Value]) -> String {
    let mut out = body.to_owned();
    for secret in hidden {
        let Some(secret) = secret.as_str().filter(|s| s.len() >= SECRET_BYTES_MIN) else {
            continue;
        };
        out = replaced(&out, secret, "***");
    }
    out
}
