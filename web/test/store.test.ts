/** The store's queue: timers, order, groups, and what can be done. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { actsOf, countdown, grouped, inOrder, type Item, mood, SIGNS } from "../src/store/queue.ts";

const item = (number: string, late_in_s: number | null, state = "TO_ACCEPT"): Item => ({
  id: number,
  kind: "COLLECT",
  number,
  order_id: number,
  state,
  promised_by: null,
  late_in_s,
  lines: [],
  bag: null,
  shelf: null,
  keep_until: null,
});

test("what is late comes first, what has no promise last, equals by number", () => {
  const all = [item("D", null), item("B", 60), item("A", 60), item("C", -5)];
  assert.deepEqual(inOrder(all).map((each) => each.number), ["C", "A", "B", "D"]);
});

test("a timer runs on between two answers of the server", () => {
  const soon = item("A", 31 * 60);
  assert.equal(mood(soon, 0), "calm");
  assert.equal(mood(soon, 61), "soon");
  assert.equal(mood(soon, 31 * 60 + 1), "late");
});

test("what waits for goods or for its customer is never late", () => {
  assert.equal(mood(item("A", -900, "READY"), 0), "ready");
  assert.equal(mood(item("A", -900, "WAITING"), 0), "waiting");
  assert.equal(mood(item("A", null), 0), "none");
});

test("no two moods have the same sign", () => {
  assert.equal(new Set(Object.values(SIGNS)).size, Object.keys(SIGNS).length);
});

test("groups are in the order of urgency; empty ones are left out", () => {
  const all = [item("A", null, "WAITING"), item("B", 5), item("C", 1, "READY"), item("D", 2)];
  assert.deepEqual(
    grouped(all).map(([group, some]) => [group, some.map((each) => each.number)]),
    [["todo", ["D", "B"]], ["ready", ["C"]], ["waiting", ["A"]]],
  );
  assert.deepEqual(grouped([]), []);
});

test("what has ended can be done nothing with", () => {
  assert.deepEqual(actsOf(item("A", 0)), ["accept", "reject"]);
  assert.deepEqual(actsOf(item("A", 0, "HANDED_OVER")), []);
});

test("a countdown goes on after zero, with a sign", () => {
  assert.deepEqual([3725, 65, 0, -1, -3600].map(countdown), ["1:02:05", "1:05", "0:00", "+0:01", "+1:00:00"]);
});
