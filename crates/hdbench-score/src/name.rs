//! Texts that are few and stand in many rows: each is kept once.

use std::borrow::{Borrow, Cow};
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name in a table: of a data set, an algorithm, a case, a metric, a policy. It takes the place of a pointer
/// wherever it stands; its text is kept once for the life of the process. It compares as its text does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(&'static &'static str);

/// Every name that was given so far, but for constants.
static NAMES: Mutex<Option<HashSet<Name>>> = Mutex::new(None);

impl Name {
    /// The name of a text.
    pub fn new(text: &str) -> Self {
        // A name is added whole or not at all: nothing is half done where a thread has panicked.
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        let names = names.get_or_insert_default();
        if let Some(name) = names.get(text) {
            return *name;
        }
        let text: &'static str = Box::leak(text.into());
        let name = Self(Box::leak(Box::new(text)));
        names.insert(name);
        name
    }

    /// The name of a text of the program's own, for constants.
    pub(super) const fn constant(text: &'static &'static str) -> Self {
        Self(text)
    }

    /// Its text.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// The empty name.
impl Default for Name {
    fn default() -> Self {
        Self(&"")
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<&String> for Name {
    fn from(text: &String) -> Self {
        Self::new(text)
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<Cow<'_, str>> for Name {
    fn from(text: Cow<'_, str>) -> Self {
        Self::new(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        (*name.0).to_owned()
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        *self.0 == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<String> for Name {
    fn eq(&self, other: &String) -> bool {
        *self.0 == other.as_str()
    }
}

impl PartialEq<Name> for String {
    fn eq(&self, other: &Name) -> bool {
        self.as_str() == *other.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(*self.0, f)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Name, E> {
                Ok(Name::new(text))
            }
        }
        from.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_wherever_it_comes_from() {
        let text = format!("volume{}", "-3");
        let read: Name = serde_json::from_str("\"volume-3\"").unwrap();
        assert!(std::ptr::eq(
            Name::new(&text).as_str(),
            Name::new("volume-3").as_str()
        ));
        assert!(std::ptr::eq(read.as_str(), Name::from(text).as_str()));
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"volume-3\"");
        assert_eq!(size_of::<Option<Name>>(), size_of::<usize>());
    }

    #[test]
    fn a_name_compares_as_its_text_does() {
        let [a, b] = ["assd", "dice"].map(Name::new);
        assert!(a < b && a == "assd" && a != *"dice");
        assert_eq!(
            (format!("{a:>6}"), format!("{b:?}")),
            ("  assd".into(), "\"dice\"".into())
        );
        // A constant is the same name as that which was made.
        let constant = Name::constant(&"dice");
        assert_eq!(constant, b);
        assert!(HashSet::from([b]).contains(&constant));
        assert_eq!(Name::default(), Name::new(""));
    }
}
