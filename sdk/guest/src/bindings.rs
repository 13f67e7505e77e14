//! The contract of `sdk/wit/v1` as Rust: generated, wrapped by the other modules.

wit_bindgen::generate!({
    path: "../wit/v1",
    world: "newleaf:app/app",
    pub_export_macro: true,
    export_macro_name: "export_lifecycle",
});
