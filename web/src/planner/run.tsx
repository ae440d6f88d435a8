/** A run as it goes on: the best and the bound over time, and a way to stop and keep the best. */
import { signal } from "@preact/signals";
import { get, post } from "../core/api.ts";
import { number, percent, t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import { tried, usePolling } from "../core/shared.ts";
import { GapChart } from "./charts.tsx";
import { type Run, said, scenarios, who } from "./state.ts";

const run = signal<Run | null>(null);
const OPEN = ["QUEUED", "RUNNING"];

async function stop(id: string): Promise<void> {
  const now = await tried(() => post<Run>(`/planner/v1/runs/${id}:stop`, {}, who()));
  if (!now) return;
  run.value = now;
  said.value = t("plan.stopping");
}

export function Live({ id }: { id: string }) {
  usePolling(async () => {
    if (run.peek()?.id === id && !OPEN.includes(run.peek()?.state ?? "")) return;
    const now = await tried(() => get<Run>(`/planner/v1/runs/${id}`, who()));
    if (now) run.value = now;
  }, 500, [id]);
  const now = run.value;
  if (!now || now.id !== id) return null;
  const name = scenarios.value.find((each) => each.id === now.scenario_id)?.name ?? "";
  const last = now.progress.at(-1);
  const gap = last && last[2] !== null && last[1] > 0 ? (last[1] - last[2]) / last[1] : null;
  return (
    <section class="box live" data-run={now.state}>
      <h2>
        {t("plan.run_of", { name })} · {word("plan_state", now.state)}
      </h2>
      {now.waiting_before > 0 && <p class="hint">{t("plan.waiting", { n: now.waiting_before })}</p>}
      {now.failed && <p class="bad">✕ {now.failed}</p>}
      {now.progress.length > 0 && <GapChart points={now.progress} />}
      <dl>
        <div>
          <dt>{t("plan.best")}</dt>
          <dd class="num">{last ? money(Math.round(last[1]), "JPY") : "—"}</dd>
        </div>
        <div>
          <dt>{t("plan.bound")}</dt>
          <dd class="num">{last?.[2] != null ? money(Math.round(last[2]), "JPY") : "—"}</dd>
        </div>
        <div>
          <dt>{word("plan_figure", "gap")}</dt>
          <dd class="num">{gap === null ? "—" : percent(gap, 1)}</dd>
        </div>
        <div>
          <dt>{t("plan.days")}</dt>
          <dd class="num">
            {number(now.result?.days ?? 0)}/{number(now.seeds.length)}
          </dd>
        </div>
      </dl>
      <p class="hint">{t("plan.seeds", { seeds: now.seeds.join(", "), n: number(now.iterations) })}</p>
      {OPEN.includes(now.state) && (
        <button type="button" data-act="stop" disabled={now.stop_wanted} onClick={() => void stop(now.id)}>
          ■ {t("plan.stop")}
        </button>
      )}
    </section>
  );
}
