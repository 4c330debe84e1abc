//! One table of settings laid over another that knows all keys.

use toml::{Table, Value};

use crate::TrainError;

/// Tables whose keys are names from the data.
const OPEN_TABLES: [&str; 7] = [
    "data.mix.extra",
    "data.mix.synthetic",
    "data.mix.unpaired",
    "data.mix.whole",
    "data.mix.enlarged",
    "data.mix.grey",
    "data.mix.sources",
];

/// Puts every value of `new` over the one of the same key in `base`; `path` leads to both.
pub(super) fn lay(base: &mut Table, new: Table, path: &str) -> Result<(), TrainError> {
    for (key, value) in new {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let known: Vec<&str> = base.keys().map(String::as_str).collect();
        match (base.contains_key(&key), value) {
            (true, Value::Table(new)) if base[&key].is_table() && !OPEN_TABLES.contains(&path.as_str()) => {
                let Some(Value::Table(base)) = base.get_mut(&key) else { continue };
                lay(base, new, &path)?;
            }
            (true, value) => {
                let value = match (&base[&key], value) {
                    // `lr = 1` means 1.0.
                    (Value::Float(_), Value::Integer(whole)) => Value::Float(whole as f64),
                    (_, value) => value,
                };
                base.insert(key, value);
            }
            (false, _) => {
                let hint = nearest(&key, &known).map(|near| format!("\nhint: did you mean {near:?}?"));
                let hint = hint.unwrap_or_else(|| format!("\nhint: the keys here are {}", known.join(", ")));
                return Err(TrainError::Config(format!("unknown key {path:?}{hint}")));
            }
        }
    }
    Ok(())
}

/// The known key that `key` is a slip of.
fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, near) = known.iter().map(|&known| (distance(key, known), known)).min()?;
    (distance <= (near.len() / 3).max(1)).then_some(near)
}

/// Edits from one word to another (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
