/** Bars of a decision's costs, conditions of rules, and a customer's order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inTermOrder, partsOf, scaleOf, sides } from "../src/decisions/costs.ts";
import { conditionsOf, PREFECTURES, type Rule } from "../src/rules/rule.ts";
import { colourOf, hoursOf, inkOn, reached } from "../src/track/order.ts";

test("a bar's parts touch each other, and what is saved lies left of zero", () => {
  const terms = { packing: 50, carrier: 100, markdown: -50 };
  const scale = scaleOf([terms]);
  assert.deepEqual(scale, { span: 200, zero: 0.25 });
  assert.deepEqual(
    partsOf(terms, scale).map(({ term, from, width }) => [term, from, width]),
    [["carrier", 0.25, 0.5], ["packing", 0.75, 0.25], ["markdown", 0, 0.25]],
  );
});

test("terms keep their order, unknown ones come last, and nothing is drawn of nothing", () => {
  assert.deepEqual(inTermOrder({ zebra: 3, late: 1, carrier: 2, co2: 0.2 }).map(([term]) => term), ["carrier", "late", "zebra"]);
});

test("sites that could not be chosen are no bars", () => {
  const site = (code: string, cost_minor: number, feasible: boolean) => ({
    site: code, feasible, cost_minor, terms: {}, ships_on: null, arrives_by: null, late_days: 0, reasons: [],
  });
  const { weighed, out } = sides([site("B", 2, true), site("C", 1, false), site("A", 1, true)]);
  assert.deepEqual([weighed, out].map((some) => some.map((each) => each.site)), [["A", "B"], ["C"]]);
});

const always: Rule = {
  name: "", service: "", objective: "CHEAPEST", among: [], value_from_minor: null, value_to_minor: null,
  weight_from_g: null, weight_to_g: null, size_from_mm: null, size_to_mm: null, recipients: [], senders: [],
  levels: [], cool: null, cod: null, dangerous: null, cost_max_minor: null, co2_max_g: null,
};

test("a rule says all of its conditions, and one without any says none", () => {
  assert.deepEqual(conditionsOf(always), []);
  const rule = { ...always, weight_from_g: 0, weight_to_g: 600, recipients: ["北海道", "沖縄県"], cool: false, cost_max_minor: 900 };
  assert.deepEqual(
    conditionsOf(rule).map((each) => each.name),
    ["weight_between", "recipients", "not_cool", "cost_max"],
  );
});

test("there are 47 prefectures", () => {
  assert.equal(new Set(PREFECTURES.map(([ja]) => ja)).size, 47);
});

test("an order is as far as the last step that was taken", () => {
  assert.equal(reached([{ code: "A", at: "x" }, { code: "B", at: null }, { code: "C", at: "x" }, { code: "D", at: null }]), 2);
  assert.equal(reached([]), -1);
});

test("ink is read on any brand's colour", () => {
  assert.deepEqual(["#000000", "#2f6b4f", "#ffe14d", "#ffffff"].map(inkOn), ["#ffffff", "#ffffff", "#111418", "#111418"]);
  assert.deepEqual(["#1F6feb", "red", "", null].map(colourOf), ["#1F6feb", null, null, null]);
});

test("hours are said in full", () => {
  assert.equal(hoursOf("14-16"), "14:00–16:00");
  assert.equal(hoursOf("am"), null);
});
