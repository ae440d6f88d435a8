/**
 * Who holds the device: paired once by a code, opened by a badge and a PIN, locked when it lies about.
 *
 * Where Soko is open (SOKO_HANDHELD=open, as in the demo) nobody is asked for anything; where it is
 * not, the server says so with the first call and the badge is asked for.
 */
import { ApiError, post } from "../core/api.ts";
import { type Lang, speak } from "../core/i18n.ts";
import { flush } from "./outbox.ts";
import { change, session } from "./session.ts";

interface Signed {
  token: string;
  operator: string;
  name: string;
  site: string;
  device: string;
  languages: string[];
}
interface Paired {
  token: string;
  device: { name: string; site: string; zone: string; station: string };
}
type Against = { code: string; facts: Record<string, string | number> };

const WORDS: readonly string[] = ["en", "ja"] satisfies Lang[];

/** The code of what the server says against it; null: signed in. */
export async function signIn(badge: string, pin: string | null): Promise<Against | null> {
  await flush(); // under the name of who did it
  try {
    const body = pin === null ? { badge } : { badge, pin };
    const device = { ...session.value, token: session.value.device_token };
    const signed = await post<Signed>("/api/v1/people/sign-in", body, device);
    const { token, operator, name, site } = signed;
    change({ token, operator, name, site, device: signed.device });
    const tongue = signed.languages.find((each) => WORDS.includes(each));
    if (tongue) await speak(tongue as Lang);
    await flush();
    return null;
  } catch (error) {
    return said(error);
  }
}

/** This device is the one that the office made the code for. */
export async function pair(code: string): Promise<Against | null> {
  try {
    const paired = await post<Paired>("/api/v1/devices/pair", { code: codeOf(code) });
    const { name, site, zone, station } = paired.device;
    change({ device_token: paired.token, device: name, site, zone, station, token: "", name: "" });
    return null;
  } catch (error) {
    return said(error);
  }
}

/** A pairing QR holds an address with the code at its end, so that a phone's camera opens this page. */
export function codeOf(scanned: string): string {
  return (/[#?&]pair=([\w-]+)/.exec(scanned)?.[1] ?? scanned.replace(/^PAIR[:-]/i, "")).trim().toUpperCase();
}

function said(error: unknown): Against {
  return error instanceof ApiError ? { code: error.code, facts: error.facts } : { code: "unknown", facts: {} };
}
