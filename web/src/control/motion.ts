/**
 * Smooth movement between frames. PURE. Metres and milliseconds.
 *
 * A few frames a second arrive; a fast-forwarded robot may pass three corners between two of them.
 * A straight line would drive it through the racks, so it is led along the points that were ahead
 * of it in its last frame and are behind it now; where the route changed, along the shortest way
 * over the plant's paths.
 */
import type { Plant, XY } from "./plant.ts";

export interface Seen {
  x_m: number;
  y_m: number;
  heading_rad: number;
  route: string[];
}
export interface Track {
  way: XY[];
  from_ms: number;
  until_ms: number;
  heading_rad: number;
}
export interface Pose extends XY {
  heading_rad: number;
}

export class Ways {
  private readonly at: Map<string, XY>;
  private readonly next = new Map<string, string[]>();
  private readonly known = new Map<string, XY[]>();

  constructor(plant: Plant) {
    this.at = new Map(plant.points.map((each) => [each.name, { x: each.x_m, y: each.y_m }]));
    for (const { from, to, two_way } of plant.paths) {
      this.link(from, to);
      if (two_way) this.link(to, from);
    }
  }

  /** From where it is drawn now to where it is reported, by corners. */
  between(drawn: XY, before: Seen, now: Seen): XY[] {
    const end = { x: now.x_m, y: now.y_m };
    if (distance(drawn, end) < 0.05) return [drawn, end];
    return [drawn, ...this.passed(before, now), end];
  }

  private passed(before: Seen, now: Seen): XY[] {
    const ahead = now.route[0];
    const cut = ahead === undefined ? before.route.length : before.route.indexOf(ahead);
    if (cut >= 0) {
      const corners = before.route.slice(0, cut).flatMap((name) => this.at.get(name) ?? []);
      const last = corners.at(-1);
      if (ahead !== undefined || !last || distance(last, { x: now.x_m, y: now.y_m }) < 3) return corners;
    }
    return this.shortest(this.nearest(before), this.nearest(now));
  }

  private nearest(seen: Seen): string {
    let best = "";
    let least = Number.POSITIVE_INFINITY;
    for (const [name, at] of this.at) {
      const far = Math.abs(at.x - seen.x_m) + Math.abs(at.y - seen.y_m);
      if (far < least) [best, least] = [name, far];
    }
    return best;
  }

  /** Fewest points, breadth first; remembered. */
  private shortest(from: string, to: string): XY[] {
    const key = `${from}|${to}`;
    const kept = this.known.get(key);
    if (kept) return kept;
    const before = new Map<string, string>([[from, ""]]);
    const queue = [from];
    for (let head = 0; head < queue.length && !before.has(to); head += 1) {
      const here = queue[head] as string;
      for (const each of this.next.get(here) ?? []) {
        if (before.has(each)) continue;
        before.set(each, here);
        queue.push(each);
      }
    }
    const way: XY[] = [];
    for (let name = before.has(to) ? to : ""; name !== ""; name = before.get(name) ?? "") {
      const at = this.at.get(name);
      if (at) way.unshift(at);
    }
    const inner = way.slice(1, -1);
    if (this.known.size > 20_000) this.known.clear();
    this.known.set(key, inner);
    return inner;
  }

  private link(from: string, to: string): void {
    const known = this.next.get(from);
    if (known) known.push(to);
    else this.next.set(from, [to]);
  }
}

/** Where a robot is drawn at a moment; after the end of its track it stands. */
export function poseAt(track: Track, now_ms: number): Pose {
  const { way, from_ms, until_ms } = track;
  const end = way.at(-1) ?? { x: 0, y: 0 };
  const share = until_ms > from_ms ? (now_ms - from_ms) / (until_ms - from_ms) : 1;
  if (share >= 1) return { ...end, heading_rad: track.heading_rad };
  let left = Math.max(0, share) * lengthOf(way);
  for (let index = 1; index < way.length; index += 1) {
    const [a, b] = [way[index - 1] as XY, way[index] as XY];
    const leg = distance(a, b);
    if (left <= leg && leg > 1e-9) {
      const part = left / leg;
      const heading_rad = Math.atan2(b.y - a.y, b.x - a.x);
      return { x: a.x + (b.x - a.x) * part, y: a.y + (b.y - a.y) * part, heading_rad };
    }
    left -= leg;
  }
  return { ...end, heading_rad: track.heading_rad };
}

export function lengthOf(way: XY[]): number {
  return way.reduce((sum, at, index) => sum + (index ? distance(way[index - 1] as XY, at) : 0), 0);
}

export function distance(a: XY, b: XY): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** A point a share (0 to 1) of the way round a closed line. */
export function round(loop: XY[], share: number): XY {
  const first = loop[0];
  if (!first) return { x: 0, y: 0 };
  const part = share - Math.floor(share);
  const { x, y } = poseAt({ way: [...loop, first], from_ms: 0, until_ms: 1, heading_rad: 0 }, part);
  return { x, y };
}
