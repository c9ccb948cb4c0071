// Runs Lighthouse against pages that need a session, in the Chromium whose debugging port is its
// one argument. Each line read is {"url", "cookie", "categories", "enough", "runs"}, each line
// written what was found.
//
// What a page is does not change from one run to the next; how fast it is does, on a machine that
// does other things. So performance alone is measured again while it is below `enough`, at most
// `runs` times in all, and its best run counts: other work only ever makes a page look slower.

import { createInterface } from "node:readline";

import lighthouse, { desktopConfig } from "lighthouse";

const port = Number(process.argv[2]);

// Lighthouse could not watch: that says nothing about the page. A busy machine does it.
const UNSCORED = "UNSCORED";
const UNSEEN = new Set(["NO_NAVSTART", "NO_FCP", "NO_LCP", "PROTOCOL_TIMEOUT", UNSCORED]);

// What cost this category points, the dearest first, each with up to three places.
function lost(report, category) {
  return category.auditRefs
    .map(({ id, weight }) => ({ weight, audit: report.audits[id] }))
    .map(({ weight, audit }) => ({ audit, points: audit.score === null ? 0 : weight * (1 - audit.score) }))
    .filter(({ points }) => points > 0)
    .sort((one, other) => other.points - one.points)
    .map(({ audit }) => {
      const places = (audit.details?.items ?? [])
        .map((item) => item.node?.snippet ?? item.url ?? item.description)
        .filter(Boolean);
      return [`${audit.id} (${audit.displayValue ?? audit.title})`, ...places.slice(0, 3)].join(" | ");
    });
}

async function run({ url, cookie }, categories) {
  const { lhr } = await lighthouse(
    url,
    {
      port,
      logLevel: "silent",
      onlyCategories: categories,
      extraHeaders: { Cookie: cookie },
      throttlingMethod: "simulate",
      // They cost time and no points.
      disableFullPageScreenshot: true,
      skipAudits: ["bf-cache"],
      enableErrorReporting: false,
    },
    desktopConfig,
  );
  if (lhr.runtimeError) return { error: lhr.runtimeError };
  const unscored = Object.values(lhr.categories).find(({ score }) => score === null);
  if (unscored) return { error: { code: UNSCORED, message: unscored.id } };
  const found = Object.values(lhr.categories).map((category) => [
    category.id,
    { score: Math.round(category.score * 100), lost: lost(lhr, category) },
  ]);
  return { shown: lhr.finalDisplayedUrl, categories: Object.fromEntries(found) };
}

async function measure(page) {
  let best = null;
  for (let left = page.runs; left > 0; left -= 1) {
    const seen = await run(page, best ? ["performance"] : page.categories);
    if (seen.error && !(left > 1 && UNSEEN.has(seen.error.code))) {
      return best ?? { error: `${seen.error.code}: ${seen.error.message}` };
    }
    if (seen.error) continue;
    if (!best) best = seen;
    else if (seen.categories.performance.score > best.categories.performance.score) {
      best.categories.performance = seen.categories.performance;
    }
    if (!(best.categories.performance?.score < page.enough)) break;
  }
  return best;
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await measure(JSON.parse(line))));
}
