/** Light or dark: a setting, never a sensor. */
import { signal } from "@preact/signals";
import { keep, kept } from "./kept.ts";

export type Look = "light" | "dark";
const KEPT = "soko.look";
export const look = signal<Look>("light");

/** Take what ?look= or an earlier choice says, else the page's own default. */
export function startLook(byDefault: Look): void {
  const asked = new URLSearchParams(location.search).get("look") ?? kept(KEPT);
  wear(asked === "dark" || asked === "light" ? asked : byDefault);
}

export function turnLook(): void {
  wear(look.value === "dark" ? "light" : "dark");
  keep(KEPT, look.value);
}

function wear(next: Look): void {
  look.value = next;
  document.documentElement.dataset.look = next;
  const colour = next === "dark" ? "#14181d" : "#d5d8dc";
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", colour);
}
