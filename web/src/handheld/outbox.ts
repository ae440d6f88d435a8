/**
 * The queue of what a person did, in the browser's own database: it outlives a dead Wi-Fi, a closed
 * tab and an empty battery. Events leave in order, in batches of one packet, and are forgotten only
 * when the server has answered them; ids make it harmless to send one twice. Pictures follow when the
 * events are gone. Packets that are in hand are kept as they are, so that work goes on from there.
 *
 * Laws: nothing leaves the queue unanswered; a step that needs the server overtakes nothing.
 */
import { signal } from "@preact/signals";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { ApiError, post, putBytes, type Who } from "../core/api.ts";
import type { Packet, Problem, WorkEvent } from "./packet.ts";
import { strange } from "./session.ts";

interface Photo {
  site: string;
  bytes: ArrayBuffer;
  type: string;
}
interface Shelf extends DBSchema {
  events: { key: number; value: WorkEvent };
  open: { key: string; value: Packet };
  photos: { key: string; value: Photo };
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
  of: string; // the packet whose events were sent
  rejected: Result[];
  packet: Packet | null;
}

const BATCH = 100;
const RETRY_MS = [500, 1000, 2000, 4000];
const CURRENT = "soko.packet";
const LATER = [401, 403, 408, 425, 429]; // sign in first, or busy: the same events are good later

export const pending = signal(0);
export const online = signal(true);
/** Packets in hand besides the one on the screen: begun, left, to be gone on with. */
export const parked = signal<Packet[]>([]);

let shelf: Promise<IDBPDatabase<Shelf>> | null = null;
let sending: Promise<void> | null = null;
let asked = false; // for another round, while one was under way
let writing = 0; // events on their way into the database
let tries = 0;
let timer = 0;
let told: (delivery: Delivery) => void = () => undefined;
let who: () => Who = () => ({ device: "handheld-1", operator: "demo" });

function opened(): Promise<IDBPDatabase<Shelf>> {
  shelf ??= openDB<Shelf>("soko-handheld", 2, {
    upgrade(database) {
      const there = [...database.objectStoreNames];
      if (!there.includes("events")) database.createObjectStore("events", { keyPath: "seq" });
      if (there.includes("open")) database.deleteObjectStore("open");
      database.createObjectStore("open", { keyPath: "id" });
      database.createObjectStore("photos");
    },
    blocking(_old, _new, event) {
      (event.target as IDBDatabase).close();
      shelf = null;
    },
  });
  return shelf;
}

/** Begin; `hear` is told what the server made of what was sent. */
export async function startOutbox(me: () => Who, hear: (delivery: Delivery) => void): Promise<void> {
  who = me;
  told = hear;
  pending.value = await waiting();
  window.addEventListener("online", () => void flush());
  await flush();
}

/** Keep an event and the packet as it is after it, together; then try to send. */
export async function put(event: WorkEvent, after: Packet): Promise<void> {
  writing += 1;
  pending.value += 1; // from now on it waits, though it is not written yet
  try {
    const work = (await opened()).transaction(["events", "open"], "readwrite");
    const open = work.objectStore("open");
    const kept = after.step === null ? open.delete(after.id) : open.put(after);
    await Promise.all([work.objectStore("events").put(event), kept, work.done]);
  } finally {
    writing -= 1;
  }
  pending.value = await waiting();
  if (timer === 0) void flush(); // else it is tried again soon: not with every scan
}

/** Keep a picture until the server has it. */
export async function putPhoto(id: string, photo: Photo): Promise<void> {
  await (await opened()).put("photos", photo, id);
  pending.value = await waiting();
  void flush();
}

/** The packet on the screen is this one, as it is now; null: none. */
export async function keepOpen(packet: Packet | null): Promise<void> {
  localStorage.setItem(CURRENT, packet?.id ?? "");
  if (packet) await (await opened()).put("open", packet);
  await countParked();
}

/** A packet is out of our hands. */
export async function drop(id: string): Promise<void> {
  await (await opened()).delete("open", id);
  await countParked();
}

async function countParked(): Promise<void> {
  const all = await (await opened()).getAll("open");
  parked.value = all.filter((each) => each.step !== null && each.id !== localStorage.getItem(CURRENT));
}

/** The packet that was open when the page was left. */
export async function openPacket(): Promise<Packet | undefined> {
  await countParked();
  const id = localStorage.getItem(CURRENT);
  return id ? (await opened()).get("open", id) : undefined;
}

/** Send all that waits; resolves when it is sent or when the server cannot be reached. */
export function flush(): Promise<void> {
  if (sending) asked = true;
  sending ??= send().finally(() => {
    sending = null;
    if (!asked) return;
    asked = false;
    if (online.value) void flush();
  });
  return sending;
}

/** Send one event and wait for what the server says; null: no answer. Nothing may be queued then. */
export async function askServer(event: WorkEvent): Promise<Answer | null> {
  await flush();
  return (await (await opened()).count("events")) > 0 ? null : await delivered([event]);
}

async function waiting(): Promise<number> {
  const database = await opened();
  const kept = (await database.count("events")) + (await database.count("photos"));
  return kept + writing;
}

async function send(): Promise<void> {
  window.clearTimeout(timer);
  timer = 0;
  const database = await opened();
  for (;;) {
    const queued = await database.getAll("events", undefined, BATCH);
    pending.value = await waiting();
    const of = queued[0]?.packet;
    if (of === undefined) return await sendPhotos(database);
    const stop = queued.findIndex((event) => event.packet !== of);
    const events = stop < 0 ? queued : queued.slice(0, stop);
    const answer = await delivered(events);
    if (!answer) return;
    await database.delete("events", IDBKeyRange.upperBound(events.at(-1)?.seq ?? 0));
    pending.value = await waiting();
    const rejected = answer.results.filter((each) => each.result === "rejected");
    const more = await database.getAll("events", undefined, 1);
    const isAll = more[0]?.packet !== of && writing === 0;
    if (isAll || rejected.length > 0) told({ of, rejected, packet: answer.packet });
  }
}

async function sendPhotos(database: IDBPDatabase<Shelf>): Promise<void> {
  for (const id of await database.getAllKeys("photos")) {
    const photo = await database.get("photos", id);
    if (!photo) continue;
    try {
      const path = `/api/v1/evidence/${id}?${new URLSearchParams({ site: photo.site })}`;
      await putBytes(path, photo.bytes, photo.type, who());
    } catch (error) {
      if (!isRefusal(error)) return again();
      // The server will never take it: the step has its id, the picture is lost.
    }
    await database.delete("photos", id);
    pending.value = await waiting();
  }
}

async function delivered(events: WorkEvent[]): Promise<Answer | null> {
  try {
    const answer = await post<Answer>("/api/v1/work/events", { events }, who());
    online.value = true;
    tries = 0;
    return answer;
  } catch (error) {
    if (isRefusal(error)) {
      // Sending it again would be answered the same: say so instead of blocking the queue.
      const problem = { code: error.code, facts: {} };
      return { results: events.map(({ id }) => ({ id, result: "rejected", problem })), packet: null };
    }
    if (error instanceof ApiError && error.status === 401) strange.value = true; // it waits for a badge
    again();
    return null;
  }
}

/** An answer that will be the same next time. */
function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status >= 400 && error.status < 500 && !LATER.includes(error.status);
}

function again(): void {
  online.value = false;
  timer = window.setTimeout(() => void flush(), RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
  tries += 1;
}
