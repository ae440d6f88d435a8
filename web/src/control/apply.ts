/**
 * A picture of the site and what has changed since, made into the next picture. PURE.
 * The other half is wms/control/pictures.py, which says what these numbers are.
 */
import type { Frame, Robot } from "./live.ts";

export interface Moved extends Partial<Omit<Frame, "robots">> {
  moved: [n: number, x_cm: number, y_cm: number, heading_mrad: number][];
  robots: Record<string, Partial<Robot> & { drop?: number }>;
}

/** The next picture; robots that have not changed are the same objects. */
export function applied(before: Frame, { moved, robots: fresh, ...parts }: Moved): Frame {
  const robots = before.robots.slice();
  for (const [n, x_cm, y_cm, heading_mrad] of moved) {
    const robot = robots[n];
    if (robot) robots[n] = { ...robot, x_m: x_cm / 100, y_m: y_cm / 100, heading_rad: heading_mrad / 1000 };
  }
  for (const n of Object.keys(fresh)) {
    const robot = robots[Number(n)];
    if (!robot) continue;
    const { drop, ...news } = fresh[n] as Partial<Robot> & { drop?: number };
    const route = drop ? robot.route.slice(drop) : robot.route;
    robots[Number(n)] = { ...robot, route, ...news };
  }
  return { ...before, ...parts, robots };
}
