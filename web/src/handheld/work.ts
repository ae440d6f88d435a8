/**
 * The handheld's day: get a packet, do its steps, hand in what was done, get the next.
 *
 * Local first: an event is judged here by the shared reducer, shown at once, kept in the outbox, and
 * sent when there is a network. What the server answers then wins. A step that only the server can
 * judge waits for it; without a network it is left, and other packets go on.
 */
import { signal } from "@preact/signals";
import { ApiError, get, post } from "../core/api.ts";
import { newId, nextSeq } from "./ids.ts";
import { askServer, type Delivery, drop, flush, keepOpen, online, openPacket, parked, put, startOutbox } from "./outbox.ts";
import { CALL, type EventType, type Packet, type Problem, reduce, stepNow, type WorkEvent } from "./packet.ts";
import { type Session, session, strange } from "./session.ts";
import { listen, type Told } from "./stream.ts";
import { feel } from "./tone.ts";

export type View = "home" | "looking" | "work" | "done" | "lost";
type Saying =
  | "h.took_back"
  | "h.rejected"
  | "h.recovered"
  | "h.ime"
  | "h.needs_connection"
  | "h.called"
  | "h.later"
  | "h.changed"
  | "h.photo_kept";
export type Notice = { kind: "problem"; problem: Problem } | { kind: "say"; key: Saying };

export const view = signal<View>("home");
export const packet = signal<Packet | null>(null);
export const notice = signal<Notice | null>(null);
export const flash = signal<"" | "ok" | "wrong">("");
export const lastTried = signal<"" | "none" | "no_answer">("");
/** The server is being asked about this step. */
export const asking = signal(false);
/** Where a finished packet leads: to the page that opened it; null: to the next packet. */
export const back = signal<(() => void) | null>(null);

const RETRY_MS = 3000;
const FLASH_MS = 350;
const NEXT_MS = 2500;
let retry = 0;
let calm = 0;
let unanswered: WorkEvent | null = null; // asked again, it must be the same event

/** Begin: go on with an open packet of an earlier page. */
export async function begin(): Promise<void> {
  const left = await openPacket();
  if (left?.step) {
    packet.value = left;
    view.value = "work";
    notice.value = { kind: "say", key: "h.recovered" };
  }
  await startOutbox(() => session.peek(), heard);
}

/** Ask for the next packet. */
export async function nextTask(): Promise<void> {
  window.clearTimeout(retry);
  notice.value = null;
  view.value = "looking";
  await flush();
  const { site, station, kinds } = session.value;
  const asked = new URLSearchParams({ site });
  if (kinds.length > 0) asked.set("kinds", kinds.join(","));
  if (station) asked.set("station", station);
  try {
    const next = await get<Packet | null>(`/api/v1/work/next?${asked}`, session.value);
    online.value = true;
    if (view.value !== "looking") return; // they have left meanwhile: it stays theirs
    if (next) return await open(next);
    lastTried.value = "none";
  } catch (error) {
    failed(error);
  }
  retry = window.setTimeout(() => {
    if (view.value === "looking" && !strange.value) void nextTask();
  }, RETRY_MS);
}

/** Begin work of a kind with what was scanned for it; whether it could be begun. */
export async function startWork(kind: string, scanned: string): Promise<boolean> {
  await flush();
  try {
    const body = { site: session.value.site, kind, scanned };
    await open(await post<Packet>("/api/v1/work/start", body, session.value));
    online.value = true;
    return true;
  } catch (error) {
    failed(error);
    feel("wrong");
    return false;
  }
}

function failed(error: unknown): void {
  const away = !(error instanceof ApiError) || error.status === 0 || error.status >= 500;
  online.value = !away;
  lastTried.value = away ? "no_answer" : "none";
  if (away) notice.value = { kind: "say", key: "h.needs_connection" };
  else if (error.status === 401) strange.value = true;
  else notice.value = { kind: "problem", problem: { code: error.code, facts: error.facts } };
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
  const { device } = session.value;
  return listen(`/api/v1/work/stream?${new URLSearchParams({ site, device })}`, hearTold);
}

function hearTold({ event, data }: Told): void {
  if (event === "task.offered") {
    const told = data as Record<string, number>;
    offered.value = told;
    const wanted = session.peek().kinds;
    const any = Object.entries(told).some(([kind, open]) => open > 0 && (wanted.length === 0 || wanted.includes(kind)));
    if (any && view.peek() === "looking" && lastTried.peek() === "none") void nextTask();
  }
  const mine = packet.peek();
  const of = data as { packet?: string; note?: string };
  if (event === "message" && mine && of.packet === mine.id && of.note && of.note !== mine.note) {
    packet.value = { ...mine, note: of.note };
    feel("line");
  }
  if (event === "packet.revoked" && of.packet) void taken(of.packet);
}

/** A supervisor has taken a packet away: what was done before is sent, then it is said. */
async function taken(id: string): Promise<void> {
  await flush();
  if (packet.value?.id !== id) return void drop(id);
  if (view.value === "work") lose({ code: "stale_packet", facts: {} }, id);
}

/** Call a supervisor to this step; where the step allows it, that is part of what was done. */
export async function call(): Promise<void> {
  const now = packet.value;
  const step = now ? stepNow(now) : undefined;
  if (now && step?.allow.includes(CALL)) return deed("exception", { code: CALL, found: 0 });
  const body = { command_id: newId(Date.now()), site: session.value.site, packet: now?.id ?? null, step: step?.id ?? "" };
  try {
    await post("/api/v1/work/call", body, session.value);
    notice.value = { kind: "say", key: "h.called" };
  } catch (error) {
    failed(error);
  }
}

/** Home. What was begun stays in hand; what was not, somebody else may do. */
export async function leave(): Promise<void> {
  window.clearTimeout(retry);
  const left = packet.value;
  packet.value = null;
  notice.value = null;
  asking.value = false;
  flash.value = "";
  view.value = "home";
  await keepOpen(null);
  if (left && (left.step === null || left.history.length === 0)) await drop(left.id);
}

/** Somebody else holds the device now: what was in hand stays with who had it, at the server. */
export async function handOver(): Promise<void> {
  const left = [packet.value, ...parked.value];
  await leave();
  for (const each of left) if (each) await drop(each.id);
}

/** Go on with a packet that was left. */
export async function resume(id: string): Promise<void> {
  const left = parked.value.find((each) => each.id === id);
  if (left) await open(left);
}

/** Something was done at the step shown. */
export function deed(type: EventType, value: WorkEvent["value"]): void {
  const before = packet.value;
  if (!before || asking.value) return;
  const event = eventOf(before, type, value);
  const outcome = reduce(before, event);
  if (outcome.problem) return wrong(outcome.problem);
  event.seq ||= nextSeq();
  if (stepNow(before)?.online && type !== "undo") return void judged(before, event);
  done(before, outcome.packet, type, value);
  void put(event, outcome.packet);
}

function eventOf(before: Packet, type: EventType, value: WorkEvent["value"]): WorkEvent {
  const step = before.step ?? "";
  const again = unanswered;
  const isSame = again && again.packet === before.id && again.step === step && again.type === type;
  if (isSame && again.rev === before.rev && JSON.stringify(again.value) === JSON.stringify(value)) return again;
  const now_ms = Date.now();
  return {
    id: newId(now_ms),
    packet: before.id,
    rev: before.rev,
    step,
    type,
    value,
    at: new Date(now_ms).toISOString(),
    seq: 0,
    device: session.value.device,
  };
}

function done(before: Packet, after: Packet, type: EventType, value: WorkEvent["value"]): void {
  packet.value = after;
  notice.value = said(before, after, type, value);
  feel(after.step === null ? "task" : after.step === before.step ? "ok" : "line");
  light("ok");
  if (after.step === null) finish();
}

function said(before: Packet, after: Packet, type: EventType, value: WorkEvent["value"]): Notice | null {
  if (type === "undo") return { kind: "say", key: "h.took_back" };
  if (type !== "exception" || typeof value !== "object" || value === null) return null;
  if (after.step === before.step) return { kind: "say", key: "h.called" };
  return value.code === "skip" ? { kind: "say", key: "h.later" } : null;
}

/** A step that only the server can judge: it is asked, and nothing is queued. */
async function judged(before: Packet, event: WorkEvent): Promise<void> {
  asking.value = true;
  notice.value = null;
  unanswered = event;
  const answer = await askServer(event);
  asking.value = false;
  if (packet.value?.id !== before.id) return;
  if (!answer) {
    feel("wrong");
    notice.value = { kind: "say", key: "h.needs_connection" };
    return;
  }
  unanswered = null;
  const [result] = answer.results;
  const theirs = answer.packet;
  if (result?.result === "rejected") {
    if (!theirs) return lose(result.problem ?? null, before.id);
    if (theirs.step !== before.step || theirs.rev !== before.rev) await open(theirs);
    return wrong(result.problem ?? { code: "unknown", facts: {} });
  }
  if (theirs) {
    await keepOpen(theirs);
    return done(before, theirs, event.type, event.value);
  }
  const local = reduce(before, event).packet ?? before;
  await drop(before.id);
  done(before, { ...local, step: null }, event.type, event.value);
}

export function wrong(problem: Problem): void {
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
  window.clearTimeout(retry);
  retry = window.setTimeout(() => {
    if (view.value === "done") onward();
  }, NEXT_MS);
}

async function open(next: Packet): Promise<void> {
  window.clearTimeout(retry);
  packet.value = next;
  flash.value = "";
  notice.value = null;
  lastTried.value = "";
  view.value = "work";
  await keepOpen(next);
}

/** The server gave the packet to somebody else, or knows it no more. It stays said until it was read. */
function lose(problem: Problem | null, id: string): void {
  window.clearTimeout(retry);
  void drop(id);
  view.value = "lost";
  wrong(problem ?? { code: "unknown", facts: {} });
}

/** What the server made of it wins, once nothing of ours is on its way. */
function heard({ of, rejected, packet: theirs }: Delivery): void {
  const first = rejected[0];
  const mine = packet.value;
  if (mine?.id !== of) return heardOfOther(of, first?.problem ?? null, theirs);
  if (first && !theirs) return lose(first.problem ?? null, of);
  if (!theirs || view.value === "home") return;
  if (theirs.id !== of) void drop(of); // what is to be put right instead
  const same = theirs.id === of && theirs.step === mine.step && theirs.rev === mine.rev && theirs.note === mine.note;
  if (!same || JSON.stringify(theirs.counts) !== JSON.stringify(mine.counts)) {
    if (theirs.step === null && theirs.id === of) return;
    void open(theirs).then(() => {
      if (first) refusedLater(first.problem ?? null);
      else notice.value = { kind: "say", key: "h.changed" };
    });
  } else if (first) refusedLater(first.problem ?? null);
}

function refusedLater(problem: Problem | null): void {
  if (problem) return wrong(problem);
  notice.value = { kind: "say", key: "h.rejected" };
  feel("wrong");
  flash.value = "wrong";
}

function heardOfOther(id: string, problem: Problem | null, theirs: Packet | null): void {
  if (problem && !theirs) {
    void drop(id);
    if (view.value === "home" || view.value === "looking" || view.value === "done") lose(problem, id);
    else wrong(problem);
  }
}
