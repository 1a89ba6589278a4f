//! What was read before, by its text: in the simulation contexts read the same records thousands of
//! times a day. Every text is read once by the code that ships; what that gave is cloned afterwards.
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
    use std::rc::Rc;

    type Values = HashMap<(TypeId, u64), Vec<(Box<str>, Rc<dyn Any>)>>;

    thread_local! {
        static KEPT: RefCell<Option<Values>> = const { RefCell::new(None) };
    }

    /// Keeps what is read on this thread until it is dropped.
    pub struct Keeping(());

    pub fn keeping() -> Keeping {
        KEPT.set(Some(HashMap::new()));
        Keeping(())
    }

    impl Drop for Keeping {
        fn drop(&mut self) {
            KEPT.set(None);
        }
    }

    /// Eight bytes at a time; whatever has the same is compared as a whole.
    fn digest(text: &str) -> u64 {
        let (eights, rest) = text.as_bytes().as_chunks::<8>();
        let mut hash = text.len() as u64;
        let mut add = |word: u64| {
            hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        };
        eights
            .iter()
            .for_each(|eight| add(u64::from_le_bytes(*eight)));
        rest.iter().for_each(|byte| add(u64::from(*byte)));
        hash
    }

    fn found<T: 'static>(text: &str) -> Option<Rc<T>> {
        KEPT.with_borrow(|kept| {
            let alike = kept.as_ref()?.get(&(TypeId::of::<T>(), digest(text)))?;
            let (_, value) = alike.iter().find(|(known, _)| **known == *text)?;
            value.clone().downcast().ok()
        })
    }

    fn put<T: 'static>(text: &str, value: Rc<T>) {
        KEPT.with_borrow_mut(|kept| {
            if let Some(kept) = kept {
                let alike = kept.entry((TypeId::of::<T>(), digest(text)));
                alike.or_default().push((text.into(), value));
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
        drop(day);
        assert_eq!(known::<Vec<u32>>("[1]"), None);
    }
}
