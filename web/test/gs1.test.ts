/** The small reader of GS1 codes gives the answers of tests/vectors/gs1.json, as wms/work/codes.py does. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { codeOf, elements } from "../src/handheld/gs1.ts";

interface Vector {
  scan: string;
  code: string;
  elements?: Record<string, string>;
}
const vectors = JSON.parse(readFileSync(new URL("../../tests/vectors/gs1.json", import.meta.url), "utf8")) as Vector[];

test("a scan means the same as to the server", () => {
  assert.ok(vectors.length > 15);
  for (const { scan, code, elements: known = {} } of vectors) {
    assert.equal(codeOf(scan), code, scan);
    assert.deepEqual(elements(scan), known, scan);
  }
});
