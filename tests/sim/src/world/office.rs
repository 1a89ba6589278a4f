//! The office: what it takes away while the courier is on his way.

use super::*;

impl World {
    pub(super) fn office(&mut self) {
        let number = self.chance.between(1, i64::from(self.setting.stops));
        let stop = format!("d{number:02}");
        let cancels = self.chance.in_thousand(500);
        let over = self.backend.status(&stop);
        let open = over.is_some_and(|(status, owner)| {
            owner == ANNA && (status == "assigned" || status == "arrived")
        });
        if !open {
            return;
        }
        self.touched.push(stop.clone());
        if cancels {
            self.say(format_args!("the office cancels {stop}"));
            self.backend.set_status(&stop, "cancelled");
        } else {
            self.say(format_args!("the office gives {stop} to another courier"));
            self.backend.assign(&stop, "carl");
        }
        let after = self.chance.between(1_000, 300_000);
        if let Some(core) = self.phone.core(Slot::Page).filter(|_| after < 150_000) {
            self.phone.spawn(Slot::Page, move || async move {
                let _ = core.refresh_route().await;
                Mail::Nothing
            });
        }
    }
}
