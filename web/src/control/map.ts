/**
 * The plant on a canvas. What stands still is drawn once into a layer of its own; robots, cartons and
 * the chosen route are drawn on it in every animation frame. State by shape and colour, never by
 * colour alone. Metres become pixels by one scale, y upwards.
 */
import { isBlocked, poseOf, type Carton, type Frame, type Robot, siteNow } from "./live.ts";
import { poseAt, type Pose, round } from "./motion.ts";
import type { Heat } from "./heat.ts";
import { drawCrosses, drawHeat, drawLabel } from "./overlays.ts";
import { drawBolt, drawSign } from "./signs.ts";
import { type Box, extent, machines, type Machines, type Plant, pointsOf, positions, type XY } from "./plant.ts";

type Ink = CanvasRenderingContext2D;
const WALL_M = 3.6; // from the outermost points
const LAP_MS = 9000; // a lap of the drawn sorter; where a carton is on it nobody tells
const CHUTE_MS = 1500;

/** How a picture is to be drawn. */
export interface Way {
  live: boolean; // things move on between two pictures
  past: boolean; // robots are where the picture says
  heat: Heat | null;
}
const TURNS = 32; // of a sign that shows where it heads

export class Floor {
  private readonly canvas: HTMLCanvasElement;
  private readonly ink: Ink;
  private readonly still: HTMLCanvasElement; // under the other one: drawn once, copied never
  private readonly plant: Plant;
  private readonly at: Map<string, XY>;
  private readonly machines: Machines;
  private readonly box: Box;
  /** Signs drawn once and copied: hundreds of paths in each picture are what costs. */
  private readonly signs = new Map<string, ImageBitmap>();
  private readonly closed = new Map<string, XY[]>();
  private readonly seen = new Map<string, { place: string; since_ms: number }>();
  private colour: Record<string, string> = {};
  private scale = 1;
  private offset: XY = { x: 0, y: 0 };
  private ratio = 1;

  constructor(canvas: HTMLCanvasElement, still: HTMLCanvasElement, plant: Plant) {
    this.canvas = canvas;
    this.still = still;
    // what is drawn becomes pixels elsewhere than in the thread that also answers to people
    this.ink = canvas.getContext("2d", { desynchronized: true }) as Ink;
    this.plant = plant;
    this.at = positions(plant);
    this.machines = machines(plant);
    this.box = extent(plant, this.machines);
  }

  /** Fit into the window again: after a new size or look. */
  fit(): void {
    const { width, height } = this.canvas.getBoundingClientRect();
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    for (const each of [this.canvas, this.still]) {
      each.width = Math.max(1, Math.round(width * this.ratio));
      each.height = Math.max(1, Math.round(height * this.ratio));
    }
    const [wide, high] = [this.box.x1 - this.box.x0, this.box.y1 - this.box.y0];
    this.scale = Math.min(width / wide, height / high);
    this.offset = { x: (width - wide * this.scale) / 2, y: (height - high * this.scale) / 2 };
    const style = getComputedStyle(document.documentElement);
    for (const name of ["ground", "panel", "raised", "line", "object", "strong", "text", "muted", "p1", "p2", "p3", "selected", "ok"]) {
      this.colour[name] = style.getPropertyValue(`--${name}`).trim();
    }
    this.signs.clear();
    this.drawStill(this.still.getContext("2d") as Ink);
  }

  draw(frame: Frame | null, now_ms: number, chosen: string | null, { live, past, heat }: Way): void {
    const { ink } = this;
    const pose = (each: Robot): Pose => (past ? { x: each.x_m, y: each.y_m, heading_rad: each.heading_rad } : poseOf(each, now_ms));
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.clearRect(0, 0, this.canvas.width, this.canvas.height);
    ink.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (heat) drawHeat(ink, heat, (spot) => this.to(spot), this.scale, this.colour);
    if (!frame) return;
    if (!past) this.drawLanes(ink, frame);
    for (const area of frame.areas ?? []) this.drawClosed(ink, area);
    this.drawCartons(ink, frame.cartons, now_ms, live);
    const robot = frame.robots.find((each) => each.robot === chosen);
    if (robot) this.drawRoute(ink, robot, pose(robot));
    for (const each of frame.robots) this.drawRobot(ink, each, pose(each), each === robot);
    for (const each of frame.robots) if (each === robot || isOut(each)) this.drawName(ink, each, pose(each));
  }

  /** The robot under the pointer, if any. */
  robotAt(frame: Frame, x: number, y: number, now_ms: number): string | null {
    let best: string | null = null;
    let least = Math.max(14, this.size() * 1.6);
    for (const robot of frame.robots) {
      const spot = this.to(poseOf(robot, now_ms));
      const far = Math.hypot(spot.x - x, spot.y - y);
      if (far < least) [best, least] = [robot.robot, far];
    }
    return best;
  }

  private to({ x, y }: XY): XY {
    return {
      x: this.offset.x + (x - this.box.x0) * this.scale,
      y: this.offset.y + (this.box.y1 - y) * this.scale,
    };
  }

  private whole(css: number): number {
    return Math.round(css * this.ratio) / this.ratio;
  }

  private size(): number {
    return Math.max(6, this.scale * 0.9);
  }

  // ------------------------------------------------------------------------- what stands still
  private drawStill(ink: Ink): void {
    const { colour } = this;
    ink.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ink.fillStyle = colour.ground as string;
    ink.fillRect(0, 0, this.still.width, this.still.height);
    this.drawWalls(ink);
    this.drawPlaces(ink);
    this.drawPaths(ink);
    this.drawStations(ink);
    this.drawMachines(ink);
  }

  private drawWalls(ink: Ink): void {
    const all = [...this.at.values()].map((each) => this.to(each));
    const xs = all.map((each) => each.x);
    const ys = all.map((each) => each.y);
    const gap = this.scale * WALL_M;
    const [x, y] = [Math.min(...xs) - gap, Math.min(...ys) - gap];
    ink.fillStyle = this.colour.panel as string;
    ink.strokeStyle = this.colour.line as string;
    ink.lineWidth = 1.5;
    ink.beginPath();
    ink.roundRect(x, y, Math.max(...xs) + gap - x, Math.max(...ys) + gap - y, 8);
    ink.fill();
    ink.stroke();
  }

  private drawPlaces(ink: Ink): void {
    const half = this.scale * 1.05;
    for (const point of this.plant.points) {
      const { x, y } = this.to({ x: point.x_m, y: point.y_m });
      if (point.kind === "storage") {
        ink.fillStyle = this.colour.object as string;
        // racks left and right of the aisle, not on it
        ink.fillRect(x - half * 1.7, y - half, half * 1.1, half * 2);
        ink.fillRect(x + half * 0.6, y - half, half * 1.1, half * 2);
      } else if (point.kind === "park" || point.kind === "charge") {
        ink.strokeStyle = this.colour.line as string;
        ink.lineWidth = 1;
        ink.beginPath();
        ink.roundRect(x - half, y - half, half * 2, half * 2, 3);
        ink.stroke();
        if (point.kind === "charge") drawBolt(ink, x, y - half * 0.1, half * 0.8, this.colour.line as string);
      }
    }
  }

  private drawPaths(ink: Ink): void {
    ink.strokeStyle = this.colour.line as string;
    ink.globalAlpha = 0.75;
    ink.lineWidth = Math.max(0.6, this.scale * 0.08);
    ink.beginPath();
    for (const { from, to } of this.plant.paths) {
      const [a, b] = [this.at.get(from), this.at.get(to)];
      if (!a || !b) continue;
      const [start, end] = [this.to(a), this.to(b)];
      ink.moveTo(start.x, start.y);
      ink.lineTo(end.x, end.y);
    }
    ink.stroke();
    ink.globalAlpha = 1;
  }

  private drawStations(ink: Ink): void {
    const half = this.scale * 1.5;
    for (const station of this.plant.stations) {
      const at = this.at.get(station.point);
      if (!at) continue;
      const { x, y } = this.to(at);
      ink.fillStyle = this.colour.raised as string;
      ink.strokeStyle = this.colour.strong as string;
      ink.lineWidth = 1.5;
      ink.beginPath();
      ink.roundRect(x - half, y - half, half * 2, half * 2, 4);
      ink.fill();
      ink.stroke();
      drawLabel(ink, station.name, x, y + half + 9, 11, this.colour.text as string);
    }
  }

  private drawMachines(ink: Ink): void {
    const { belts, sorters, gates } = this.machines;
    for (const belt of belts) {
      this.band(ink, belt.way.map((each) => this.to(each)));
      const start = this.to(belt.way[0] as XY);
      drawLabel(ink, belt.point, start.x, start.y + 14, 10, this.colour.muted as string);
    }
    for (const sorter of sorters) {
      const loop = sorter.loop.map((each) => this.to(each));
      this.band(ink, loop, true);
      for (const chute of sorter.chutes) this.band(ink, [this.to(chute.mouth), this.to(chute.end)]);
    }
    for (const gate of gates) this.drawGate(ink, this.to(gate.from), this.to(gate.to), gate.name);
  }

  private band(ink: Ink, way: XY[], closed = false): void {
    for (const [width, name] of [[1.9, "strong"], [1.5, "raised"]] as const) {
      ink.strokeStyle = this.colour[name] as string;
      ink.lineWidth = this.scale * width;
      ink.lineJoin = "round";
      ink.beginPath();
      way.forEach(({ x, y }, index) => (index ? ink.lineTo(x, y) : ink.moveTo(x, y)));
      if (closed) ink.closePath();
      ink.stroke();
    }
  }

  private drawGate(ink: Ink, from: XY, to: XY, name: string): void {
    ink.strokeStyle = this.colour.strong as string;
    ink.lineWidth = 2;
    ink.setLineDash([5, 4]);
    ink.beginPath();
    ink.moveTo(from.x, from.y);
    ink.lineTo(to.x, to.y);
    ink.stroke();
    ink.setLineDash([]);
    ink.fillStyle = this.colour.strong as string;
    for (const { x, y } of [from, to]) ink.fillRect(x - 3, y - 3, 6, 6);
    const upright = Math.abs(to.y - from.y) > Math.abs(to.x - from.x);
    const [x, y] = [(from.x + to.x) / 2, (from.y + to.y) / 2];
    ink.save();
    ink.translate(x + (upright ? 11 : 0), y + (upright ? 0 : 12));
    if (upright) ink.rotate(Math.PI / 2);
    drawLabel(ink, name, 0, 0, 10, this.colour.muted as string);
    ink.restore();
  }

  // --------------------------------------------------------------------------- what moves
  private drawLanes(ink: Ink, frame: Frame): void {
    const counts = new Map(frame.lanes);
    const most = Math.max(1, ...counts.values());
    for (const { chutes } of this.machines.sorters) {
      for (const { name, mouth, end, hospital } of chutes) {
        const count = counts.get(name) ?? 0;
        const [a, b] = [this.to(mouth), this.to(end)];
        const share = count / most;
        ink.strokeStyle = (hospital ? this.colour.p2 : this.colour.strong) as string;
        ink.globalAlpha = 0.45;
        ink.lineWidth = this.scale * 1.3;
        ink.beginPath();
        ink.moveTo(b.x, b.y);
        ink.lineTo(b.x + (a.x - b.x) * share * 0.85, b.y + (a.y - b.y) * share * 0.85);
        ink.stroke();
        ink.globalAlpha = 1;
        const size = Math.min(13, Math.max(10, this.scale * 1.3));
        const beside = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 - this.scale * 1.7 };
        drawLabel(ink, `${name}  ${count}`, beside.x, beside.y, size, this.colour.text as string);
      }
    }
  }

  private drawCartons(ink: Ink, cartons: Carton[], now_ms: number, live: boolean): void {
    const here = new Set<string>();
    for (const carton of cartons) {
      const key = `${carton.device}/${carton.tracking}`;
      here.add(key);
      const known = this.seen.get(key);
      if (!known || known.place !== carton.place) this.seen.set(key, { place: carton.place, since_ms: now_ms });
      const since_ms = this.seen.get(key)?.since_ms ?? now_ms;
      const spot = this.cartonSpot(carton, now_ms, since_ms, live);
      if (!spot) continue;
      const { x, y } = this.to(spot);
      const half = Math.max(2.5, this.scale * 0.45);
      ink.fillStyle = this.colour[carton.code ? "text" : "p2"] as string;
      ink.fillRect(x - half, y - half, half * 2, half * 2);
    }
    for (const key of this.seen.keys()) if (!here.has(key)) this.seen.delete(key);
  }

  private cartonSpot(carton: Carton, now_ms: number, since_ms: number, live: boolean): XY | null {
    const belt = this.machines.belts.find((each) => each.device === carton.device);
    const passed = live ? now_ms - since_ms : 0;
    if (belt) {
      const share = Math.min(1, (passed * speedOf(now_ms)) / (belt.seconds * 1000));
      return poseAt({ way: belt.way, from_ms: 0, until_ms: 1, heading_rad: 0 }, Math.min(0.999, share));
    }
    const sorter = this.machines.sorters.find((each) => each.device === carton.device) ?? this.machines.sorters[0];
    if (!sorter) return null;
    const chute = sorter.chutes.find((each) => each.name === carton.place);
    if (chute) {
      const part = Math.min(1, passed / CHUTE_MS);
      const { mouth, end } = chute;
      return { x: mouth.x + (end.x - mouth.x) * part, y: mouth.y + (end.y - mouth.y) * part };
    }
    return round(sorter.loop, (live ? now_ms / LAP_MS : 0) + carton.tracking * 0.618);
  }

  private drawRoute(ink: Ink, robot: Robot, pose: Pose): void {
    const way = [pose, ...robot.route.flatMap((name) => this.at.get(name) ?? [])].map((each) => this.to(each));
    ink.strokeStyle = this.colour.selected as string;
    ink.lineWidth = 3;
    ink.lineJoin = "round";
    ink.beginPath();
    way.forEach(({ x, y }, index) => (index ? ink.lineTo(x, y) : ink.moveTo(x, y)));
    ink.stroke();
    const end = way.at(-1);
    if (!end || way.length < 2) return;
    ink.fillStyle = this.colour.selected as string;
    ink.beginPath();
    ink.arc(end.x, end.y, 5, 0, Math.PI * 2);
    ink.fill();
  }

  private drawRobot(ink: Ink, robot: Robot, pose: Pose, chosen: boolean): void {
    const { x, y } = this.to(pose);
    const r = this.size();
    if (chosen) {
      ink.strokeStyle = this.colour.selected as string;
      ink.lineWidth = 3;
      ink.beginPath();
      ink.arc(x, y, r * 1.9, 0, Math.PI * 2);
      ink.stroke();
    }
    const sign = this.sign(robot, -pose.heading_rad);
    const half = sign.width / this.ratio / 2;
    // on whole pixels: between them each sign would be worked out anew, which doubles the cost
    ink.drawImage(sign, this.whole(x - half), this.whole(y - half), half * 2, half * 2);
  }

  private drawName(ink: Ink, robot: Robot, pose: Pose): void {
    const { x, y } = this.to(pose);
    drawLabel(ink, robot.robot, x, y - this.size() * 2.1 - 6, 12, this.colour.text as string);
  }

  /** The sign of a robot in its state, as it heads. */
  private sign(robot: Robot, turn: number): ImageBitmap {
    const blocked = isBlocked(robot);
    const loaded = robot.load !== null && !isOut(robot);
    const step = robot.state === "DRIVING" ? Math.round((turn / (Math.PI * 2)) * TURNS) % TURNS : 0;
    const key = `${robot.state}${blocked ? "b" : ""}${loaded ? "l" : ""}${robot.paused ? "p" : ""}${step}`;
    const known = this.signs.get(key);
    if (known) return known;
    const r = this.size();
    const side = Math.ceil(r * 4 * this.ratio);
    const made = new OffscreenCanvas(side, side);
    const ink = made.getContext("2d") as unknown as Ink;
    ink.scale(this.ratio, this.ratio);
    ink.translate(side / this.ratio / 2, side / this.ratio / 2);
    drawSign(ink, robot.state, blocked, r, (step / TURNS) * Math.PI * 2, this.colour);
    ink.lineWidth = 1;
    ink.fillStyle = this.colour.raised as string;
    ink.strokeStyle = this.colour.text as string;
    if (loaded) {
      ink.beginPath();
      ink.rect(-r * 0.42, -r * 0.42, r * 0.84, r * 0.84);
      ink.fill();
      ink.stroke();
    }
    if (robot.paused) {
      ink.beginPath();
      for (const left of [-0.7, 0.2]) ink.rect(r * left, -r * 1.9, r * 0.5, r * 0.9);
      ink.fill();
      ink.stroke();
    }
    const bitmap = made.transferToImageBitmap();
    this.signs.set(key, bitmap);
    return bitmap;
  }

  private drawClosed(ink: Ink, area: string): void {
    let points = this.closed.get(area);
    if (!points) this.closed.set(area, (points = pointsOf(this.plant, area).map((each) => ({ x: each.x_m, y: each.y_m }))));
    drawCrosses(ink, points.map((each) => this.to(each)), Math.max(3, this.scale * 0.5), this.colour.p2 as string);
  }
}

/** Whether a person has to see to it: its name is shown, over all others. */
function isOut(robot: Robot): boolean {
  return robot.state === "FAULT" || robot.state === "SILENT";
}

function speedOf(now_ms: number): number {
  const [a, b] = [siteNow(now_ms - 100), siteNow(now_ms)];
  return a !== null && b !== null && b > a ? (b - a) / 100 : 1;
}
