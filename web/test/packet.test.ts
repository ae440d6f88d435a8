/** The reducer gives the answers of tests/vectors/packets; wms/work/packet.py gives the same. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { type Packet, reduce, type WorkEvent } from "../src/handheld/packet.ts";

const folder = new URL("../../tests/vectors/packets/", import.meta.url);

interface Vector {
  name: string;
  packet: Packet;
  events: {
    event: WorkEvent;
    result: string;
    after: { step: string | null; done: number; counts: Record<string, number> } & Partial<Packet>;
  }[];
}

for (const file of readdirSync(folder).filter((each) => each.endsWith(".json"))) {
  const vector = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Vector;
  test(`packet ${vector.name}`, () => {
    let packet = vector.packet;
    vector.events.forEach(({ event, result, after }, index) => {
      const outcome = reduce(packet, event);
      const where = `event ${index + 1} of ${file}`;
      assert.equal(outcome.problem?.code ?? "accepted", result, where);
      packet = outcome.packet ?? packet;
      const { step, counts, progress, choices, later = [] } = packet;
      const shown = { step, done: progress.done, counts, choices, later };
      assert.deepEqual(shown, { choices, later: [], ...after }, where);
    });
  });
}

test("there are vectors", () => {
  assert.ok(readdirSync(folder).length >= 4);
});
