/** The days ahead of a site: waves, places, levels, doors, people, pallets, routes; the worker answers. */
import { type Signal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post, put } from "../core/api.ts";
import { clock, number, percent, t, word } from "../core/i18n.ts";
import { PICK_MODES } from "../core/modes.ts";
import { tried, usePolling } from "../core/shared.ts";
import { newId } from "../handheld/ids.ts";
import { Answer, type Kind, KINDS, type Question, type Row } from "./answer.tsx";
import { GapChart } from "./charts.tsx";
import { said, showSite, site, who } from "./state.ts";

type Field = [name: string, type: "date" | "number" | "lines" | "site" | "text" | "mode", usual: string];

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
  slots: () => [
    ["days", "number", "28"],
    ["most", "number", "20"],
  ],
  wave: () => [
    ["wave", "text", t("plan.dense_wave")],
    ["mode", "mode", "BATCH"],
    ["orders_max", "number", "200"],
    ["units_max", "number", ""],
    ["cut_off_min", "number", ""],
    ["hurry_min", "number", "60"],
    ["pickers", "number", "4"],
    ["packers", "number", "2"],
  ],
};

const kind = signal<Kind>("wave");
const asked: Signal<Question | null> = signal(null);
const sites = signal<readonly string[]>([]);

function wishOf(of: Kind, given: FormData): Row {
  const wish: Row = {};
  for (const [name, type] of FORMS[of]()) {
    const value = String(given.get(name) ?? "").trim();
    if (value === "") continue;
    if (type === "mode") wish["style"] = { mode: value };
    else if (name === "wave") wish["name"] = value;
    else wish[name] = type === "number" ? Number(value) : type === "lines" ? value.split("\n").map((line) => lineOf(of, line)) : value;
  }
  return wish;
}

function lineOf(of: Kind, line: string): Row {
  const [name = "", one = "", two = "", due] = line.trim().split(/\s+/);
  if (of === "roster") return { name, starts: one, ends: two };
  return { name, arrives: one, minutes: Number(two), ...(due ? { due } : {}) };
}

async function ask(of: Kind, given: FormData): Promise<void> {
  const { cut_off_min: cut, ...wish } = wishOf(of, given);
  asked.value = await tried(async () => {
    if (typeof cut === "number") wish["cut_off_at"] = await inMinutes(cut);
    return await put<Question>(`/planner/v1/ahead/${newId(Date.now())}`, { site: site.value, [of]: wish }, who());
  });
}

/** By the server's clock: a day may be played on one of its own. */
async function inMinutes(minutes: number): Promise<string> {
  const { now } = await get<{ now: string }>("/console/v1/clock", who());
  return new Date(Date.parse(now) + minutes * 60_000).toISOString();
}

async function stop(id: string): Promise<void> {
  asked.value = (await tried(() => post<Question>(`/planner/v1/ahead/${id}:stop`, {}, who()))) ?? asked.value;
  said.value = t("plan.stopping");
}

/** What was asked last of that kind, so that its answer can still be taken over. */
async function show(of: Kind): Promise<void> {
  kind.value = of;
  asked.value = null;
  const found = await tried(() => get<Question[]>(`/planner/v1/ahead?kind=${of}`, who()));
  if (kind.peek() === of && !asked.peek()) asked.value = found?.[0] ?? null;
}

export function Ahead() {
  useEffect(() => {
    void show(kind.peek());
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
          <button key={each} type="button" data-ask={each} aria-pressed={kind.value === each} onClick={() => void show(each)}>
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
            ) : type === "mode" ? (
              <select name={name}>
                {PICK_MODES.map((mode) => (
                  <option key={mode} value={mode}>
                    {word("pick_mode", mode)}
                  </option>
                ))}
              </select>
            ) : type === "text" ? (
              <input name={name} maxLength={60} required defaultValue={usual} />
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
          <p class="hint">{t("plan.asked_by", { by: now.asked_by, at: clock(Date.parse(now.asked_at), undefined, false) })}</p>
          {(now.state === "QUEUED" || now.state === "RUNNING") && <Looking now={now} />}
          {now.answer && <Answer now={now} take={(done) => (asked.value = done)} />}
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

/** How far the search is; of a wave more units for each aisle are better. */
function Looking({ now }: { now: Question }) {
  const sign = now.kind === "wave" ? -1 : 1;
  const last = now.progress.at(-1);
  const gap = last && last[2] !== null && last[1] !== 0 ? Math.max(0, (last[1] - last[2]) / Math.abs(last[1])) : null;
  return (
    <>
      {now.progress.length > 1 && <GapChart points={now.progress} say={(value) => number(sign * value, 1)} />}
      {last && <p class="hint">{t("plan.so_far", { best: number(sign * last[1], 1), s: number(last[0], 0), gap: gap === null ? "—" : percent(gap, 1) })}</p>}
      <button type="button" data-act="stop" disabled={now.stop_wanted} onClick={() => void stop(now.id)}>
        ■ {t("plan.stop")}
      </button>
    </>
  );
}
