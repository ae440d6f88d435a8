/** The days ahead of a site: doors, people, pallets, routes, levels; asked here, answered by the worker. */
import { type Signal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post, put } from "../core/api.ts";
import { clock, number, t, word } from "../core/i18n.ts";
import { tried, usePolling } from "../core/shared.ts";
import { newId } from "../handheld/ids.ts";
import { said, showSite, site, who } from "./state.ts";

type Row = Record<string, unknown>;
interface Question {
  id: string;
  kind: Kind;
  site: string;
  state: "QUEUED" | "RUNNING" | "DONE" | "FAILED";
  answer: Row | null;
  failed: string;
  asked_by: string;
}
const KINDS = ["docks", "roster", "pallets", "routes", "levels"] as const;
type Kind = (typeof KINDS)[number];
type Field = [name: string, type: "date" | "number" | "lines" | "site", usual: string];

const tomorrow = (): string => new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
/** What a form asks for. A truck is a line: name, from, minutes, until. */
const FORMS: Record<Kind, () => Field[]> = {
  docks: () => [
    ["day", "date", tomorrow()],
    ["trucks", "lines", "A 09:00 60 10:30\nB 09:00 90 11:00"],
  ],
  roster: () => [
    ["from", "date", tomorrow()],
    ["days", "number", "7"],
    ["shifts", "lines", "1 06:00 14:00\n2 14:00 22:00"],
    ["units_a_day", "number", ""],
  ],
  pallets: () => [
    ["to", "site", ""],
    ["height_mm", "number", "1500"],
    ["max_kg", "number", "800"],
  ],
  routes: () => [
    ["capacity_kg", "number", "2000"],
    ["vehicles", "number", ""],
    ["hours", "number", "10"],
  ],
  levels: () => [["service_percent", "number", ""]],
};

const kind = signal<Kind>("docks");
const asked: Signal<Question | null> = signal(null);
const sites = signal<readonly string[]>([]);

function wishOf(of: Kind, given: FormData): Row {
  const wish: Row = {};
  for (const [name, type] of FORMS[of]()) {
    const value = String(given.get(name) ?? "").trim();
    if (value === "") continue;
    wish[name] = type === "number" ? Number(value) : type === "lines" ? value.split("\n").map((line) => lineOf(of, line)) : value;
  }
  return wish;
}

function lineOf(of: Kind, line: string): Row {
  const [name = "", one = "", two = "", due] = line.trim().split(/\s+/);
  if (of === "roster") return { name, starts: one, ends: two };
  return { name, arrives: one, minutes: Number(two), ...(due ? { due } : {}) };
}

async function ask(of: Kind, given: FormData): Promise<void> {
  const body = { site: site.value, [of]: wishOf(of, given) };
  asked.value = await tried(() => put<Question>(`/planner/v1/ahead/${newId(Date.now())}`, body, who()));
}

async function book(id: string): Promise<void> {
  if (await tried(() => post(`/planner/v1/ahead/${id}:book`, {}, who()))) said.value = t("plan.booked");
}

export function Ahead() {
  useEffect(() => {
    void tried(() => get<{ code: string }[]>("/console/v1/masters/sites", who())).then((all) => {
      sites.value = (all ?? []).map((each) => each.code);
      if (!site.value) showSite(sites.value[0] ?? "");
    });
  }, []);
  usePolling(async () => {
    const now = asked.peek();
    if (!now || now.state === "DONE" || now.state === "FAILED") return;
    asked.value = (await tried(() => get<Question>(`/planner/v1/ahead/${now.id}`, who()))) ?? now;
  }, 500);
  const now = asked.value;
  return (
    <>
      <div class="turns" role="group" aria-label={t("plan.ask_what")}>
        {KINDS.map((each) => (
          <button key={each} type="button" data-ask={each} aria-pressed={kind.value === each} onClick={() => ((kind.value = each), (asked.value = null))}>
            {word("plan_ask", each)}
          </button>
        ))}
      </div>
      <form
        key={kind.value}
        class="box filters ahead"
        onSubmit={(event) => {
          event.preventDefault();
          void ask(kind.value, new FormData(event.currentTarget));
        }}
      >
        <label>
          {t("masters.site")}
          <Sites name="site" value={site.value} put={showSite} />
        </label>
        {FORMS[kind.value]().map(([name, type, usual]) => (
          <label key={name}>
            {word("plan_wish", name)}
            {type === "lines" ? (
              <textarea name={name} rows={4} required defaultValue={usual} />
            ) : type === "site" ? (
              <Sites name={name} />
            ) : (
              <input name={name} type={type} min={type === "number" ? 0 : undefined} required={usual !== ""} defaultValue={usual} />
            )}
          </label>
        ))}
        <button type="submit" class="main" data-act="ask" disabled={!site.value}>
          {t("plan.ask")}
        </button>
      </form>
      {now && (
        <section class="box" data-answer={now.state}>
          <h2>
            {word("plan_ask", now.kind)} · {now.site} · {word("plan_state", now.state)}
          </h2>
          {now.failed && <p class="bad">✕ {now.failed}</p>}
          {now.answer && <Answer of={now.kind} answer={now.answer} />}
          {now.answer && now.kind === "docks" && (
            <button type="button" class="main" data-act="book" onClick={() => void book(now.id)}>
              {t("plan.book")}
            </button>
          )}
        </section>
      )}
    </>
  );
}

function Sites({ name, value, put: give }: { name: string; value?: string; put?: (code: string) => void }) {
  return (
    <select name={name} required {...(value === undefined ? {} : { value })} onChange={(event) => give?.(event.currentTarget.value)}>
      {sites.value.map((code) => (
        <option key={code}>{code}</option>
      ))}
    </select>
  );
}

/** What of an answer is shown: where its rows are, and which columns. */
const TABLES: Record<Kind, [rows: string, columns: string[]]> = {
  docks: ["slots", ["name", "door", "starts_at", "ends_at", "waits_min", "late_min"]],
  roster: ["rows", ["day", "shift", "work", "wanted", "who"]],
  pallets: ["pallets", ["units", "kg", "height_mm"]],
  routes: ["routes", ["stops", "km", "kg", "minutes"]],
  levels: ["rows", ["sku", "low", "high", "suggested_low", "suggested_high", "why"]],
};

function Answer({ of, answer }: { of: Kind; answer: Row }) {
  const [name, columns] = TABLES[of];
  const rows = (answer[name] as Row[] | undefined) ?? [];
  const left = shown("left_out", answer["left_out"]);
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={word("plan_ask", of)}>
      {rows.length === 0 && <p class="hint">{t("plan.nothing")}</p>}
      {rows.length > 0 && (
        <table data-testid="answer">
          <thead>
            <tr>
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
                {columns.map((column) => (
                  <td key={column} class={isNumber(rows, column) ? "num" : ""}>
                    {shown(column, row[column])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {left !== "" && left !== "—" && <p class="bad">{t("plan.left_out", { what: left })}</p>}
      {typeof answer["short"] === "number" && answer["short"] > 0 && <p class="bad">{t("plan.short_people", { n: answer["short"] })}</p>}
    </div>
  );
}

const isNumber = (rows: readonly Row[], column: string): boolean => rows.some((row) => typeof row[column] === "number");

function shown(column: string, value: unknown): string {
  if (value === null || value === undefined) return "—";
  if (typeof value === "number") return number(value, Number.isInteger(value) ? 0 : 1);
  if (Array.isArray(value)) return value.join(column === "stops" ? " → " : ", ");
  if (column.endsWith("_at")) return clock(Date.parse(String(value)), undefined, false);
  if (column === "why") {
    const why = value as Row;
    return t("plan.why_levels", { rate: number(Number(why["rate"]), 2), service: String(why["service_percent"]), days: String(why["days"]), error: why["mase"] === null ? "—" : number(Number(why["mase"]), 2) });
  }
  if (typeof value === "object") return Object.entries(value as Record<string, number>).map(([code, units]) => `${code} × ${units}`).join(", ");
  return column === "work" ? word("plan_work", String(value)) : String(value);
}
