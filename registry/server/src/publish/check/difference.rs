//! Finds where two JSON values part, so that a refusal can name the field.

use serde_json::Value;

/// The first place, by member name, at which `left` and `right` differ, written `.a.b[2]`; nothing
/// where they are equal. Members' order does not count.
pub(super) fn first_difference(left: &Value, right: &Value) -> Option<String> {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let mut names = left.keys().chain(right.keys()).collect::<Vec<_>>();
            names.sort_unstable();
            names.dedup();
            names.into_iter().find_map(|name| {
                let inner = match (left.get(name), right.get(name)) {
                    (Some(left), Some(right)) => first_difference(left, right)?,
                    _ => String::new(),
                };
                Some(format!(".{name}{inner}"))
            })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            left.iter().zip(right).enumerate().find_map(|(index, (left, right))| {
                Some(format!("[{index}]{}", first_difference(left, right)?))
            })
        }
        _ => (left != right).then(String::new),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::first_difference;

    #[test]
    fn the_first_different_field_is_named() {
        let one = json!({"id": "acme/notes", "schema": 2, "capabilities": [{"quota": 1}]});
        assert_eq!(first_difference(&one, &one.clone()), None);
        let cases = [
            (json!({"schema": 2, "id": "acme/notes", "capabilities": [{"quota": 1}]}), None),
            (
                json!({"id": "acme/notes", "schema": 3, "capabilities": [{"quota": 1}]}),
                Some(".schema"),
            ),
            (
                json!({"id": "acme/notes", "schema": 2, "capabilities": [{"quota": 9}]}),
                Some(".capabilities[0].quota"),
            ),
            (json!({"id": "acme/notes", "schema": 2}), Some(".capabilities")),
            (json!([]), Some("")),
        ];
        for (other, place) in cases {
            assert_eq!(first_difference(&one, &other).as_deref(), place, "{other}");
        }
    }
}
