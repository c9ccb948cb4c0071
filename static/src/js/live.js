// Live pages. The socket (htmx's hx-ws) brings hints that say *what* changed; every region that
// shows it is fetched again over HTTP, where permissions apply, and morphed in. Regions with one
// address are fetched together.
//
//   hx-ws:connect             on the indicator; its address carries the signed topics
//   data-live-block           on a region: the name of the block to ask for (header X-Block)
//   data-live-topics          its topics, separated by spaces
//   data-live-url             where to fetch it, if not from the page's own address
//   data-live-label           what to call it when a change is announced
//   data-live-every           seconds after which to fetch it anew without a hint: for what no event
//                             tells of, such as a lag
//   data-live-guard           holds forms: never replaced under somebody's hands
//   data-live-version         of a guarded region: what the forms were made for
//
// A hint is {"topics": [...], "version": "..."} or {"resync": true}. Hints may be lost and sockets
// die in silence, so regions are fetched again after each connection and, slowly, regardless.

import { morph } from "./morph.js";
import { markNewRows, rowKeys } from "./new-rows.js";

const SESSION_GONE = 4401;
const SPREAD_MS = 400;
const CHECK_EVERY_MS = 60_000;
const LOOK_EVERY_MS = 1000;
// A busy queue is a stream of hints: the first shows at once, the rest together a moment later, so
// that what follows at once (sent, then completed) is on the screen within the second as well.
const REFRESH_EVERY_MS = 300;
// Addresses are fetched one after the other: none may keep the others waiting for long.
const FETCH_MS_MAX = 10_000;
const RECONNECTING_CODES = [1001, 1005, 1006, 1011, 1012, 1013, 1014];

// Of what an address answered last: the blocks asked for, and their entity tag.
const answers = new Map();
// Regions to fetch again, and when each was fetched last.
const wanted = new Set();
const fetchedAt = new WeakMap();
let isRefreshing = false;
let nextRefresh;
let indicator;
let connected = false;
// Topics heard of while a form is under way; null while none is.
let held = null;

const regions = () => [...document.querySelectorAll("[data-live-block]")];
const topicsOf = (region) => (region.dataset.liveTopics ?? "").split(/\s+/);
const later = (action) => setTimeout(action, Math.random() * SPREAD_MS);

function signIn() {
  location.assign(indicator.dataset.signIn);
}

function show(state, words) {
  indicator.dataset.state = state;
  indicator.querySelector("[data-live-words]").textContent = words;
}

function announce(text) {
  indicator.querySelector("[data-live-announcer]").textContent = text;
}

const addressOf = (region) => region.dataset.liveUrl ?? location.pathname + location.search;

/** Has regions fetched again: those that rested long enough at once, the others when they have. */
function refresh(found) {
  for (const region of found) wanted.add(region);
  if (!isRefreshing) refreshWanted();
}

async function refreshWanted() {
  isRefreshing = true;
  clearTimeout(nextRefresh);
  for (let due = dueRegions(); due.length; due = dueRegions()) {
    // In the order of the page, so that its first region is not held up by what stands below it.
    for (const address of new Set(due.map(addressOf)))
      await refreshFrom(address, due.filter((region) => addressOf(region) === address));
  }
  isRefreshing = false;
  if (wanted.size) nextRefresh = setTimeout(refreshWanted, Math.min(...[...wanted].map(restOf)));
}

function dueRegions() {
  for (const region of wanted) if (!region.isConnected) wanted.delete(region);
  return regions().filter((region) => wanted.has(region) && restOf(region) <= 0);
}

/** Milliseconds until a region may be fetched again. */
const restOf = (region) => (fetchedAt.get(region) ?? -Infinity) + REFRESH_EVERY_MS - performance.now();

async function refreshFrom(address, due) {
  for (const region of due) {
    // Before it is fetched: a hint that comes meanwhile may be about something newer.
    wanted.delete(region);
    fetchedAt.set(region, performance.now());
  }
  try {
    await fetchAndMorph(address, due);
  } catch {
    // The network is down: the socket notices as well, and its return fetches everything.
  }
}

function refreshAll() {
  if (!document.hidden) refresh(regions());
}

async function fetchAndMorph(address, due) {
  const blocks = due.map((region) => region.dataset.liveBlock).join(" ");
  const headers = { "HX-Request": "true", "X-Block": blocks };
  const last = answers.get(address);
  if (last?.blocks === blocks) headers["If-None-Match"] = last.etag;
  const signal = AbortSignal.timeout(FETCH_MS_MAX);
  const response = await fetch(address, { headers, signal, credentials: "same-origin", cache: "no-store" });
  if (response.status === 401 || response.redirected) return signIn();
  if (response.status === 304 || !response.ok) return;
  const answer = document.createElement("template");
  answer.innerHTML = await response.text();
  const etag = response.headers.get("ETag");
  answers.delete(address);
  if (etag && !due.some(isTaken)) answers.set(address, { blocks, etag });
  for (const region of due) {
    const name = CSS.escape(region.dataset.liveBlock);
    const next = answer.content.querySelector(`[data-live-block="${name}"]`);
    if (!next) continue;
    if (isTaken(region)) tellOfChange(region, next);
    else morphAndAnnounce(region, next);
  }
}

function morphAndAnnounce(region, next) {
  const label = region.dataset.liveLabel;
  const before = label && signature(region);
  const rows = rowKeys(region);
  morph(region, next);
  const arrived = markNewRows(region, rows);
  if (label && signature(region) !== before)
    announce(arrived ? `${label}: ${arrived} new` : `${label} updated`);
}

/** What a region says, without its clocks: a tick is not a change. */
function signature(region) {
  const copy = region.cloneNode(true);
  for (const clock of copy.querySelectorAll("sla-timer, [data-ticking]")) clock.remove();
  return copy.textContent.replace(/\s+/g, " ");
}

const isTaken = (region) =>
  "liveGuard" in region.dataset &&
  (region.contains(document.activeElement) || region.querySelector("form[data-touched], form[data-sent]"));

function tellOfChange(region, next) {
  if (next.dataset.liveVersion === region.dataset.liveVersion) return;
  const notice = region.querySelector("[data-live-notice]");
  if (notice?.hidden) {
    notice.hidden = false;
    announce(notice.textContent.replace(/\s+/g, " ").trim());
  }
}

async function onMessage(event) {
  event.preventDefault();
  const hint = await event.detail.message.json().catch(() => null);
  if (!hint) return;
  if (hint.resync) return later(refreshAll);
  if (held) for (const topic of hint.topics ?? []) held.add(topic);
  else refreshTopics(new Set(hint.topics));
}

function refreshTopics(topics) {
  refresh(regions().filter((region) => topicsOf(region).some((topic) => topics.has(topic))));
}

/** Runs `work`, whose answer shows what it changed: hints of that wait, and are followed afterwards,
    since one of them may tell of something later. `work` gets a function to forget those so far:
    what it fetches next shows what they tell of. */
export async function holdHints(work) {
  held = new Set();
  try {
    await work(() => held.clear());
  } finally {
    const topics = held;
    held = null;
    if (topics.size) later(() => refreshTopics(topics));
  }
}

/** Call it when regions were changed by something else: what they answered last is not shown. */
export function forgetAnswers() {
  answers.clear();
}

function onClose(event) {
  const { code, reason } = event.detail;
  connected = false;
  if (code === SESSION_GONE) return signIn();
  const returns = navigator.onLine && reason === "closed" && RECONNECTING_CODES.includes(code);
  if (returns) show("reconnecting", "Reconnecting");
  else show("offline", "Offline");
}

/** Fetches again what moves without a hint, each when its time has come. */
function refreshMoving() {
  if (document.hidden) return;
  const due = [...document.querySelectorAll("[data-live-every]")].filter(
    (region) => performance.now() - (fetchedAt.get(region) ?? 0) >= region.dataset.liveEvery * 1000,
  );
  if (due.length) refresh(due);
}

export function startLive() {
  indicator = document.getElementById("live-updates");
  if (!indicator) return;
  indicator.addEventListener("htmx:ws:before:message:incoming", onMessage);
  indicator.addEventListener("htmx:ws:close", onClose);
  // The first connection as well: something may have changed between rendering and connecting.
  indicator.addEventListener("htmx:ws:after:connection", () => {
    connected = true;
    show("live", "Live");
    later(refreshAll);
  });
  addEventListener("offline", () => show("offline", "Offline"));
  addEventListener("online", () => {
    if (connected) show("live", "Live");
    else show("reconnecting", "Reconnecting");
    later(refreshAll);
  });
  document.addEventListener("visibilitychange", refreshAll);
  setInterval(refreshAll, CHECK_EVERY_MS);
  setInterval(refreshMoving, LOOK_EVERY_MS);
}
