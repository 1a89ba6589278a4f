//! What was read before: in the simulation contexts read the same records thousands of times a day.
//! Every record is read once by the code that ships; what that gave is cloned for whoever reads it
//! after that. What ships is built without the feature `testing` and keeps nothing.

#[cfg(feature = "testing")]
pub use switch::{Keeping, Shared, keeping};
#[cfg(feature = "testing")]
pub(crate) use switch::{keep, keep_text, known, known_text};

#[cfg(not(feature = "testing"))]
pub(crate) use nothing::{keep, keep_text, known, known_text};

#[cfg(not(feature = "testing"))]
mod nothing {
    use crate::ports::store::Found;

    pub(crate) fn known<T>(_: &Found) -> Option<T> {
        None
    }
    pub(crate) fn keep<T>(_: &Found, _: &T) {}
    pub(crate) fn known_text<T>(_: &str) -> Option<T> {
        None
    }
    pub(crate) fn keep_text<T>(_: &str, _: &T) {}
}

#[cfg(feature = "testing")]
mod switch {
    use crate::domain::json::{FromJson, Wrong, from_text};
    use crate::ports::store::{Envelope, Found};
    use std::any::Any;
    use std::cell::{Cell, RefCell};
    use std::ops::Deref;
    use std::rc::Rc;

    /// More documents than all profiles of the simulation in all their revisions.
    const TEXTS_MAX: usize = 64;

    type Texts = Vec<(Box<str>, Rc<dyn Any>)>;

    thread_local! {
        static KEEPS: Cell<bool> = const { Cell::new(false) };
        static TEXTS: RefCell<Texts> = const { RefCell::new(Vec::new()) };
    }

    /// What is read on this thread is known until this is dropped.
    pub struct Keeping(());

    pub fn keeping() -> Keeping {
        KEEPS.set(true);
        Keeping(())
    }

    impl Drop for Keeping {
        fn drop(&mut self) {
            KEEPS.set(false);
        }
    }

    /// A record's envelope as it stands in a twin's table, with what its body was read as.
    #[derive(Debug)]
    pub struct Shared {
        envelope: Envelope,
        /// one of each type
        read: RefCell<Vec<Rc<dyn Any>>>,
    }

    impl Deref for Shared {
        type Target = Envelope;
        fn deref(&self) -> &Envelope {
            &self.envelope
        }
    }
    impl PartialEq for Shared {
        fn eq(&self, other: &Self) -> bool {
            self.envelope == other.envelope
        }
    }
    impl Eq for Shared {}
    impl From<Envelope> for Found {
        fn from(envelope: Envelope) -> Self {
            Self::new(Shared {
                envelope,
                read: RefCell::default(),
            })
        }
    }

    impl Shared {
        fn known<T: 'static>(&self) -> Option<Rc<T>> {
            let read = self.read.borrow();
            let value = read.iter().find(|value| value.is::<T>())?;
            value.clone().downcast().ok()
        }

        fn keep<T: 'static>(&self, value: Rc<T>) {
            if KEEPS.get() {
                self.read.borrow_mut().push(value);
            }
        }

        /// What its body says.
        ///
        /// # Errors
        /// What is wrong with the text, or with its shape.
        pub fn read<T: FromJson + 'static>(&self) -> Result<Rc<T>, Wrong> {
            if let Some(value) = self.known() {
                return Ok(value);
            }
            let value = Rc::new(from_text::<T>(&self.envelope.body)?);
            self.keep(value.clone());
            Ok(value)
        }
    }

    pub(crate) fn known<T: Clone + 'static>(found: &Found) -> Option<T> {
        found.known().map(|value| T::clone(&value))
    }

    pub(crate) fn keep<T: Clone + 'static>(found: &Found, value: &T) {
        if KEEPS.get() {
            found.keep(Rc::new(value.clone()));
        }
    }

    /// The same for a document that every context brings, day after day.
    pub(crate) fn known_text<T: Clone + 'static>(text: &str) -> Option<T> {
        if !KEEPS.get() {
            return None;
        }
        TEXTS.with_borrow(|texts| {
            let (_, value) = texts.iter().find(|(known, _)| **known == *text)?;
            value.downcast_ref().cloned()
        })
    }

    pub(crate) fn keep_text<T: Clone + 'static>(text: &str, value: &T) {
        if !KEEPS.get() {
            return;
        }
        TEXTS.with_borrow_mut(|texts| {
            if texts.len() < TEXTS_MAX {
                texts.push((text.into(), Rc::new(value.clone())));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{keep, keep_text, keeping, known, known_text};
    use crate::ports::records::seal;
    use crate::ports::store::Found;

    #[test]
    fn what_was_read_is_known_of_its_record_and_by_its_type_while_somebody_asks_for_it() {
        let record = Found::from(seal("numbers", &vec![1_u32]));
        keep(&record, &vec![1_u32]);
        assert_eq!(known::<Vec<u32>>(&record), None, "nobody asked for it");
        let day = keeping();
        assert_eq!(record.read::<Vec<u32>>().as_deref(), Ok(&vec![1]));
        assert_eq!(known(&record), Some(vec![1_u32]));
        assert_eq!(known::<Vec<u64>>(&record), None);
        keep(&record, &vec![1_u64]);
        assert_eq!(known(&record), Some(vec![1_u64]));
        assert_eq!(known(&record), Some(vec![1_u32]));
        let other = Found::from(seal("numbers", &vec![1_u32]));
        assert_eq!(known::<Vec<u32>>(&other), None, "that one was not read");
        assert!(record.read::<Vec<String>>().is_err());
        drop(day);
    }

    #[test]
    fn a_document_is_known_by_its_whole_text() {
        keep_text("[1]", &vec![1_u32]);
        assert_eq!(known_text::<Vec<u32>>("[1]"), None, "nobody asked for it");
        let day = keeping();
        keep_text("[1]", &vec![1_u32]);
        assert_eq!(known_text("[1]"), Some(vec![1_u32]));
        assert_eq!(known_text::<Vec<u32>>("[1"), None);
        drop(day);
        assert_eq!(known_text::<Vec<u32>>("[1]"), None);
    }
}
