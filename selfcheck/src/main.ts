// The self-check: one page, no account, that a phone runs where our machines cannot.

import { SelfCheck } from "./check";

document.body.replaceChildren(new SelfCheck());
