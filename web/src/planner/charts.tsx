/** Charts as SVG, each with a name that says what it shows; shapes and signs besides colour. */
import { lang, number, percent, t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import { PREFECTURES } from "../rules/rule.ts";

const IN_ENGLISH = new Map<string, string>(PREFECTURES);

/** A region as the reader calls it. */
export function place(code: string): string {
  return lang.value === "en" ? (IN_ENGLISH.get(code) ?? code) : code;
}

export type Point = [number, number, number | null];
const yen = (value: number): string => money(Math.round(value), "JPY");
const signed = (value: number): string => `${value > 0 ? "+" : "−"}${yen(Math.abs(value))}`;
export const MARKS = ["●", "▲", "■", "◆"];

const W = 560;
const H = 170;

/** Best and bound over time; the strip between them is the gap. */
export function GapChart({ points, say = yen }: { points: readonly Point[]; say?: (value: number) => string }) {
  const last = points.at(-1);
  if (!last) return null;
  const until = Math.max(0.001, last[0]);
  const lows = points.map(([, best, bound]) => bound ?? best);
  const top = Math.max(...points.map(([, best]) => best));
  const low = Math.min(...lows, top * 0.998); // a gap of a per mille is still seen, and looks small
  const x = (s: number): number => (W * s) / until;
  const y = (v: number): number => 26 + (H - 34) * (1 - (v - low) / Math.max(1e-9, top - low));
  const line = (values: readonly [number, number][]): string =>
    values.map(([s, v], at) => (at === 0 ? `M${x(s)} ${y(v)}` : `H${x(s)}V${y(v)}`)).join("") + `H${W}`;
  const bounds = points.flatMap(([s, , bound]) => (bound === null ? [] : [[s, bound] as [number, number]]));
  const isProven = last[2] !== null && last[1] - last[2] <= 1e-6 * Math.abs(last[1]);
  const apart = last[2] !== null && y(last[2]) - y(last[1]) > 18;
  const label = t("plan.gap_chart", { best: say(last[1]), bound: last[2] === null ? "—" : say(last[2]), s: number(last[0], 1) });
  return (
    <svg class="gap" viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="xMinYMid meet" role="img" aria-label={label}>
      <path class="best" d={line(points.map(([s, best]) => [s, best]))} />
      {bounds.length > 0 && <path class="bound" d={line(bounds)} />}
      <text x={W - 4} y={Math.max(14, y(last[1]) - 5)} text-anchor="end">
        {isProven ? `✓ ${t("plan.proven")}` : t("plan.best")}
      </text>
      {apart && (
        <text x={W - 4} y={Math.min(H - 4, y(last[2] ?? 0) - 5)} text-anchor="end">
          {t("plan.bound")}
        </text>
      )}
    </svg>
  );
}

/** From one cost to another, term by term. */
export function Waterfall({ from, steps, to }: { from: number; steps: readonly { term: string; delta: number }[]; to: number }) {
  let level = from;
  const rows = steps.map(({ term, delta }) => {
    const start = level;
    level += delta;
    return { term, delta, start, end: level };
  });
  const all = [from, to, ...rows.flatMap((row) => [row.start, row.end])];
  const low = Math.min(...all) - (Math.max(...all) - Math.min(...all)) * 0.15;
  const span = Math.max(1, Math.max(...all) - low);
  const at = (v: number): number => (100 * (v - low)) / span;
  return (
    <ol class="waterfall" aria-label={t("plan.waterfall")}>
      <li>
        <span>{t("plan.base_cost")}</span>
        <i class="whole" style={{ marginLeft: 0, width: `${at(from)}%` }} />
        <b class="num">{yen(from)}</b>
      </li>
      {rows.map(({ term, delta, start, end }) => (
        <li key={term} data-term={term}>
          <span>{word("plan_term", term)}</span>
          <i class={delta > 0 ? "more" : "less"} style={{ marginLeft: `${at(Math.min(start, end))}%`, width: `${Math.max(0.4, Math.abs(at(end) - at(start)))}%` }} />
          <b class="num">
            {delta > 0 ? "▲" : "▼"} {signed(delta)}
          </b>
        </li>
      ))}
      <li>
        <span>{t("plan.new_cost")}</span>
        <i class="whole" style={{ marginLeft: 0, width: `${at(to)}%` }} />
        <b class="num">{yen(to)}</b>
      </li>
    </ol>
  );
}

/** Cost against service; nobody is better in both than those on the line. The weight says which is best. */
export function Pareto({ names, cost, service, best }: { names: readonly string[]; cost: readonly number[]; service: readonly number[]; best: number }) {
  const [left, right] = [Math.min(...cost), Math.max(...cost)];
  const [low, top] = [Math.min(...service), Math.max(...service)];
  const x = (v: number): number => 40 + ((W - 160) * (v - left)) / Math.max(1, right - left);
  const y = (v: number): number => 20 + (H - 50) * (1 - (v - low) / Math.max(1e-9, top - low));
  const front = names
    .map((_, at) => at)
    .filter((at) => !names.some((_, other) => beats(other, at)))
    .sort((a, b) => (cost[a] ?? 0) - (cost[b] ?? 0));
  function beats(one: number, other: number): boolean {
    const [c, d, s, r] = [cost[one] ?? 0, cost[other] ?? 0, service[one] ?? 0, service[other] ?? 0];
    return c <= d && s >= r && (c < d || s > r);
  }
  const places = labels(names.map((name, at) => ({ x: x(cost[at] ?? 0), y: y(service[at] ?? 0), width: 18 + wide(name) })));
  const label = names.map((name, at) => `${name}: ${yen(cost[at] ?? 0)}, ${percent(service[at] ?? 0, 1)}`).join("; ");
  return (
    <svg class="pareto" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={label}>
      <polyline points={front.map((at) => `${x(cost[at] ?? 0)},${y(service[at] ?? 0)}`).join(" ")} />
      {names.map((name, at) => {
        const place = places[at] ?? { x: 0, y: 0 };
        return (
          <g key={name + at} class={at === best ? "chosen" : ""}>
            <line x1={x(cost[at] ?? 0)} y1={y(service[at] ?? 0)} x2={place.x} y2={place.y} />
            <circle cx={x(cost[at] ?? 0)} cy={y(service[at] ?? 0)} r="4" />
            <text x={place.x} y={place.y + 4}>
              {MARKS[at]} {name}
            </text>
          </g>
        );
      })}
      <text class="axis" x={W - 4} y={H - 6} text-anchor="end">
        {t("plan.axis_cost")} →
      </text>
      <text class="axis" x={4} y={14}>
        ↑ {t("plan.axis_service")}
      </text>
    </svg>
  );
}

const LINE = 16;
/** About how wide a text is: signs of Japanese are twice as wide. */
const wide = (text: string): number => [...text].reduce((sum, sign) => sum + ((sign.codePointAt(0) ?? 0) > 0x2e7f ? 12 : 6.6), 0);

/** Where names are written so that none covers another: beside their points, or the nearest free line. */
export function labels(points: readonly { x: number; y: number; width: number }[]): { x: number; y: number }[] {
  const taken: { x: number; y: number; width: number }[] = [];
  return points.map(({ x, y, width }) => {
    const left = Math.max(2, Math.min(x + 8, W - 4 - width));
    for (let step = 0; ; step++) {
      const line = y + LINE * (step % 2 ? (step + 1) / 2 : -step / 2);
      const free = taken.every((other) => Math.abs(other.y - line) >= LINE || left + width < other.x || other.x + other.width < left);
      if ((line >= 12 && line <= H - 22 && free) || step > 40) {
        taken.push({ x: left, y: line, width });
        return { x: left, y: line };
      }
    }
  });
}

export interface Flow {
  region: string;
  node: string;
  carrier: string;
  parcels: number;
}
const GROUPS_MAX = 9; // regions shown by name, the rest together

/** Parcels from region over node to carrier. */
export function Sankey({ flows, name }: { flows: readonly Flow[]; name: string }) {
  const total = flows.reduce((sum, flow) => sum + flow.parcels, 0);
  if (total <= 0) return null;
  const most = [...sums(flows, (flow) => flow.region)].sort((a, b) => b[1] - a[1]).slice(0, GROUPS_MAX);
  const named = new Set(most.map(([region]) => region));
  const region = (flow: Flow): string => (named.has(flow.region) ? place(flow.region) : t("plan.other"));
  const keys: ((flow: Flow) => string)[] = [region, (flow) => flow.node, (flow) => flow.carrier];
  const height = 240;
  const gap = 4;
  const columns = keys.map((key) => {
    const found = [...sums(flows, key)].sort((a, b) => b[1] - a[1]);
    const room = height - gap * (found.length - 1);
    let at = 0;
    return new Map(
      found.map(([code, parcels]) => {
        const box = { at, size: (room * parcels) / total, used: [0, 0] as [number, number], parcels };
        at += box.size + gap;
        return [code, box] as const;
      }),
    );
  });
  const xs = [0, W / 2 - 40, W - 80];
  const bands = [0, 1].flatMap((step) => {
    const [from, to] = [keys[step], keys[step + 1]];
    if (!from || !to) return [];
    return [...sums(flows, (flow) => `${from(flow)}\u0000${to(flow)}`)].map(([pair, parcels]) => {
      const [one = "", other = ""] = pair.split("\u0000");
      const [a, b] = [columns[step]?.get(one), columns[step + 1]?.get(other)];
      if (!a || !b) return "";
      const [sa, sb] = [(a.size * parcels) / a.parcels, (b.size * parcels) / b.parcels];
      const [y1, y2] = [a.at + a.used[1] + sa / 2, b.at + b.used[0] + sb / 2];
      a.used[1] += sa;
      b.used[0] += sb;
      const [x1, x2] = [(xs[step] ?? 0) + 80, xs[step + 1] ?? 0];
      return { path: `M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`, width: Math.max(0.6, (sa + sb) / 2), title: `${one} → ${other}: ${number(parcels, 1)}` };
    });
  });
  return (
    <svg class="sankey" viewBox={`0 0 ${W} ${height}`} role="img" aria-label={t("plan.sankey", { name })}>
      {bands.map((band, at) => (band ? <path key={at} d={band.path} stroke-width={band.width}><title>{band.title}</title></path> : null))}
      {columns.map((column, step) =>
        [...column].map(([code, box]) => (
          <g key={`${step}${code}`} transform={`translate(${xs[step]} ${box.at})`}>
            <rect width="80" height={Math.max(1, box.size)} rx="2" />
            {box.size > 9 && (
              <text x="4" y={box.size / 2 + 4}>
                {code.slice(0, 11)}
              </text>
            )}
          </g>
        )),
      )}
    </svg>
  );
}

function sums(flows: readonly Flow[], key: (flow: Flow) => string): Map<string, number> {
  const found = new Map<string, number>();
  for (const flow of flows) found.set(key(flow), (found.get(key(flow)) ?? 0) + flow.parcels);
  return found;
}

/** A table whose cells are the darker the more; what is in a cell can be read besides. */
export function Heat({ label, columns, rows, digits = 0 }: { label: string; columns: readonly string[]; rows: readonly { name: string; values: readonly (number | null)[] }[]; digits?: number }) {
  const most = Math.max(1e-9, ...rows.flatMap((row) => row.values.map((value) => value ?? 0)));
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={label}>
      <table class="heat">
        <caption>{label}</caption>
        <thead>
          <tr>
            <td />
            {columns.map((each) => (
              <th key={each} scope="col" class="num">
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">{row.name}</th>
              {row.values.map((value, at) => (
                <td key={at} class="num" style={{ "--heat": `${Math.round((60 * (value ?? 0)) / most)}%` }}>
                  {value === null ? "—" : value === 0 ? "" : number(value, digits)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Where parcels go: nodes and regions as they lie, a line the wider the more. */
export function Lanes({ flows, places, name }: { flows: readonly Flow[]; places: { nodes: Record<string, [number, number]>; regions: Record<string, [number, number]> }; name: string }) {
  const all = [...Object.values(places.nodes), ...Object.values(places.regions)];
  const [south, north] = [Math.min(...all.map((p) => p[0])), Math.max(...all.map((p) => p[0]))];
  const [west, east] = [Math.min(...all.map((p) => p[1])), Math.max(...all.map((p) => p[1]))];
  const scale = Math.min((W - 120) / Math.max(0.5, east - west), 300 / Math.max(0.5, north - south));
  const x = (p: [number, number]): number => 50 + scale * (p[1] - west);
  const y = (p: [number, number]): number => 16 + scale * (north - p[0]);
  const by = sums(flows, (flow) => `${flow.node}\u0000${flow.region}`);
  const most = Math.max(1e-9, ...by.values());
  const senders = new Set(flows.map((flow) => flow.node));
  return (
    <svg class="lanes" viewBox={`0 0 ${W} ${Math.max(80, 36 + scale * (north - south))}`} role="img" aria-label={t("plan.lanes", { name })}>
      {[...by].map(([pair, parcels]) => {
        const [node = "", region = ""] = pair.split("\u0000");
        const [a, b] = [places.nodes[node], places.regions[region]];
        if (!a || !b) return null;
        return (
          <line key={pair} x1={x(a)} y1={y(a)} x2={x(b)} y2={y(b)} stroke-width={0.8 + (5 * parcels) / most}>
            <title>{`${node} → ${region}: ${number(parcels, 1)}`}</title>
          </line>
        );
      })}
      {Object.entries(places.regions).map(([code, p]) => (
        <circle key={code} cx={x(p)} cy={y(p)} r="3" />
      ))}
      {Object.entries(places.nodes).map(([code, p]) => (
        <g key={code}>
          <rect x={x(p) - 4} y={y(p) - 4} width="8" height="8" />
          {senders.has(code) && (
            <text x={x(p) + 7} y={y(p) + 4}>
              {code}
            </text>
          )}
        </g>
      ))}
    </svg>
  );
}

const BINS = 8;

/** How the days fell out: counts by band, with P50 and P90 as lines. */
export function Histogram({ each, p50, p90, name }: { each: readonly number[]; p50: number; p90: number; name: string }) {
  const [low, top] = [Math.min(...each), Math.max(...each)];
  const span = Math.max(1e-9, top - low);
  const counts = Array.from({ length: BINS }, () => 0);
  for (const value of each) {
    const bin = Math.min(BINS - 1, Math.floor((BINS * (value - low)) / span));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const most = Math.max(1, ...counts);
  const x = (v: number): number => 10 + ((W / 2 - 20) * (v - low)) / span;
  const days = lang.value === "ja" ? `${each.length}日` : `${each.length} d`;
  return (
    <svg class="histogram" viewBox={`0 0 ${W / 2} 120`} role="img" aria-label={`${name}: P50 ${yen(p50)}, P90 ${yen(p90)}, ${days}`}>
      {counts.map((count, at) => (
        <rect key={at} x={10 + ((W / 2 - 20) * at) / BINS + 1} width={(W / 2 - 20) / BINS - 2} y={96 - (70 * count) / most} height={(70 * count) / most} />
      ))}
      <line class="p50" x1={x(p50)} x2={x(p50)} y1="14" y2="96" />
      <line class="p90" x1={x(p90)} x2={x(p90)} y1="14" y2="96" />
      <text x="10" y="112">{`P50 ${yen(p50)}`}</text>
      <text x={W / 2 - 10} y="112" text-anchor="end">{`┆ P90 ${yen(p90)}`}</text>
    </svg>
  );
}
