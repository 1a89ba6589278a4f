//! What may be recorded now, and why not: the checks on the courier's side.
//!
//! The same functions answer before a tap (what a screen enables) and when recording.

use super::dictionary::Set;
use super::error::{Refusal, Refused};
use super::ids::ParcelId;
use super::json::ToJson;
use super::operation::Intent;
use super::parcel::{ParcelFate, ParcelOutcome};
use super::progress::Progress;
use super::proof::{Proof, ProofOverride, Requirement};
use super::stop::{Stop, StopKind, StopStatus};
use super::text::shown;

pub const CODE_CHARS_MAX: usize = 512;
pub const NOTE_CHARS_MAX: usize = 2_000;
pub const NAME_CHARS_MAX: usize = 200;
pub const CUSTOM_BYTES_MAX: usize = 8_192;

/// A stop as it stands for the courier: what the backend said and what he did since.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    pub stop: &'a Stop,
    pub progress: &'a Progress,
    /// fixed reasons for `fail` and `return`; empty means free text
    pub fail_reasons: &'a [String],
    pub return_reasons: &'a [String],
}

/// Why a stop's parcels do not go into the van.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "snake_case")]
pub enum StaysBehind {
    /// they are taken over there
    Pickup,
    Cancelled,
    /// the stop has its outcome already
    Closed,
}

/// Whether an intent is new, or the same thing once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    New,
    /// already recorded under this `seq`; nothing is added
    Duplicate(u64),
}

/// How far one proof has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    pub proof: Proof,
    pub requirement: Requirement,
    pub have: usize,
    pub want: usize,
}

impl Need {
    pub fn satisfied(&self) -> bool {
        self.have >= self.want
    }
}

impl Situation<'_> {
    pub fn status(&self) -> StopStatus {
        self.progress.status(self.stop.status)
    }

    pub fn arrived(&self) -> bool {
        self.progress.arrived.is_some() || self.stop.status == StopStatus::Arrived
    }

    pub fn needs(&self) -> Vec<Need> {
        Proof::ALL
            .into_iter()
            .map(|proof| {
                let (have, want) = match proof {
                    Proof::Scan => (self.progress.scanned.len(), self.stop.parcels.len()),
                    Proof::Photo => (self.progress.photos.len(), 1),
                    Proof::Signature => (usize::from(self.progress.signature.is_some()), 1),
                };
                Need {
                    proof,
                    requirement: self.stop.proof.requirement(proof),
                    have,
                    want,
                }
            })
            .collect()
    }

    /// Nothing is recorded at a stop that is over.
    pub fn open(&self) -> Result<(), Refusal> {
        match self.status() {
            StopStatus::Open | StopStatus::Arrived => Ok(()),
            StopStatus::Cancelled => Err(Refused::new(
                "stop_cancelled",
                "this stop was cancelled by the office",
            )),
            _ => Err(Refused::new(
                "stop_closed",
                "this stop already has its outcome",
            )),
        }
    }

    /// Whether its parcels belong into the van now.
    pub fn to_load(&self) -> Result<(), StaysBehind> {
        match self.status() {
            _ if self.stop.kind == StopKind::Pickup => Err(StaysBehind::Pickup),
            StopStatus::Open | StopStatus::Arrived => Ok(()),
            StopStatus::Cancelled => Err(StaysBehind::Cancelled),
            _ => Err(StaysBehind::Closed),
        }
    }

    /// Whether any outcome may be recorded now.
    pub fn may_close(&self) -> Result<(), Refusal> {
        self.open()?;
        if self.arrived() {
            Ok(())
        } else {
            Err(Refused::new("not_arrived", "mark your arrival first"))
        }
    }

    pub fn may_deliver(&self) -> Result<(), Refusal> {
        self.may_close()?;
        if self.stop.kind == StopKind::Pickup {
            return Err(Refused::new("stop_is_pickup", "here parcels are picked up"));
        }
        self.proofs_can_be_met()
    }

    pub fn may_pick_up(&self) -> Result<(), Refusal> {
        self.may_close()?;
        if self.stop.kind == StopKind::Delivery {
            return Err(Refused::new(
                "stop_is_delivery",
                "here parcels are delivered",
            ));
        }
        self.proofs_can_be_met()
    }

    fn proofs_can_be_met(&self) -> Result<(), Refusal> {
        // A missing scan can still be met by delivering fewer parcels, so it is judged on recording.
        let missing = self.needs().into_iter().find(|n| {
            n.proof != Proof::Scan && n.requirement == Requirement::Required && !n.satisfied()
        });
        match missing {
            Some(need) if !self.stop.proof.overridable => Err(missing_proof(need.proof)),
            _ => Ok(()),
        }
    }

    fn proofs(&self, handed: &[&ParcelId], overrides: &[ProofOverride]) -> Result<(), Refusal> {
        for need in self.needs() {
            let met = match need.proof {
                Proof::Scan => handed
                    .iter()
                    .all(|p| self.progress.scanned.contains_key(*p)),
                _ => need.satisfied(),
            };
            if met || need.requirement != Requirement::Required {
                continue;
            }
            let reason = overrides
                .iter()
                .find(|o| o.proof == need.proof)
                .map(|o| o.reason.trim());
            match reason {
                Some("") => {
                    return Err(Refused::new(
                        "override_reason_missing",
                        "say why this proof is left out",
                    )
                    .with("proof", &need.proof));
                }
                Some(_) if self.stop.proof.overridable => {}
                Some(_) => {
                    return Err(Refused::new(
                        "override_not_allowed",
                        "this proof may not be left out at this stop",
                    )
                    .with("proof", &need.proof));
                }
                None => return Err(missing_proof(need.proof)),
            }
        }
        Ok(())
    }

    fn every_parcel(&self, outcomes: &[ParcelOutcome]) -> Result<(), Refusal> {
        let mut seen = Set::new();
        for o in outcomes {
            self.known(&o.parcel)?;
            if !seen.add(o.parcel.as_str()) {
                return Err(Refused::new("parcel_twice", "a parcel has two outcomes")
                    .with("parcel", &shown(&o.parcel.0, 40)));
            }
            if o.outcome == ParcelFate::PickedUp {
                return Err(Refused::new(
                    "outcome_unknown",
                    "a delivered parcel is delivered, failed or returned",
                ));
            }
            let reason = o.reason.as_deref().unwrap_or("").trim();
            if o.outcome != ParcelFate::Delivered && reason.is_empty() {
                return Err(Refused::new(
                    "reason_missing",
                    "say why a parcel was not delivered",
                ));
            }
        }
        if let Some(left) = self
            .stop
            .parcels
            .iter()
            .find(|p| !seen.contains_key(p.id.as_str()))
        {
            return Err(
                Refused::new("parcel_without_outcome", "a parcel has no outcome yet")
                    .with("parcel", &shown(&left.code, 40)),
            );
        }
        Ok(())
    }

    fn known(&self, parcel: &ParcelId) -> Result<(), Refusal> {
        if self.stop.parcels.iter().any(|p| p.id == *parcel) {
            Ok(())
        } else {
            Err(unlisted(&parcel.0))
        }
    }

    fn reason(reason: &str, fixed: &[String]) -> Result<(), Refusal> {
        if reason.trim().is_empty() {
            return Err(Refused::new("reason_missing", "choose a reason"));
        }
        if !fixed.is_empty() && !fixed.iter().any(|r| r == reason) {
            return Err(Refused::new(
                "reason_unknown",
                "this is none of the reasons of this backend",
            )
            .with("reason", &shown(reason, 40)));
        }
        Ok(())
    }

    /// Judges an intent for this stop. `sha256` is that of the staged bytes it names, if any.
    ///
    /// # Errors
    /// A stable code for each precondition that does not hold.
    pub fn check(&self, intent: &Intent, sha256: Option<&str>) -> Result<Admission, Refusal> {
        if let Some(outcome) = &self.progress.outcome
            && outcome.print == intent.print()
        {
            return Ok(Admission::Duplicate(outcome.mark.seq));
        }
        match intent {
            Intent::Arrive { .. } => {
                if let Some(mark) = self.progress.arrived {
                    return Ok(Admission::Duplicate(mark.seq));
                }
                self.open()?;
                if self.arrived() {
                    return Err(Refused::new(
                        "already_arrived",
                        "your arrival is already known",
                    ));
                }
            }
            Intent::Load { code } => {
                let Some(parcel) = self.stop.parcel_by_code(code) else {
                    return Err(unlisted(code));
                };
                if let Some(seq) = self.progress.loaded.get(&parcel.id) {
                    return Ok(Admission::Duplicate(*seq));
                }
            }
            Intent::Scan { code, .. } => {
                check_code(code)?;
                let Some(parcel) = self.stop.parcel_by_code(code) else {
                    return Err(unlisted(code));
                };
                if let Some(seq) = self.progress.scanned.get(&parcel.id) {
                    return Ok(Admission::Duplicate(*seq));
                }
                self.open()?;
            }
            Intent::Photo { .. } => {
                if let Some(p) = self
                    .progress
                    .photos
                    .iter()
                    .find(|p| Some(&*p.sha256) == sha256)
                {
                    return Ok(Admission::Duplicate(p.seq));
                }
                self.open()?;
            }
            Intent::Signature { signer, .. } => {
                if let Some(p) = self
                    .progress
                    .signature
                    .as_ref()
                    .filter(|p| Some(&*p.sha256) == sha256)
                {
                    return Ok(Admission::Duplicate(p.seq));
                }
                self.open()?;
                check_text("signer", signer.as_deref().unwrap_or("-"), NAME_CHARS_MAX)?;
            }
            Intent::Note { text, .. } => check_text("note", text, NOTE_CHARS_MAX)?,
            Intent::PickUp {
                parcels, overrides, ..
            } => {
                self.may_pick_up()?;
                if parcels.is_empty() {
                    return Err(Refused::new(
                        "parcels_missing",
                        "say which parcels you took",
                    ));
                }
                parcels.iter().try_for_each(|p| self.known(p))?;
                self.proofs(&parcels.iter().collect::<Vec<_>>(), overrides)?;
            }
            Intent::Deliver {
                recipient,
                outcomes,
                overrides,
                ..
            } => {
                self.may_deliver()?;
                check_text("recipient", recipient, NAME_CHARS_MAX)?;
                self.every_parcel(outcomes)?;
                let handed: Vec<_> = outcomes
                    .iter()
                    .filter(|o| o.outcome == ParcelFate::Delivered)
                    .map(|o| &o.parcel)
                    .collect();
                if handed.is_empty() {
                    return Err(Refused::new(
                        "nothing_delivered",
                        "no parcel was delivered: record it as not delivered",
                    ));
                }
                self.proofs(&handed, overrides)?;
            }
            Intent::Fail { reason, text, .. } => {
                self.may_close()?;
                Self::reason(reason, self.fail_reasons)?;
                check_text("text", text.as_deref().unwrap_or("-"), NOTE_CHARS_MAX)?;
            }
            Intent::Return { reason, text, .. } => {
                self.may_close()?;
                Self::reason(reason, self.return_reasons)?;
                check_text("text", text.as_deref().unwrap_or("-"), NOTE_CHARS_MAX)?;
            }
            Intent::Custom { .. } => check_custom(intent)?,
        }
        Ok(Admission::New)
    }
}

/// An operation of a company's own: a name of its own and fields of bounded size.
pub fn check_custom(intent: &Intent) -> Result<(), Refusal> {
    let Intent::Custom { name, fields, .. } = intent else {
        return Ok(());
    };
    if name.is_empty()
        || name.len() > 64
        || !name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    {
        return Err(Refused::new(
            "custom_name",
            "a custom operation is named by 1 to 64 letters, digits, - or _",
        ));
    }
    let size = super::json::to_text(fields).len();
    if size > CUSTOM_BYTES_MAX {
        return Err(
            Refused::new("custom_too_large", "the fields are larger than 8,192 bytes")
                .with("bytes", &size),
        );
    }
    Ok(())
}

/// A code that could be a parcel's at all.
pub fn check_code(code: &str) -> Result<(), Refusal> {
    if code.trim().is_empty() {
        return Err(Refused::new("code_empty", "the code has no text"));
    }
    if code.chars().count() > CODE_CHARS_MAX {
        return Err(Refused::new(
            "code_too_long",
            "this is too long for a parcel's code",
        ));
    }
    Ok(())
}

fn check_text(what: &str, text: &str, max: usize) -> Result<(), Refusal> {
    let chars = text.trim().chars().count();
    if chars == 0 {
        return Err(match what {
            "recipient" => Refused::new("recipient_missing", "say who took the parcels"),
            _ => Refused::new("text_missing", "a text is empty").with("what", &what),
        });
    }
    if chars > max {
        return Err(Refused::new("text_too_long", "a text is too long")
            .with("what", &what)
            .with("most", &max));
    }
    Ok(())
}

fn missing_proof(proof: Proof) -> Refusal {
    match proof {
        Proof::Scan => Refused::new("scan_missing", "scan every parcel that you hand over"),
        Proof::Photo => Refused::new("photo_missing", "this stop needs a photo"),
        Proof::Signature => Refused::new("signature_missing", "this stop needs a signature"),
    }
}

fn unlisted(code: &str) -> Refusal {
    Refused::new("parcel_unlisted", "this parcel is not listed at this stop")
        .with("parcel", &shown(code, 40))
}
