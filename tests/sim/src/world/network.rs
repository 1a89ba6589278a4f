//! Requests between the phone and the backend, as the weather has it.

use super::*;

impl World {
    pub(super) fn sent(&mut self, sent: Sent) {
        let now = self.now();
        let number = self.asked.len();
        let by = self.backend.account(&sent.request);
        let mark = mark(&sent.request);
        let mut line = String::new();
        describe(&sent.request, &mut line);
        self.say(format_args!(
            "-> {number} context {} {line} {mark}",
            sent.context
        ));
        let missing = sent
            .request
            .pictures()
            .into_iter()
            .find(|handle| !self.store.has_bytes(&sent.account, handle))
            .cloned();
        self.asked.push(Asked {
            context: sent.context,
            account: sent.account.0.clone(),
            by,
            mark,
            path: match &*sent.request.method {
                "GET" => sent.request.url.clone(),
                _ => String::new(),
            },
            streamed: sent.request.streamed,
            at: now,
            wall: self.wall(),
            landed: vec![],
            heard: None,
        });
        let mut plan = self.weather.plan(now);
        if sent.request.streamed {
            plan.arrives.truncate(1);
        }
        self.flights.push(sent.into());
        self.plans.push(plan.fate);
        if let Some(handle) = missing {
            self.watch
                .borrow_mut()
                .violations
                .push(crate::watch::Violation::new(
                    "pins",
                    format!("request {number} names picture {handle}, whose bytes are gone"),
                ));
            let (code, text) = ("blob_missing".to_owned(), "gone".to_owned());
            return self.hear(number, Err(NetFailure::NotSent { code, text }));
        }
        for (copy, ms) in plan.arrives.into_iter().enumerate() {
            self.later(ms, Event::Land(number, copy));
        }
        if let Some(ms) = plan.gives_up {
            self.later(ms, Event::Hear(number, Err(NetFailure::Unreachable)));
        }
    }

    pub(super) fn land(&mut self, number: usize, copy: usize) {
        let now = self.now();
        let before = self.backend.count();
        // What is on the way answers the first time; a copy that the network made goes through.
        let fate = if copy == 0 {
            self.plans[number]
        } else {
            Fate::Answered
        };
        let request = &self.flights[number].request;
        let mut genuine = true;
        let mut retry_after_ms = None;
        let exchange = match fate {
            Fate::Answered | Fate::Cut => self.backend.answer(request),
            Fate::Broken(bytes) => {
                let exchange = broken(self.backend.answer(request), bytes);
                // A refusal without its body is judged by its status alone, and may need a person.
                genuine = status_of(&exchange).is_some_and(|status| status < 400);
                exchange
            }
            Fate::Afterwards(status) => {
                genuine = false;
                let _ = self.backend.answer(request);
                instead(status, true)
            }
            Fate::Instead(status, worded) => {
                genuine = false;
                instead(status, worded)
            }
            Fate::Throttled(seconds) => {
                genuine = false;
                retry_after_ms = seconds.map(|s| s * 1_000);
                throttled(seconds)
            }
            Fate::Portal => {
                genuine = false;
                portal()
            }
        };
        let after = self.backend.count();
        let status = status_of(&exchange).unwrap_or(0);
        self.say(format_args!(
            "   {number} lands, copy {copy}: {status}, {} new effects",
            after - before
        ));
        self.asked[number].landed.push(Landed {
            at: now,
            status,
            genuine,
            effects: (before, after),
            retry_after_ms,
        });
        if copy == 0 && fate != Fate::Cut {
            let back = self.chance.between(10, 60);
            self.later(back, Event::Hear(number, exchange));
        }
    }

    pub(super) fn hear(&mut self, number: usize, exchange: Exchange) {
        let now = self.now();
        let asked = &mut self.asked[number];
        if asked.heard.is_some() {
            return;
        }
        asked.heard = Some((now, status_of(&exchange)));
        self.say(format_args!("<- {number} {}", said(&exchange)));
        self.flights[number].reply.give(exchange);
    }
}

fn instead(status: u16, worded: bool) -> Exchange {
    if worded {
        return json(
            status,
            &json!({"error": {"code": "fault", "message": "a fault"}}),
        );
    }
    Ok(Answer {
        status,
        headers: [("content-type".to_owned(), "text/plain".to_owned())]
            .into_iter()
            .collect(),
        body: "no".into(),
        ..Answer::default()
    })
}

fn throttled(seconds: Option<i64>) -> Exchange {
    let mut answer = json(
        429,
        &json!({"error": {"code": "slow_down", "message": "slow down"}}),
    )?;
    if let Some(seconds) = seconds {
        answer
            .headers
            .insert("retry-after".to_owned(), seconds.to_string());
    }
    Ok(answer)
}
