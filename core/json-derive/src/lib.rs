//! `#[derive(ToJson, FromJson)]` for the traits in `pannier::domain::json`.
//!
//! Attributes, in serde's words so that nobody has to learn new ones:
//! on a type `#[json(rename_all = "camelCase" | "snake_case", deny_unknown_fields, default,
//! transparent, tag = "kind")]`, on a field `#[json(default, default = "path", rename = "name")]`,
//! on a variant `#[json(skip)]`. An absent `Option` is `None`, and `None` is never written.
//! An enum with fields is `{"variant": ..}`, or with `tag` an object that names its variant.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Fields, LitStr, Path, Result, Variant, parse_macro_input};

#[derive(Default)]
struct Options {
    rename_all: Option<String>,
    deny: bool,
    default: bool,
    default_with: Option<Path>,
    transparent: bool,
    tag: Option<String>,
    rename: Option<String>,
    skip: bool,
}

fn options(attributes: &[Attribute]) -> Result<Options> {
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
fn cased(name: &str, style: Option<&str>) -> String {
    let name = name.strip_prefix("r#").unwrap_or(name).trim_end_matches('_');
    let mut words: Vec<String> = vec![String::new()];
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && words.last().is_some_and(|w| !w.is_empty())) {
            words.push(String::new());
        }
        if c != '_' {
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
    }
    match style {
        Some("snake_case") => words.join("_"),
        Some("camelCase") => words
            .iter()
            .enumerate()
            .map(|(i, w)| if i == 0 { w.clone() } else { w[..1].to_uppercase() + &w[1..] })
            .collect(),
        _ => name.to_owned(),
    }
}

fn derived(input: TokenStream, make: fn(&DeriveInput) -> Result<Tokens>) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    make(&input).unwrap_or_else(Error::into_compile_error).into()
}

#[proc_macro_derive(FromJson, attributes(json))]
pub fn from_json(input: TokenStream) -> TokenStream {
    derived(input, read_impl)
}

#[proc_macro_derive(ToJson, attributes(json))]
pub fn to_json(input: TokenStream) -> TokenStream {
    derived(input, write_impl)
}

fn json() -> Tokens {
    quote!(::pannier::domain::json)
}

/// `{ a: __fields.take("a")?, .. }` for named fields.
fn read_fields(fields: &Fields, style: Option<&str>, all_default: bool) -> Result<Tokens> {
    let mut out = Tokens::new();
    for field in fields {
        let Some(ident) = &field.ident else {
            return Err(Error::new_spanned(field, "only named fields"));
        };
        let given = options(&field.attrs)?;
        let name = given.rename.clone().unwrap_or_else(|| cased(&ident.to_string(), style));
        let taken = match (&given.default_with, given.default || all_default) {
            (Some(path), _) => quote!(__fields.take_or(#name, #path)?),
            (None, true) => quote!(__fields.take_or(#name, ::core::default::Default::default)?),
            (None, false) => quote!(__fields.take(#name)?),
        };
        out.extend(quote!(#ident: #taken,));
    }
    Ok(out)
}

fn write_fields(fields: &Fields, style: Option<&str>, by: impl Fn(&syn::Ident) -> Tokens) -> Result<Tokens> {
    let json = json();
    let mut out = Tokens::new();
    for field in fields {
        let Some(ident) = &field.ident else {
            return Err(Error::new_spanned(field, "only named fields"));
        };
        let given = options(&field.attrs)?;
        let name = given.rename.unwrap_or_else(|| cased(&ident.to_string(), style));
        let value = by(ident);
        out.extend(quote!(#json::put(&mut __fields, #name, #json::ToJson::to_json(#value));));
    }
    Ok(out)
}

fn variant_name(variant: &Variant, style: Option<&str>) -> Result<String> {
    let given = options(&variant.attrs)?;
    Ok(given.rename.unwrap_or_else(|| cased(&variant.ident.to_string(), style)))
}

fn read_impl(input: &DeriveInput) -> Result<Tokens> {
    let (name, json, given) = (&input.ident, json(), options(&input.attrs)?);
    let style = given.rename_all.as_deref();
    let deny = given.deny;
    let body = match &input.data {
        Data::Struct(data) if given.transparent => {
            let _ = data;
            quote!(Ok(Self(#json::FromJson::from_json(value)?)))
        }
        Data::Struct(data) => {
            let fields = read_fields(&data.fields, style, given.default)?;
            quote! {
                let mut __fields = #json::Fields::of(value)?;
                let out = Self { #fields };
                __fields.end(#deny)?;
                Ok(out)
            }
        }
        Data::Enum(data) => {
            let mut arms = Tokens::new();
            let mut known = vec![];
            for variant in data.variants.iter() {
                if options(&variant.attrs)?.skip {
                    continue;
                }
                let (ident, label) = (&variant.ident, variant_name(variant, style)?);
                let made = match &variant.fields {
                    Fields::Unit => quote!(Ok(Self::#ident)),
                    Fields::Unnamed(_) => {
                        quote!(Ok(Self::#ident(#json::FromJson::from_json(content).map_err(|e| e.within(#label))?)))
                    }
                    named => {
                        // Field names of variants are as written, like serde's.
                        let read = read_fields(named, None, false)?;
                        quote! {{
                            let mut __fields = #json::Fields::of(content)?;
                            let out = Self::#ident { #read };
                            __fields.end(#deny)?;
                            Ok(out)
                        }}
                    }
                };
                arms.extend(quote!(#label => #made,));
                known.push(label);
            }
            let tag = match &given.tag {
                Some(tag) => quote!(Some(#tag)),
                None => quote!(None),
            };
            let known = known.join(", ");
            quote! {
                let (variant, content) = #json::variant(value, #tag)?;
                let _ = &content;
                match variant.as_str() {
                    #arms
                    other => Err(#json::Wrong::variant(other, #known)),
                }
            }
        }
        Data::Union(_) => return Err(Error::new_spanned(input, "unions have no JSON")),
    };
    Ok(quote! {
        impl #json::FromJson for #name {
            fn from_json(value: ::serde_json::Value) -> ::core::result::Result<Self, #json::Wrong> {
                #body
            }
        }
    })
}

fn write_impl(input: &DeriveInput) -> Result<Tokens> {
    let (name, json, given) = (&input.ident, json(), options(&input.attrs)?);
    let style = given.rename_all.as_deref();
    let (generics, types, bounds) = input.generics.split_for_impl();
    let body = match &input.data {
        Data::Struct(_) if given.transparent => quote!(#json::ToJson::to_json(&self.0)),
        Data::Struct(data) => {
            let fields = write_fields(&data.fields, style, |ident| quote!(&self.#ident))?;
            quote! {
                let mut __fields = ::serde_json::Map::new();
                #fields
                ::serde_json::Value::Object(__fields)
            }
        }
        Data::Enum(data) => {
            let mut arms = Tokens::new();
            for variant in data.variants.iter() {
                let (ident, label) = (&variant.ident, variant_name(variant, style)?);
                let tag = match &given.tag {
                    Some(tag) => quote!(Some(#tag)),
                    None => quote!(None),
                };
                match &variant.fields {
                    Fields::Unit => {
                        arms.extend(quote!(Self::#ident => #json::unit_variant(#label, #tag),));
                    }
                    Fields::Unnamed(_) => arms.extend(quote! {
                        Self::#ident(inner) =>
                            #json::variant_of(#label, None, #json::ToJson::to_json(inner)),
                    }),
                    named => {
                        let names: Vec<_> = named.iter().filter_map(|f| f.ident.as_ref()).collect();
                        let write = write_fields(named, None, |ident| quote!(#ident))?;
                        arms.extend(quote! {
                            Self::#ident { #(#names),* } => {
                                let mut __fields = ::serde_json::Map::new();
                                #write
                                #json::variant_of(#label, #tag, ::serde_json::Value::Object(__fields))
                            }
                        });
                    }
                }
            }
            quote!(match self { #arms })
        }
        Data::Union(_) => return Err(Error::new_spanned(input, "unions have no JSON")),
    };
    Ok(quote! {
        impl #generics #json::ToJson for #name #types #bounds {
            #[allow(unused_mut)]
            fn to_json(&self) -> ::serde_json::Value {
                #body
            }
        }
    })
}
