// Keys: j and k walk through a queue, a and r open approve or reject, / searches, ? shows help.

const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

function rowLinks() {
  return [...document.querySelectorAll("[data-queue] [data-row] [data-row-link]")];
}

function walk(step) {
  const links = rowLinks();
  if (!links.length) return;
  const at = links.findIndex((link) => link.closest("[data-row]").contains(document.activeElement));
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step;
  links[Math.min(links.length - 1, Math.max(0, next))].focus();
}

/** On a redemption: to its button. In a queue: to the button on the page of the row in focus. */
function decide(name) {
  const here = document.getElementById(name);
  if (here) {
    here.scrollIntoView({ block: "center" });
    here.focus();
    return;
  }
  const row = document.activeElement.closest("[data-queue] [data-row]");
  const link = row?.querySelector("[data-row-link]");
  if (link) location.assign(`${link.href}#${name}`);
}

function help() {
  const dialog = document.getElementById("keyboard-help");
  if (dialog && !dialog.open) dialog.showModal();
}

/** To the search field; where the bar has no room for one, to the page of it. */
function search() {
  const field = [...document.querySelectorAll("[data-search]")].find((one) => one.checkVisibility());
  if (field) field.select();
  else document.querySelector("a[href='/search']")?.click();
}

const keys = {
  j: () => walk(1),
  k: () => walk(-1),
  a: () => decide("approve"),
  r: () => decide("reject"),
  "/": search,
  "?": help,
};

export function startKeyboard() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keyboard-help]")) help();
  });

  if (location.hash === "#approve" || location.hash === "#reject") {
    document.getElementById(location.hash.slice(1))?.focus();
  }
}
