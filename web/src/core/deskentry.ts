/**
 * Who sits at a desk, where handhelds must be paired: a browser that was paired once, and a person with badge and PIN.
 *
 * What people may do is asked for with the session's token; what systems may do still with a key (see api.ts).
 */

const KEPT = "soko.desk";

export interface Entry {
  device: string; // the token of this browser, paired once; "": it was not
  session: string; // the token of whoever has signed in; "": nobody has
  name: string;
}

const NOBODY: Entry = { device: "", session: "", name: "" };
const OF_PEOPLE = ["/console/", "/api/v1/", "/store/", "/planner/"];

export function entry(): Entry {
  try {
    return { ...NOBODY, ...(JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<Entry>) };
  } catch {
    return NOBODY; // in a frame of another site there is nothing to keep it in
  }
}

export function keep(part: Partial<Entry>): void {
  localStorage.setItem(KEPT, JSON.stringify({ ...entry(), ...part }));
}

/** The token that a desk asks with for that path; undefined: none, or another one is for it. */
export function tokenFor(path: string, told: HeadersInit | undefined): string | undefined {
  if (!OF_PEOPLE.some((start) => path.startsWith(start)) || new Headers(told).has("X-Soko-Device")) return undefined;
  return entry().session || undefined;
}
