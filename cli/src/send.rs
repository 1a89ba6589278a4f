//! `pannier profile try --send`: one operation of each named kind, at the stop that was named, for
//! real. Each step is judged, then asked about where there is a probe.

use crate::Trouble;
use crate::arguments::Wanted;
use crate::trial::{Stopped, Trial, Walked, path};
use pannier::domain::ids::OperationId;
use pannier::domain::operation::{BlobPin, StepDone};
use pannier::domain::proof::{BLOB_BYTES_MAX, check_picture};
use pannier::domain::stop::Stop;
use pannier::engine::change::StopRecord;
use pannier::engine::context::{carry, for_operation, operation_value};
use pannier::profile::document::{Identity, Profile, Verdict};
use pannier::profile::judge::{ProbeFinding, Ruling, answer_value, judge_probe};
use pannier::profile::request::build;
use pannier_check::sample;
use sha2::{Digest, Sha256};
use std::fmt::Write;

impl Trial {
    pub fn send(&mut self, profile: &Profile, wanted: &Wanted, stops: &[Stop]) -> Walked<()> {
        let id = wanted.stop.as_deref().unwrap_or_default();
        let Some(stop) = stops.iter().find(|s| s.id.as_str() == id) else {
            return Err(Stopped::Wrong(format!(
                "there is no stop {id} on the route"
            )));
        };
        let mut record = StopRecord {
            mirror: stop.clone(),
            ..StopRecord::default()
        };
        for (i, kind) in wanted.send.iter().enumerate() {
            if !profile.operations.contains_key(kind.as_str()) {
                return Err(Trouble(format!("the profile does not describe {kind}")).into());
            }
            self.operation(profile, wanted, kind, i as u64 + 1, &mut record)?;
        }
        Ok(())
    }

    /// What stands in for the camera.
    fn picture(&mut self, wanted: &Wanted, handle: &str) -> Result<BlobPin, Trouble> {
        let Some(file) = &wanted.picture else {
            return Err(Trouble("--send needs --picture FILE for this".to_owned()));
        };
        let bytes = (self.machine.read(file, BLOB_BYTES_MAX + 1))
            .map_err(|e| Trouble(format!("{file}: {e}")))?;
        let head = bytes.get(..64).unwrap_or(&bytes);
        let media_type = check_picture(head, bytes.len() as u64)?.to_owned();
        let mut sha256 = String::new();
        for byte in Sha256::digest(&bytes) {
            // Writing to a String cannot fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        let pin = BlobPin {
            handle: pannier::domain::ids::BlobHandle::new(handle),
            media_type,
            bytes: bytes.len() as u64,
            sha256,
        };
        self.net.pictures.insert(handle.to_owned(), bytes);
        Ok(pin)
    }

    fn operation(
        &mut self,
        profile: &Profile,
        wanted: &Wanted,
        kind: &str,
        seq: u64,
        stop: &mut StopRecord,
    ) -> Walked<()> {
        let mut op = sample::operation(kind, seq, &stop.mirror, Some(profile));
        let now = self.machine.now_ms();
        op.id = OperationId::mint(now, self.machine.chance());
        op.recorded.at = now;
        op.recorded.position = None;
        if let Some(blob) = &op.blob {
            let handle = blob.handle.0.clone();
            op.blob = Some(self.picture(wanted, &handle)?);
        }
        let steps = profile
            .operations
            .get(kind)
            .map_or(&[][..], |o| o.steps.as_slice());
        if steps.is_empty() {
            self.talk
                .say(format!("\n== {kind}\nnothing is sent for it"));
        }
        for (i, step) in steps.iter().enumerate() {
            let Some(session) = self.session.clone() else {
                return Ok(());
            };
            let at = op.stop().map(|_| &*stop);
            let context = for_operation(profile, &op, at, &session, &self.here());
            let what = format!("{kind}, step {}", step.step_id);
            if let Some(test) = &step.when
                && !test.holds(&operation_value(&op), &context)?
            {
                self.talk.say(format!(
                    "\n== {what}\nnot sent: its condition does not hold"
                ));
                continue;
            }
            let mut request = build(profile, &step.request, &context)?;
            if let Identity::Header { name } = &step.identity {
                request.headers.push((name.clone(), op.id.0.clone()));
            }
            let place = path(&["operations", kind, "steps", &i.to_string(), "outcomes"]);
            let (answer, ruling) =
                self.exchange(&what, &request, &step.outcomes, &place, &context)?;
            let yes = matches!(ruling, Ruling::Rule(Verdict::Applied | Verdict::Already));
            if yes {
                let context = context.clone().with("response", answer_value(&answer));
                let outputs = self.captured(&step.outputs, &context)?;
                op.steps.push(StepDone {
                    step: step.step_id.clone(),
                    at: now,
                    outputs,
                    already: false,
                });
            }
            if let Some(probe) = &step.probe {
                let request = build(profile, &probe.request, &context)?;
                let what = format!("{what}, probe");
                let answer = self.answer(&what, &request)?;
                let finding = judge_probe(probe, &answer, &answer_value(&answer), &context)?;
                self.talk.say(match finding {
                    ProbeFinding::Applied => "the probe finds it applied",
                    ProbeFinding::NotApplied => "the probe finds it not applied",
                    ProbeFinding::Unknown => "the probe's answer says nothing",
                });
                if yes && finding != ProbeFinding::Applied {
                    let why = "the backend said yes, and the probe does not find it";
                    return Err(Stopped::Wrong(why.to_owned()));
                }
            }
            if !yes {
                return Err(Stopped::Wrong(format!("{what} was not said yes to")));
            }
        }
        let carried = carry(profile, &op);
        stop.progress.settle(seq, now, carried);
        Ok(())
    }
}
