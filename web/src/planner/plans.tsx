/** Proposals: what the product would change by itself, yes or no by somebody else, taken back, and held against. */
import { signal } from "@preact/signals";
import { get, post } from "../core/api.ts";
import { clock, day, number, percent, t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import { tried, usePolling } from "../core/shared.ts";
import { type Plan, said, who } from "./state.ts";

type Figures = Record<string, number> | null;
interface Held {
  predicted: { before: Figures; after: Figures };
  measured: { before: Figures; after: Figures };
}

const plans = signal<readonly Plan[]>([]);
const held = signal<Record<string, Held>>({});

async function read(): Promise<void> {
  const found = await tried(() => get<Plan[]>("/planner/v1/proposals", who()));
  if (found) plans.value = found;
}

async function act(one: Plan, verb: "approve" | "reject" | "rollback"): Promise<void> {
  if (!(await tried(() => post(`/planner/v1/proposals/${one.id}:${verb}`, {}, who())))) return;
  said.value = word("plan_did", verb, { name: one.name });
  await read();
}

async function measure(one: Plan): Promise<void> {
  const found = await tried(() => get<Held>(`/planner/v1/proposals/${one.id}/measured`, who()));
  if (found) held.value = { ...held.value, [one.id]: found };
}

export function Plans() {
  usePolling(read, 3_000);
  return (
    <>
      {plans.value.length === 0 && <p class="hint">{t("plan.no_plans")}</p>}
      <ol class="cards plans">
        {plans.value.map((one) => (
          <One key={one.id} one={one} />
        ))}
      </ol>
    </>
  );
}

function One({ one }: { one: Plan }) {
  const from = Date.parse(one.active_from);
  const known = held.value[one.id];
  return (
    <li class="box" data-plan={one.name} data-state={one.state}>
      <h2>{one.name}</h2>
      <p class="state">
        <b>{word("plan_proposal", one.state)}</b>
        <small>
          {t("plan.from_when", { when: `${day(from)} ${clock(from, undefined, false)}` })} · {one.proposed_by}
          {one.decided_by && ` → ${one.decided_by}`}
          {one.rolled_back_by && ` ↩ ${one.rolled_back_by}`}
        </small>
      </p>
      {one.reason && <p>{one.reason}</p>}
      {one.failed && <p class="bad">✕ {one.failed}</p>}
      <ul class="changes">
        {one.changes.map((each, at) => (
          <li key={at}>
            ⚙ {word("plan_patch", each.kind)} {each.site} → {each.value === true ? "✓" : String(each.value ?? "∞")}
          </li>
        ))}
        {one.by_hand.map((each, at) => (
          <li key={`hand${at}`}>
            ☞ {t("plan.by_hand")}: {word("plan_patch", each.patch)}{" "}
            {Object.entries(each).filter(([name, value]) => name !== "patch" && typeof value !== "object" && value !== null).map(([, value]) => String(value)).join(" · ")}
          </li>
        ))}
      </ul>
      <div class="acts">
        {one.state === "PROPOSED" && (
          <>
            <button type="button" class="main" data-act="approve" onClick={() => void act(one, "approve")}>
              {t("plan.approve")}
            </button>
            <button type="button" data-act="reject" onClick={() => void act(one, "reject")}>
              {t("plan.reject")}
            </button>
          </>
        )}
        {one.state === "ACTIVE" && (
          <button type="button" data-act="rollback" onClick={() => void act(one, "rollback")}>
            ↩ {t("plan.rollback")}
          </button>
        )}
        {one.activated_at && (
          <button type="button" data-act="measure" onClick={() => void measure(one)}>
            {t("plan.measure")}
          </button>
        )}
      </div>
      {known && <Against held={known} />}
    </li>
  );
}

const NAMES = ["cost_minor", "parcels", "splits", "on_time", "orders"];

function Against({ held: now }: { held: Held }) {
  const cell = (of: Figures, name: string): string => {
    const value = of?.[name];
    if (value === undefined) return "—";
    if (name === "cost_minor") return money(Math.round(value), "JPY");
    return name === "on_time" || name === "splits" ? percent(value, 1) : number(value, 2);
  };
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t("plan.measured")}>
      <table data-testid="measured">
        <caption>{t("plan.measured")}</caption>
        <thead>
          <tr>
            <td />
            <th scope="col" class="num">{t("plan.predicted_before")}</th>
            <th scope="col" class="num">{t("plan.predicted_after")}</th>
            <th scope="col" class="num">{t("plan.measured_before")}</th>
            <th scope="col" class="num">{t("plan.measured_after")}</th>
          </tr>
        </thead>
        <tbody>
          {NAMES.map((name) => (
            <tr key={name}>
              <th scope="row">{word("plan_held", name)}</th>
              <td class="num">{cell(now.predicted.before, name)}</td>
              <td class="num">{cell(now.predicted.after, name)}</td>
              <td class="num">{cell(now.measured.before, name)}</td>
              <td class="num">{cell(now.measured.after, name)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
