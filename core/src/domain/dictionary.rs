//! Small sorted tables. The standard library's trees cost the downloaded module some 100 KB for
//! the dozens of kinds of entries we have, and none of ours is large.

use super::json::{FromJson, Reader, Slot, ToJson, Wrong, write_name};
use std::borrow::Borrow;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Entries in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dictionary<K, V>(Vec<(K, V)>);

impl<K, V> Default for Dictionary<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> Dictionary<K, V> {
    pub fn new() -> Self {
        Self::default()
    }

    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        place(self.0.len(), &mut |i| self.0[i].0.borrow().cmp(key))
    }
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(i) => Some(std::mem::replace(&mut self.0[i].1, value)),
            Err(i) => {
                self.0.insert(i, (key, value));
                None
            }
        }
    }
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|i| &self.0[i].1)
    }
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|i| &mut self.0[i].1)
    }
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|i| self.0.remove(i).1)
    }
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(k, v)| keep(k, v));
    }
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(k, v)| (k, v))
    }
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(k, _)| k)
    }
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, v)| v)
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K, V> IntoIterator for Dictionary<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, K, V> IntoIterator for &'a Dictionary<K, V> {
    type Item = &'a (K, V);
    type IntoIter = std::slice::Iter<'a, (K, V)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Dictionary<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut out = Self::new();
        for (key, value) in entries {
            out.insert(key, value);
        }
        out
    }
}

impl<K: AsRef<str>, V: ToJson> ToJson for Dictionary<K, V> {
    fn write(&self, out: &mut String) {
        write_entries(self, out);
    }
}

/// A dictionary of any type.
trait Entries {
    fn entry(&self, at: usize) -> Option<(&str, &dyn ToJson)>;
}
impl<K: AsRef<str>, V: ToJson> Entries for Dictionary<K, V> {
    fn entry(&self, at: usize) -> Option<(&str, &dyn ToJson)> {
        let (key, value) = self.0.get(at)?;
        Some((key.as_ref(), value))
    }
}

fn write_entries(entries: &dyn Entries, out: &mut String) {
    out.push('{');
    let mut at = 0;
    while let Some((key, value)) = entries.entry(at) {
        if at > 0 {
            out.push(',');
        }
        write_name(key, out);
        value.write(out);
        at += 1;
    }
    out.push('}');
}

impl<K: From<String> + Ord, V: FromJson> Slot for Dictionary<K, V> {
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Wrong> {
        self.0.clear();
        read_entries(self, from)
    }
}

trait Grows {
    /// A place for what is under this key.
    fn grow(&mut self, key: String) -> Option<&mut dyn Slot>;
}
impl<K: From<String> + Ord, V: FromJson> Grows for Dictionary<K, V> {
    fn grow(&mut self, key: String) -> Option<&mut dyn Slot> {
        let key = K::from(key);
        let (Ok(at) | Err(at)) = self.find(&key);
        self.insert(key, V::blank());
        Some(&mut self.0.get_mut(at)?.1)
    }
}

fn read_entries(entries: &mut dyn Grows, from: &mut Reader<'_>) -> Result<(), Wrong> {
    from.begin(b'{')?;
    while from.more(b'}')? {
        let key = from.name()?;
        if let Some(place) = entries.grow(key.as_ref().to_owned()) {
            place.read(from).map_err(|e| e.within(&key))?;
        }
    }
    Ok(())
}
impl<K: From<String> + Ord, V: FromJson> FromJson for Dictionary<K, V> {
    fn blank() -> Self {
        Self::new()
    }
}

/// A set of keys.
pub type Set<K> = Dictionary<K, ()>;

impl<K: Ord> Dictionary<K, ()> {
    /// False when it was there already.
    pub fn add(&mut self, key: K) -> bool {
        self.insert(key, ()).is_none()
    }
}

/// Where something is, or would be, in a sorted list: once for all types.
#[inline(never)]
fn place(length: usize, compare: &mut dyn FnMut(usize) -> Ordering) -> Result<usize, usize> {
    // Mostly filled in order, so the end is looked at first.
    if length == 0 || compare(length - 1) == Ordering::Less {
        return Err(length);
    }
    let (mut from, mut to) = (0, length);
    while from < to {
        let middle = usize::midpoint(from, to);
        match compare(middle) {
            Ordering::Less => from = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => to = middle,
        }
    }
    Err(from)
}

/// Orders items by a number, those with the same one as they were. A heap: its code is a tenth of
/// the standard library's sort.
pub fn ordered<T>(mut items: Vec<T>, key: impl Fn(&T) -> u64) -> Vec<T> {
    let mut keys = vec![];
    for item in &items {
        keys.push(key(item));
    }
    let order = order(&keys);
    for place in 0..order.len() {
        let mut from = order[place];
        // What stood before was moved to where its successor came from.
        while from < place {
            from = order[from];
        }
        items.swap(place, from);
    }
    items
}

/// Where the least key stands, the next, and so on: once for all types.
#[inline(never)]
fn order(keys: &[u64]) -> Vec<usize> {
    let mut heap = BinaryHeap::new();
    for (i, key) in keys.iter().enumerate() {
        heap.push(Reverse((*key, i)));
    }
    let mut out = vec![];
    while let Some(Reverse((_, i))) = heap.pop() {
        out.push(i);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_keeps_its_keys_in_order_and_once() {
        let mut table: Dictionary<String, i32> = [("b", 1), ("a", 2), ("c", 3), ("b", 4)]
            .map(|(k, v)| (k.to_owned(), v))
            .into_iter()
            .collect();
        assert_eq!(table.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(
            (table.get("b"), table.get("x"), table.len()),
            (Some(&4), None, 3)
        );
        assert_eq!(table.remove("a"), Some(2));
        assert!(!table.contains_key("a"));
    }

    #[test]
    fn equal_keys_keep_their_order() {
        assert_eq!(
            ordered(vec!["b2", "a1", "c2", "d1"], |s| u64::from(s.as_bytes()[1])),
            ["a1", "d1", "b2", "c2"]
        );
        // Every order of five, some of them equal.
        for n in 0..3_125_u32 {
            let items: Vec<(u32, u32)> = (0..5).map(|i| (n / 5_u32.pow(i) % 5, i)).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            assert_eq!(ordered(items, |(key, _)| u64::from(*key)), expected);
        }
    }
}
