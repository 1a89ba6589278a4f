//! What the `json` attributes say, and what a field or a variant is called in JSON: for the derives,
//! and for the test that makes the TypeScript types of the same items.

use syn::{Attribute, LitStr, Path, Result, Variant};

#[derive(Default)]
pub struct Options {
    pub rename_all: Option<String>,
    pub deny: bool,
    pub default: bool,
    pub default_with: Option<Path>,
    pub transparent: bool,
    pub tag: Option<String>,
    pub rename: Option<String>,
    pub skip: bool,
}

pub fn options(attributes: &[Attribute]) -> Result<Options> {
    let mut out = Options::default();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("json")) {
        attribute.parse_nested_meta(|meta| {
            let text = || -> Result<String> { Ok(meta.value()?.parse::<LitStr>()?.value()) };
            if meta.path.is_ident("rename_all") {
                out.rename_all = Some(text()?);
            } else if meta.path.is_ident("rename") {
                out.rename = Some(text()?);
            } else if meta.path.is_ident("tag") {
                out.tag = Some(text()?);
            } else if meta.path.is_ident("deny_unknown_fields") {
                out.deny = true;
            } else if meta.path.is_ident("transparent") {
                out.transparent = true;
            } else if meta.path.is_ident("skip") {
                out.skip = true;
            } else if meta.path.is_ident("default") {
                out.default = true;
                if meta.input.peek(syn::Token![=]) {
                    out.default_with = Some(meta.value()?.parse::<LitStr>()?.parse()?);
                }
            } else {
                return Err(meta.error("not an option of json"));
            }
            Ok(())
        })?;
    }
    Ok(out)
}

/// `postal_code` to `postalCode`, `PickUp` to `pick_up` or `pickUp`.
pub fn cased(name: &str, style: Option<&str>) -> String {
    let name = name
        .strip_prefix("r#")
        .unwrap_or(name)
        .trim_end_matches('_');
    let mut words: Vec<String> = vec![String::new()];
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && words.last().is_some_and(|w| !w.is_empty())) {
            words.push(String::new());
        }
        if c != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    match style {
        Some("snake_case") => words.join("_"),
        Some("camelCase") => words
            .iter()
            .enumerate()
            .map(|(i, w)| {
                if i == 0 {
                    w.clone()
                } else {
                    w[..1].to_uppercase() + &w[1..]
                }
            })
            .collect(),
        _ => name.to_owned(),
    }
}

/// What a variant is called in JSON.
pub fn variant_name(variant: &Variant, style: Option<&str>) -> Result<String> {
    let given = options(&variant.attrs)?;
    Ok(given
        .rename
        .unwrap_or_else(|| cased(&variant.ident.to_string(), style)))
}
