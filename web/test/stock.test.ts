/** Stock lines, curves of days to come, and places around a point. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bearing, onMap, rings } from "../src/stock/around.ts";
import { area, ceiling, dayOf, everyDays, type Frame, outline } from "../src/stock/curve.ts";
import { bySite, joined, type Line, partsOf, renewed, type SkuStock, shownStates, unitsIn, whole } from "../src/stock/rows.ts";

const figures = (part: object) => ({ units: whole(part), channels: {}, segments: {}, overdue: 0 });
const at = (part: object) => ({ ...figures(part), kind: "DC", age_s: 0 });
const line = (sku: string, free: number): Line => ({ sku, name_en: "", name_ja: "", sites: 1, units: { free } });
const stock = (sku: string, sites: Record<string, object>): SkuStock => ({
  sku,
  name_en: "",
  name_ja: "",
  total: figures({ free: 9 }),
  sites: Object.fromEntries(Object.entries(sites).map(([code, part]) => [code, at(part)])),
});

test("the site with the most free units comes first", () => {
  const tea = stock("TEA", { OSA1: { free: 3 }, TYO1: { free: 7 }, AAA1: { free: 3 } });
  assert.deepEqual(bySite(tea).map(([code]) => code), ["TYO1", "AAA1", "OSA1"]);
});

test("free units are not another state: they are part of the sellable ones", () => {
  const units = { sellable: 5, free: 3, reserved: 2, cart: 1, quarantine: 2 };
  assert.equal(unitsIn(units), 7);
  assert.deepEqual(partsOf(units), ["reserved", "quarantine"]);
  assert.deepEqual(shownStates(units), ["sellable", "reserved", "cart", "quarantine"]);
});

test("lines are told anew in their places, and none is there twice", () => {
  const lines = [line("A", 1), line("B", 2)];
  const news = renewed(lines, [stock("B", { X: {}, Y: {} }), stock("C", {})]);
  assert.deepEqual(news.map((each) => [each.sku, each.units.free, each.sites]), [["A", 1, 1], ["B", 9, 2]]);
  assert.deepEqual(joined(lines, [line("B", 2), line("C", 3)]).map((each) => each.sku), ["A", "B", "C"]);
});

const frame: Frame = { width: 110, height: 60, left: 10, right: 0, top: 10, bottom: 0, days: 2, most: 10 };

test("a curve is flat over each day and steps between them", () => {
  assert.equal(outline(frame, [0, 10]), "M10.0 60.0H60.0L60.0 10.0H110.0");
  assert.equal(area(frame, [10, 10]), "M10.0 10.0H60.0L60.0 10.0H110.0V60.0H10.0Z");
});

test("scales are round and dates do not run together", () => {
  assert.deepEqual([0, 1, 3, 11, 600, 801].map(ceiling), [1, 1, 4, 20, 600, 1000]);
  assert.deepEqual([7, 28, 120].map((days) => everyDays(days, 8)), [1, 7, 28]);
});

test("the day of a supply is that of its site", () => {
  assert.equal(dayOf("2026-11-27T16:00:00Z", "2026-11-27", "Asia/Tokyo"), 1);
  assert.equal(dayOf("2026-11-27T16:00:00Z", "2026-11-27", "Europe/London"), 0);
  assert.equal(dayOf("2026-11-01T16:00:00Z", "2026-11-27", "Asia/Tokyo"), 0);
});

test("a map is true to direction; rings are round", () => {
  const here = { latitude: 35, longitude: 139 };
  assert.ok(Math.abs(bearing(here, { latitude: 36, longitude: 139 })) < 1e-9);
  const place = { latitude: 35, longitude: 140, distance_m: 25 } as Parameters<typeof onMap>[1];
  const [x, y] = onMap(here, place, 100);
  assert.ok(Math.abs(x - 0.5) < 0.01 && Math.abs(y) < 0.01);
  const far = (distance_m: number) => [{ ...place, distance_m }];
  assert.deepEqual(rings(far(1800)), [500, 2000]);
  assert.deepEqual(rings(far(401_000)), [125_000, 500_000]);
});
