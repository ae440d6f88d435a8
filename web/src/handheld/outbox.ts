/**
 * The queue of what a person did, in the browser's own database: it outlives a dead Wi-Fi, a closed
 * tab and an empty battery. Events leave in order, in batches, and are forgotten only when the server
 * has answered them; ids make it harmless to send one twice.
 */
import { signal } from "@preact/signals";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { ApiError, post, type Who } from "../core/api.ts";
import type { Packet, Problem, WorkEvent } from "./packet.ts";

interface Shelf extends DBSchema {
  events: { key: number; value: WorkEvent };
  open: { key: string; value: Packet };
}
export interface Result {
  id: string;
  result: "accepted" | "duplicate" | "rejected";
  problem?: Problem | null;
}
interface Answer {
  results: Result[];
  packet: Packet | null;
}
export interface Delivery {
  rejected: Result[];
  packet: Packet | null;
}

const BATCH = 100;
const RETRY_MS = [500, 1000, 2000, 4000];

export const pending = signal(0);
export const online = signal(true);

let shelf: Promise<IDBPDatabase<Shelf>> | null = null;
let sending: Promise<void> | null = null;
let tries = 0;
let timer = 0;
let told: (delivery: Delivery) => void = () => undefined;
let who: Who = { device: "handheld-1", operator: "demo" };

function opened(): Promise<IDBPDatabase<Shelf>> {
  shelf ??= openDB<Shelf>("soko-handheld", 1, {
    upgrade(database) {
      database.createObjectStore("events", { keyPath: "seq" });
      database.createObjectStore("open");
    },
  });
  return shelf;
}

/** Begin; `hear` is told what the server made of what was sent. */
export async function startOutbox(me: Who, hear: (delivery: Delivery) => void): Promise<void> {
  who = me;
  told = hear;
  pending.value = await (await opened()).count("events");
  window.addEventListener("online", () => void flush());
  await flush();
}

/** Keep an event and the packet as it is after it, together; then try to send. */
export async function put(event: WorkEvent, after: Packet): Promise<void> {
  const work = (await opened()).transaction(["events", "open"], "readwrite");
  await Promise.all([
    work.objectStore("events").put(event),
    work.objectStore("open").put(after, "packet"),
    work.done,
  ]);
  pending.value += 1;
  void flush();
}

export async function keepOpen(packet: Packet | null): Promise<void> {
  const database = await opened();
  if (packet) await database.put("open", packet, "packet");
  else await database.delete("open", "packet");
}

/** The packet that was open when the page was left. */
export async function openPacket(): Promise<Packet | undefined> {
  return (await opened()).get("open", "packet");
}

/** Send all that waits; resolves when it is sent or when the server cannot be reached. */
export function flush(): Promise<void> {
  sending ??= send().finally(() => {
    sending = null;
  });
  return sending;
}

async function send(): Promise<void> {
  window.clearTimeout(timer);
  const database = await opened();
  for (;;) {
    const events = await database.getAll("events", undefined, BATCH);
    pending.value = await database.count("events");
    const last = events.at(-1);
    if (!last) return;
    const answer = await delivered(events);
    if (!answer) return;
    await database.delete("events", IDBKeyRange.upperBound(last.seq));
    pending.value = await database.count("events");
    const rejected = answer.results.filter((each) => each.result === "rejected");
    if (pending.value === 0 || rejected.length > 0) told({ rejected, packet: answer.packet });
  }
}

async function delivered(events: WorkEvent[]): Promise<Answer | null> {
  try {
    const answer = await post<Answer>("/api/v1/work/events", { events }, who);
    online.value = true;
    tries = 0;
    return answer;
  } catch (error) {
    if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) {
      // Sending it again would be answered the same: say so instead of blocking the queue.
      const problem = { code: error.code, facts: {} };
      return { results: events.map(({ id }) => ({ id, result: "rejected", problem })), packet: null };
    }
    online.value = false;
    timer = window.setTimeout(() => void flush(), RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
    tries += 1;
    return null;
  }
}
