/** A day that was played, against what the usual rules would have made of it. */
import { signal } from "@preact/signals";
import { get } from "../core/api.ts";
import { number, t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import { tried } from "../core/shared.ts";
import { who } from "./state.ts";

interface Side {
  cost_minor: number;
  weighed_minor: number;
  splits: number;
  parcels: number;
  late_lines: number;
  short_units: number;
}
interface Walked {
  walks: number;
  metres: number;
  minutes: number;
}
interface Report {
  day: string;
  orders: number;
  sourcing: Record<"done" | "rules" | "priority" | "best", Side>;
  bound_minor: number | null;
  picking: { site: string; orders: number; lines: number; done: Walked; rules: Walked }[];
}

const found = signal<Report | null>(null);

export function Report() {
  const now = found.value;
  return (
    <>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          const on = String(new FormData(event.currentTarget).get("day"));
          void tried(() => get<Report>(`/planner/v1/report?day=${on}`, who())).then((answer) => (found.value = answer));
        }}
      >
        <label>
          {t("plan.day")}
          <input type="date" name="day" required />
        </label>
        <button type="submit" class="main" data-act="report">
          {t("plan.report")}
        </button>
      </form>
      {now && <Sourcing now={now} />}
      {now && now.picking.length > 0 && <Picking now={now} />}
    </>
  );
}

function Sourcing({ now }: { now: Report }) {
  const rules = now.sourcing.rules.cost_minor;
  return (
    <section class="box">
      <h2>{t("plan.sourcing_of", { day: now.day, n: now.orders })}</h2>
      <table data-testid="sourcing">
        <thead>
          <tr>
            <td />
            {["paid_minor", "weighed_minor", "splits", "parcels", "late_lines", "short_units"].map((name) => (
              <th key={name} scope="col" class="num">
                {word("plan_figure", name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {(["done", "rules", "priority", "best"] as const).map((name) => (
            <tr key={name} data-side={name}>
              <th scope="row">{word("plan_side", name)}</th>
              <td class="num">
                {money(Math.round(now.sourcing[name].cost_minor), "JPY")}
                {name !== "rules" && rules > 0 && <small>{less(now.sourcing[name].cost_minor, rules)}</small>}
              </td>
              <td class="num">{money(Math.round(now.sourcing[name].weighed_minor), "JPY")}</td>
              <td class="num">{number(now.sourcing[name].splits)}</td>
              <td class="num">{number(now.sourcing[name].parcels)}</td>
              <td class="num">{number(now.sourcing[name].late_lines)}</td>
              <td class="num">{number(now.sourcing[name].short_units)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        <a href="/ui/decisions">{t("plan.each_decision")}</a>
      </p>
      {now.bound_minor !== null && <p class="hint">{t("plan.no_less", { cost: money(Math.round(now.bound_minor), "JPY") })}</p>}
    </section>
  );
}

function Picking({ now }: { now: Report }) {
  return (
    <section class="box">
      <h2>{t("plan.picking")}</h2>
      <table data-testid="picking">
        <thead>
          <tr>
            <th scope="col">{t("masters.site")}</th>
            <th scope="col" class="num">{t("plan.lines")}</th>
            <th scope="col" class="num">{t("plan.metres_done")}</th>
            <th scope="col" class="num">{t("plan.metres_rules")}</th>
            <th scope="col" class="num">{t("plan.minutes_done")}</th>
            <th scope="col" class="num">{t("plan.minutes_rules")}</th>
          </tr>
        </thead>
        <tbody>
          {now.picking.map((row) => (
            <tr key={row.site}>
              <th scope="row">{row.site}</th>
              <td class="num">{number(row.lines)}</td>
              <td class="num">
                {number(row.done.metres)} <small>{less(row.done.metres, row.rules.metres)}</small>
              </td>
              <td class="num">{number(row.rules.metres)}</td>
              <td class="num">{number(row.done.minutes, 1)}</td>
              <td class="num">{number(row.rules.minutes, 1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function less(one: number, other: number): string {
  const share = other === 0 ? 0 : (100 * (one - other)) / other;
  return `${share > 0 ? "▲ +" : share < 0 ? "▼ −" : "±"}${number(Math.abs(share), 1)} %`;
}
