//! The known name that somebody probably meant.

/// The nearest of the known names, if it is near: letters swapped, missing, doubled or mistaken,
/// one in three at most, or another case or another dash.
pub fn nearest<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // What is so long is no slip of the keyboard, and comparing it would cost.
    if wrong.len() > 64 {
        return None;
    }
    let plain = |name: &str| -> Vec<char> {
        name.chars()
            .filter(|c| !matches!(c, '_' | '-'))
            .flat_map(char::to_lowercase)
            .collect()
    };
    let given = plain(wrong);
    known
        .into_iter()
        .filter(|name| name.len() <= 64 && *name != wrong)
        .map(|name| {
            let name_plain = plain(name);
            let longer = given.len().max(name_plain.len());
            (distance(&given, &name_plain), longer / 3, name)
        })
        .filter(|(distance, allowed, _)| distance <= allowed)
        .min_by_key(|(distance, _, _)| *distance)
        .map(|(_, _, name)| name)
}

/// `; did you mean x?`, or nothing.
pub fn hint<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    match nearest(wrong, known) {
        Some(name) => format!("; did you mean {name}?"),
        None => String::new(),
    }
}

/// Letters to change, add, drop or swap with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (above[j] + usize::from(x != y))
                .min(above[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_finds_its_name() {
        let known = ["outcomes", "outputs", "operation", "applied", "inDoubt"];
        for (wrong, meant) in [
            ("outcome", Some("outcomes")),
            ("operaton", Some("operation")),
            ("aplied", Some("applied")),
            ("in_doubt", Some("inDoubt")),
            ("opertaion", Some("operation")),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, known), meant, "{wrong}");
        }
        assert_eq!(nearest(&"x".repeat(100_000), known), None);
    }
}
