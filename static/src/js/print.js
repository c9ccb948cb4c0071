// What is printed is what the page shows now: its regions moved on since it was opened, and so does
// the time on the sheet. It is the portal's time, which the page was opened with, and the zone of its
// organisation.

export function startPrinting() {
  addEventListener("beforeprint", () => {
    const time = document.querySelector("[data-print-time]");
    if (!time) return;
    const now = new Date(Date.parse(time.dateTime) + performance.now());
    const format = { dateStyle: "medium", timeStyle: "long", timeZone: time.dataset.zone };
    time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, format).format(now);
  });
}
