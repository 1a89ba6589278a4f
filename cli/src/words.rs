//! How things look in a terminal.

use pannier::domain::text::shown as harmless;
use pannier_check::sample::{Built, Sample, body_text, shown};

pub fn add(out: &mut String, line: impl AsRef<str>) {
    // A profile is untrusted: nothing of it may move the cursor or colour the terminal.
    for line in line.as_ref().split('\n') {
        out.push_str(&harmless(line, 100_000));
        out.push('\n');
    }
}

/// One request of the sample day.
pub fn request(sample: &Sample, out: &mut String) {
    add(out, format!("\n== {}", sample.what));
    let request = match &sample.built {
        Built::Skipped => return add(out, "not sent: its condition does not hold on this day"),
        Built::Failed(error) => return add(out, format!("cannot be made: {error}")),
        Built::Request(request) => request,
    };
    add(out, format!("{} {}", request.method, shown(&request.url)));
    for (name, value) in &request.headers {
        add(out, format!("{name}: {}", shown(value)));
    }
    if let Some(media_type) = request.content_type() {
        add(out, format!("content-type: {media_type}"));
    }
    if request.cookies {
        add(out, "cookie: <those that the backend has set>");
    }
    let body = body_text(&request.body);
    if !body.is_empty() {
        add(out, format!("\n{body}"));
    }
}
