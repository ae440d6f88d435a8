/** The list: snapshots, and the scenarios of one as cards; the one that is open is edited below. */
import { signal } from "@preact/signals";
import { post, put } from "../core/api.ts";
import { clock, day, number, percent, t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import { tried, usePolling } from "../core/shared.ts";
import { newId } from "../handheld/ids.ts";
import { Editor } from "./editor.tsx";
import { Live } from "./run.tsx";
import {
  chosen,
  readScenarios,
  readSnapshots,
  said,
  type Scenario,
  scenarios,
  showSnapshot,
  showTab,
  snapshotId,
  snapshots,
  who,
} from "./state.ts";

const open = signal<string | null>(null);
const watched = signal<string | null>(null);
const AT_ONCE = 4;

async function freeze(name: string): Promise<void> {
  const made = await tried(() => post<{ id: string }>("/planner/v1/snapshots", { name }, who()));
  if (!made) return;
  showSnapshot(made.id);
  await readSnapshots();
  said.value = t("plan.frozen");
}

async function make(name: string, of?: Scenario): Promise<void> {
  const id = newId(Date.now());
  const body = of ? { copy_of: of.id, name } : { snapshot: snapshotId.value, name };
  if (!(await tried(() => put(`/planner/v1/scenarios/${id}`, body, who())))) return;
  open.value = id;
  await readScenarios();
}

async function play(one: Scenario, days: number): Promise<void> {
  const id = newId(Date.now());
  const seeds = Array.from({ length: days }, (_, at) => at + 1);
  if (!(await tried(() => put(`/planner/v1/runs/${id}`, { scenario: one.id, seeds }, who())))) return;
  watched.value = id;
  await readScenarios();
}

function choose(one: Scenario): void {
  const now = chosen.value;
  chosen.value = now.includes(one.id) ? now.filter((id) => id !== one.id) : [...now, one.id].slice(-AT_ONCE);
}

export function Scenarios() {
  usePolling(readScenarios, 2_000, [snapshotId.value]);
  const one = scenarios.value.find((each) => each.id === open.value);
  return (
    <>
      <Bar />
      {snapshots.value.length === 0 && <p class="hint">{t("plan.no_snapshot")}</p>}
      <ol class="cards">
        {scenarios.value.map((each) => (
          <Card key={each.id} one={each} />
        ))}
      </ol>
      {watched.value && <Live id={watched.value} />}
      {one && <Editor key={`${one.id} ${one.version}`} one={one} />}
    </>
  );
}

function Bar() {
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        const input = form.elements.namedItem("title") as HTMLInputElement;
        const wanted = (event as SubmitEvent).submitter?.getAttribute("data-act");
        const name = input.value.trim();
        if (!name) return;
        input.value = ""; // at once: not what is typed while it is being done
        void (wanted === "freeze" ? freeze(name) : make(name));
      }}
    >
      <label>
        {t("plan.snapshot")}
        <select name="snapshot" value={snapshotId.value} onChange={(event) => showSnapshot(event.currentTarget.value)}>
          {snapshots.value.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name} · {day(Date.parse(each.made_at))} {clock(Date.parse(each.made_at), undefined, false)} · {each.id.slice(0, 6)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("plan.called")}
        <input name="title" required maxLength={100} />
      </label>
      <button type="submit" data-act="freeze">
        {t("plan.freeze")}
      </button>
      <button type="submit" data-act="new" disabled={!snapshotId.value}>
        {t("plan.new")}
      </button>
      <button type="button" class="main" data-act="compare" disabled={chosen.value.length < 2} onClick={() => showTab("compare")}>
        {t("plan.compare", { n: chosen.value.length })}
      </button>
    </form>
  );
}

const SIGNS: Record<string, string> = { QUEUED: "…", RUNNING: "▶", DONE: "✓", STOPPED: "■", FAILED: "✕" };

function Card({ one }: { one: Scenario }) {
  const run = one.run;
  const gap = run?.best && run.bound !== null ? (run.best - run.bound) / run.best : null;
  return (
    <li class={`box card${one.id === open.value ? " open" : ""}`} data-scenario={one.name}>
      <h2>
        {one.baseline && <i title={t("plan.baseline")}>★</i>} {one.name}
      </h2>
      <p class="facts">
        {t("plan.differences", { n: one.patches.length })} · {one.owner}
        {one.tags.map((tag) => (
          <span key={tag} class="tag">
            {tag}
          </span>
        ))}
      </p>
      <p class="state" data-state={run?.state ?? "NONE"}>
        <b>
          {run ? `${SIGNS[run.state] ?? ""} ${word("plan_state", run.state)}` : t("plan.not_run")}
          {one.stale && ` · ${t("plan.stale")}`}
        </b>
        {run?.seconds != null && <small>{t("time.s", { s: Math.round(run.seconds) })}</small>}
      </p>
      {run?.failed && <p class="bad">✕ {run.failed}</p>}
      <dl>
        <Figure name="cost_minor" value={run?.kpis["cost_minor"]} shown={(v) => money(Math.round(v), "JPY")} />
        <Figure name="on_time_share" value={run?.kpis["on_time_share"]} shown={(v) => percent(v, 1)} />
        <Figure name="splits" value={run?.kpis["splits"]} shown={(v) => number(v, 1)} />
        <Figure name="gap" value={gap ?? undefined} shown={(v) => percent(v, 1)} />
      </dl>
      <div class="acts">
        <button type="button" data-act="edit" onClick={() => (open.value = one.id)}>
          {t("plan.edit")}
        </button>
        <button type="button" data-act="run" onClick={() => void play(one, 3)}>
          {t("plan.run")}
        </button>
        {run && (
          <button type="button" data-act="watch" onClick={() => (watched.value = run.id)}>
            {t("plan.watch")}
          </button>
        )}
        <button type="button" data-act="copy" onClick={() => void make(t("plan.copy_of", { name: one.name }), one)}>
          {t("plan.copy")}
        </button>
        {!one.baseline && (
          <button
            type="button"
            data-act="pin"
            onClick={() => void tried(() => post(`/planner/v1/scenarios/${one.id}:pin`, {}, who())).then(readScenarios)}
          >
            ★
            <span class="unseen">{t("plan.pin")}</span>
          </button>
        )}
        <label class="flag">
          <input type="checkbox" name="chosen" checked={chosen.value.includes(one.id)} disabled={!run || Object.keys(run.kpis).length === 0} onChange={() => choose(one)} />
          {t("plan.choose")}
        </label>
      </div>
    </li>
  );
}

function Figure({ name, value, shown }: { name: string; value: number | undefined; shown: (value: number) => string }) {
  return (
    <div>
      <dt>{word("plan_figure", name)}</dt>
      <dd class="num">{value === undefined ? "—" : shown(value)}</dd>
    </div>
  );
}
