// Forms in a guarded live region are answered in place: sent in the background, and the page morphed
// into the answer instead of loaded anew. The socket stays open and a decision shows at once.
//
// Whatever is not this page again (an error, the sign-in page, no answer at all) goes the plain way:
// the browser sends the form itself. Its idempotency key makes the second time harmless.

import { forgetAnswers, holdHints } from "./live.js";

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
  const response = await fetch(address, { method: "POST", body, cache: "no-store" });
  const guard = form.closest("[data-live-guard]");
  const answer = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!answer.querySelector(`#content #${CSS.escape(guard.id)}`)) throw new Error("not this page");
  const content = document.getElementById("content");
  forgetAnswers();
  await htmx.swap({
    sourceElement: content,
    target: content,
    text: answer.getElementById("content").outerHTML,
    swap: "outerMorph",
  });
  // What was pressed may be gone: the focus goes to what went wrong, or to the start of the answer.
  (content.querySelector("[data-error-summary]") ?? content).focus({ preventScroll: true });
  scrollTo(0, 0);
}
