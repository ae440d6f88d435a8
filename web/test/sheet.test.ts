import assert from "node:assert/strict";
import { test } from "node:test";
import { blankOf, type Edited, fileOf, isChanged, isSingle, type Kind, numbered, raised, rowsOf, shown, titled, toSend, without } from "../src/core/sheet.ts";

const column = (name: string, more: object = {}) => ({
  name, ja: name, needed: false, key: false, form: "text" as const, choices: [], many: false, usual: "", ...more,
});
const RULES: Kind = {
  name: "pack-rules", ja: "", whole: true, gone: ["active", "no"],
  columns: [
    column("site", { key: true, needed: true }), column("code", { key: true, needed: true }), column("place", { form: "number", usual: "" }),
    column("text"), column("active", { form: "tick", usual: "yes" }),
  ],
};
const KITS: Kind = {
  name: "kits", ja: "", whole: false, gone: ["units", 0],
  columns: [column("kit", { key: true, needed: true }), column("units", { form: "number", usual: null })],
};
const FIXED = { site: "TYO1" };
const there = rowsOf(RULES, [["TYO1", "A", 1, "", "yes"], ["TYO1", "B", 2, "=x", "yes"]]);
const rows: Edited[] = there.map((was) => ({ was, will: was }));

test("nothing is sent while nothing is different; a whole table is sent whole", () => {
  assert.deepEqual(toSend(RULES, rows, 2), []);
  const turned = raised(rows, 1);
  assert.deepEqual(numbered(RULES, turned).map(({ will }) => [will["code"], will["place"]]), [["B", "1"], ["A", "2"]]);
  assert.equal(toSend(RULES, turned, 2).length, 2);
  assert.deepEqual(raised(rows, 0), rows);
  const fewer = without(RULES, rows, 1);
  assert.equal(toSend(RULES, fewer ?? [], 2).length, 1);
});

test("the last row of a whole table says that it is gone; one that has no word for it stays", () => {
  const last = without(RULES, rows.slice(0, 1), 0);
  assert.deepEqual(last?.map(({ will }) => will["active"]), ["no"]);
  assert.equal(without({ ...RULES, gone: null }, rows.slice(0, 1), 0), null);
});

test("of a table that is not whole only what changed is sent, and a part goes by its units", () => {
  const [one, two] = rowsOf(KITS, [["A", 2], ["B", 1]]).map((was): Edited => ({ was, will: was }));
  assert.ok(one && two);
  const less = without(KITS, [one, two], 0);
  assert.deepEqual(toSend(KITS, less ?? [], 2).map(({ will }) => will), [{ kit: "A", units: "0" }]);
  const fresh: Edited = { was: null, will: blankOf(KITS, {}) };
  assert.deepEqual(without(KITS, [one, fresh], 1), [one]);
  assert.ok(isChanged(fresh));
});

test("a file is what stands there: quoted, and harmless to a spreadsheet", () => {
  const file = fileOf(RULES, [{ site: "TYO1", code: "A", place: "1", text: 'say "hi", あ', active: "yes" }, there[1] ?? {}]);
  assert.equal(file, "site,code,place,text,active\r\nTYO1,A,1,\"say \"\"hi\"\", あ\",yes\r\nTYO1,B,2,'=x,yes");
});

test("where one row is all there can be, it can be seen and opened", () => {
  const counts: Kind = { ...KITS, columns: [column("site", { key: true, needed: true }), column("capacity", { usual: 50 })] };
  const rows = rowsOf(counts, [["TYO1", 50]]);
  assert.deepEqual(shown(counts, rows, FIXED).map(({ name }) => name), ["capacity"]);
  assert.ok(isSingle(counts, FIXED) && !isSingle(RULES, FIXED));
});

test("a list shows what tells rows apart", () => {
  assert.deepEqual(shown(RULES, there, FIXED).map(({ name }) => name), ["code", "text"]);
  assert.deepEqual(["weight_from_g", "days_a", "worth_min_minor", "skus", "dpi"].map(titled), ["Weight from (g)", "Days A", "Worth min (¥)", "Skus", "Dpi"]);
});
