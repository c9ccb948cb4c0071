// What static/src/js/live.js fetches and when, without a browser: a page of three regions with
// addresses of their own, whose fetches take `FETCH_MS`. Prints what happened as JSON.

const FETCH_MS = 50;
const fetched = [];
const went = [];
let status = 200;
const listeners = {};
const started = performance.now();

const region = (name) => ({
  isConnected: true,
  dataset: { liveBlock: name, liveTopics: "queue", liveUrl: `/${name}` },
  querySelector: () => null,
});
const page = ["first", "second", "third"].map(region);
const words = { textContent: "" };
const indicator = {
  dataset: { signIn: "/auth/sign-in" },
  querySelector: () => words,
  addEventListener: (name, listener) => (listeners[name] = listener),
};

Object.assign(globalThis, {
  addEventListener: () => {},
  setInterval: () => {},
  location: { pathname: "/", search: "", assign: (url) => went.push(url) },
  document: {
    hidden: false,
    getElementById: () => indicator,
    querySelectorAll: () => page,
    addEventListener: () => {},
    createElement: () => ({ content: { querySelector: () => null } }),
  },
  CSS: { escape: (name) => name },
  // Nothing that is answered here is morphed in.
  htmx: { registerExtension: () => {} },
  fetch: async (url, options) => {
    const call = { url, block: options.headers["X-Block"], at: performance.now() - started };
    fetched.push(call);
    await sleep(FETCH_MS);
    call.until = performance.now() - started;
    return { status, ok: status === 200, text: async () => "", headers: new Headers() };
  },
});

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const hint = () =>
  listeners["htmx:ws:before:message:incoming"]({
    preventDefault: () => {},
    detail: { message: { json: async () => ({ topics: ["queue"] }) } },
  });

const { startLive } = await import("../../static/src/js/live.js");
startLive();
const hintedAt = performance.now() - started;
// A stream of hints for a second and a half.
for (let count = 0; count < 30; count += 1) {
  hint();
  await sleep(50);
}
await sleep(1500);
const stream = fetched.splice(0);
status = 401;
hint();
await sleep(500);
console.log(JSON.stringify({ hintedAt, stream, went }));
