// Forms in a guarded live region are answered in place: sent in the background, and the regions that
// they changed fetched anew. The socket stays open and a decision shows at once.
//
// Whatever is not an answer to the form (an error, the sign-in page, no answer at all) goes the plain
// way: the browser sends the form itself. Its idempotency key makes the second time harmless.

import { forgetAnswers, holdHints } from "./live.js";
import { morph } from "./morph.js";

// The page of whoever acted waits for its own hint, so that one fetch shows both; the screens that
// were waiting for this act come first.
const OWN_HINT_MS = 60;

export const isAnsweredInPlace = (form) =>
  form.closest("[data-live-guard]") !== null && !("sentPlainly" in form.dataset);

export async function answerInPlace(form, submitter) {
  try {
    await holdHints((forgetHints) => sendAndMorph(form, submitter, forgetHints));
  } catch {
    form.dataset.sentPlainly = "";
    delete form.dataset.sent;
    form.requestSubmit(submitter);
  }
}

async function sendAndMorph(form, submitter, forgetHints) {
  const address = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
  const body = new URLSearchParams(new FormData(form, submitter));
  const changing = [...document.querySelectorAll("#content [data-live-block]:not([data-live-block] *)")];
  const headers = { "X-Block": changing.map((region) => region.dataset.liveBlock).join(" ") };
  const response = await fetch(address, { method: "POST", body, headers, cache: "no-store" });
  const content = document.getElementById("content");
  const next = response.headers.get("X-Location");
  if (next === null) {
    const guard = form.closest("[data-live-guard]");
    const refusal = await parsed(response);
    forgetAnswers();
    morphOrFail(content, refusal.querySelector(`#content:has(#${CSS.escape(guard.id)})`));
    keepRefused();
  } else {
    if (new URL(next, location.href).pathname !== location.pathname) return location.assign(next);
    await new Promise((resolve) => setTimeout(resolve, OWN_HINT_MS));
    forgetHints();
    const shown = await parsed(await fetch(next, { headers, cache: "no-store" }));
    forgetAnswers();
    for (const region of changing) morphOrFail(region, shown.getElementById(region.id));
    content.querySelector("[data-error-summary]")?.remove();
  }
  // What was pressed may be gone: the focus goes to what went wrong, or to the start of the answer.
  (content.querySelector("[data-error-summary]") ?? content).focus({ preventScroll: true });
  scrollTo(0, 0);
}

async function parsed(response) {
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/** What was typed stays in the forms of a refused answer: no refresh takes them for untouched. */
export function keepRefused() {
  if (!document.querySelector("[data-error-summary]")) return;
  for (const form of document.querySelectorAll("[data-live-guard] form")) form.dataset.touched = "true";
}

function morphOrFail(element, next) {
  if (!next) throw new Error("not this page");
  morph(element, next);
}
