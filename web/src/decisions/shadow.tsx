/** Policies on the same orders: the one that decides, and those that only say what they would do. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../core/api.ts";
import { number, percent, t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";

export interface Figures {
  policy: string;
  state: string;
  method: string;
  orders: number;
  cost_minor: number;
  splits: number;
  late_lines: number;
  backorder_lines?: number;
  co2_g?: number;
  differs?: number;
}
interface Compared {
  policies: Figures[];
}

const told = signal<readonly Figures[] | null>(null);

async function read(): Promise<void> {
  const answer = await get<Compared>("/console/v1/shadow").catch(() => null);
  told.value = answer?.policies ?? [];
}

type Row = [key: keyof Figures, show: (value: number) => string, better: "less" | "none"];
const ROWS: Row[] = [
  ["orders", (value) => number(value), "none"],
  ["cost_minor", (value) => money(value, "JPY"), "less"],
  ["splits", (value) => number(value), "less"],
  ["late_lines", (value) => number(value), "less"],
  ["backorder_lines", (value) => number(value), "less"],
  ["co2_g", (value) => `${number(value / 1000, 1)} kg`, "less"],
  ["differs", (value) => number(value), "none"],
];

export function Shadow() {
  useEffect(() => void read(), []);
  const all = told.value ?? [];
  const live = all.find((each) => each.state === "LIVE");
  if (all.length === 0) return null;
  return (
    <section class="box shadow" data-testid="shadow">
      <h2>{t("shadow.title")}</h2>
      <div class="scrolls" tabIndex={0} role="region" aria-label={t("shadow.title")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("shadow.figure")}</th>
              {all.map((each) => (
                <th key={each.policy} scope="col" class="num">
                  {each.policy} <small>{word("policy_state", each.state)}</small>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ROWS.filter(([key]) => all.some((each) => typeof each[key] === "number")).map(([key, show, better]) => (
              <tr key={key}>
                <th scope="row">{word("shadow_figure", key)}</th>
                {all.map((each) => (
                  <td key={each.policy} class="num">
                    {typeof each[key] === "number" ? show(each[key] as number) : "–"}
                    {better === "less" && live && each !== live && <Delta now={each[key]} than={live[key]} />}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="hint">{t("shadow.hint")}</p>
    </section>
  );
}

/** How much more or less than the live one: with a sign, so that colour is not needed. */
function Delta({ now, than }: { now: unknown; than: unknown }) {
  if (typeof now !== "number" || typeof than !== "number" || than === 0 || now === than) return null;
  const share = now / than - 1;
  return <small class={share < 0 ? "less" : "more"}>{`${share < 0 ? "▼" : "▲"} ${percent(Math.abs(share), 1)}`}</small>;
}
