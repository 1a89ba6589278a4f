//! What a courier does in a day: the stops in their order and what he records at each.

use crate::chance::Chance;
use pannier::domain::ids::{BlobHandle, ParcelId, StopId};
use pannier::domain::operation::{Intent, ScanSource};
use pannier::domain::parcel::{ParcelFate, ParcelOutcome};
use serde_json::{Map, json};
use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub struct Step {
    pub stop: String,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Load,
    Arrive,
    Scan(char),
    Photo,
    Signature,
    Note,
    Cash,
    Deliver { partial: bool },
    Fail,
    Return,
}

impl What {
    pub const NOTE: &str = "note 1";
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Arrive => "arrive",
            Self::Scan(_) => "scan",
            Self::Photo => "photo",
            Self::Signature => "signature",
            Self::Note => "note",
            Self::Cash => "cash_collected",
            Self::Deliver { .. } => "deliver",
            Self::Fail => "fail",
            Self::Return => "return",
        }
    }
    pub fn has_picture(&self) -> bool {
        matches!(self, Self::Photo | Self::Signature)
    }
    /// Told twice, it is there twice: he looks before he says it again.
    pub fn adds_up(&self) -> bool {
        matches!(self, Self::Note | Self::Cash)
    }
}

const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0];

impl Step {
    pub fn picture(&self) -> Vec<u8> {
        [JPEG, self.what.kind().as_bytes(), self.stop.as_bytes()].concat()
    }

    pub fn intent(&self, blob: Option<BlobHandle>) -> Intent {
        let stop = StopId::new(&*self.stop);
        let blob = blob.unwrap_or_default();
        let code = |letter: char| format!("PN-{}-{letter}", self.stop);
        match &self.what {
            What::Load => Intent::Load { code: code('A') },
            What::Arrive => Intent::Arrive { stop },
            What::Scan(letter) => Intent::Scan {
                stop,
                code: code(*letter),
                source: ScanSource::Camera,
            },
            What::Photo => Intent::Photo { stop, blob },
            What::Signature => Intent::Signature {
                stop,
                blob,
                signer: Some("Anna Berg".into()),
            },
            What::Note => Intent::Note {
                stop,
                text: What::NOTE.to_owned(),
            },
            What::Cash => {
                let mut fields = Map::new();
                fields.insert("amount".into(), json!(120));
                Intent::Custom {
                    name: "cash_collected".into(),
                    stop: Some(stop),
                    fields,
                }
            }
            What::Deliver { partial } => {
                let second = if *partial {
                    (ParcelFate::Failed, Some("damaged".to_owned()))
                } else {
                    (ParcelFate::Delivered, None)
                };
                let outcome = |parcel: &str, (outcome, reason)| ParcelOutcome {
                    parcel: ParcelId::new(format!("{}-{parcel}", self.stop)),
                    outcome,
                    reason,
                };
                Intent::Deliver {
                    stop,
                    recipient: "Anna Berg".into(),
                    outcomes: vec![
                        outcome("a", (ParcelFate::Delivered, None)),
                        outcome("b", second),
                    ],
                    overrides: vec![],
                }
            }
            What::Fail => Intent::Fail {
                stop,
                reason: "nobody_home".into(),
                text: None,
            },
            What::Return => Intent::Return {
                stop,
                reason: "refused".into(),
                text: None,
            },
        }
    }
}

/// `prefix` and a number name the stops.
pub fn stops(prefix: &str, count: u32) -> Vec<String> {
    (1..=count).map(|n| format!("{prefix}{n:02}")).collect()
}

pub fn day(seed: u64, prefix: &str, count: u32) -> VecDeque<Step> {
    let chance = Chance::new(seed, prefix);
    let mut steps = VecDeque::new();
    let stops = stops(prefix, count);
    for stop in &stops {
        steps.push_back(Step {
            stop: stop.clone(),
            what: What::Load,
        });
    }
    for stop in &stops {
        let mut at = |what: What| {
            steps.push_back(Step {
                stop: stop.clone(),
                what,
            });
        };
        at(What::Arrive);
        at(What::Scan('A'));
        let some = |in_thousand| chance.in_thousand(in_thousand);
        let (second, photo, signature) = (some(600), some(700), some(350));
        let (note, cash) = (some(250), some(80));
        let outcome = chance.below(10);
        if second {
            at(What::Scan('B'));
        }
        if photo {
            at(What::Photo);
        }
        if note {
            at(What::Note);
        }
        if signature {
            at(What::Signature);
        }
        if cash {
            at(What::Cash);
        }
        at(match outcome {
            0 => What::Fail,
            1 => What::Return,
            2 => What::Deliver { partial: true },
            _ => What::Deliver { partial: false },
        });
    }
    steps
}
