/**
 * What this store knows: its queue, asked again every few seconds, and how old that is.
 *
 * Work in a packet goes on without a network (src/handheld); what is agreed with a customer does not:
 * accepting, handing over and taking back are asked of the server, and the page says so.
 */
import { computed, signal } from "@preact/signals";
import { ApiError, get, post } from "../core/api.ts";
import type { Params } from "../core/i18n.ts";
import { tick } from "../core/live.ts";
import { newId } from "../handheld/ids.ts";
import { session } from "../handheld/session.ts";
import type { Item } from "./queue.ts";

export type Tab = "queue" | "handover" | "returns" | "seek";
export interface Failure {
  code: string;
  facts: Params;
}
interface Queue {
  items: Item[];
}

const EVERY_MS = 4000;

export const tab = signal<Tab>("queue");
export const items = signal<readonly Item[] | null>(null);
export const came_ms = signal(0);
export const away = signal(false);
export const chosen = signal<string | null>(null);
export const failure = signal<Failure | null>(null);
export const busy = signal(false);

/** Seconds since the queue came. */
export const since_s = computed(() => Math.max(0, tick.value - came_ms.value) / 1000);
export const one = computed(() => items.value?.find((item) => item.id === chosen.value) ?? null);

export function at(path: string): string {
  return `/store/v1/${encodeURIComponent(session.value.site)}${path}`;
}

export async function readQueue(): Promise<void> {
  try {
    const queue = await get<Queue>(at("/queue"), session.value);
    items.value = queue.items;
    came_ms.value = performance.now();
    away.value = false;
  } catch (error) {
    if (error instanceof ApiError && error.status >= 400 && error.status < 500) {
      failure.value = { code: error.code, facts: error.facts };
      items.value ??= [];
    } else away.value = true;
  }
}

/** Ask for the queue, again and again, while the page is looked at. */
export function watchQueue(): () => void {
  let timer = 0;
  let stopped = false;
  const round = async (): Promise<void> => {
    if (document.visibilityState === "visible") await readQueue();
    if (!stopped) timer = window.setTimeout(() => void round(), EVERY_MS);
  };
  const now = (): void => void readQueue();
  window.addEventListener("online", now);
  void round();
  return () => {
    stopped = true;
    window.clearTimeout(timer);
    window.removeEventListener("online", now);
  };
}

/** Commands without an answer yet: tapped again, each is sent as the same command. */
const unanswered = new Map<string, string>();

/** Do something at the server; what it says no to is shown, and null is given back. */
export async function tell<T>(path: string, body: Record<string, unknown>): Promise<T | null> {
  const deed = `${path} ${JSON.stringify(body)}`;
  const command_id = unanswered.get(deed) ?? newId(Date.now());
  unanswered.set(deed, command_id);
  const answer = await tried(() => post<T>(at(path), { command_id, ...body }, session.value));
  if (!away.value) unanswered.delete(deed);
  return answer;
}

export async function tried<T>(deed: () => Promise<T>): Promise<T | null> {
  busy.value = true;
  failure.value = null;
  try {
    const answer = await deed();
    away.value = false;
    return answer;
  } catch (error) {
    const known = error instanceof ApiError ? error : new ApiError(0, "no_answer");
    if (known.status === 0) away.value = true;
    failure.value = { code: known.code, facts: known.facts };
    return null;
  } finally {
    busy.value = false;
  }
}
