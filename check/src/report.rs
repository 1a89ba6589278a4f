//! Everything about one document, in the order of its lines.

use crate::origins;
use crate::places::{Path, Place, Places, pointer};
use crate::risks::risks;
use crate::sample::{Built, Sample, body_text, day, shown};
use crate::secrets::{self, ACCEPTABLE, SHARED};
use crate::walk::mistakes;
use pannier::domain::json::{FromJson, ToJson, object, parse, print};
use pannier::profile::ProfileError;
use pannier::profile::document::Profile;
use pannier::profile::http::Body;
use pannier::profile::read::{LANGUAGE, PROFILE_BYTES_MAX, read};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
    Note,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing to know, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub code: &'static str,
    pub path: Path,
    /// at the key rather than at its value
    pub at_name: bool,
    pub place: Place,
    pub text: String,
}

impl Finding {
    pub fn new(
        severity: Severity,
        code: &'static str,
        path: Path,
        text: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            code,
            path,
            at_name: false,
            place: Place::default(),
            text: text.into(),
        }
    }
    /// JSON Pointer to what it is about.
    pub fn pointer(&self) -> String {
        pointer(&self.path)
    }
}

#[derive(Debug, Default)]
pub struct Report {
    pub name: String,
    pub revision: String,
    pub findings: Vec<Finding>,
    /// of a sample day; none where the core refuses the document
    pub requests: Vec<Sample>,
}

impl Report {
    pub fn count(&self, severity: Severity) -> usize {
        let these = self.findings.iter().filter(|f| f.severity == severity);
        these.count()
    }
}

/// Checks a document.
pub fn check(text: &str) -> Report {
    let places = match text.len() <= PROFILE_BYTES_MAX {
        true => Places::of(text),
        false => Places::default(),
    };
    let mut report = Report::default();
    match read(text) {
        Ok(profile) => valid(text, &profile, &mut report),
        Err(error) => refused(text, &error, &mut report),
    }
    for (path, _) in &places.twice {
        let text = "this key stands twice; the last one counts";
        let mut finding = Finding::new(Severity::Warning, "key_twice", path.clone(), text);
        finding.at_name = true;
        report.findings.push(finding);
    }
    for finding in &mut report.findings {
        if finding.place == Place::default() {
            finding.place = places.find(&finding.path, finding.at_name);
        }
    }
    report
        .findings
        .sort_by_key(|f| (f.place.line, f.place.column, f.severity));
    report
}

/// What the core takes can only be risky.
fn valid(text: &str, profile: &Profile, report: &mut Report) {
    report.name.clone_from(&profile.name);
    report.revision.clone_from(&profile.revision.0);
    let Ok(document) = parse(text) else {
        return;
    };
    let (mut findings, visible) = looked_at(&document);
    for finding in &mut findings {
        // The core has the last word on what a mistake is.
        if !ACCEPTABLE.contains(&finding.code) && finding.severity == Severity::Error {
            finding.severity = Severity::Warning;
        }
    }
    findings.extend(risks(profile));
    findings.extend(origins::notes(profile));
    // The day is built from what may be seen.
    if let Ok(shown) = Profile::from_json(visible) {
        report.requests = day(&shown);
    }
    for sample in &report.requests {
        if let Built::Failed(error) = &sample.built {
            let text = format!(
                "{}: the request cannot be made: {}",
                sample.what, error.text
            );
            let path = sample.path.clone();
            findings.push(Finding::new(Severity::Warning, "request_fails", path, text));
        }
    }
    report.findings = findings;
}

/// What the core refuses has a mistake, and here are all of them.
fn refused(text: &str, error: &ProfileError, report: &mut Report) {
    let document = match error.code {
        "profile_too_large" => None,
        _ => parse(text).ok(),
    };
    let Some(document) = document else {
        let mut finding = Finding::new(Severity::Error, error.code, vec![], error.text.clone());
        finding.place = said_place(&error.text).unwrap_or(Place { line: 1, column: 1 });
        report.findings.push(finding);
        return;
    };
    let text_of = |name: &str| document.get(name).and_then(Value::as_str);
    report.name = text_of("name").unwrap_or_default().to_owned();
    report.revision = text_of("revision").unwrap_or_default().to_owned();
    if error.code == "profile_language" {
        // Nothing else of it is ours to judge.
        let path = vec!["pannier".to_owned()];
        let text = format!("another version of the language; this check knows {LANGUAGE}");
        report
            .findings
            .push(Finding::new(Severity::Error, error.code, path, text));
        return;
    }
    let (mut findings, visible) = looked_at(&document);
    let is_mistake = |f: &Finding| f.severity == Severity::Error && !ACCEPTABLE.contains(&f.code);
    if !findings.iter().any(is_mistake) {
        // In the core's own words, without what must not be shown.
        let text = match read(&print(&visible)) {
            Err(error) => error.text,
            Ok(_) => "the core refuses this profile".to_owned(),
        };
        findings.push(Finding::new(Severity::Error, error.code, vec![], text));
    }
    report.findings = findings;
}

/// Mistakes and secrets, and the document without the latter.
fn looked_at(document: &Value) -> (Vec<Finding>, Value) {
    let secrets = secrets::find(document);
    let visible = secrets::hidden(document, &secrets);
    let accepted: Vec<&str> = crate::walk::array(document.get("accepts"))
        .iter()
        .filter_map(Value::as_str)
        .collect();
    // Mistakes are looked for in what may be seen: their words quote names.
    let mut findings: Vec<Finding> = mistakes(&visible)
        .into_iter()
        .map(|mistake| Finding {
            severity: match mistake.hard {
                true => Severity::Error,
                false => Severity::Warning,
            },
            code: mistake.code,
            path: mistake.path,
            at_name: mistake.at_name,
            place: Place::default(),
            text: mistake.text,
        })
        .collect();
    for secret in secrets {
        let (severity, text) = match secret.code {
            SHARED => (Severity::Warning, secret.text),
            code if accepted.contains(&code) => (
                Severity::Note,
                format!("{}; the profile accepts {code}", secret.text),
            ),
            code => {
                let how = format!("; if that is meant, say so: \"accepts\": [\"{code}\"]");
                (Severity::Error, secret.text + &how)
            }
        };
        findings.push(Finding::new(severity, secret.code, secret.path, text));
    }
    (findings, visible)
}

/// `... at line 3 column 7`, as the core's reader says it.
fn said_place(text: &str) -> Option<Place> {
    let (_, said) = text.rsplit_once(" at line ")?;
    let (line, column) = said.split_once(" column ")?;
    Some(Place {
        line: line.parse().ok()?,
        column: column.parse().ok()?,
    })
}

impl ToJson for Finding {
    fn write(&self, out: &mut String) {
        self.to_json().write(out);
    }
    fn to_json(&self) -> Value {
        object([
            ("severity", self.severity.name().to_json()),
            ("code", self.code.to_json()),
            ("place", self.pointer().to_json()),
            ("line", self.place.line.to_json()),
            ("column", self.place.column.to_json()),
            ("text", self.text.to_json()),
        ])
    }
}

impl ToJson for Sample {
    fn write(&self, out: &mut String) {
        self.to_json().write(out);
    }
    fn to_json(&self) -> Value {
        let mut out = vec![
            ("what", self.what.to_json()),
            ("place", pointer(&self.path).to_json()),
        ];
        match &self.built {
            Built::Skipped => out.push(("skipped", true.to_json())),
            Built::Failed(error) => out.push(("failed", error.to_string().to_json())),
            Built::Request(request) => {
                let headers = request.headers.iter();
                let headers = headers.map(|(n, v)| vec![n.clone(), shown(v)]);
                out.push(("method", request.method.to_json()));
                out.push(("url", shown(&request.url).to_json()));
                out.push(("headers", headers.collect::<Vec<_>>().to_json()));
                if let Some(media_type) = request.content_type() {
                    out.push(("contentType", media_type.to_json()));
                }
                if request.body != Body::Empty {
                    out.push(("body", body_text(&request.body).to_json()));
                }
                out.push(("cookies", request.cookies.to_json()));
                out.push(("deadlineMs", request.deadline_ms.to_json()));
            }
        }
        Value::Object(out.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }
}

impl ToJson for Report {
    fn write(&self, out: &mut String) {
        self.to_json().write(out);
    }
    fn to_json(&self) -> Value {
        object([
            ("name", self.name.to_json()),
            ("revision", self.revision.to_json()),
            ("errors", self.count(Severity::Error).to_json()),
            ("warnings", self.count(Severity::Warning).to_json()),
            ("findings", self.findings.to_json()),
            ("requests", self.requests.to_json()),
        ])
    }
}
