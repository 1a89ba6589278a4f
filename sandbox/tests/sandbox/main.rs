//! The sandbox as its clients meet it: the built program on free ports, spoken to over sockets.

mod backend;
mod client;
mod faults;
mod log;
mod origins;
mod program;
