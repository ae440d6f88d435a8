/** A bar of all units of something, a colour a state; and the key to the colours. */
import { number, word } from "../core/i18n.ts";
import { PARTS, partsOf, type State, type Units } from "./rows.ts";

export function Bar({ units, most }: { units: Partial<Units>; most: number }) {
  return (
    <div class="ubar" aria-hidden="true">
      {PARTS.filter((state) => (units[state] ?? 0) > 0).map((state) => (
        <i key={state} class={`u-${state}`} style={{ width: `${(100 * (units[state] ?? 0)) / most}%` }} />
      ))}
    </div>
  );
}

/** What else there is beside the free units, in words. */
export function Parts({ units, short = 0 }: { units: Partial<Units>; short?: number }) {
  const parts = partsOf(units);
  const told = short > 0 ? largest(parts, units, short) : parts;
  return (
    <ul class="parts">
      {told.map((state) => (
        <li key={state}>
          <i class={`u-${state}`} aria-hidden="true" /> {word("stock_state", state)}{" "}
          <b class="num">{number(units[state] ?? 0)}</b>
        </li>
      ))}
      {parts.length > told.length && <li class="rest">+{parts.length - told.length}</li>}
    </ul>
  );
}

/** The few that there is most of, in the order of the goods' way. */
function largest(parts: State[], units: Partial<Units>, few: number): State[] {
  const most = [...parts].sort((a, b) => (units[b] ?? 0) - (units[a] ?? 0)).slice(0, few);
  return parts.filter((state) => most.includes(state));
}
