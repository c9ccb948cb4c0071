// Forms: one submission at a time, and errors that take the focus.
// The server is safe against a second click without this (idempotency keys); this only says so.

import { answerInPlace, isAnsweredInPlace, keepRefused } from "./in-place.js";

export function startForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    // What answers with a file leaves the page where it is: it can be sent again.
    if (event.defaultPrevented || form.method === "dialog" || "downloads" in form.dataset) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "true";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    if (isAnsweredInPlace(form)) {
      event.preventDefault();
      answerInPlace(form, event.submitter);
    }
  });

  document.addEventListener("input", (event) => {
    const form = event.target.closest("form");
    if (form) form.dataset.touched = "true";
  });

  // A link that acts as a button answers to the space bar like one.
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || !event.target.matches("a[data-button]")) return;
    event.preventDefault();
    event.target.click();
  });

  // A page that comes back from the browser's memory shows what was true when it was left.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  keepRefused();
  document.querySelector("[data-error-summary]")?.focus();
}
