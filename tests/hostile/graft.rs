//! Adds core modules to a component that is otherwise honest: what no language's compiler writes.
//! Sections at the end of a component are as good as those before (component model, binary format).

/// `component` with `module` in it, which is instantiated `times` times whenever the component is.
pub(crate) fn with_module(mut component: Vec<u8>, module: &[u8], times: usize) -> Vec<u8> {
    let index = core_modules(&component);
    section(&mut component, CORE_MODULE, module);
    let mut instances = Vec::new();
    leb(&mut instances, u32::try_from(times).unwrap());
    for _ in 0..times {
        instances.push(0x00);
        leb(&mut instances, index);
        instances.push(0);
    }
    section(&mut component, CORE_INSTANCE, &instances);
    component
}

/// A module that is never instantiated, and as large to compile as a module can be: each of many
/// blocks may change each of many variables, and the compiler keeps one value for every pair.
pub(crate) fn with_bomb(mut component: Vec<u8>) -> Vec<u8> {
    const VARIABLES: u32 = 49_000;
    const BLOCKS: u32 = 40_000;
    let mut body = vec![1];
    leb(&mut body, VARIABLES);
    body.push(0x7f);
    for block in 0..BLOCKS {
        body.extend([0x03, 0x40, 0x20]);
        leb(&mut body, block % VARIABLES);
        body.extend([0x41, 0x01, 0x6a, 0x21]);
        leb(&mut body, (block * 7) % VARIABLES);
        body.extend([0x20, 0x00, 0x0d, 0x00, 0x0b]);
    }
    body.push(0x0b);
    let module = Module { body, ..Module::default() }.bytes();
    section(&mut component, CORE_MODULE, &module);
    component
}

/// A core module with one function, which is run when it is instantiated.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Each memory by its pages, at first.
    pub(crate) memories: Vec<u32>,
    /// Tables of functions, each with so many elements at first.
    pub(crate) tables: Vec<u32>,
    /// Locals and code of the function.
    pub(crate) body: Vec<u8>,
    /// Whether the function is run at the start.
    pub(crate) start: Start,
}

/// When the function of a module is run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Never.
    #[default]
    Never,
    /// When the module is instantiated.
    AtOnce,
}

const CORE_MODULE: u8 = 1;
const CORE_INSTANCE: u8 = 2;

impl Module {
    /// Its binary form (WebAssembly 2.0 §5.5; several memories are of 3.0).
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        section(&mut module, 1, &[1, 0x60, 0, 0]);
        section(&mut module, 3, &[1, 0]);
        section(&mut module, 4, &list(&self.tables, &[0x70, 0x00]));
        section(&mut module, 5, &list(&self.memories, &[0x00]));
        if self.start == Start::AtOnce {
            section(&mut module, 8, &[0]);
        }
        let mut code = vec![1];
        let body = if self.body.is_empty() { &[0x00, 0x0b] } else { &self.body[..] };
        leb(&mut code, u32::try_from(body.len()).unwrap());
        code.extend(body);
        section(&mut module, 10, &code);
        module
    }
}

/// A list of `minima`, each after `kind`.
fn list(minima: &[u32], kind: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    leb(&mut out, u32::try_from(minima.len()).unwrap());
    for minimum in minima {
        out.extend(kind);
        leb(&mut out, *minimum);
    }
    out
}

/// How many core modules the component has by itself; those within its components are theirs.
fn core_modules(component: &[u8]) -> u32 {
    let mut rest = &component[8..];
    let mut count = 0;
    while let Some((id, after)) = rest.split_first() {
        let (length, after) = read_leb(after);
        count += u32::from(*id == CORE_MODULE);
        rest = &after[length as usize..];
    }
    count
}

fn section(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    leb(out, u32::try_from(content.len()).unwrap());
    out.extend(content);
}

/// Appends `number` as LEB128.
pub(crate) fn leb(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn read_leb(bytes: &[u8]) -> (u32, &[u8]) {
    let (mut number, mut shift) = (0, 0);
    for (at, byte) in bytes.iter().enumerate() {
        number |= u32::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return (number, &bytes[at + 1..]);
        }
    }
    panic!("a number has no end");
}
