//! What was read before, by its text: in the simulation contexts read the same records thousands of
//! times a day. Every text is read by the code that ships; what that gave is cloned while it is asked for.
//! What ships is built without the feature `testing` and keeps nothing.

#[cfg(not(feature = "testing"))]
pub(crate) fn known<T>(_: &str) -> Option<T> {
    None
}
#[cfg(not(feature = "testing"))]
pub(crate) fn keep<T>(_: &str, _: &T) {}

#[cfg(feature = "testing")]
pub use switch::{Keeping, keeping, read};
#[cfg(feature = "testing")]
pub(crate) use switch::{keep, known};

#[cfg(feature = "testing")]
mod switch {
    use crate::domain::json::{FromJson, Wrong, from_text};
    use std::any::{Any, TypeId};
    use std::cell::RefCell;
    use std::collections::HashMap;
    use std::hash::{BuildHasherDefault, Hasher};
    use std::rc::Rc;

    /// By type and digest; of two texts with the same digest, the later one is known.
    type Values = HashMap<(TypeId, u64), (Box<str>, Rc<dyn Any>), BuildHasherDefault<Digest>>;

    /// What was asked for among the last so many texts is known, and for a while after that. More of
    /// them would not fit where memory is fast.
    const RECENT: usize = 256;

    #[derive(Default)]
    struct Kept {
        recent: Values,
        before: Values,
    }

    impl Kept {
        fn find<T: 'static>(&mut self, text: &str) -> Option<Rc<T>> {
            let key = key::<T>(text);
            if !self.recent.contains_key(&key) {
                let (known, value) = self.before.remove(&key)?;
                self.put(key, known, value);
            }
            let (known, value) = self.recent.get(&key)?;
            let value = value.clone().downcast();
            value.ok().filter(|_| **known == *text)
        }

        fn put(&mut self, key: (TypeId, u64), text: Box<str>, value: Rc<dyn Any>) {
            if self.recent.len() >= RECENT {
                self.before = std::mem::take(&mut self.recent);
            }
            self.recent.insert(key, (text, value));
        }
    }

    thread_local! {
        static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
    }

    /// Keeps what is read on this thread until it is dropped.
    pub struct Keeping(());

    pub fn keeping() -> Keeping {
        KEPT.set(Some(Kept::default()));
        Keeping(())
    }

    impl Drop for Keeping {
        fn drop(&mut self) {
            KEPT.set(None);
        }
    }

    /// Mixes eight bytes at a time; whatever has the same is compared as a whole.
    #[derive(Default)]
    struct Digest(u64);

    impl Hasher for Digest {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write_u64(&mut self, word: u64) {
            self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        fn write(&mut self, bytes: &[u8]) {
            let (eights, rest) = bytes.as_chunks::<8>();
            for eight in eights {
                self.write_u64(u64::from_le_bytes(*eight));
            }
            for byte in rest {
                self.write_u64(u64::from(*byte));
            }
        }
    }

    fn key<T: 'static>(text: &str) -> (TypeId, u64) {
        let mut digest = Digest(text.len() as u64);
        digest.write(text.as_bytes());
        (TypeId::of::<T>(), digest.finish())
    }

    fn found<T: 'static>(text: &str) -> Option<Rc<T>> {
        KEPT.with_borrow_mut(|kept| kept.as_mut()?.find(text))
    }

    fn put<T: 'static>(text: &str, value: Rc<T>) {
        KEPT.with_borrow_mut(|kept| {
            if let Some(kept) = kept {
                kept.put(key::<T>(text), text.into(), value);
            }
        });
    }

    pub(crate) fn known<T: FromJson + Clone + 'static>(text: &str) -> Option<T> {
        found::<T>(text).map(|value| T::clone(&value))
    }

    pub(crate) fn keep<T: FromJson + Clone + 'static>(text: &str, value: &T) {
        if KEPT.with_borrow(Option::is_some) {
            put(text, Rc::new(value.clone()));
        }
    }

    /// # Errors
    /// What is wrong with the text, or with its shape.
    pub fn read<T: FromJson + 'static>(text: &str) -> Result<Rc<T>, Wrong> {
        if let Some(value) = found(text) {
            return Ok(value);
        }
        let value = Rc::new(from_text::<T>(text)?);
        put(text, value.clone());
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::{keep, keeping, known};

    #[test]
    fn what_was_read_is_known_by_its_whole_text_and_type_until_the_day_ends() {
        keep("[1]", &vec![1_u32]);
        assert_eq!(known::<Vec<u32>>("[1]"), None, "nobody asked for it");
        let day = keeping();
        keep("[1]", &vec![1_u32]);
        assert_eq!(known("[1]"), Some(vec![1_u32]));
        assert_eq!(known::<Vec<u32>>("[1"), None);
        assert_eq!(known::<Vec<u64>>("[1]"), None);
        for n in 0..10_000_u32 {
            keep(&n.to_string(), &n);
            assert_eq!(known(&n.to_string()), Some(n));
            assert_eq!(known("[1]"), Some(vec![1_u32]), "is asked for");
        }
        assert_eq!(known::<u32>("0"), None, "nobody has asked for it for long");
        drop(day);
        assert_eq!(known::<Vec<u32>>("[1]"), None);
    }
}
