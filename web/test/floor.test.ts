/** Figures of the floor, and the plan of a site. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { frame, hourly, type Labour, marks, pace, part, performance, summed, used } from "../src/floor/figures.ts";
import { colour, fill, fitted, legend, place, type Spot, stacked, under } from "../src/masters/ground.ts";

const line = (more: Partial<Labour>): Labour => ({
  hour: "2026-11-27T00:00:00Z", kind: "pick", zone: "A", operator: "ken", people: 1, tasks: 1, lines: 2, units: 10,
  active_min: 10, idle_min: 5, standard_min: 12, ...more,
});

test("figures are added up, and shares are those of the time that was worked", () => {
  const [most, least] = summed([line({}), line({ units: 20, active_min: 20 }), line({ kind: "pack", units: 3 })], "kind");
  assert.equal(most?.name, "pick");
  assert.equal(most && pace(most), 60);
  assert.equal(most && performance(most), 24 / 30);
  assert.equal(most && used(most), 30 / 40);
  assert.equal(least?.units, 3);
  assert.equal(pace({ ...(least as NonNullable<typeof least>), active_min: 0 }), null);
});

test("an hour without work is an hour too", () => {
  const hours = hourly([line({}), line({ hour: "2026-11-27T02:00:00Z", kind: "pack", units: 4 })]);
  assert.deepEqual(hours.map((each) => each.units), [10, 0, 4]);
  assert.deepEqual(hourly([]), []);
});

test("a time line holds all moments, with round marks", () => {
  const span = frame([3_600_000, null, 7_200_000]);
  assert.ok(span.from < 3_600_000 && span.to > 7_200_000);
  assert.ok(part(span, 3_600_000) > 0 && part(span, 7_200_000) < 1);
  assert.deepEqual(marks({ from: 0, to: 3_600_000 }, 4), [0, 900_000, 1_800_000, 2_700_000, 3_600_000]);
});

const spot = (code: string, x: number, y: number, more: Partial<Record<"z" | "units" | "most", number>> = {}, blocked = false): Spot => [
  code, "PICK_FACE", "Z", x, y, more.z ?? 0, more.units ?? 0, more.most ?? 10, blocked,
];

test("of places over each other the fullest shows, and what is blocked", () => {
  const spots = [spot("A", 0, 0, { units: 2 }), spot("B", 0, 0, { z: 900, units: 9 }), spot("C", 1000, 0)];
  const [one, two] = stacked(spots, null);
  assert.equal(one?.spot[0], "B");
  assert.equal(one?.spots.length, 2);
  assert.equal(two?.spot[0], "C");
  assert.deepEqual(stacked(spots, 900).map((each) => each.spot[0]), ["B"]);
  assert.equal(stacked([...spots, spot("D", 0, 0, {}, true)], null)[0]?.spot[0], "D");
});

test("all places are inside the frame, and the pointer finds the nearest", () => {
  const shown = stacked(Array.from({ length: 400 }, (_, n) => spot(`P${n}`, (n % 20) * 1000, Math.floor(n / 20) * 1000)), null);
  const view = fitted(shown, 800, 400);
  for (const each of shown) {
    const { x, y } = place(view, each.spot);
    assert.ok(x > 0 && x < 800 && y > 0 && y < 400);
  }
  const at = place(view, (shown[37] as (typeof shown)[0]).spot);
  assert.equal(under(view, shown, at.x + 2, at.y - 2)?.spot[0], "P37");
  assert.equal(under(view, shown, -200, -200), null);
});

test("a place without a limit is neither empty nor full", () => {
  assert.equal(fill(spot("A", 0, 0)), 0);
  assert.equal(fill(["A", "", "", 0, 0, 0, 5, null, false]), null);
  assert.equal(fill(spot("A", 0, 0, { units: 50 })), 1);
  assert.notEqual(colour(spot("A", 0, 0), "fill", [], "light"), colour(spot("A", 0, 0, { units: 5 }), "fill", [], "light"));
  assert.deepEqual(legend([spot("A", 0, 0), ["B", "LANE", "Y", 0, 0, 0, 0, 1, false], spot("C", 1, 1)], "zone"), ["Z", "Y"]);
});
