// "How was this computed?" Amounts are links to their explanation. Followed here, it opens in the
// panel at the side instead; inside the panel its own links do the same. Whatever is no explanation
// (an error, the sign-in page, no answer at all) is left to the link.

const FETCH_MS_MAX = 10_000;

let latest = 0;

async function explain(link, panel) {
  const asked = ++latest;
  const headers = { "X-Block": "explanation" };
  const signal = AbortSignal.timeout(FETCH_MS_MAX);
  const response = await fetch(link.href, { headers, signal, credentials: "same-origin", cache: "no-store" });
  if (!response.ok || response.redirected) throw new Error("no explanation");
  const answer = document.createElement("template");
  answer.innerHTML = await response.text();
  const title = answer.content.querySelector("[data-explanation-title]");
  if (!title) throw new Error("no explanation");
  // Somebody who pressed two amounts wants the second.
  if (asked !== latest) return;
  panel.querySelector("[data-explanation]").replaceChildren(answer.content);
  if (!panel.matches(":popover-open")) panel.showPopover();
  panel.scrollTop = 0;
  title.focus();
}

export function startExplanations() {
  const panel = document.getElementById("explanation-panel");
  if (!panel) return;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-explain]");
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || event.defaultPrevented) return;
    event.preventDefault();
    explain(link, panel).catch(() => location.assign(link.href));
  });
}
