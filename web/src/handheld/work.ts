/**
 * The handheld's day: get a packet, do its steps, hand in what was done, get the next.
 *
 * Local first: an event is judged here by the shared reducer, shown at once, kept in the outbox, and
 * sent when there is a network. What the server answers then wins.
 */
import { effect, signal } from "@preact/signals";
import { Feed } from "../core/live.ts";
import { ApiError, get } from "../core/api.ts";
import { newId, nextSeq } from "./ids.ts";
import { type Delivery, flush, keepOpen, online, openPacket, pending, put, startOutbox } from "./outbox.ts";
import { type EventType, type Packet, type Problem, reduce, stepNow, type WorkEvent } from "./packet.ts";
import { type Session, session } from "./session.ts";
import { feel } from "./tone.ts";

export type View = "home" | "looking" | "work" | "done";
export interface Found {
  code: string;
  facts: Record<string, unknown> | null; // null: nobody knows it
}
export type Notice = { kind: "problem"; problem: Problem } | { kind: "say"; key: "h.took_back" | "h.rejected" | "h.recovered" | "h.ime" };

export const view = signal<View>("home");
export const packet = signal<Packet | null>(null);
export const notice = signal<Notice | null>(null);
export const flash = signal<"" | "ok" | "wrong">("");
export const found = signal<Found | null>(null);
export const lastTried = signal<"" | "none" | "no_answer">("");
/** Where a finished packet leads: to the page that opened it; null: to the next packet. */
export const back = signal<(() => void) | null>(null);

const RETRY_MS = 3000;
const FLASH_MS = 350;
const NEXT_MS = 2500;
let retry = 0;
let calm = 0;

/** Begin: go on with an open packet of an earlier page. */
export async function begin(): Promise<void> {
  const left = await openPacket();
  if (left?.step) {
    packet.value = left;
    view.value = "work";
    notice.value = { kind: "say", key: "h.recovered" };
  }
  await startOutbox(session.value, heard);
}

/** Ask for the next packet. */
export async function nextTask(): Promise<void> {
  window.clearTimeout(retry);
  found.value = null;
  notice.value = null;
  view.value = "looking";
  await flush();
  const { site, station, kinds } = session.value;
  const asked = new URLSearchParams({ site, kinds: kinds.join(",") });
  if (station) asked.set("station", station);
  try {
    const next = await get<Packet | null>(`/api/v1/work/next?${asked}`, session.value);
    online.value = true;
    if (next) return await open(next);
    lastTried.value = "none";
  } catch (error) {
    const away = !(error instanceof ApiError) || error.status === 0 || error.status >= 500;
    online.value = !away;
    lastTried.value = away ? "no_answer" : "none";
    if (!away) notice.value = { kind: "problem", problem: { code: error.code, facts: {} } };
  }
  retry = window.setTimeout(() => {
    if (view.value === "looking") void nextTask();
  }, RETRY_MS);
}

/** Ask for a packet of these kinds and work it off, then go back to the page that asked. */
export async function workOff(part: Partial<Session>, then: () => void): Promise<void> {
  session.value = { ...session.value, ...part }; // for this page only: what was chosen is kept
  back.value = then;
  await nextTask();
}

/** Work off a packet that another page has been given. */
export async function workOn(given: Packet, then: () => void): Promise<void> {
  back.value = then;
  await flush();
  await open(given);
}

/** From a finished packet to what comes then. */
export function onward(): void {
  const then = back.value;
  if (then) void leave().then(then);
  else void nextTask();
}

/** How many tasks of each kind are open: the server tells it by itself. */
export const offered = signal<Record<string, number>>({});

export function hearOffers(site: string): () => void {
  const feed = new Feed(`/api/v1/work/stream?${new URLSearchParams({ site })}`);
  const counts = feed.topic<Record<string, number>>("task.offered");
  feed.start();
  const end = effect(() => {
    const told = counts.value?.value;
    if (!told) return;
    offered.value = told;
    const any = session.peek().kinds.some((kind) => (told[kind] ?? 0) > 0);
    if (any && view.peek() === "looking" && lastTried.peek() === "none") void nextTask();
  });
  return () => {
    end();
    feed.stop();
  };
}

export async function leave(): Promise<void> {
  window.clearTimeout(retry);
  packet.value = null;
  notice.value = null;
  found.value = null;
  view.value = "home";
  await keepOpen(null);
}

/** A code was read: a command, the wanted thing, the wrong thing, or a question. */
export function read(code: string, again = false): void {
  if (again) return feel("again");
  if (code.startsWith("CMD:")) return command(code.slice(4));
  if (view.value === "work" && packet.value) return deed("scan", code);
  void lookUp(code);
}

function command(name: string): void {
  if (name === "UNDO") deed("undo", null);
  if (name === "DONE" && packet.value && stepNow(packet.value)?.op !== "choose") deed("choice", null);
  if (name === "BACK") void leave();
  if (name === "SHORT" && packet.value) {
    const step = stepNow(packet.value);
    deed("exception", { code: "short", found: step ? (packet.value.counts[step.id] ?? 0) : 0 });
  }
}

/** Something was done at the step shown. */
export function deed(type: EventType, value: WorkEvent["value"]): void {
  const before = packet.value;
  if (!before) return;
  const now_ms = Date.now();
  const event: WorkEvent = {
    id: newId(now_ms),
    packet: before.id,
    rev: before.rev,
    step: before.step ?? "",
    type,
    value,
    at: new Date(now_ms).toISOString(),
    seq: 0,
    device: session.value.device,
  };
  const outcome = reduce(before, event);
  if (outcome.problem) return wrong(outcome.problem);
  event.seq = nextSeq();
  const after = outcome.packet;
  packet.value = after;
  notice.value = type === "undo" ? { kind: "say", key: "h.took_back" } : null;
  feel(after.step === null ? "task" : after.step === before.step ? "ok" : "line");
  light("ok");
  if (after.step === null) finish();
  void put(event, after);
}

function wrong(problem: Problem): void {
  notice.value = { kind: "problem", problem };
  feel("wrong");
  flash.value = "wrong"; // stays until the next right scan
}

function light(kind: "ok"): void {
  window.clearTimeout(calm);
  flash.value = kind;
  calm = window.setTimeout(() => {
    if (flash.value === kind) flash.value = "";
  }, FLASH_MS);
}

function finish(): void {
  view.value = "done";
  retry = window.setTimeout(() => {
    if (view.value === "done") onward();
  }, NEXT_MS);
}

async function open(next: Packet): Promise<void> {
  packet.value = next;
  flash.value = "";
  lastTried.value = "";
  view.value = "work";
  await keepOpen(next);
}

/** What the server made of it wins, once nothing of ours is on its way. */
function heard({ rejected, packet: theirs }: Delivery): void {
  const first = rejected[0];
  const mine = packet.value;
  if (first) {
    notice.value = first.problem ? { kind: "problem", problem: first.problem } : { kind: "say", key: "h.rejected" };
    feel("wrong");
    flash.value = "wrong";
    if (!theirs) return void leave().then(() => nextTask());
  }
  if (pending.value > 0 || !theirs || !mine || view.value === "home") return;
  const same = theirs.id === mine.id && theirs.step === mine.step && theirs.rev === mine.rev;
  if (same && JSON.stringify(theirs.counts) === JSON.stringify(mine.counts)) return;
  if (theirs.step !== null) {
    window.clearTimeout(retry);
    const kept = notice.value;
    void open(theirs).then(() => {
      if (first) notice.value = kept;
    });
  }
}

/** "What is this?" */
export async function lookUp(code: string): Promise<void> {
  window.clearTimeout(retry);
  if (view.value !== "home") view.value = "home";
  try {
    const facts = await get<Record<string, unknown>>(`/api/v1/lookup/${encodeURIComponent(code)}`, session.value);
    found.value = { code, facts };
    feel("ok");
  } catch (error) {
    const unknown = error instanceof ApiError && error.status === 404;
    if (unknown) found.value = { code, facts: null };
    else notice.value = { kind: "problem", problem: { code: "no_answer", facts: {} } };
    feel("wrong");
  }
}
