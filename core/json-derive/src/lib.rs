//! `#[derive(ToJson, FromJson)]` for the traits in `pannier::domain::json`.
//!
//! Attributes, in serde's words so that nobody has to learn new ones:
//! on a type `#[json(rename_all = "camelCase" | "snake_case", deny_unknown_fields, default,
//! transparent, tag = "kind")]`, on a field `#[json(default, default = "path", rename = "name")]`,
//! on a variant, or a field that begins as nothing, `#[json(skip)]`. An absent `Option` is `None`, and `None` is never written.
//! An enum with fields is `{"variant": ..}`, or with `tag` an object that names its variant.

mod names;

use names::{Options, cased, options, variant_name};
use proc_macro::TokenStream;
use proc_macro2::{Span, TokenStream as Tokens};
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result, Type, parse_macro_input};

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

/// For named fields: what each begins as, and the list of names that they are read and written by.
struct Rows {
    begin: Tokens,
    idents: Vec<syn::Ident>,
    names: String,
    /// what no JSON has
    skipped: Vec<syn::Ident>,
}

fn rows(fields: &Fields, style: Option<&str>, all_default: bool) -> Result<Rows> {
    let json = json();
    let (mut begin, mut idents, mut names) = (Tokens::new(), vec![], vec![]);
    let mut skipped = vec![];
    for field in fields {
        let Some(ident) = &field.ident else {
            return Err(Error::new_spanned(field, "only named fields"));
        };
        let given = options(&field.attrs)?;
        if given.skip {
            begin.extend(quote!(let #ident = ::core::default::Default::default();));
            skipped.push(ident.clone());
            continue;
        }
        let name = given
            .rename
            .clone()
            .unwrap_or_else(|| cased(&ident.to_string(), style));
        let optional = given.default || all_default;
        let value = match (&given.default_with, optional) {
            (Some(path), _) => quote!(#path()),
            (None, true) => quote!(::core::default::Default::default()),
            (None, false) => quote!(#json::FromJson::blank()),
        };
        begin.extend(quote!(let mut #ident = #value;));
        let optional = optional || is_option(&field.ty);
        names.push((name, optional));
        idents.push(ident.clone());
    }
    Ok(Rows {
        begin,
        idents,
        names: list(names)?,
        skipped,
    })
}

/// The names in one text, each after a byte that says how long it is and whether it is optional.
fn list(names: Vec<(String, bool)>) -> Result<String> {
    let mut out = String::new();
    for (name, optional) in names {
        let mark = u8::try_from(name.len() * 2 + usize::from(optional)).ok();
        let Some(mark) = mark.filter(u8::is_ascii) else {
            return Err(Error::new(Span::call_site(), "a name is too long"));
        };
        out.push(char::from(mark));
        out.push_str(&name);
    }
    Ok(out)
}

fn is_option(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|segment| segment.ident == "Option")
}

fn read_impl(input: &DeriveInput) -> Result<Tokens> {
    let (name, json, given) = (&input.ident, json(), options(&input.attrs)?);
    let style = given.rename_all.as_deref();
    let deny = given.deny;
    let (blank, read) = match &input.data {
        Data::Struct(_) if given.transparent => (
            quote!(Self(#json::FromJson::blank())),
            quote!(#json::Slot::read(&mut self.0, __from)),
        ),
        Data::Struct(data) => {
            let Rows {
                begin,
                idents,
                names,
                skipped,
            } = rows(&data.fields, style, given.default)?;
            (
                quote!({ #begin Self { #(#idents,)* #(#skipped),* } }),
                // Read in place: one object to drop when a field is wrong, one routine for all.
                quote! {
                    let Self { #(#idents,)* .. } = self;
                    #json::read_fields(__from, #names, &mut [#(#idents),*], #deny, None)
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
                let (ident, label, place) =
                    (&variant.ident, variant_name(variant, style)?, known.len());
                // What a variant begins as, and how it is read in place.
                let (first, read) = match &variant.fields {
                    Fields::Unit => (quote!(Self::#ident), quote!()),
                    Fields::Unnamed(_) => (
                        quote!(Self::#ident(#json::FromJson::blank())),
                        quote! {
                            if let Self::#ident(inner) = self {
                                #json::Slot::read(inner, __from)
                                    .map_err(|e| #json::within(e, KNOWN, #place))?;
                            }
                        },
                    ),
                    named => {
                        // Field names of variants are as written, like serde's.
                        let Rows {
                            begin,
                            idents,
                            names,
                            ..
                        } = rows(named, None, false)?;
                        (
                            quote!({ #begin Self::#ident { #(#idents),* } }),
                            quote! {
                                if let Self::#ident { #(#idents),* } = self {
                                    #json::read_fields(__from, #names, &mut [#(#idents),*], #deny, #tag)?;
                                }
                            },
                        )
                    }
                };
                if blank.is_empty() {
                    blank = first.clone();
                }
                arms.extend(quote!(#place => { *self = #first; #read }));
                known.push((label, false));
            }
            let known = list(known)?;
            (
                blank,
                quote! {
                    const KNOWN: &str = #known;
                    #json::read_variant(__from, KNOWN, #tag, &mut |__place, __from| {
                        match __place {
                            #arms
                            // Not a place of the list.
                            _ => {}
                        }
                        Ok(())
                    })
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
        }
        impl #json::Slot for #name {
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
            let Rows { idents, names, .. } = rows(&data.fields, style, given.default)?;
            quote!(#json::write_object(#names, &[#(&self.#idents),*], __out))
        }
        Data::Enum(data) => {
            let (mut arms, mut known) = (Tokens::new(), vec![]);
            let tag = tag_of(&given);
            // In the order in which they are read: what is never read stands last.
            let mut variants = vec![];
            for variant in &data.variants {
                variants.push((options(&variant.attrs)?.skip, variant));
            }
            variants.sort_by_key(|(skip, _)| *skip);
            for (place, (_, variant)) in variants.into_iter().enumerate() {
                let ident = &variant.ident;
                known.push((variant_name(variant, style)?, false));
                match &variant.fields {
                    Fields::Unit => {
                        arms.extend(
                            quote!(Self::#ident => #json::write_unit(KNOWN, #place, #tag, __out),),
                        );
                    }
                    Fields::Unnamed(_) => arms.extend(quote! {
                        Self::#ident(inner) => #json::write_holding(KNOWN, #place, inner, __out),
                    }),
                    named => {
                        let Rows { idents, names, .. } = rows(named, None, false)?;
                        arms.extend(quote! {
                            Self::#ident { #(#idents),* } =>
                                #json::write_variant(KNOWN, #place, #tag, #names, &[#(#idents),*], __out),
                        });
                    }
                }
            }
            let known = list(known)?;
            quote! {
                const KNOWN: &str = #known;
                match self { #arms }
            }
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
