//! Short lists of the best. The library's sorts would be a fifth of what the phone downloads.

/// Puts `new` where its worth belongs, the worthiest first, behind what is worth the same; of more than
/// `limit` the last goes.
pub(crate) fn keep<T>(list: &mut Vec<T>, new: T, limit: usize, worth: impl Fn(&T) -> f32) {
    let own = worth(&new);
    // What cannot be compared is worth nothing.
    let at = list
        .iter()
        .take_while(|old| own.is_nan() || worth(old) >= own)
        .count();
    if at < limit {
        list.insert(at, new);
        list.truncate(limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_stay_in_order() {
        let mut list = Vec::new();
        for new in [3.0, 1.0, f32::NAN, 4.0, 1.5, 9.0, 2.0] {
            keep(&mut list, new, 4, |&v| v);
        }
        assert_eq!(list, [9.0, 4.0, 3.0, 2.0]);
    }

    #[test]
    fn of_equals_the_first_stays_in_front() {
        let mut list = Vec::new();
        for new in [(1.0, 'a'), (1.0, 'b'), (2.0, 'c'), (1.0, 'd')] {
            keep(&mut list, new, 3, |v| v.0);
        }
        let names: String = list.iter().map(|v| v.1).collect();
        assert_eq!(names, "cab");
    }
}
