/**
 * The plant as the map needs it: what the site file says (GET /console/v1/plant), and where machines
 * without coordinates are drawn. PURE. Metres, y upwards, as in the site file.
 *
 * The site file places points only. A sorter, its lanes and the gates are drawn as a schematic
 * outside the walls, on the side nearest to the point where its conveyor begins (on the right, when
 * that point is the conveyor's own and not on the floor).
 */

export interface XY {
  x: number;
  y: number;
}
export interface Point {
  name: string;
  x_m: number;
  y_m: number;
  kind?: "lane" | "storage" | "station" | "park" | "charge";
  levels?: number;
}
export interface Plant {
  site: { code: string; name_en?: string; name_ja?: string; time_zone?: string };
  points: Point[];
  paths: { from: string; to: string; two_way?: boolean }[];
  stations: { name: string; point: string; capacity?: number }[];
  conveyors: { device: string; point: string; to: string; seconds?: number }[];
  sorters: { device: string; lanes: string[]; hospital?: string }[];
  gates: { name: string; device?: string }[];
  areas?: { name: string; name_en?: string; name_ja?: string; points: string[] }[]; // points as patterns
  targets?: { area: string; per_hour: number }[];
}

export interface Chute {
  name: string;
  mouth: XY;
  end: XY;
  hospital: boolean;
}
export interface Machines {
  belts: { device: string; point: string; way: XY[]; seconds: number }[];
  sorters: { device: string; loop: [XY, XY, XY, XY]; chutes: Chute[] }[];
  gates: { name: string; from: XY; to: XY }[];
}
export interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

export function boxOf(points: XY[], margin = 0): Box {
  const xs = points.map((each) => each.x);
  const ys = points.map((each) => each.y);
  return {
    x0: Math.min(...xs) - margin,
    y0: Math.min(...ys) - margin,
    x1: Math.max(...xs) + margin,
    y1: Math.max(...ys) + margin,
  };
}

/** The points of an area: `*` stands for anything, `?` for one letter. */
export function pointsOf(plant: Plant, area: string): Point[] {
  const patterns = plant.areas?.find((each) => each.name === area)?.points ?? [];
  const tests = patterns.map((each) => {
    const plain = each.replace(/[.+^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`^${plain.replace(/\*/g, ".*").replace(/\?/g, ".")}$`);
  });
  return plant.points.filter(({ name }) => tests.some((each) => each.test(name)));
}

export function positions(plant: Plant): Map<string, XY> {
  return new Map(plant.points.map((each) => [each.name, { x: each.x_m, y: each.y_m }]));
}

/** Where conveyors, sorters and gates are drawn. */
export function machines(plant: Plant): Machines {
  const at = positions(plant);
  const box = boxOf([...at.values()]);
  const placed: Machines = { belts: [], sorters: [], gates: [] };
  const sorter = plant.sorters[0];
  const feeder = plant.conveyors.find((each) => each.to === sorter?.device) ?? plant.conveyors[0];
  const start = at.get(feeder?.point ?? "") ?? { x: box.x1, y: (box.y0 + box.y1) / 2 };
  if (!sorter && plant.gates.length === 0) return placed;

  const frame = sideNear(box, start);
  const unit = Math.hypot(box.x1 - box.x0, box.y1 - box.y0) / 60;
  const names = sorter ? [...sorter.lanes, ...(sorter.hospital ? [sorter.hospital] : [])] : [];
  const long = Math.max(names.length * 4.2 * unit, 16 * unit);
  const middle = clamp(frame.along(start), long / 2, frame.length - long / 2);
  const spot = (u: number, v: number): XY => frame.place(middle + u, v);
  const [near, far] = [6 * unit, 11 * unit];

  for (const each of plant.conveyors) {
    const seconds = each.seconds ?? 20;
    const from = at.get(each.point);
    const last = long / 2 - 2 * unit;
    const u = from ? clamp(frame.along(from) - middle, -last, last) : last;
    const way = from ? [from] : [spot(long / 2 + 7 * unit, near / 2), spot(u, near / 2)];
    placed.belts.push({ device: each.device, point: each.point, way: [...way, spot(u, near)], seconds });
  }
  if (sorter) {
    placed.sorters.push({
      device: sorter.device,
      loop: [spot(-long / 2, near), spot(long / 2, near), spot(long / 2, far), spot(-long / 2, far)],
      chutes: names.map((name, index) => {
        const u = -long / 2 + ((index + 0.5) * long) / names.length;
        const hospital = name === sorter.hospital;
        return { name, mouth: spot(u, far), end: spot(u, far + 8 * unit), hospital };
      }),
    });
  }
  const width = long / Math.max(1, plant.gates.length);
  plant.gates.forEach((gate, index) => {
    const u = -long / 2 + index * width;
    const v = far + 13 * unit;
    placed.gates.push({ name: gate.name, from: spot(u + unit, v), to: spot(u + width - unit, v) });
  });
  return placed;
}

/** Everything that is drawn, for fitting it into the window. */
export function extent(plant: Plant, placed: Machines): Box {
  const floor = boxOf([...positions(plant).values()], 3.5);
  const drawn: XY[] = [
    { x: floor.x0, y: floor.y0 },
    { x: floor.x1, y: floor.y1 },
  ];
  for (const each of placed.sorters) drawn.push(...each.loop, ...each.chutes.map((lane) => lane.end));
  for (const each of placed.belts) drawn.push(...each.way);
  for (const each of placed.gates) drawn.push(each.from, each.to);
  return boxOf(drawn, 1.5);
}

interface Side {
  length: number;
  along: (at: XY) => number;
  place: (u: number, v: number) => XY; // u along the side, v outwards
}

function sideNear(box: Box, at: XY): Side {
  const wide = box.x1 - box.x0;
  const high = box.y1 - box.y0;
  const sides: [number, Side][] = [
    [
      box.x1 - at.x,
      { length: high, along: (p) => box.y1 - p.y, place: (u, v) => ({ x: box.x1 + v, y: box.y1 - u }) },
    ],
    [
      at.y - box.y0,
      { length: wide, along: (p) => p.x - box.x0, place: (u, v) => ({ x: box.x0 + u, y: box.y0 - v }) },
    ],
    [
      at.x - box.x0,
      { length: high, along: (p) => box.y1 - p.y, place: (u, v) => ({ x: box.x0 - v, y: box.y1 - u }) },
    ],
    [
      box.y1 - at.y,
      { length: wide, along: (p) => p.x - box.x0, place: (u, v) => ({ x: box.x0 + u, y: box.y1 + v }) },
    ],
  ];
  return sides.reduce((best, each) => (each[0] < best[0] - 1e-9 ? each : best))[1];
}

/** Within the limits; their middle when they leave no room. */
function clamp(value: number, low: number, high: number): number {
  return low > high ? (low + high) / 2 : Math.min(high, Math.max(low, value));
}
