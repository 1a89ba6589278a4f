//! The native command.

use pannier_cli::machine::Machine;
use pannier_cli::native::Native;
use std::process::ExitCode;
use std::rc::Rc;

fn main() -> ExitCode {
    let machine: Rc<dyn Machine> = Rc::new(Native::default());
    ExitCode::from(pannier_cli::run(&machine, std::env::args_os().skip(1)))
}
