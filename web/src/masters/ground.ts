/** The plan of a site, pure: where places are drawn, what colour they have, which one is meant. */

/** code, kind, zone, x, y, z (mm), units, most units, blocked: as the server tells a place. */
export type Spot = [string, string, string, number, number, number, number, number | null, boolean];
export type By = "kind" | "zone" | "fill" | "blocked";

export interface View {
  scale: number; // pixels a millimetre
  left: number;
  top: number;
  size: number; // of a place, in pixels
}

export interface Shown {
  spot: Spot; // the one that is drawn of those that stand over each other
  spots: Spot[];
}

export const HUES: Record<"light" | "dark", readonly string[]> = {
  light: ["#2e74b5", "#3b7a57", "#b5651d", "#6d4fa3", "#a3386c", "#007a87", "#7a6a00", "#5b6672"],
  dark: ["#62a8ea", "#6cc495", "#e89a56", "#b79bf0", "#ee86b7", "#4cc3d0", "#cdbb4a", "#9aa6b2"],
};
const FILL = { light: ["#c9d6e6", "#0b4f8a"], dark: ["#2b3a4a", "#8ac4ff"] } as const;
const RED = { light: "#c8102e", dark: "#ff5a6e" } as const;
const PALE = { light: "#aab1b9", dark: "#4a545f" } as const;
const GAP_PX = 0.14; // of a place's size

/** Places over each other on one ground: the fullest shows. Of one level, only those. */
export function stacked(spots: readonly Spot[], level: number | null): Shown[] {
  const found = new Map<string, Shown>();
  for (const spot of spots) {
    if (level !== null && spot[5] !== level) continue;
    const at = `${spot[3]} ${spot[4]}`;
    const there = found.get(at);
    if (!there) found.set(at, { spot, spots: [spot] });
    else {
      there.spots.push(spot);
      if ((fill(spot) ?? 0) > (fill(there.spot) ?? 0) || spot[8]) there.spot = spot;
    }
  }
  return [...found.values()];
}

/** How full a place is, from 0 to 1; null: something lies there, and no limit is told. */
export function fill(spot: Spot): number | null {
  if (spot[6] <= 0) return 0;
  return spot[7] === null ? null : Math.min(1, spot[6] / spot[7]);
}

/** The nearest that two places stand beside each other: how large one may be drawn. */
function pitch(spots: readonly Shown[]): number {
  const gaps: number[] = [];
  for (const axis of [3, 4] as const) {
    const along = [...new Set(spots.map((each) => each.spot[axis]))].sort((a, b) => a - b);
    for (let n = 1; n < along.length; n += 1) gaps.push((along[n] as number) - (along[n - 1] as number));
  }
  gaps.sort((a, b) => a - b);
  return gaps.find((gap) => gap >= 200) ?? 1000;
}

/** All places in a frame of so many pixels, with a margin; y goes up, as on a drawing. */
export function fitted(spots: readonly Shown[], width: number, height: number, margin = 24): View {
  if (spots.length === 0) return { scale: 1, left: 0, top: 0, size: 0 };
  const xs = spots.map((each) => each.spot[3]);
  const ys = spots.map((each) => each.spot[4]);
  const [x0, x1] = [min(xs), max(xs)];
  const [y0, y1] = [min(ys), max(ys)];
  const one = pitch(spots);
  const scale = Math.min((width - 2 * margin) / (x1 - x0 + one), (height - 2 * margin) / (y1 - y0 + one), 60 / one);
  const size = Math.max(2, Math.min(40, one * scale));
  return {
    scale,
    left: (width - (x1 + x0) * scale) / 2,
    top: (height + (y1 + y0) * scale) / 2,
    size: size * (1 - GAP_PX),
  };
}

// Math.min(...xs) has a limit of arguments that a large site passes
function min(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => (b < a ? b : a));
}

function max(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => (b > a ? b : a));
}

export function place(view: View, spot: Spot): { x: number; y: number } {
  return { x: view.left + spot[3] * view.scale, y: view.top - spot[4] * view.scale };
}

/** Which place is under the pointer. */
export function under(view: View, spots: readonly Shown[], x: number, y: number): Shown | null {
  let best: Shown | null = null;
  let least = Math.max(8, view.size) ** 2;
  for (const each of spots) {
    const at = place(view, each.spot);
    const far = (at.x - x) ** 2 + (at.y - y) ** 2;
    if (far < least) [best, least] = [each, far];
  }
  return best;
}

/** The names that have a colour of their own, in the order of how many there are. */
export function legend(spots: readonly Spot[], by: "kind" | "zone"): string[] {
  const counted = new Map<string, number>();
  for (const spot of spots) {
    const name = spot[by === "kind" ? 1 : 2];
    counted.set(name, (counted.get(name) ?? 0) + 1);
  }
  return [...counted].sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

export function colour(spot: Spot, by: By, names: readonly string[], look: "light" | "dark"): string {
  if (by === "blocked") return spot[8] ? RED[look] : PALE[look];
  if (by === "fill") {
    const share = fill(spot);
    if (share === 0) return PALE[look];
    return mixed(FILL[look][0], FILL[look][1], share ?? 0.5);
  }
  const hues = HUES[look];
  const turn = names.indexOf(spot[by === "kind" ? 1 : 2]);
  return hues[Math.min(Math.max(turn, 0), hues.length - 1)] as string;
}

function mixed(from: string, to: string, share: number): string {
  const parts = [1, 3, 5].map((at) => {
    const [a, b] = [from, to].map((each) => Number.parseInt(each.slice(at, at + 2), 16)) as [number, number];
    return Math.round(a + (b - a) * share)
      .toString(16)
      .padStart(2, "0");
  });
  return `#${parts.join("")}`;
}

export function levels(spots: readonly Spot[]): number[] {
  return [...new Set(spots.map((spot) => spot[5]))].sort((a, b) => a - b);
}
