/** What the floor's page knows: which tab, which site, what time it is there. */
import { signal } from "@preact/signals";
import { get, post } from "../core/api.ts";
import { addressed, tried } from "../core/shared.ts";
import { newId } from "../handheld/ids.ts";

export interface Site {
  code: string;
  kind: string;
  name_en: string;
  name_ja: string;
  time_zone: string;
  places?: number;
}

export const TABS = ["exceptions", "work", "labour", "waves", "counts", "docks", "people"] as const;
export const POLL_MS = 3_000;
export const [tab, showTab] = addressed("tab", "exceptions");
export const [site, showSite] = addressed("site", "");
export const sites = signal<readonly Site[]>([]);
/** The server's time: a day may be played on a clock of its own. */
export const now = signal(0);
export const said = signal("");

export async function readSites(): Promise<void> {
  const found = await tried(() => get<Site[]>("/console/v1/masters/sites"));
  if (!found) return;
  sites.value = found;
  if (!found.some((each) => each.code === site.value)) {
    const most = [...found].sort((a, b) => (b.places ?? 0) - (a.places ?? 0))[0];
    if (most) showSite(most.code);
  }
}

export async function readNow(): Promise<void> {
  const found = await tried(() => get<{ now: string }>("/console/v1/clock"));
  if (found) now.value = Date.parse(found.now);
}

export function zone(): string {
  return sites.value.find((each) => each.code === site.value)?.time_zone ?? "Asia/Tokyo";
}

/** An act, under an id of its own. */
export async function act<T>(path: string, body: Record<string, unknown> = {}): Promise<T | null> {
  return await tried(() => post<T>(path, { command_id: newId(Date.now()), ...body }));
}

export function asked(facts: Record<string, string | number | null>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(facts)) {
    if (value !== null && value !== "") query.set(name, String(value));
  }
  return query.toString();
}
