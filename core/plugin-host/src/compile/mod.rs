//! Turns a component into machine code. The compiler reads hostile bytes and may need any amount
//! of time and memory, so it runs in a child with limits; this process only starts and judges it.

mod child;
mod command;
mod limits;

pub use child::compile_main;
pub(crate) use command::compile;
pub use command::{CompileChild, CompileError, Compiler};
pub use limits::CompileLimits;
