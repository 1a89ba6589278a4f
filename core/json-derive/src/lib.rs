//! `#[derive(ToJson, FromJson)]` for the traits in `pannier::domain::json`.
//!
//! Attributes, in serde's words so that nobody has to learn new ones:
//! on a type `#[json(rename_all = "camelCase" | "snake_case", deny_unknown_fields, default,
//! transparent, tag = "kind")]`, on a field `#[json(default, default = "path", rename = "name")]`,
//! on a variant `#[json(skip)]`. An absent `Option` is `None`, and `None` is never written.
//! An enum with fields is `{"variant": ..}`, or with `tag` an object that names its variant.

mod names;

use names::{Options, cased, options, variant_name};
use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result, parse_macro_input};

fn derived(input: TokenStream, make: fn(&DeriveInput) -> Result<Tokens>) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    make(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
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

/// For named fields: what each begins as, and the table they are read through, by locals of their
/// names (`rows`) or by bindings that are places already (`places`).
struct Rows {
    begin: Tokens,
    idents: Vec<syn::Ident>,
    rows: Tokens,
    places: Tokens,
}

fn read_rows(fields: &Fields, style: Option<&str>, all_default: bool) -> Result<Rows> {
    let json = json();
    let mut out = Rows {
        begin: Tokens::new(),
        idents: vec![],
        rows: Tokens::new(),
        places: Tokens::new(),
    };
    for field in fields {
        let Some(ident) = &field.ident else {
            return Err(Error::new_spanned(field, "only named fields"));
        };
        let given = options(&field.attrs)?;
        let name = given
            .rename
            .clone()
            .unwrap_or_else(|| cased(&ident.to_string(), style));
        let optional = given.default || all_default;
        let begin = match (&given.default_with, optional) {
            (Some(path), _) => quote!(#path()),
            (None, true) => quote!(::core::default::Default::default()),
            (None, false) => quote!(#json::FromJson::blank()),
        };
        out.begin.extend(quote!(let mut #ident = #begin;));
        out.rows
            .extend(quote!((#name, &mut #ident as &mut dyn #json::Slot, #optional),));
        out.places
            .extend(quote!((#name, #ident as &mut dyn #json::Slot, #optional),));
        out.idents.push(ident.clone());
    }
    Ok(out)
}

fn write_rows(
    fields: &Fields,
    style: Option<&str>,
    by: impl Fn(&syn::Ident) -> Tokens,
) -> Result<Tokens> {
    let json = json();
    let mut out = Tokens::new();
    for field in fields {
        let Some(ident) = &field.ident else {
            return Err(Error::new_spanned(field, "only named fields"));
        };
        let given = options(&field.attrs)?;
        let name = given
            .rename
            .unwrap_or_else(|| cased(&ident.to_string(), style));
        let value = by(ident);
        out.extend(quote!((#name, #value as &dyn #json::ToJson),));
    }
    Ok(out)
}

fn read_impl(input: &DeriveInput) -> Result<Tokens> {
    let (name, json, given) = (&input.ident, json(), options(&input.attrs)?);
    let style = given.rename_all.as_deref();
    let deny = given.deny;
    let (blank, read) = match &input.data {
        Data::Struct(_) if given.transparent => (
            quote!(Self(#json::FromJson::blank())),
            quote!(#json::FromJson::read(&mut self.0, __from)),
        ),
        Data::Struct(data) => {
            let Rows {
                begin,
                idents,
                places,
                ..
            } = read_rows(&data.fields, style, given.default)?;
            (
                quote!({ #begin Self { #(#idents),* } }),
                // Read in place: one object to drop when a field is wrong, one routine for all.
                quote! {
                    let Self { #(#idents),* } = self;
                    #json::read_fields(__from, &mut [#places], #deny, None)
                },
            )
        }
        Data::Enum(data) => {
            let (mut arms, mut known, mut blank) = (Tokens::new(), vec![], Tokens::new());
            let tag = tag_of(&given);
            for variant in data.variants.iter() {
                if options(&variant.attrs)?.skip {
                    continue;
                }
                let (ident, label) = (&variant.ident, variant_name(variant, style)?);
                let (made, first) = match &variant.fields {
                    Fields::Unit => (quote!(Self::#ident), quote!(Self::#ident)),
                    Fields::Unnamed(_) => (
                        quote! {{
                            let mut inner = #json::FromJson::blank();
                            #json::Slot::set(&mut inner, &mut __variant.content)
                                .map_err(|e| e.within(#label))?;
                            Self::#ident(inner)
                        }},
                        quote!(Self::#ident(#json::FromJson::blank())),
                    ),
                    named => {
                        // Field names of variants are as written, like serde's.
                        let Rows {
                            begin,
                            idents,
                            rows,
                            ..
                        } = read_rows(named, None, false)?;
                        (
                            quote! {{
                                #begin
                                #json::read_fields(&mut __variant.content, &mut [#rows], #deny, #tag)?;
                                Self::#ident { #(#idents),* }
                            }},
                            quote!({ #begin Self::#ident { #(#idents),* } }),
                        )
                    }
                };
                if blank.is_empty() {
                    blank = first;
                }
                arms.extend(quote!(#label => #made,));
                known.push(label);
            }
            let known = known.join(", ");
            (
                blank,
                quote! {
                    let mut __variant = #json::variant(__from, #tag)?;
                    *self = match &*__variant.name {
                        #arms
                        other => return Err(#json::Wrong::variant(other, #known)),
                    };
                    Ok(())
                },
            )
        }
        Data::Union(_) => return Err(Error::new_spanned(input, "unions have no JSON")),
    };
    Ok(quote! {
        impl #json::FromJson for #name {
            #[allow(unused_mut)]
            fn blank() -> Self {
                #blank
            }
            #[allow(unused_mut)]
            fn read(&mut self, __from: &mut #json::Reader<'_>) -> ::core::result::Result<(), #json::Wrong> {
                #read
            }
        }
    })
}

fn tag_of(given: &Options) -> Tokens {
    match &given.tag {
        Some(tag) => quote!(Some(#tag)),
        None => quote!(None),
    }
}

fn write_impl(input: &DeriveInput) -> Result<Tokens> {
    let (name, json, given) = (&input.ident, json(), options(&input.attrs)?);
    let style = given.rename_all.as_deref();
    let (generics, types, bounds) = input.generics.split_for_impl();
    let body = match &input.data {
        Data::Struct(_) if given.transparent => quote!(#json::ToJson::write(&self.0, __out)),
        Data::Struct(data) => {
            let rows = write_rows(&data.fields, style, |ident| quote!(&self.#ident))?;
            quote!(#json::write_object(&[#rows], __out))
        }
        Data::Enum(data) => {
            let mut arms = Tokens::new();
            let tag = tag_of(&given);
            for variant in data.variants.iter() {
                let (ident, label) = (&variant.ident, variant_name(variant, style)?);
                match &variant.fields {
                    Fields::Unit => {
                        arms.extend(
                            quote!(Self::#ident => #json::write_unit(#label, #tag, __out),),
                        );
                    }
                    Fields::Unnamed(_) => arms.extend(quote! {
                        Self::#ident(inner) => #json::write_holding(#label, inner, __out),
                    }),
                    named => {
                        let names: Vec<_> = named.iter().filter_map(|f| f.ident.as_ref()).collect();
                        let rows = write_rows(named, None, |ident| quote!(#ident))?;
                        arms.extend(quote! {
                            Self::#ident { #(#names),* } =>
                                #json::write_variant(#label, #tag, &[#rows], __out),
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
            fn write(&self, __out: &mut ::std::string::String) {
                #body
            }
        }
    })
}
