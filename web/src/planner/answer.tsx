/** An answer about the days ahead: drawn, as a table whose rows can be left out, and taken over. */
import { signal } from "@preact/signals";
import { post } from "../core/api.ts";
import { clock, number, percent, t, word } from "../core/i18n.ts";
import { busy, tried } from "../core/shared.ts";
import { Bars, Moves } from "./drawn.tsx";
import { said, who } from "./state.ts";

export type Row = Record<string, unknown>;
export const KINDS = ["wave", "slots", "levels", "docks", "roster", "pallets", "routes"] as const;
export type Kind = (typeof KINDS)[number];
export interface Question {
  id: string;
  kind: Kind;
  site: string;
  state: "QUEUED" | "RUNNING" | "DONE" | "FAILED";
  answer: Row | null;
  failed: string;
  stop_wanted: boolean;
  progress: [number, number, number | null][];
  asked_at: string;
  asked_by: string;
  took: { done: number; gone: number; tasks?: number } | null;
  taken_at: string | null;
  taken_by: string;
}

/** What of an answer is shown: where its rows are, and which columns. */
const TABLES: Record<Kind, [rows: string, columns: string[]]> = {
  docks: ["slots", ["name", "door", "starts_at", "ends_at", "waits_min", "late_min"]],
  roster: ["rows", ["day", "shift", "work", "wanted", "who"]],
  pallets: ["pallets", ["units", "kg", "height_mm"]],
  routes: ["routes", ["stops", "km", "kg", "minutes"]],
  levels: ["rows", ["sku", "low", "high", "suggested_low", "suggested_high", "why"]],
  slots: ["moves", ["skus", "saved_m"]],
  wave: ["rows", ["zone", "aisle"]],
};
const TAKEN: readonly Kind[] = ["docks", "levels", "slots", "wave"];
const PICKED: readonly Kind[] = ["levels", "slots"];

const left = signal<{ of: string; rows: readonly number[] }>({ of: "", rows: [] }); // rows that are not taken over

function out(id: string): readonly number[] {
  return left.value.of === id ? left.value.rows : [];
}

function flip(id: string, at: number): void {
  const rows = out(id);
  left.value = { of: id, rows: rows.includes(at) ? rows.filter((each) => each !== at) : [...rows, at] };
}

/** Whether there is something to be done of a row. */
function isOpen(of: Kind, row: Row): boolean {
  if (of === "docks") return row["door"] !== null;
  return of !== "levels" || (Number(row["suggested_high"] ?? 0) > 0 && (row["suggested_low"] !== row["low"] || row["suggested_high"] !== row["high"]));
}

export function Answer({ now, take }: { now: Question; take: (now: Question) => void }) {
  const [name, columns] = TABLES[now.kind];
  const answer = now.answer ?? {};
  const rows = (answer[name] as Row[] | undefined) ?? [];
  const open = rows.flatMap((row, at) => (isOpen(now.kind, row) ? [at] : []));
  const chosen = open.filter((at) => !out(now.id).includes(at));
  const pick = PICKED.includes(now.kind) && now.took === null;
  const lost = shown("left_out", answer["left_out"]);
  const whole = now.kind === "wave" || chosen.length === rows.length;
  const over = async (): Promise<void> => {
    const done = await tried(() => post<Question>(`/planner/v1/ahead/${now.id}:take-over`, whole ? {} : { rows: chosen }, who()));
    if (!done) return;
    said.value = taken(done);
    take(done);
  };
  return (
    <>
      <Drawn now={now} answer={answer} rows={rows} chosen={chosen} />
      {rows.length === 0 && <p class="hint">{t(now.kind === "wave" ? "plan.wave_in_turn" : "plan.nothing")}</p>}
      {rows.length > 0 && (
        <div class="scrolls" tabIndex={0} role="region" aria-label={word("plan_ask", now.kind)}>
          <table data-testid="answer">
            <thead>
              <tr>
                {pick && <th scope="col">{t("plan.take_it")}</th>}
                {columns.map((column) => (
                  <th key={column} scope="col" class={isNumber(rows, column) ? "num" : ""}>
                    {word("plan_wish", column)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, at) => (
                <tr key={at}>
                  {pick && (
                    <td>
                      <input
                        type="checkbox"
                        aria-label={t("plan.take_row", { n: at + 1 })}
                        checked={chosen.includes(at)}
                        disabled={!open.includes(at)}
                        onChange={() => flip(now.id, at)}
                      />
                    </td>
                  )}
                  {columns.map((column) => (
                    <td key={column} class={isNumber(rows, column) ? "num" : ""}>
                      {shown(column, row[column])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {lost !== "" && lost !== "—" && <p class="bad">{t("plan.left_out", { what: lost })}</p>}
      {typeof answer["short"] === "number" && answer["short"] > 0 && <p class="bad">{t("plan.short_people", { n: answer["short"] })}</p>}
      {now.took && (
        <p class="hint" data-took={now.took.done}>
          ✓ {taken(now)}
        </p>
      )}
      {!now.took && TAKEN.includes(now.kind) && (chosen.length > 0 || now.kind === "wave") && (
        <p class="acts">
          <button type="button" class="main" data-act="take-over" disabled={busy.value > 0} onClick={() => void over()}>
            {word("plan_take", now.kind)}
            {pick && ` (${number(chosen.length)})`}
          </button>
        </p>
      )}
    </>
  );
}

function taken(now: Question): string {
  const took = now.took;
  if (!took) return "";
  return [
    t("plan.taken", { by: now.taken_by, n: number(took.done) }),
    took.gone > 0 ? t("plan.taken_gone", { n: number(took.gone) }) : "",
    took.tasks ? t("plan.taken_tasks", { n: number(took.tasks) }) : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

/** What it saves, as bars; and for faces where they go. */
function Drawn({ now, answer, rows, chosen }: { now: Question; answer: Row; rows: readonly Row[]; chosen: readonly number[] }) {
  if (now.kind === "wave" && rows.length > 0) {
    const bars = [
      { name: t("plan.this_wave"), value: Number(answer["units_an_aisle"]), is: "best" },
      { name: t("plan.in_turn"), value: Number(answer["in_turn"]), is: "now" },
    ];
    const gap = answer["gap"] === null ? "—" : percent(Number(answer["gap"]), 1);
    return (
      <>
        <p class="hint">
          {t("plan.wave_facts", { orders: number(Number(answer["orders"])), aisles: number(Number(answer["aisles"])), urgent: number(Number(answer["urgent"])), gap })}
        </p>
        <Bars title={t("plan.units_an_aisle")} bars={bars} digits={1} unit="" />
      </>
    );
  }
  if (now.kind !== "slots" || rows.length === 0) return null;
  const bars = [
    { name: t("plan.walk_now"), value: Number(answer["now_m"]), is: "now" },
    { name: t("plan.walk_after"), value: Number(answer["after_m"]), is: "best" },
    { name: t("plan.walk_best"), value: Number(answer["best_m"]), is: "bound" },
  ];
  return (
    <>
      <p class="hint">{t("plan.slots_facts", { orders: number(Number(answer["orders"])), skus: number(Number(answer["skus"])), places: number(Number(answer["places"])) })}</p>
      <Bars title={t("plan.walk")} bars={bars} digits={0} unit=" m" />
      <Moves moves={rows as never} at={answer["at"] as never} chosen={chosen} />
    </>
  );
}

const isNumber = (rows: readonly Row[], column: string): boolean => rows.some((row) => typeof row[column] === "number");

function shown(column: string, value: unknown): string {
  if (value === null || value === undefined) return "—";
  if (typeof value === "number") return number(value, Number.isInteger(value) ? 0 : 1);
  if (column === "skus") return (value as { sku: string; from: string; to: string }[]).map((each) => `${each.sku}: ${each.from} → ${each.to}`).join("; ");
  if (Array.isArray(value)) return value.join(column === "stops" ? " → " : ", ");
  if (column.endsWith("_at")) return clock(Date.parse(String(value)), undefined, false);
  if (column === "why") {
    const why = value as Row;
    return t("plan.why_levels", { rate: number(Number(why["rate"]), 2), service: String(why["service_percent"]), days: String(why["days"]), error: why["mase"] === null ? "—" : number(Number(why["mase"]), 2) });
  }
  if (typeof value === "object") return Object.entries(value as Record<string, number>).map(([code, units]) => `${code} × ${units}`).join(", ");
  return column === "work" ? word("plan_work", String(value)) : String(value);
}
