// Rows that came while somebody looked are marked until seen: under the pointer, in focus, or
// simply on screen for a few seconds.

const SEEN_AFTER_MS = 8000;

const rowsOf = (region) => [...region.querySelectorAll("[data-row]")];

export const rowKeys = (region) => new Set(rowsOf(region).map((row) => row.dataset.row));

/** Marks the rows of `region` that are not among `known`, and says how many there are. */
export function markNewRows(region, known) {
  const arrived = rowsOf(region).filter((row) => !known.has(row.dataset.row));
  for (const row of arrived) {
    row.dataset.new = "";
    watch(row);
  }
  return arrived.length;
}

function watch(row) {
  let timeout;
  const observer = new IntersectionObserver(([entry]) => {
    clearTimeout(timeout);
    if (entry.isIntersecting) timeout = setTimeout(seen, SEEN_AFTER_MS);
  });
  function seen() {
    observer.disconnect();
    clearTimeout(timeout);
    delete row.dataset.new;
  }
  row.addEventListener("pointerenter", seen, { once: true });
  row.addEventListener("focusin", seen, { once: true });
  observer.observe(row);
}
