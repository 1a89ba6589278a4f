//! Every profile that ships is read without a complaint.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use pannier::profile::read::read;
use std::fs;
use std::path::Path;

#[test]
fn every_profile_that_ships_can_be_used() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("is there") {
        let path = entry.expect("is listed").path();
        if path.extension().is_some_and(|e| e == "json") {
            let text = fs::read_to_string(&path).expect("is text");
            if let Err(error) = read(&text) {
                panic!("{}: {error}", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen >= 2);
}
