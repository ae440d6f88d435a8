/** Each kind of work in the last hour against the plan (GET /console/v1/hour; the plan is in the site file). */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../core/api.ts";
import { maybeWord, number, t } from "../core/i18n.ts";
import { plant } from "./live.ts";
import { Spark } from "./spark.tsx";

interface Kind {
  kind: string;
  done: number[];
  open: number;
}

const EVERY_MS = 20_000;
const BEHIND = 0.9; // of the plan
const SHOWN = 8;
const kinds = signal<readonly Kind[]>([]);

function read(): void {
  void get<Kind[]>("/console/v1/hour").then(
    (told) => (kinds.value = told),
    () => undefined,
  );
}

/** What has a plan comes first; what nobody does and nobody waits for is left out. */
function rows(): (Kind & { sum: number; plan: number | null })[] {
  const plans = new Map((plant.value?.targets ?? []).map((each) => [each.area, each.per_hour]));
  const known = new Map(kinds.value.map((each) => [each.kind, each]));
  for (const area of plans.keys()) {
    if (!known.has(area)) known.set(area, { kind: area, done: [], open: 0 });
  }
  return [...known.values()]
    .map((each) => ({ ...each, sum: each.done.reduce((a, b) => a + b, 0), plan: plans.get(each.kind) ?? null }))
    .sort((a, b) => Number(b.plan !== null) - Number(a.plan !== null) || b.sum + b.open - a.sum - a.open)
    .slice(0, SHOWN);
}

export function Hour() {
  useEffect(() => {
    read();
    const again = window.setInterval(read, EVERY_MS);
    return () => window.clearInterval(again);
  }, []);
  const all = rows();
  if (all.length === 0) return null;
  return (
    <section class="hour" data-testid="hour" aria-label={t("room.plan")}>
      {all.map((each) => (
        <Row key={each.kind} {...each} />
      ))}
    </section>
  );
}

function Row({ kind, done, open, sum, plan }: Kind & { sum: number; plan: number | null }) {
  const whole = Math.max(plan ?? 0, sum, 1);
  const behind = plan !== null && sum < BEHIND * plan;
  return (
    <div data-kind={kind} data-behind={behind}>
      <b>
        {behind && <span aria-hidden="true">▲ </span>}
        {maybeWord("kind", kind) ?? kind}
      </b>
      <span class="num">{t("room.per_hour", { count: number(sum) })}</span>
      <div class="level" aria-hidden="true">
        <i style={{ width: `${(100 * sum) / whole}%` }} />
        {plan !== null && <u style={{ left: `${(100 * plan) / whole}%` }} />}
      </div>
      <small>
        {plan !== null && t("room.planned", { count: number(plan) })} {open > 0 && t("room.waits", { count: number(open) })}
      </small>
      <Spark points={done} width={48} height={14} />
    </div>
  );
}
