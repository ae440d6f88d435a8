/** Who holds this device, where, and for which kinds of work; chosen once, kept in the browser. */
import { signal } from "@preact/signals";
import type { Who } from "../core/api.ts";

export const KINDS = [
  "receive",
  "inbound",
  "inspect",
  "putaway",
  "pick",
  "putwall",
  "pack",
  "load",
  "handoff",
  "replenish",
  "move",
  "count",
  "return",
  "collect",
  "floor",
  "putback",
  "recover",
] as const;

export interface Session extends Who {
  site: string;
  station: string;
  zone: string;
  kinds: string[];
  sim: boolean;
  name: string; // of the one signed in; "": nobody has
  device_token: string; // of a device that was paired; "": it was not
}

const KEPT = "soko.session";
const FIRST: Session = {
  device: "handheld-1",
  operator: "demo",
  site: "TYO1",
  station: "",
  zone: "",
  kinds: [],
  sim: false,
  name: "",
  device_token: "",
};

/** ?site= &station= &device= &operator= &kinds=a,b &sim=1 win over what was kept. No kinds: all. */
export function sessionOf(search: string, kept: string | null): Session {
  const asked = new URLSearchParams(search);
  const before = kept ? (JSON.parse(kept) as Partial<Session>) : {};
  const session = { ...FIRST, ...before, sim: asked.get("sim") === "1" };
  for (const name of ["site", "station", "device", "operator"] as const) {
    session[name] = asked.get(name) ?? session[name];
  }
  const kinds = asked.get("kinds")?.split(",").filter(Boolean);
  return kinds?.length ? { ...session, kinds } : session;
}

export const session = signal<Session>(sessionOf(location.search, localStorage.getItem(KEPT)));

/** Nobody can work here before a badge was scanned: the server says so. */
export const strange = signal(false);

export function change(part: Partial<Session>): void {
  session.value = { ...session.value, ...part };
  localStorage.setItem(KEPT, JSON.stringify(session.value));
}
