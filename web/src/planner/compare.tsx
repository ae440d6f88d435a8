/** Two to four runs side by side: figures, where the money went, flows, stock, hours, and which decisions changed. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, put } from "../core/api.ts";
import { number, percent, t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import { tried } from "../core/shared.ts";
import { newId } from "../handheld/ids.ts";
import { type Flow, Heat, Histogram, Lanes, MARKS, Pareto, place, Sankey, Waterfall } from "./charts.tsx";
import { chosen, readScenarios, said, scenarios, showTab, who } from "./state.ts";

interface Spread {
  mean: number;
  p50: number;
  p90: number;
  each: number[];
  delta: number;
  sure: number | null;
}
interface Figure {
  name: string;
  better: number;
  sides: Spread[];
}
interface Changed {
  order: string;
  region: string;
  before: string[];
  after: string[];
  delta_minor: number;
  why: string[];
}
interface Compared {
  names: string[];
  figures: Figure[];
  steps: { term: string; delta: number }[][];
  flows: Flow[][];
  cover: { node: string; days: Record<string, number | null> }[][];
  hours: { node: string; parcels: number[] }[][];
  decisions: { orders: number; changed: number; rows: Changed[] }[];
  places: { nodes: Record<string, [number, number]>; regions: Record<string, [number, number]> };
}

const found = signal<Compared | null>(null);
const looked = signal(1); // which side is looked at closely
const weight = signal(50);
const HOURS = Array.from({ length: 24 }, (_, hour) => String(hour));

function runsOf(): string[] {
  return chosen.value.flatMap((id) => scenarios.value.find((each) => each.id === id)?.run?.id ?? []);
}

export function Compare() {
  const ids = runsOf().join("&run=");
  useEffect(() => {
    found.value = null;
    looked.value = 1;
    if (scenarios.value.length === 0) void readScenarios();
    if (runsOf().length >= 2) void tried(() => get<Compared>(`/planner/v1/compare?run=${ids}`, who())).then((answer) => (found.value = answer));
  }, [ids]);
  const now = found.value;
  if (runsOf().length < 2) return <p class="hint">{t("plan.choose_two")}</p>;
  if (!now) return <p class="hint">{t("stock.loading")}</p>;
  const cost = means(now, "cost_minor");
  const at = Math.min(looked.value, now.names.length - 1);
  const figure = now.figures.find((each) => each.name === "cost_minor");
  const side = figure?.sides[at];
  return (
    <div class="compared">
      <section class="box wide">
        <h2>{t("plan.figures")}</h2>
        <Figures now={now} />
      </section>
      <div class="turns" role="group" aria-label={t("plan.look_at")}>
        {now.names.slice(1).map((name, place) => (
          <button key={name + place} type="button" data-side={place + 1} aria-pressed={at === place + 1} onClick={() => (looked.value = place + 1)}>
            {MARKS[place + 1]} {name}
          </button>
        ))}
      </div>
      <section class="box">
        <h2>{t("plan.waterfall")}</h2>
        <Waterfall from={cost[0] ?? 0} steps={now.steps[at - 1] ?? []} to={cost[at] ?? 0} />
      </section>
      <section class="box">
        <h2>{t("plan.pareto")}</h2>
        <Weighed now={now} cost={cost} />
      </section>
      <section class="box">
        <h2>{t("plan.sankey", { name: now.names[at] ?? "" })}</h2>
        <Sankey flows={now.flows[at] ?? []} name={now.names[at] ?? ""} />
      </section>
      <section class="box">
        <h2>{t("plan.lanes", { name: now.names[at] ?? "" })}</h2>
        <Lanes flows={now.flows[at] ?? []} places={now.places} name={now.names[at] ?? ""} />
      </section>
      <section class="box">
        <Heat label={t("plan.cover")} columns={["A", "B", "C"]} digits={1} rows={(now.cover[at] ?? []).map((row) => ({ name: row.node, values: ["A", "B", "C"].map((cls) => row.days[cls] ?? null) }))} />
      </section>
      <section class="box">
        <h2>{t("plan.spread")}</h2>
        {side && <Histogram each={side.each} p50={side.p50} p90={side.p90} name={now.names[at] ?? ""} />}
      </section>
      <section class="box wide">
        <Heat label={t("plan.hours")} columns={HOURS} rows={(now.hours[at] ?? []).map((row) => ({ name: row.node, values: row.parcels }))} />
      </section>
      <section class="box wide">
        <h2>{t("plan.changed")}</h2>
        <Decisions of={now.decisions[at - 1]} />
      </section>
      <section class="box wide">
        <h2>{t("plan.propose_this", { name: now.names[at] ?? "" })}</h2>
        <Propose run={runsOf()[at] ?? ""} base={runsOf()[0] ?? ""} />
      </section>
    </div>
  );
}

function means(now: Compared, name: string): number[] {
  return now.figures.find((each) => each.name === name)?.sides.map((side) => side.mean) ?? [];
}

function shown(name: string, value: number): string {
  if (name.endsWith("_minor")) return money(Math.round(value), "JPY");
  return name.endsWith("_share") ? percent(value, 1) : number(value, 1);
}

function Figures({ now }: { now: Compared }) {
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t("plan.figures")}>
      <table>
        <thead>
          <tr>
            <td />
            {now.names.map((name, at) => (
              <th key={name + at} scope="col" class="num">
                {MARKS[at]} {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {now.figures.map((figure) => (
            <tr key={figure.name} data-figure={figure.name}>
              <th scope="row">{word("plan_figure", figure.name)}</th>
              {figure.sides.map((side, at) => (
                <td key={at} class="num">
                  {shown(figure.name, side.mean)}
                  {at > 0 && side.delta !== 0 && <Delta figure={figure} side={side} />}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Delta({ figure, side }: { figure: Figure; side: Spread }) {
  const good = figure.better * side.delta;
  const sign = side.delta > 0 ? "▲" : "▼";
  return (
    <small class={good > 0 ? "fine" : good < 0 ? "bad" : ""}>
      {sign} {side.delta > 0 ? "+" : "−"}
      {shown(figure.name, Math.abs(side.delta))}
      {side.sure !== null && ` ±${shown(figure.name, side.sure)}`} {good !== 0 && t(good > 0 ? "plan.better" : "plan.worse")}
    </small>
  );
}

function Weighed({ now, cost }: { now: Compared; cost: number[] }) {
  const service = means(now, "on_time_share");
  const span = (values: number[]): number => Math.max(1e-9, Math.max(...values) - Math.min(...values));
  const score = now.names.map(
    (_, at) => (weight.value / 100) * (((service[at] ?? 0) - Math.min(...service)) / span(service)) - (1 - weight.value / 100) * (((cost[at] ?? 0) - Math.min(...cost)) / span(cost)),
  );
  const best = score.indexOf(Math.max(...score));
  return (
    <>
      <Pareto names={now.names} cost={cost} service={service} best={best} />
      <label>
        {t("plan.weight", { cost: 100 - weight.value, service: weight.value })}
        <input type="range" name="weight" min="0" max="100" value={weight.value} onInput={(event) => (weight.value = event.currentTarget.valueAsNumber)} />
      </label>
      <p role="status" data-testid="best">
        {t("plan.best_by_weight", { name: `${MARKS[best] ?? ""} ${now.names[best] ?? ""}` })}
      </p>
    </>
  );
}

function Decisions({ of }: { of: Compared["decisions"][number] | undefined }) {
  if (!of) return null;
  return (
    <>
      <p class="hint">{t("plan.changed_of", { changed: of.changed, orders: of.orders })}</p>
      <div class="scrolls tall" tabIndex={0} role="region" aria-label={t("plan.changed")}>
        <table class="decisions">
          <thead>
            <tr>
              <th scope="col">{t("plan.order")}</th>
              <th scope="col">{t("plan.region")}</th>
              <th scope="col">{t("plan.before")}</th>
              <th scope="col">{t("plan.after")}</th>
              <th scope="col" class="num">
                {t("plan.delta")}
              </th>
              <th scope="col">{t("plan.why")}</th>
            </tr>
          </thead>
          <tbody>
            {of.rows.map((row) => (
              <tr key={row.order}>
                <th scope="row" class="num">
                  {row.order}
                </th>
                <td>{place(row.region)}</td>
                <td>{row.before.join(" + ") || "—"}</td>
                <td>{row.after.join(" + ") || "—"}</td>
                <td class="num">
                  {row.delta_minor > 0 ? "+" : row.delta_minor < 0 ? "−" : ""}
                  {money(Math.abs(row.delta_minor), "JPY")}
                </td>
                <td>{row.why.map((code) => word("plan_why", code)).join(" · ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Propose({ run, base }: { run: string; base: string }) {
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        const given = new FormData(event.currentTarget);
        const from = String(given.get("from") ?? "");
        const active_from = (from ? new Date(from) : new Date()).toISOString();
        const body = { run, base_run: base, reason: String(given.get("reason") ?? ""), active_from };
        void tried(() => put(`/planner/v1/proposals/${newId(Date.now())}`, body, who())).then((made) => {
          if (!made) return;
          said.value = t("plan.proposed");
          showTab("plans");
        });
      }}
    >
      <label>
        {t("plan.reason")}
        <input name="reason" maxLength={500} />
      </label>
      <label>
        {t("plan.from")}
        <input name="from" type="datetime-local" />
      </label>
      <button type="submit" class="main" data-act="propose">
        {t("plan.propose")}
      </button>
    </form>
  );
}
