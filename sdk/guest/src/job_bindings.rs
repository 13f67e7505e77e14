//! The exported interface `jobs` of `sdk/wit/v1` as Rust: generated apart from the other bindings,
//! so that an app without schedules exports nothing of it.

wit_bindgen::generate!({
    path: "../wit/v1",
    inline: "
        package newleaf:guest;
        world scheduled { export newleaf:app/jobs@1.1.0; }
    ",
    world: "newleaf:guest/scheduled",
    pub_export_macro: true,
    export_macro_name: "export_jobs",
});
