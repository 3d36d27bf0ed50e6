//! Settings: options that are declared once. A line of `settings!` is the field of a configuration
//! with its default, its key in `config.toml`, its flag with the help text, and whether `--resume` may
//! change it and a sweep take several values of it.

use serde::Serialize;
use toml::{Table, Value};

use crate::error::{Error, Result};

/// A setting, for whoever treats all of them alike.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name of the field; the flag and the key in `config.toml` have dashes instead of underscores.
    pub name: &'static str,
    traits: &'static [&'static str],
    /// The values that the command line gives to an option of that name.
    #[cfg(feature = "cli")]
    given: fn(&clap::ArgMatches, &str) -> Result<Vec<Value>>,
    #[cfg(feature = "cli")]
    holds: fn() -> std::any::TypeId,
}

impl Setting {
    /// The setting of that name, whose values are of type `T`; `traits` are those of [`settings!`].
    pub(crate) const fn new<T: Asked>(name: &'static str, traits: &'static [&'static str]) -> Self {
        Self {
            name,
            traits,
            #[cfg(feature = "cli")]
            given: given::<T>,
            #[cfg(feature = "cli")]
            holds: std::any::TypeId::of::<T>,
        }
    }

    /// Its key in `config.toml`.
    pub fn key(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The values that it is given on the command line.
    #[cfg(feature = "cli")]
    pub(crate) fn given(&self, matches: &clap::ArgMatches) -> Result<Vec<Value>> {
        (self.given)(matches, self.name)
    }

    /// The type of its values.
    #[cfg(feature = "cli")]
    pub(crate) fn holds(&self) -> std::any::TypeId {
        (self.holds)()
    }

    /// Whether a resumed run may have another value: it changes no bit of what is learned.
    pub fn is_free(&self) -> bool {
        self.traits.contains(&"free")
    }

    /// Whether a value may have commas, so that they part no values.
    #[cfg(feature = "cli")]
    pub(crate) fn has_commas(&self) -> bool {
        self.traits.contains(&"commas")
    }

    /// Whether all runs of a sweep have the same value.
    pub fn is_whole(&self) -> bool {
        self.traits.contains(&"whole")
    }
}

/// What a setting can hold.
pub(crate) trait Asked: Clone + Serialize + Send + Sync + 'static {}
impl<T: Clone + Serialize + Send + Sync + 'static> Asked for T {}

/// The values of type `T` that the command line gives to the option `id`.
#[cfg(feature = "cli")]
pub(crate) fn given<T: Asked>(matches: &clap::ArgMatches, id: &str) -> Result<Vec<Value>> {
    let values = matches.get_many::<T>(id).into_iter().flatten();
    values.map(|value| recorded(id, value)).collect()
}

/// `value` as `config.toml` has it.
pub(crate) fn recorded(name: &str, value: impl Serialize) -> Result<Value> {
    Value::try_from(value).map_err(|error| {
        Error::usage(
            format!("`{name}` cannot be recorded in config.toml: {error}"),
            "give it another value",
        )
    })
}

/// Inserts `value` by the key of the setting `name`, if there is one.
pub(crate) fn insert(values: &mut Table, name: &str, value: Option<impl Serialize>) -> Result<()> {
    if let Some(value) = value {
        values.insert(name.replace('_', "-"), recorded(name, value)?);
    }
    Ok(())
}

/// Declares a configuration and its command-line arguments.
///
/// A line is `/// help`, the section of `--help`, the field, and in brackets what else clap's `arg` is to
/// know. `values` have a default, `options` may be absent, `switches` are off where nobody turns them on;
/// `nested` fields are configurations of their own. Behind the brackets stand traits: `free` for what a
/// resumed run may change, `whole` for what is the same in all runs of a sweep, `commas` for what is written with
/// them.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        $name:ident, $args:ident
        nested { $($(#[doc = $nested_doc:literal])* $nested:ident: $nested_type:ty = $nested_default:expr;)* }
        values { $(
            $(#[doc = $value_doc:literal])*
            $value_section:literal $value:ident: $value_type:ty = $value_default:expr,
            [$($value_arg:tt)*] $($value_trait:ident)*;
        )* }
        options { $(
            $(#[doc = $option_doc:literal])*
            $option_section:literal $option:ident: $option_type:ty,
            [$($option_arg:tt)*] $($option_trait:ident)*;
        )* }
        switches { $(
            $(#[doc = $switch_doc:literal])*
            $switch_section:literal $switch:ident, [$($switch_arg:tt)*] $($switch_trait:ident)*;
        )* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        #[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
        pub struct $name {
            $($(#[doc = $value_doc])* pub $value: $value_type,)*
            $(
                $(#[doc = $option_doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $option: Option<$option_type>,
            )*
            $($(#[doc = $switch_doc])* pub $switch: bool,)*
            $($(#[doc = $nested_doc])* pub $nested: $nested_type,)*
        }

        #[doc = concat!("What the command line may say of a [`", stringify!($name), "`].")]
        #[derive(Debug, Clone, Default)]
        #[cfg_attr(feature = "cli", derive(clap::Args))]
        #[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
        pub struct $args {
            $(
                $(#[doc = $value_doc])*
                #[cfg_attr(feature = "cli", arg(long, help_heading = $value_section, $($value_arg)*))]
                pub $value: Option<$value_type>,
            )*
            $(
                $(#[doc = $option_doc])*
                #[cfg_attr(feature = "cli", arg(long, help_heading = $option_section, $($option_arg)*))]
                pub $option: Option<$option_type>,
            )*
            $(
                $(#[doc = $switch_doc])*
                #[cfg_attr(feature = "cli", arg(long, help_heading = $switch_section, $($switch_arg)*))]
                pub $switch: bool,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($value: $value_default,)*
                    $($option: None,)*
                    $($switch: false,)*
                    $($nested: $nested_default,)*
                }
            }
        }

        impl $name {
            /// Every setting of its own.
            pub const SETTINGS: &'static [$crate::settings::Setting] = &[
                $($crate::settings::Setting::new::<$value_type>(
                    stringify!($value), &[$(stringify!($value_trait)),*]),)*
                $($crate::settings::Setting::new::<$option_type>(
                    stringify!($option), &[$(stringify!($option_trait)),*]),)*
                $($crate::settings::Setting::new::<bool>(
                    stringify!($switch), &[$(stringify!($switch_trait)),*]),)*
            ];
        }

        impl $args {
            /// What is said, by the keys of `config.toml`.
            ///
            /// Errors where a value cannot be written there.
            pub fn values(&self) -> $crate::error::Result<toml::Table> {
                let mut values = toml::Table::new();
                let all = &mut values;
                $($crate::settings::insert(all, stringify!($value), self.$value.as_ref())?;)*
                $($crate::settings::insert(all, stringify!($option), self.$option.as_ref())?;)*
                $($crate::settings::insert(all, stringify!($switch), self.$switch.then_some(true))?;)*
                Ok(values)
            }
        }
    };
}
pub(crate) use settings;
