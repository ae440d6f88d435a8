/** Map, motion and figures of the control room. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { applied, type Moved } from "../src/control/apply.ts";
import { figuresOf } from "../src/control/figures.ts";
import { distance, lengthOf, poseAt, round, type Seen, Ways } from "../src/control/motion.ts";
import type { Frame } from "../src/control/live.ts";
import { extent, machines, type Plant } from "../src/control/plant.ts";

/** A square of four points, one way round: A (0,0) > B (10,0) > C (10,10) > D (0,10) > A. */
const PLANT: Plant = {
  site: { code: "T" },
  points: [
    { name: "A", x_m: 0, y_m: 0 },
    { name: "B", x_m: 10, y_m: 0 },
    { name: "C", x_m: 10, y_m: 10 },
    { name: "D", x_m: 0, y_m: 10 },
  ],
  paths: [
    { from: "A", to: "B" },
    { from: "B", to: "C" },
    { from: "C", to: "D" },
    { from: "D", to: "A" },
  ],
  stations: [],
  conveyors: [{ device: "cv1", point: "B", to: "s1", seconds: 20 }],
  sorters: [{ device: "s1", lanes: ["L1", "L2"], hospital: "HOSP" }],
  gates: [{ name: "OUT" }, { name: "IN" }],
};
const seen = (x_m: number, y_m: number, ...route: string[]): Seen => ({ x_m, y_m, heading_rad: 0, route });
const corners = (way: { x: number; y: number }[]): string => way.map(({ x, y }) => `${x},${y}`).join(" ");

test("a robot is led along the points that it passed", () => {
  const way = new Ways(PLANT).between({ x: 4, y: 0 }, seen(4, 0, "B", "C", "D"), seen(6, 10, "D"));
  assert.equal(corners(way), "4,0 10,0 10,10 6,10");
});

test("a robot that arrived is led to the end of its route", () => {
  const way = new Ways(PLANT).between({ x: 4, y: 0 }, seen(4, 0, "B", "C"), seen(10, 10));
  assert.equal(corners(way), "4,0 10,0 10,10 10,10");
});

test("after a new route it is led over the paths, in their direction", () => {
  const way = new Ways(PLANT).between({ x: 0, y: 0 }, seen(0, 0), seen(0, 10, "A"));
  assert.equal(corners(way), "0,0 10,0 10,10 0,10");
});

test("a robot that stands does not wander", () => {
  const way = new Ways(PLANT).between({ x: 10, y: 0 }, seen(10, 0, "C"), seen(10, 0, "C"));
  assert.equal(lengthOf(way), 0);
});

test("a pose is on the way, at its share, and heads along it", () => {
  const track = {
    way: [
      { x: 0, y: 0 },
      { x: 10, y: 0 },
      { x: 10, y: 10 },
    ],
    from_ms: 100,
    until_ms: 200,
    heading_rad: 9,
  };
  assert.deepEqual(poseAt(track, 125), { x: 5, y: 0, heading_rad: 0 });
  assert.deepEqual(poseAt(track, 175), { x: 10, y: 5, heading_rad: Math.PI / 2 });
  assert.deepEqual(poseAt(track, 999), { x: 10, y: 10, heading_rad: 9 });
  assert.deepEqual(poseAt(track, 0), { x: 0, y: 0, heading_rad: 0 });
});

test("a closed line goes round", () => {
  const loop = [
    { x: 0, y: 0 },
    { x: 10, y: 0 },
    { x: 10, y: 10 },
    { x: 0, y: 10 },
  ];
  assert.ok(distance(round(loop, 1.125), { x: 5, y: 0 }) < 1e-9);
  assert.ok(distance(round(loop, 0.875), { x: 0, y: 5 }) < 1e-9);
});

test("machines are drawn outside the walls and inside the window", () => {
  const placed = machines(PLANT);
  const box = extent(PLANT, placed);
  const drawn = [
    ...placed.sorters.flatMap((each) => [...each.loop, ...each.chutes.map((chute) => chute.end)]),
    ...placed.gates.flatMap((each) => [each.from, each.to]),
  ];
  assert.equal(placed.sorters[0]?.chutes.length, 3);
  assert.equal(placed.gates.length, 2);
  for (const { x, y } of drawn) {
    assert.ok(x > 10 || x < 0 || y > 10 || y < 0, `${x},${y} is on the floor`);
    assert.ok(x >= box.x0 && x <= box.x1 && y >= box.y0 && y <= box.y1, `${x},${y} is out of sight`);
  }
});

test("a site without machines is drawn too", () => {
  const bare = { ...PLANT, conveyors: [], sorters: [], gates: [] };
  assert.deepEqual(machines(bare), { belts: [], sorters: [], gates: [] });
});

test("figures live with what is missing; statuses come along their way", () => {
  const figures = figuresOf({
    orders: 7,
    orders_by_status: { SHIPPED: 4, OPEN: 2, STRANGE: 1, CANCELLED: 0 },
    split_rate: 0.25,
    order_to_ship_p50_s: null,
  });
  assert.deepEqual(figures.ordersByStatus, [
    ["OPEN", 2],
    ["SHIPPED", 4],
    ["STRANGE", 1],
  ]);
  assert.equal(figures.ordersTotal, 7);
  assert.equal(figures.ordersOpen, 3);
  assert.equal(figures.ordersLate, null);
  assert.equal(figures.shipP50S, null);
  assert.equal(figures.robotMissions, 0);
  assert.equal(figuresOf(undefined).ordersTotal, 0);
});

test("a picture and what has changed make the next picture", () => {
  const path = new URL("../../tests/vectors/pictures.json", import.meta.url);
  const vectors = JSON.parse(readFileSync(path, "utf-8")) as { before: Frame; told: Moved; now: Frame }[];
  assert.ok(vectors.length > 0);
  for (const { before, told, now } of vectors) {
    const kept = structuredClone(before);
    const next = applied(before, told);
    assert.deepEqual(next, now);
    assert.deepEqual(before, kept, "the picture before is left as it was");
    before.robots.forEach((robot, n) => {
      if (!told.robots[n] && !told.moved.some(([m]) => m === n)) assert.equal(next.robots[n], robot);
    });
  }
});
