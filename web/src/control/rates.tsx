/** How the alarms of the last day went, beside what the standard would have (GET /console/v1/alarm-figures). */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../core/api.ts";
import { maybeWord, number, percent, t, word } from "../core/i18n.ts";

interface Rates {
  raised: number;
  operators: number;
  per_hour_operator: number;
  by_priority: Record<string, number>;
  flood_share: number;
  peak: number;
  bad_actors: { source: string; code: string; times: number }[];
  chattering: string[];
  stale: number;
  stale_ones: string[];
}

const EVERY_MS = 60_000;
const GOAL = { operator: 6, flood: 0.01, stale: 5 } as const; // ISA-18.2, clause 16
const rates = signal<Rates | null>(null);

function read(): void {
  void get<Rates>("/console/v1/alarm-figures?hours=24").then(
    (told) => (rates.value = told),
    () => undefined,
  );
}

export function AlarmRates() {
  useEffect(() => {
    read();
    const again = window.setInterval(read, EVERY_MS);
    return () => window.clearInterval(again);
  }, []);
  const now = rates.value;
  if (!now || now.raised + now.stale === 0) return null;
  const over = now.per_hour_operator > GOAL.operator || now.flood_share > GOAL.flood || now.stale > GOAL.stale || now.chattering.length > 0;
  const shares = [1, 2, 3].map((priority) => percent((now.by_priority[priority] ?? 0) / (now.raised || 1)));
  return (
    <details class="rates" data-testid="rates">
      <summary>
        {t("room.rates")} <b class="num">{number(now.raised)}</b>
        <small class="num">
          {over && <span aria-hidden="true">▲ </span>}
          {t("room.rate_short", { rate: number(now.per_hour_operator, 1) })}
        </small>
      </summary>
      <ul class="says">
        <Rate name="operator" value={number(now.per_hour_operator, 1)} over={now.per_hour_operator > GOAL.operator} goal={number(GOAL.operator)} />
        <Rate name="flood" value={percent(now.flood_share, 1)} over={now.flood_share > GOAL.flood} goal={percent(GOAL.flood)} />
        <li>
          {t("room.rate_peak")} <b class="num">{number(now.peak)}</b>
        </li>
        <Rate name="stale" value={number(now.stale)} over={now.stale > GOAL.stale} goal={number(GOAL.stale)} title={now.stale_ones.join(", ")} />
        <Rate name="chatter" value={number(now.chattering.length)} over={now.chattering.length > 0} goal={number(0)} title={now.chattering.join(", ")} />
        <li>
          {t("room.rate_priority")} <b class="num">{`■ ${shares[0]} ▲ ${shares[1]} ● ${shares[2]}`}</b>
        </li>
      </ul>
      {now.bad_actors.length > 0 && (
        <>
          <h3>{t("room.rate_actors", { share: percent(now.bad_actors.reduce((sum, each) => sum + each.times, 0) / now.raised) })}</h3>
          <ol class="actors">
            {now.bad_actors.map((each) => (
              <li key={`${each.source}/${each.code}`}>
                <b>{each.source}</b> {maybeWord("alarm", each.code) ?? each.code} <b class="num">{number(each.times)}</b>
              </li>
            ))}
          </ol>
        </>
      )}
    </details>
  );
}

interface RateProps {
  name: "operator" | "flood" | "stale" | "chatter";
  value: string;
  over: boolean;
  goal: string;
  title?: string;
}

function Rate({ name, value, over, goal, title }: RateProps) {
  return (
    <li data-rate={name} data-over={over} title={title}>
      {word("alarm_rate", name)} <small>{t("room.rate_goal", { goal })}</small>{" "}
      <b class="num">
        {over && <span aria-hidden="true">▲ </span>}
        {value}
      </b>
    </li>
  );
}
