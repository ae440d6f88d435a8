/** How far something is, in the reader's way. */
import { number } from "../core/i18n.ts";

export function distance(metres: number): string {
  return metres < 1000 ? `${number(Math.round(metres / 10) * 10)} m` : `${number(metres / 1000, metres < 1e4 ? 1 : 0)} km`;
}
