/**
 * Words on the screen: one catalogue (locales/*.json) for TypeScript and Python, keys checked by the
 * compiler. Codes that come from the server are looked up by `word`, which shows the code itself
 * when a language has no word for it: never an empty screen.
 */
import { signal } from "@preact/signals";
import type desk from "../../../locales/desk.en.json";
import type english from "../../../locales/en.json";
import { keep, kept } from "./kept.ts";

export type Key = keyof typeof english | keyof typeof desk;
export type Lang = "en" | "ja";
export type Params = Record<string, string | number>;

export type Catalogues = Record<Lang, () => Promise<{ default: Record<string, string> }>>;
const KEPT = "soko.lang";

export const lang = signal<Lang>("en");
const catalogue = signal<Record<string, string>>({});
let catalogues: Catalogues[] = [];

/** The language asked for by ?lang=, else the one chosen before, else the browser's. */
export function preferred(search: string, before: string | null, browser: string): Lang {
  const asked = new URLSearchParams(search).get("lang") ?? before ?? browser;
  return asked.startsWith("ja") ? "ja" : "en";
}

/** Begin to speak, with the words of these catalogues: a page brings those that it needs. */
export async function loadLanguage(...words: Catalogues[]): Promise<void> {
  catalogues = words;
  await speak(preferred(location.search, kept(KEPT), navigator.language));
}

/** Words that a part brings which is loaded later. */
export async function learn(more: Catalogues): Promise<void> {
  catalogues = [...catalogues, more];
  await speak(lang.value);
}

export async function speak(next: Lang): Promise<void> {
  const parts = await Promise.all(catalogues.map((each) => each[next]()));
  catalogue.value = Object.assign({}, ...parts.map((each) => each.default)) as Record<string, string>;
  lang.value = next;
  keep(KEPT, next);
  document.documentElement.lang = next;
}

/** The sentence of a key we know. */
export function t(key: Key, params: Params = {}): string {
  return filled(catalogue.value[key] ?? key, params);
}

/** The word for a code of the server, in an area ("say", "alarm", "problem" …). */
export function word(area: string, code: string, params: Params = {}): string {
  const sentence = catalogue.value[`${area}.${code}`];
  return sentence === undefined ? code : filled(sentence, params);
}

/** As `word`, but null where there is none. */
export function maybeWord(area: string, code: string): string | null {
  return catalogue.value[`${area}.${code}`] ?? null;
}

function filled(sentence: string, params: Params): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

/** 12,345 in the reader's way. */
export function number(value: number, digits = 0): string {
  return value.toLocaleString(lang.value, { maximumFractionDigits: digits });
}

export function percent(share: number, digits = 0): string {
  return share.toLocaleString(lang.value, { style: "percent", maximumFractionDigits: digits });
}

/** 09:30:15 on the wall of a site. */
export function clock(at: Date | number, timeZone = "Asia/Tokyo", seconds = true): string {
  return new Date(at).toLocaleTimeString("en-GB", {
    timeZone,
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
  });
}

export function day(at: Date | number, timeZone = "Asia/Tokyo"): string {
  return new Date(at).toLocaleDateString(lang.value, {
    timeZone,
    month: "short",
    day: "numeric",
    weekday: "short",
  });
}

/** 0:42, 12:05, 3:07:11: how long something lasts. */
export function lasting(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (part: number): string => String(part).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** 42 s, 12 min, 3 h 07 min: how long something took, in words. */
export function hours(seconds: number): string {
  if (seconds < 60) return t("time.s", { s: Math.round(seconds) });
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return t("time.min", { min: minutes });
  return t("time.h", { h: Math.floor(minutes / 60), min: String(minutes % 60).padStart(2, "0") });
}
