/** Labour figures: units by the hour, pace and performance by kind, zone or person. */
import { signal } from "@preact/signals";
import { get } from "../core/api.ts";
import { clock, maybeWord, number, percent, t, word } from "../core/i18n.ts";
import { look } from "../core/look.ts";
import { tried, usePolling } from "../core/shared.ts";
import { HUES } from "../masters/ground.ts";
import { type Hour, hourly, type Labour as Line, pace, performance, type Sum, summed, used } from "./figures.ts";
import { asked, now, readNow, site, zone } from "./state.ts";

const BY = ["kind", "zone", "operator"] as const;
const SPANS = [4, 12, 24] as const;
const AGAIN_MS = 15_000;
const SIZE = { width: 900, height: 220, left: 44, bottom: 24, top: 10 };

const lines = signal<readonly Line[] | null>(null);
const by = signal<(typeof BY)[number]>("kind");
const span_h = signal<number>(12);

async function read(): Promise<void> {
  await readNow();
  if (!site.value || !now.value) return;
  const since = new Date(now.value - span_h.value * 3_600_000).toISOString();
  const query = asked({ site: site.value, since, until: new Date(now.value + 1000).toISOString(), per_person: "true" });
  const found = await tried(() => get<{ lines: Line[] }>(`/console/v1/labour?${query}`));
  if (found) lines.value = found.lines;
}

export function LabourFigures() {
  usePolling(read, AGAIN_MS, [site.value, span_h.value]);
  const all = lines.value ?? [];
  const kinds = summed(all, "kind").map((each) => each.name);
  return (
    <>
      <div class="planbar">
        <div class="turns" role="group" aria-label={t("floor.span")}>
          {SPANS.map((each) => (
            <button key={each} type="button" aria-pressed={span_h.value === each} onClick={() => (span_h.value = each)}>
              {t("floor.hours", { hours: each })}
            </button>
          ))}
        </div>
        <div class="turns" role="group" aria-label={t("floor.by")}>
          {BY.map((each) => (
            <button key={each} type="button" data-by={each} aria-pressed={by.value === each} onClick={() => (by.value = each)}>
              {word("floor_by", each)}
            </button>
          ))}
        </div>
      </div>
      {lines.value?.length === 0 && <p class="hint">{t("floor.no_labour")}</p>}
      {all.length > 0 && (
        <>
          <Chart hours={hourly(all)} kinds={kinds} />
          <Table sums={summed(all, by.value)} />
        </>
      )}
    </>
  );
}

function hue(kinds: readonly string[], name: string): string {
  const hues = HUES[look.value];
  return hues[Math.min(kinds.indexOf(name), hues.length - 1)] ?? "";
}

function Chart({ hours, kinds }: { hours: readonly Hour[]; kinds: readonly string[] }) {
  const most = Math.max(1, ...hours.map((each) => each.units));
  const wide = (SIZE.width - SIZE.left) / Math.max(hours.length, 4);
  const high = SIZE.height - SIZE.top - SIZE.bottom;
  const words = t("floor.chart_words", { units: number(hours.reduce((sum, each) => sum + each.units, 0)), hours: hours.length });
  return (
    <section class="box chart">
      <h2>{t("floor.units_by_hour")}</h2>
      <svg viewBox={`0 0 ${SIZE.width} ${SIZE.height}`} role="img" aria-label={words} data-testid="labour-chart">
        {[0, 0.5, 1].map((share) => {
          const y = SIZE.top + high * (1 - share);
          return (
            <g key={share} class="grid">
              <line x1={SIZE.left} x2={SIZE.width} y1={y} y2={y} />
              <text x={SIZE.left - 6} y={y + 4} text-anchor="end">
                {number(most * share)}
              </text>
            </g>
          );
        })}
        {hours.map((hour, turn) => {
          let below = SIZE.top + high;
          const x = SIZE.left + turn * wide;
          return (
            <g key={hour.at}>
              {kinds.map((kind) => {
                const units = hour.parts.find((each) => each.name === kind)?.units ?? 0;
                const tall = (high * units) / most;
                below -= tall;
                return units > 0 ? <rect key={kind} x={x + wide * 0.14} y={below} width={wide * 0.72} height={tall} fill={hue(kinds, kind)} /> : null;
              })}
              <text x={x + wide / 2} y={SIZE.height - 7} text-anchor="middle">
                {clock(hour.at, zone(), false)}
              </text>
            </g>
          );
        })}
      </svg>
      <p class="legend">
        {kinds.map((kind) => (
          <span key={kind}>
            <i aria-hidden="true" style={{ background: hue(kinds, kind) }} /> {maybeWord("kind", kind) ?? kind}
          </span>
        ))}
      </p>
    </section>
  );
}

function Table({ sums }: { sums: readonly Sum[] }) {
  const fastest = Math.max(1, ...sums.map((each) => pace(each) ?? 0));
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t("floor.figures")}>
      <table data-testid="labour">
        <thead>
          <tr>
            <th scope="col">{word("floor_by", by.value)}</th>
            <th scope="col" class="num">
              {t("floor.tasks")}
            </th>
            <th scope="col" class="num">
              {t("floor.lines")}
            </th>
            <th scope="col" class="num">
              {t("floor.units")}
            </th>
            <th scope="col">{t("floor.pace")}</th>
            <th scope="col">{t("floor.performance")}</th>
            <th scope="col" class="num">
              {t("floor.used")}
            </th>
          </tr>
        </thead>
        <tbody>
          {sums.map((sum) => (
            <tr key={sum.name} data-name={sum.name}>
              <th scope="row">{by.value === "kind" ? (maybeWord("kind", sum.name) ?? sum.name) : sum.name || "–"}</th>
              <td class="num">{number(sum.tasks)}</td>
              <td class="num">{number(sum.lines)}</td>
              <td class="num">{number(sum.units)}</td>
              <td>
                <Bar share={(pace(sum) ?? 0) / fastest} words={pace(sum) === null ? "–" : number(pace(sum) ?? 0)} />
              </td>
              <td>
                <Bar share={(performance(sum) ?? 0) / 1.5} mark={1 / 1.5} words={performance(sum) === null ? "–" : percent(performance(sum) ?? 0)} />
              </td>
              <td class="num">{used(sum) === null ? "–" : percent(used(sum) ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="hint">{t("floor.performance_hint")}</p>
    </div>
  );
}

function Bar({ share, words, mark }: { share: number; words: string; mark?: number }) {
  return (
    <span class="bar">
      <span class="num">{words}</span>
      <i aria-hidden="true">
        <b style={{ width: `${100 * Math.min(1, share)}%` }} />
        {mark !== undefined && <em style={{ left: `${100 * mark}%` }} />}
      </i>
    </span>
  );
}
