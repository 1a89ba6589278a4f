//! The command; what it does is told in the library.

use pannier_cli::machine::Machine;
use pannier_cli::native::Native;
use std::process::ExitCode;
use std::rc::Rc;

fn main() -> ExitCode {
    let machine: Rc<dyn Machine> = Rc::new(Native::default());
    ExitCode::from(desk_rescue::run(&machine, std::env::args_os().skip(1)))
}
