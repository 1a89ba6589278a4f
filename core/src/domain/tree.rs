//! What serde_json's trees can do by themselves, in less code to download: its pointers bring the
//! standard library's search of texts along, its indexing what a panic has to say, its removing the
//! balancing of trees.

use super::text::{replaced, whole};
use serde_json::{Map, Value};

/// Gives an object one more field.
pub fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}

/// Takes a field out of an object.
pub fn remove(fields: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let mut found = None;
    for (key, value) in std::mem::take(fields) {
        if key == name {
            found = Some(value);
        } else {
            fields.insert(key, value);
        }
    }
    found
}

/// What a JSON pointer (RFC 6901) points at.
pub fn pointed<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    let mut at = value;
    let mut names = pointer.split('/');
    if !names.next()?.is_empty() {
        return None;
    }
    for name in names {
        at = match at {
            Value::Object(fields) if name.contains('~') => {
                fields.get(&replaced(&replaced(name, "~1", "/"), "~0", "~"))?
            }
            Value::Object(fields) => fields.get(name)?,
            Value::Array(items) => {
                let odd = name.starts_with('+') || (name.starts_with('0') && name.len() > 1);
                items.get(usize::try_from(whole(name)?).ok().filter(|_| !odd)?)?
            }
            _ => return None,
        };
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_set_and_taken_out() {
        let mut value = json!({"a": 1, "b": 2, "c": 3});
        set(&mut value, "d", json!(4));
        set(&mut value, "a", json!(0));
        let fields = value.as_object_mut().expect("an object");
        assert_eq!(
            (remove(fields, "b"), remove(fields, "x")),
            (Some(json!(2)), None)
        );
        assert_eq!(value, json!({"a": 0, "c": 3, "d": 4}));
    }

    #[test]
    fn a_pointer_points_where_serde_s_does() {
        let value = json!({"a": [1, {"b/c": 2, "m~n": 3}], "": 4, "0": 5});
        for pointer in [
            "",
            "/",
            "/a",
            "/a/0",
            "/a/1/b~1c",
            "/a/1/m~0n",
            "/a/00",
            "/a/+1",
            "/a/2",
            "/0",
            "a",
            "/a/",
            "/a/0/x",
            "/~01",
            "/a/-1",
            "//",
        ] {
            assert_eq!(
                pointed(&value, pointer),
                value.pointer(pointer),
                "{pointer}"
            );
        }
    }
}
