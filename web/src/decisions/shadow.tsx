/** Policies on the same orders: what was done, and what each in the shadow would have done. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../core/api.ts";
import { day, number, percent, t, word } from "../core/i18n.ts";
import { yen } from "./say.ts";

type Side = Record<"cost_minor" | "weighed" | "parcels" | "splits" | "late_lines" | "unfilled_lines" | "co2_g", number>;
interface Compared {
  policy: string;
  version: number;
  orders: number;
  lines: number;
  differ: number;
  since: string;
  live: Side;
  shadow: Side;
}

const told = signal<readonly Compared[]>([]);

const ROWS: [keyof Side, (value: number) => string][] = [
  ["cost_minor", yen],
  ["weighed", yen],
  ["parcels", (value) => number(value)],
  ["splits", (value) => number(value)],
  ["late_lines", (value) => number(value)],
  ["unfilled_lines", (value) => number(value)],
  ["co2_g", (value) => `${number(value / 1000, 1)} kg`],
];

export function Shadow() {
  useEffect(() => {
    void get<Compared[]>("/console/v1/shadow").then(
      (answer) => (told.value = answer),
      () => undefined,
    );
  }, []);
  if (told.value.length === 0) return null;
  return (
    <section class="box shadow" data-testid="shadow">
      <h2>{t("shadow.title")}</h2>
      <div class="beside">
        {told.value.map((each) => (
          <One key={`${each.policy} ${each.version}`} one={each} />
        ))}
      </div>
      <p class="hint">
        {t("shadow.hint")} <a href="/ui/masters?tab=rules&kind=sourcing-policies">{t("rules.edit")}</a>
      </p>
    </section>
  );
}

function One({ one }: { one: Compared }) {
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={`${one.policy} ${one.version}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">
              {t("shadow.over", { orders: number(one.orders), differ: number(one.differ) })}{" "}
              <small>{t("shadow.since", { day: day(Date.parse(one.since)) })}</small>
            </th>
            <th scope="col" class="num">
              {word("policy_state", "LIVE")}
            </th>
            <th scope="col" class="num">
              {one.policy} <small>{word("policy_state", "SHADOW")} v{one.version}</small>
            </th>
            <th scope="col" class="num">
              ±
            </th>
          </tr>
        </thead>
        <tbody>
          {ROWS.map(([key, show]) => (
            <tr key={key}>
              <th scope="row">{word("shadow_figure", key)}</th>
              <td class="num">{show(one.live[key])}</td>
              <td class="num">{show(one.shadow[key])}</td>
              <td class="num">
                <Delta now={one.shadow[key]} than={one.live[key]} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** How much more or less than what was done: with a sign, so that colour is not needed. */
function Delta({ now, than }: { now: number; than: number }) {
  if (now === than) return <span class="none">=</span>;
  const sign = now < than ? "▼" : "▲";
  const much = than === 0 ? number(Math.abs(now - than)) : percent(Math.abs(now / than - 1), 1);
  return <b class={now < than ? "less" : "dearer"}>{`${sign} ${much}`}</b>;
}
