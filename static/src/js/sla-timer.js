// <sla-timer>: the clock of a promise. The server writes it readable as it is; this counts it on.
//
//   state               running | met | breached | paused | cancelled
//   counting            present while the clock runs (a breached one runs on until it is met)
//   remaining-seconds   at the moment of rendering; negative when late
//   total-seconds       the whole time that was given
//   aim                 the words beside a running clock: "to approve", "to payout"
//   over                said in place of "late by …" where time up means the end of it
//
// Time is taken from performance.now(): the viewer's own clock may be wrong, or business time moved.

const AMBER_FROM = 0.8;
const DAYS_FROM_HOURS = 100;

const two = (number) => String(number).padStart(2, "0");

export function clock(seconds) {
  const whole = Math.abs(Math.trunc(seconds));
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  if (hours < DAYS_FROM_HOURS) return `${two(hours)}:${rest}`;
  return `${Math.floor(hours / 24)} d ${two(hours % 24)}:${rest}`;
}

/** How loud the clock is, and how much of its time is used, for a clock that runs. */
export function reading(remaining, total) {
  const used = total > 0 ? Math.min(1, Math.max(0, 1 - remaining / total)) : 1;
  if (remaining < 0) return { level: "bad", used: 1 };
  return { level: used >= AMBER_FROM ? "warn" : "good", used };
}

class SlaTimer extends HTMLElement {
  static observedAttributes = ["state", "counting", "remaining-seconds", "total-seconds"];

  #interval = null;
  #remaining = 0;
  #since = 0;
  #connected = false;
  #changed = false;

  connectedCallback() {
    this.#connected = true;
    this.#begin();
  }

  disconnectedCallback() {
    this.#connected = false;
    clearInterval(this.#interval);
  }

  // A refresh sets one attribute after the other: only all of them together say how loud it is.
  attributeChangedCallback() {
    if (!this.#connected || this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      if (this.#connected) this.#begin();
    });
  }

  #begin() {
    clearInterval(this.#interval);
    this.#remaining = Number(this.getAttribute("remaining-seconds"));
    this.#since = performance.now();
    if (this.hasAttribute("counting")) {
      this.#interval = setInterval(() => this.#show(), 1000);
    }
    this.#show();
  }

  #show() {
    const counting = this.hasAttribute("counting");
    const passed = counting ? (performance.now() - this.#since) / 1000 : 0;
    const remaining = Math.floor(this.#remaining - passed);
    const time = this.querySelector("time");
    const words = this.querySelector(".timer-words");
    const bar = this.querySelector("progress");
    const { level, used } = reading(remaining, Number(this.getAttribute("total-seconds")));
    if (bar) bar.value = used;
    if (!counting || !time || !words) return;
    this.setAttribute("level", level);
    const over = remaining < 0 && this.getAttribute("over");
    set(time, over || (remaining < 0 ? `late by ${clock(remaining)}` : clock(remaining)));
    set(words, over ? "" : this.getAttribute("aim"));
    if (over) clearInterval(this.#interval);
  }
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

customElements.define("sla-timer", SlaTimer);
