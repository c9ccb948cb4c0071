// Forms in a guarded live region are answered in place: sent in the background, and the page morphed
// into the answer instead of loaded anew. The socket stays open and a decision shows at once.
//
// Whatever is not this page again (an error, the sign-in page, no answer at all) goes the plain way:
// the browser sends the form itself. Its idempotency key makes the second time harmless.

import { forgetAnswers, holdHints } from "./live.js";
import { morph } from "./morph.js";

export const isAnsweredInPlace = (form) =>
  form.closest("[data-live-guard]") !== null && !("sentPlainly" in form.dataset);

export async function answerInPlace(form, submitter) {
  try {
    await holdHints(() => sendAndMorph(form, submitter));
  } catch {
    form.dataset.sentPlainly = "";
    delete form.dataset.sent;
    form.requestSubmit(submitter);
  }
}

async function sendAndMorph(form, submitter) {
  const address = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
  const body = new URLSearchParams(new FormData(form, submitter));
  // Where it did its work the answer is this page again: its live regions are all that it changes.
  const changing = [...document.querySelectorAll("#content [data-live-block]:not([data-live-block] *)")];
  const names = changing.map((region) => region.dataset.liveBlock).join(" ");
  const headers = { "X-Block": names };
  const response = await fetch(address, { method: "POST", body, headers, cache: "no-store" });
  const answer = new DOMParser().parseFromString(await response.text(), "text/html");
  forgetAnswers();
  const content = document.getElementById("content");
  if (response.ok) {
    for (const region of changing) morphOrFail(region, answer.getElementById(region.id));
    content.querySelector("[data-error-summary]")?.remove();
  } else {
    const guard = form.closest("[data-live-guard]");
    morphOrFail(content, answer.querySelector(`#content:has(#${CSS.escape(guard.id)})`));
    keepRefused();
  }
  // What was pressed may be gone: the focus goes to what went wrong, or to the start of the answer.
  (content.querySelector("[data-error-summary]") ?? content).focus({ preventScroll: true });
  scrollTo(0, 0);
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
