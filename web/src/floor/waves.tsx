/** Waves: planned, simulated before they are released, and what then happened beside what was said. */
import { signal } from "@preact/signals";
import { get, put } from "../core/api.ts";
import { clock, hours, lasting, maybeWord, number, t, word } from "../core/i18n.ts";
import { busy, tried, usePolling } from "../core/shared.ts";
import { newId } from "../handheld/ids.ts";
import { Channels, Choose, Mode } from "./channels.tsx";
import { frame, marks, part, type Span } from "./figures.ts";
import { act, asked, now, POLL_MS, readNow, said, site, zone } from "./state.ts";

interface Step {
  step: string;
  predicted_start_at: string | null;
  predicted_finish_at: string | null;
  actual_start_at: string | null;
  actual_finish_at: string | null;
  tasks: number;
  tasks_done: number;
  late_s: number | null;
}
interface Forecast {
  at: string;
  lines: number;
  units: number;
  orders: number;
  walks: number;
  metres: number;
  finish_at: string;
  zones: Record<string, { lines: number; units: number; work_s: number }>;
  congestion_s: number;
  late: string[];
  short: unknown[];
  dense?: { aisles: number; units_an_aisle: number; in_turn: number };
}
interface Wave {
  id: string;
  site: string;
  name: string;
  state: "PLANNED" | "SIMULATED" | "RELEASED" | "DONE" | "CANCELLED";
  template: { cut_off_at?: string | null; pickers?: number; packers?: number; orders_max?: number };
  forecast: Forecast | null;
  /** Its orders are still being chosen, by the worker. */
  choosing: boolean;
  lines: number;
  lines_by_state: Record<string, number>;
  steps: Step[];
  missed: string[];
  made_at: string;
  released_at: string | null;
}

const ORDER = ["robot", "robots", "pick", "sort", "putwall", "pack"];
const WIDTH = 900;
const LEFT = 110;
const ROW = 46;
const TOP = 26;

const waves = signal<readonly Wave[] | null>(null);
const planning = signal(false);

async function read(): Promise<void> {
  await readNow();
  if (!site.value) return;
  const found = await tried(() => get<Wave[]>(`/console/v1/waves?${asked({ site: site.value, limit: 30 })}`));
  if (found) waves.value = found;
}

async function does(wave: Wave, what: "simulate" | "release" | "cancel"): Promise<void> {
  const done = await act(`/console/v1/waves/${wave.id}:${what}`);
  if (done) said.value = `${wave.name}: ${word("wave_did", what)}`;
  await read();
}

export function Waves() {
  usePolling(read, POLL_MS, [site.value]);
  return (
    <>
      <p class="acts">
        <button type="button" data-act="plan" aria-expanded={planning.value} onClick={() => (planning.value = !planning.value)}>
          ＋ {t("floor.plan_wave")}
        </button>
      </p>
      {planning.value && <Plan />}
      {waves.value?.length === 0 && <p class="hint">{t("floor.no_waves")}</p>}
      <ol class="waves">
        {(waves.value ?? []).map((wave) => (
          <One key={wave.id} wave={wave} />
        ))}
      </ol>
      <Channels />
    </>
  );
}

function Plan() {
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const count = (name: string): number => Number(form.get(name));
    const minutes = count("minutes");
    const body = {
      site: site.value,
      name: String(form.get("name")).trim(),
      orders_max: count("orders_max"),
      pickers: count("pickers"),
      packers: count("packers"),
      cut_off_at: minutes > 0 ? new Date(now.value + minutes * 60_000).toISOString() : null,
      choose: String(form.get("choose")),
      style: { mode: String(form.get("mode")) },
    };
    const id = newId(Date.now());
    const done = await tried(() => put<Wave>(`/console/v1/waves/${id}`, body));
    if (!done) return;
    planning.value = false;
    said.value = `${done.name}: ${word("wave_state", done.state)}`;
    await read();
  };
  const figure = (name: string, title: string, value: number, least = 1) => (
    <label>
      {title}
      <input type="number" name={name} min={least} max="5000" step="1" required defaultValue={value} />
    </label>
  );
  return (
    <form class="box editor" data-testid="plan-wave" onSubmit={(event) => void save(event)}>
      <h2>{t("floor.plan_wave")}</h2>
      <label>
        {t("floor.wave_name")}
        <input name="name" required maxLength={100} />
      </label>
      <Mode value="BATCH" />
      <Choose value="TURN" of={["TURN", "DENSE"]} />
      {figure("orders_max", t("floor.orders_max"), 200)}
      {figure("minutes", t("floor.cut_off_in"), 120, 0)}
      {figure("pickers", t("floor.pickers"), 4)}
      {figure("packers", t("floor.packers"), 2)}
      <p class="acts">
        <button type="submit" class="main" disabled={busy.value > 0}>
          {t("masters.save")}
        </button>
        <button type="button" onClick={() => (planning.value = false)}>
          {t("masters.cancel")}
        </button>
      </p>
    </form>
  );
}

function One({ wave }: { wave: Wave }) {
  const cut = wave.template.cut_off_at ?? null;
  const off = busy.value > 0;
  const early = off || wave.choosing;
  const open = wave.state === "PLANNED" || wave.state === "SIMULATED";
  const told = wave.forecast;
  return (
    <li class="box" data-wave={wave.id} data-state={wave.state}>
      <div class="planbar">
        <h2>
          {wave.name} · <b>{word("wave_state", wave.state)}</b>
        </h2>
        {open && (
          <span class="acts">
            <button type="button" data-act="simulate" disabled={early} onClick={() => void does(wave, "simulate")}>
              {t("floor.simulate")}
            </button>
            <button type="button" class="main" data-act="release" disabled={early} onClick={() => void does(wave, "release")}>
              {t("floor.release")}
            </button>
          </span>
        )}
        {(open || wave.state === "RELEASED") && (
          <button type="button" data-act="cancel" disabled={off} onClick={() => void does(wave, "cancel")}>
            {t("floor.call_off")}
          </button>
        )}
      </div>
      {wave.choosing && (
        <p class="hint" role="status">
          {t("floor.choosing")}
        </p>
      )}
      {told && (
        <ul class="facts">
          <li>
            <b class="num">{number(told.orders)}</b> {t("floor.orders")}
          </li>
          <li>
            <b class="num">{number(told.lines)}</b> {t("floor.lines")}
          </li>
          <li>
            <b class="num">{number(told.walks)}</b> {t("floor.walks")}
          </li>
          <li>
            <b class="num">{number(told.metres)}</b> m
          </li>
          <li>
            <b class="num">{clock(Date.parse(told.finish_at), zone(), false)}</b> {t("floor.finish")}
          </li>
          {told.dense && (
            <li>
              <b class="num">{number(told.dense.units_an_aisle, 1)}</b>{" "}
              {t("floor.units_an_aisle", { aisles: number(told.dense.aisles), turn: number(told.dense.in_turn, 1) })}
            </li>
          )}
          {told.congestion_s > 0 && (
            <li>
              <b class="num">{hours(told.congestion_s)}</b> {t("floor.congestion")}
            </li>
          )}
          {told.late.length > 0 && (
            <li class="bad">
              ▲ <b class="num">{number(told.late.length)}</b> {t("floor.would_miss")}
            </li>
          )}
          {told.short.length > 0 && (
            <li class="bad">
              ✕ <b class="num">{number(told.short.length)}</b> {t("floor.would_lack")}
            </li>
          )}
          {wave.missed.length > 0 && cut !== null && Date.parse(cut) <= now.value && (
            <li class="bad">
              ▲ <b class="num">{number(wave.missed.length)}</b> {t("floor.missed")}
            </li>
          )}
        </ul>
      )}
      {wave.steps.length > 0 && <Gantt wave={wave} cut={cut} />}
      {told && Object.keys(told.zones).length > 0 && <Zones zones={told.zones} />}
    </li>
  );
}

function at(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}

/** What was said (hollow) over what happened (filled), step by step, with the cut-off. */
function Gantt({ wave, cut }: { wave: Wave; cut: string | null }) {
  const steps = [...wave.steps].sort((a, b) => ORDER.indexOf(a.step) - ORDER.indexOf(b.step));
  const running = wave.state === "RELEASED";
  const until = (step: Step): number | null => at(step.actual_finish_at) ?? (step.actual_start_at && running ? now.value : null);
  const span: Span = frame([
    ...steps.flatMap((step) => [at(step.predicted_start_at), at(step.predicted_finish_at), at(step.actual_start_at), until(step)]),
    at(cut),
  ]);
  const x = (moment: number): number => LEFT + (WIDTH - LEFT - 10) * part(span, moment);
  const high = TOP + ROW * steps.length + 6;
  const words = steps
    .map((step) => {
      const end = step.predicted_finish_at ? clock(Date.parse(step.predicted_finish_at), zone(), false) : "–";
      const was = step.actual_finish_at ? clock(Date.parse(step.actual_finish_at), zone(), false) : "–";
      return t("floor.gantt_words", { step: named(step.step), predicted: end, actual: was });
    })
    .join(" ");
  return (
    <div class="chart">
      <svg viewBox={`0 0 ${WIDTH} ${high}`} role="img" aria-label={words} data-testid="gantt">
        {marks(span).map((mark) => (
          <g key={mark} class="grid">
            <line x1={x(mark)} x2={x(mark)} y1={TOP - 6} y2={high} />
            <text x={x(mark)} y={13} text-anchor="middle">
              {clock(mark, zone(), false)}
            </text>
          </g>
        ))}
        {steps.map((step, turn) => {
          const y = TOP + turn * ROW;
          const [from, to] = [at(step.predicted_start_at), at(step.predicted_finish_at)];
          const [began, ended] = [at(step.actual_start_at), until(step)];
          const late = step.late_s ?? 0;
          return (
            <g key={step.step} data-step={step.step}>
              <text x={LEFT - 10} y={y + 18} text-anchor="end" class="name">
                {named(step.step)}
              </text>
              <text x={LEFT - 10} y={y + 33} text-anchor="end">
                {step.tasks_done}/{step.tasks}
              </text>
              {from !== null && to !== null && <rect class="said" x={x(from)} y={y + 4} width={Math.max(2, x(to) - x(from))} height={15} rx={3} />}
              {began !== null && ended !== null && (
                <rect class={late > 0 ? "was late" : "was"} x={x(began)} y={y + 21} width={Math.max(2, x(ended) - x(began))} height={15} rx={3} />
              )}
              {step.late_s !== null && ended !== null && (
                <text x={Math.min(x(Math.max(ended, to ?? ended)) + 6, WIDTH - 80)} y={y + 33} class={late > 0 ? "late" : "early"}>
                  {late > 0 ? "+" : "−"}
                  {lasting(Math.abs(late))}
                </text>
              )}
            </g>
          );
        })}
        {cut !== null && (
          <g class="cut">
            <line x1={x(Date.parse(cut))} x2={x(Date.parse(cut))} y1={TOP - 6} y2={high} />
            <text x={Math.min(x(Date.parse(cut)) + 4, WIDTH - 90)} y={high - 4}>
              {t("floor.cut_off")}
            </text>
          </g>
        )}
      </svg>
      <p class="legend">
        <span>
          <i class="said" aria-hidden="true" /> {t("floor.predicted")}
        </span>
        <span>
          <i class="was" aria-hidden="true" /> {t("floor.actual")}
        </span>
      </p>
    </div>
  );
}

function named(step: string): string {
  return maybeWord("wave_step", step) ?? maybeWord("kind", step) ?? step;
}

function Zones({ zones }: { zones: Forecast["zones"] }) {
  const most = Math.max(1, ...Object.values(zones).map((each) => each.work_s));
  return (
    <ul class="zones" aria-label={t("floor.by_zone")}>
      {Object.entries(zones).map(([name, each]) => (
        <li key={name}>
          <span>{name || t("floor.no_zone")}</span>
          <i aria-hidden="true" style={{ width: `${(100 * each.work_s) / most}%` }} />
          <small class="num">
            {t("floor.zone_words", { lines: number(each.lines), units: number(each.units), time: hours(each.work_s) })}
          </small>
        </li>
      ))}
    </ul>
  );
}
