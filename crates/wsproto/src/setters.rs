//! Options that are built in one expression.

/// Defines a chaining setter for each field of a type.
macro_rules! setters {
    ($options:ident: $($field:ident: $type:ty),* $(,)?) => {
        impl $options {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](#structfield.", stringify!($field), ").")]
                #[must_use]
                pub const fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}
