//! A network whose answers a test writes: a function from request to exchange, after a delay.

use super::clock::TestClock;
use crate::domain::ids::AccountId;
use crate::ports::clock::Clock;
use crate::ports::net::Net;
use crate::profile::http::{Answer, Exchange, NetFailure, Request};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

type Handler = Box<dyn FnMut(&Request) -> Exchange>;

#[derive(Clone)]

pub struct TestNet(Rc<Inner>);

struct Inner {
    clock: TestClock,
    handler: RefCell<Handler>,
    latency_ms: Cell<u32>,
    in_flight: Cell<usize>,
    most_in_flight: Cell<usize>,
    sent: RefCell<Vec<Request>>,
    /// places in `sent`
    answered: RefCell<Vec<usize>>,
}

impl TestNet {
    pub fn new(clock: &TestClock, handler: impl FnMut(&Request) -> Exchange + 'static) -> Self {
        Self(Rc::new(Inner {
            clock: clock.clone(),
            handler: RefCell::new(Box::new(handler)),
            latency_ms: Cell::new(50),
            in_flight: Cell::new(0),
            most_in_flight: Cell::new(0),
            sent: RefCell::default(),
            answered: RefCell::default(),
        }))
    }
    pub fn sent(&self) -> Vec<Request> {
        self.0.sent.borrow().clone()
    }
    /// What left and was never answered: still on the wire, or sent by somebody who is dead.
    pub fn unanswered(&self) -> Vec<Request> {
        let answered = self.0.answered.borrow();
        let sent = self.0.sent.borrow();
        let open = (0..sent.len()).filter(|place| !answered.contains(place));
        open.map(|place| sent[place].clone()).collect()
    }
    pub fn most_in_flight(&self) -> usize {
        self.0.most_in_flight.get()
    }
    pub fn answer_with(&self, handler: impl FnMut(&Request) -> Exchange + 'static) {
        *self.0.handler.borrow_mut() = Box::new(handler);
    }
}

impl Net for TestNet {
    async fn exchange(&self, _: &AccountId, request: &Request) -> Exchange {
        let inner = &self.0;
        let place = inner.sent.borrow().len();
        inner.sent.borrow_mut().push(request.clone());
        inner.in_flight.set(inner.in_flight.get() + 1);
        inner
            .most_in_flight
            .set(inner.most_in_flight.get().max(inner.in_flight.get()));
        inner.clock.sleep(inner.latency_ms.get()).await;
        inner.in_flight.set(inner.in_flight.get() - 1);
        inner.answered.borrow_mut().push(place);
        (inner.handler.borrow_mut())(request)
    }
}

/// A JSON answer.
pub fn json(status: u16, body: &serde_json::Value) -> Exchange {
    Ok(Answer {
        status,
        headers: [("content-type".to_owned(), "application/json".to_owned())]
            .into_iter()
            .collect(),
        body: body.to_string(),
    })
}

pub fn dead() -> Exchange {
    Err(NetFailure::Unreachable)
}
