/** What a scan means at the counter: on each tab the thing that is looked for there. */
import { present } from "./handover.tsx";
import { findOrder } from "./returns.tsx";
import { seekFor } from "./seek.tsx";
import { chosen, items, tab } from "./state.ts";

/** A code was read, whatever is shown. */
export function read(code: string): void {
  if (tab.value === "returns") return void findOrder(code);
  if (tab.value === "seek") return void seekFor(code);
  if (tab.value === "handover") return void present(code);
  const known = items.value?.find((item) => item.number === code || item.id === code);
  if (known) {
    chosen.value = known.id;
    return;
  }
  tab.value = "handover";
  void present(code);
}
