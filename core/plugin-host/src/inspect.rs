//! Reads what a component imports and exports, from its bytes alone: nothing is compiled or run.
//! What a manifest claims is compared with this, since this is what the host must offer.

use std::path::{Path, PathBuf};

use newleaf_domain::{AbiVersion, ByteSize};
use wasmparser::{
    ComponentExternName, Parser, Payload, Validator, WasmFeatures,
    component_types::ComponentEntityType, types::TypesRef,
};

/// The largest component that is read.
const MAX_COMPONENT: ByteSize = ByteSize::mib(64);

/// Our own interfaces with their functions, each with the minor version that brought it.
const FUNCTIONS: [(&str, &str, u32); 19] = [
    ("store", "get", 0),
    ("store", "set", 0),
    ("store", "delete", 0),
    ("store", "keys", 0),
    ("sql", "query", 0),
    ("sql", "execute", 0),
    ("config", "get", 0),
    ("config", "base-path", 0),
    ("log", "write", 0),
    ("lifecycle", "init", 0),
    ("lifecycle", "migrate", 0),
    ("lifecycle", "health", 0),
    ("blobs", "get", 1),
    ("blobs", "set", 1),
    ("blobs", "append", 1),
    ("blobs", "size", 1),
    ("blobs", "delete", 1),
    ("blobs", "names", 1),
    ("jobs", "run", 1),
];

/// What a component wants and offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The names of its imports, such as `wasi:io/streams@0.2.6`, in their order.
    pub imports: Vec<String>,
    /// The names of its exports.
    pub exports: Vec<String>,
    /// The lowest version of the contract that has all it imports; none where it imports nothing
    /// of ours and exports no lifecycle.
    pub min_abi: Option<AbiVersion>,
    /// How it takes requests.
    pub kind: Handler,
}

impl Inspection {
    /// Whether it exports what does work at regular times.
    pub fn has_jobs(&self) -> bool {
        self.exports.iter().any(|name| name.starts_with("newleaf:app/jobs@1."))
    }
}

/// How a component takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handler {
    /// Through `wasi:http/incoming-handler@0.2`.
    Http02,
    /// Through `wasi:http/handler@0.3`.
    Http03,
    /// Not at all: it is not an app.
    None,
}

/// Why a component could not be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The file cannot be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is too large.
    #[error("{path} has {length}, more than {MAX_COMPONENT}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What it has.
        length: ByteSize,
    },
    /// The file is not a WebAssembly component.
    #[error("{path} is not a WebAssembly component: {reason}")]
    NotAComponent {
        /// The file.
        path: PathBuf,
        /// In the parser's words.
        reason: String,
    },
}

/// Reads what the component in the file `wasm` imports and exports.
pub fn inspect(wasm: &Path) -> Result<Inspection, InspectError> {
    let read = |source| InspectError::Read { path: wasm.to_owned(), source };
    let length = ByteSize::bytes(std::fs::metadata(wasm).map_err(read)?.len());
    if length > MAX_COMPONENT {
        return Err(InspectError::TooLarge { path: wasm.to_owned(), length });
    }
    let bytes = std::fs::read(wasm).map_err(read)?;
    inspect_bytes(&bytes)
        .map_err(|reason| InspectError::NotAComponent { path: wasm.to_owned(), reason })
}

fn inspect_bytes(bytes: &[u8]) -> Result<Inspection, String> {
    if !Parser::is_component(bytes) {
        return Err("it does not begin as one; is the target wasm32-wasip2?".to_owned());
    }
    let (imports, exports) = names(bytes).map_err(|error| error.to_string())?;
    let types = Validator::new_with_features(WasmFeatures::all())
        .validate_all(bytes)
        .map_err(|error| error.to_string())?;
    let wanted = imports.iter().map(|name| (name, types.as_ref().component_item_for_import(name)));
    let offered = exports.iter().map(|name| (name, types.as_ref().component_item_for_export(name)));
    let min_abi = wanted
        .chain(offered)
        .filter_map(|(name, item)| needed(name, &item?.ty, types.as_ref()))
        .max();
    let kind = handler(&exports);
    Ok(Inspection { imports, exports, min_abi, kind })
}

/// The names of the outermost component's imports and exports.
fn names(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), wasmparser::BinaryReaderError> {
    let own = |name: ComponentExternName<'_>| name.name.to_owned();
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0);
    for payload in Parser::new(0).parse_all(bytes) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "thirty other sections hold no names")]
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) if depth > 0 => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(own(import?.name));
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(own(export?.name));
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

/// The version of the contract that an import or export of ours needs; none for others.
fn needed(name: &str, entity: &ComponentEntityType, types: TypesRef<'_>) -> Option<AbiVersion> {
    let (interface, version) = name.strip_prefix("newleaf:app/")?.split_once('@')?;
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    let ComponentEntityType::Instance(id) = entity else {
        return Some(AbiVersion::new(major, minor));
    };
    let functions = types[*id].exports.iter().filter_map(|(function, item)| {
        matches!(item.ty, ComponentEntityType::Func(_)).then_some(function)
    });
    let since = functions.map(|function| {
        let known = FUNCTIONS.iter().find(|(of, name, _)| *of == interface && name == function);
        known.map_or(minor, |(_, _, since)| *since)
    });
    Some(AbiVersion::new(major, since.max().unwrap_or(0)))
}

fn handler(exports: &[String]) -> Handler {
    let has = |start: &str| exports.iter().any(|name| name.starts_with(start));
    if has("wasi:http/handler@0.3.") {
        Handler::Http03
    } else if has("wasi:http/incoming-handler@0.2.") {
        Handler::Http02
    } else {
        Handler::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_module_is_not_a_component() {
        let module = b"\0asm\x01\0\0\0";
        assert!(inspect_bytes(module).unwrap_err().contains("wasm32-wasip2"));
    }

    #[test]
    fn an_empty_component_is_not_an_app() {
        let component = b"\0asm\x0d\0\x01\0";
        let found = inspect_bytes(component).unwrap();
        assert_eq!((found.kind, found.min_abi), (Handler::None, None));
    }
}
