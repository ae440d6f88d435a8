/** Places as people say them: those that stand for a state ("@DOCK_IN") have no label, but a name. */
import { maybeWord } from "../core/i18n.ts";

export function placeSaid(code: string): string {
  return code.startsWith("@") ? (maybeWord("place", code.slice(1)) ?? code) : code;
}
