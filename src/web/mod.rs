//! The door to what a hub serves: HTTP requests, streams of events and websockets, to a URL or through
//! the API server to a pod.

mod door;
mod events;
mod request;
mod socket;

pub use door::{Door, Forward};
pub use events::Event;
pub use request::{Answer, Ask, form};
pub use socket::Socket;
