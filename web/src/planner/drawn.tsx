/** Drawings of an answer: bars beside each other, and goods that change places on the floor's plan. */
import { number, t } from "../core/i18n.ts";

export interface Bar {
  name: string;
  value: number;
  is: string;
}

export function Bars({ title, bars, digits, unit }: { title: string; bars: readonly Bar[]; digits: number; unit: string }) {
  const most = Math.max(1e-9, ...bars.map((each) => each.value));
  return (
    <figure class="bars">
      <figcaption>{title}</figcaption>
      <ol>
        {bars.map((each) => (
          <li key={each.name}>
            <span>{each.name}</span>
            <i aria-hidden="true" class={each.is} style={{ width: `${(100 * each.value) / most}%` }} />
            <b class="num">
              {number(each.value, digits)}
              {unit}
            </b>
          </li>
        ))}
      </ol>
    </figure>
  );
}

interface At {
  zone: string;
  aisle: number;
  bay: number;
}
interface Move {
  skus: { sku: string; from: string; to: string }[];
}
const W = 900;
const H = 260;
const EDGE = 34;

/** Aisles from the left, bays from the front (below); each move an arrow, those left out are pale. */
export function Moves({ moves, at, chosen }: { moves: readonly Move[]; at: Record<string, At>; chosen: readonly number[] }) {
  const places = Object.values(at);
  const aisles = [...new Set(places.map((each) => each.aisle))].sort((a, b) => a - b);
  const deep = Math.max(1, ...places.map((each) => each.bay));
  const last = Math.max(1, ...aisles);
  const x = (aisle: number): number => EDGE + ((W - 2 * EDGE) * (aisle - 0.5)) / last;
  const y = (bay: number): number => H - EDGE - ((H - 2 * EDGE) * bay) / deep;
  const words = moves.map((move) => move.skus.map((each) => `${each.sku} ${each.from} → ${each.to}`).join(", ")).join("; ");
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t("plan.moves")}>
    <svg class="moves" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={words}>
      <defs>
        <marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
          <path d="M0 0L8 4L0 8z" class="head" />
        </marker>
      </defs>
      {aisles.map((aisle) => (
        <g key={aisle} class="aisle">
          <line x1={x(aisle)} x2={x(aisle)} y1={H - EDGE} y2={EDGE - 10} />
          <text x={x(aisle)} y={H - 10} text-anchor="middle" class="axis">
            {aisle}
          </text>
        </g>
      ))}
      <text x={4} y={H - 10} class="axis">
        {t("plan.front")}
      </text>
      {moves.flatMap((move, turn) =>
        move.skus.map((each) => {
          const [from, to] = [at[each.from], at[each.to]];
          if (!from || !to) return null;
          const [x1, y1, x2, y2] = [x(from.aisle), y(from.bay), x(to.aisle), y(to.bay)];
          const bend = x1 === x2 ? 26 : 0; // within an aisle the way would hide it
          return (
            <g key={`${turn} ${each.sku}`} class={chosen.includes(turn) ? "move" : "move pale"}>
              <circle cx={x1} cy={y1} r={4.5} />
              <path d={`M${x1} ${y1}Q${(x1 + x2) / 2 + bend} ${(y1 + y2) / 2 - 16} ${x2} ${y2}`} marker-end="url(#head)" />
              <text x={x1 + 8} y={y1 - 6}>
                {each.sku}
              </text>
            </g>
          );
        }),
      )}
    </svg>
    </div>
  );
}
