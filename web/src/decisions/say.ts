/** Sentences of a decision: a code, and what fills it in, which may be sites, terms or amounts. */
import { lang, number, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import type { Why } from "./costs.ts";

const AMOUNTS = new Set(["by", "saves", "costs_more"]);
const WORDS: Record<string, (code: string) => string> = {
  term: (code) => word("term", code),
  method: (code) => word("method", code),
  because: (code) => word("because", code),
};

export const yen = (minor: number): string => money(Math.round(minor), "JPY");

export function said({ code, params }: Why): string {
  const filled = Object.entries(params).map(([name, value]) => [name, shown(name, value)]);
  return word("why", code, Object.fromEntries(filled) as Record<string, string>);
}

function shown(name: string, value: unknown): string {
  const and = lang.value === "ja" ? "、" : ", ";
  if (typeof value === "number") return AMOUNTS.has(name) ? yen(value) : number(value, 1);
  if (Array.isArray(value)) return value.map(String).join(and);
  if (value !== null && typeof value === "object") {
    return Object.entries(value)
      .map(([site, why]) => `${site} (${word("why", String(why))})`)
      .join(and);
  }
  return WORDS[name]?.(String(value)) ?? String(value);
}
