/** Stock rows become one line a SKU. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bySku, nothing, unitsIn } from "../src/stock/rows.ts";

const row = (sku: string, site: string, part: object) => ({ ...nothing(), sku, site, ...part });

test("rows are summed by SKU; the site with the most free units comes first", () => {
  const [tea, rice] = bySku([
    row("TEA", "OSA1", { sellable: 5, free: 3 }),
    row("RICE", "TYO1", { damaged: 1 }),
    row("TEA", "TYO1", { sellable: 7, reserved: 2, free: 7 }),
  ]);
  assert.equal(tea?.sku, "TEA");
  assert.deepEqual(tea?.sites.map((each) => each.site), ["TYO1", "OSA1"]);
  assert.equal(tea?.total.sellable, 12);
  assert.equal(tea?.total.free, 10);
  assert.equal(rice?.total.damaged, 1);
});

test("free units are not another state: they are part of the sellable ones", () => {
  assert.equal(unitsIn({ ...nothing(), sellable: 5, free: 5, quarantine: 2 }), 7);
});
