//! A network whose answers a test writes: a function from request to exchange, after a delay.

use super::clock::TestClock;
use crate::domain::ids::AccountId;
use crate::domain::json::print;
use crate::ports::clock::Clock;
use crate::ports::net::Net;
use crate::profile::http::{Answer, Exchange, NetFailure, Request};
use futures_util::future::{Either, select};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

type Handler = Box<dyn FnMut(&Request) -> Exchange>;
type Wire = Box<dyn FnMut(Sent)>;

/// A clone for another context has that context's number.
#[derive(Clone)]
pub struct TestNet {
    inner: Rc<Inner>,
    context: u32,
}

/// A request on a wire: whoever holds it decides when, how often and whether it arrives, and what
/// its sender hears. The sender may be gone by then.
pub struct Sent {
    pub context: u32,
    pub account: AccountId,
    pub request: Request,
    pub reply: Reply,
}

#[derive(Clone, Default)]
pub struct Reply(Rc<RefCell<(Option<Exchange>, Option<Waker>)>>);

impl Reply {
    /// The first answer is heard, as over one connection.
    pub fn give(&self, exchange: Exchange) {
        let mut slot = self.0.borrow_mut();
        if slot.0.is_none() {
            slot.0 = Some(exchange);
            if let Some(waker) = slot.1.take() {
                waker.wake();
            }
        }
    }
}

impl Future for Reply {
    type Output = Exchange;
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Exchange> {
        let mut slot = self.0.borrow_mut();
        match slot.0.clone() {
            Some(exchange) => Poll::Ready(exchange),
            None => {
                slot.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

struct Inner {
    wire: RefCell<Option<Wire>>,
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
        let inner = Inner {
            wire: RefCell::default(),
            clock: clock.clone(),
            handler: RefCell::new(Box::new(handler)),
            latency_ms: Cell::new(50),
            in_flight: Cell::new(0),
            most_in_flight: Cell::new(0),
            sent: RefCell::default(),
            answered: RefCell::default(),
        };
        Self {
            inner: Rc::new(inner),
            context: 0,
        }
    }
    #[must_use]
    pub fn of(&self, context: u32) -> Self {
        Self {
            inner: self.inner.clone(),
            context,
        }
    }
    /// From now on requests go over this wire and none is answered by the handler.
    pub fn by_wire(&self, wire: impl FnMut(Sent) + 'static) {
        *self.inner.wire.borrow_mut() = Some(Box::new(wire));
    }
    pub fn sent(&self) -> Vec<Request> {
        self.inner.sent.borrow().clone()
    }
    /// What left and was never answered: still on the wire, or sent by somebody who is dead.
    pub fn unanswered(&self) -> Vec<Request> {
        let answered = self.inner.answered.borrow();
        let sent = self.inner.sent.borrow();
        let open = (0..sent.len()).filter(|place| !answered.contains(place));
        open.map(|place| sent[place].clone()).collect()
    }
    pub fn most_in_flight(&self) -> usize {
        self.inner.most_in_flight.get()
    }
    pub fn answer_with(&self, handler: impl FnMut(&Request) -> Exchange + 'static) {
        *self.inner.handler.borrow_mut() = Box::new(handler);
    }
}

impl Net for TestNet {
    async fn exchange(&self, account: &AccountId, request: &Request) -> Exchange {
        let inner = &self.inner;
        let wire = inner.wire.borrow_mut().take();
        if let Some(mut wire) = wire {
            let reply = Reply::default();
            wire(Sent {
                context: self.context,
                account: account.clone(),
                request: request.clone(),
                reply: reply.clone(),
            });
            inner.wire.borrow_mut().get_or_insert(wire);
            let deadline = inner.clock.elapsed_ms() + i64::from(request.deadline_ms);
            return match select(reply, inner.clock.until(deadline)).await {
                Either::Left((exchange, _)) => exchange,
                Either::Right(_) => Err(NetFailure::TimedOut),
            };
        }
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
        body: print(body),
        ..Answer::default()
    })
}

pub fn dead() -> Exchange {
    Err(NetFailure::Unreachable)
}
