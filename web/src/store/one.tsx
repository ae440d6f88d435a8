/** One thing of the queue: its lines with pictures and places, and what can be done with it. */
import { useSignal } from "@preact/signals";
import { clock, day, t, word } from "../core/i18n.ts";
import type { Packet } from "../handheld/packet.ts";
import { session } from "../handheld/session.ts";
import { workOff, workOn } from "../handheld/work.ts";
import { handTo } from "./handover.tsx";
import { nameOf, Timer } from "./list.tsx";
import { Picture } from "./picture.tsx";
import { type Act, actsOf, isBegun, type Item, type Line } from "./queue.ts";
import { findOrder } from "./returns.tsx";
import { away, busy, chosen, failure, readQueue, tab, tell } from "./state.ts";

const REASONS = ["not_found", "damaged", "display_only", "too_busy", "closed"] as const;

export function OneItem({ item }: { item: Item }) {
  const rejecting = useSignal(false);
  return (
    <article class="one" data-testid="one" data-state={item.state}>
      <button type="button" class="back" onClick={() => (chosen.value = null)}>
        ‹ {t("h.back")}
      </button>
      <header>
        <Timer item={item} />
        <h2>
          <small>{word("store_kind", item.kind)}</small> {item.number}
        </h2>
        <p class="state">
          {word("collection", item.state)}
          {item.shelf && ` · ${t("fact.slot")} ${item.shelf}`}
        </p>
      </header>
      {rejecting.value ? (
        <Reject item={item} close={() => (rejecting.value = false)} />
      ) : (
        <>
          {item.keep_until && item.state === "READY" && (
            <p class="hint">{t("store.keep_until", { at: `${day(Date.parse(item.keep_until))} ${clock(Date.parse(item.keep_until), undefined, false)}` })}</p>
          )}
          <ul class="goods">
            {item.lines.map((line, place) => (
              <Goods key={`${line.line_no} ${place}`} line={line} />
            ))}
          </ul>
          <Acts item={item} reject={() => (rejecting.value = true)} />
        </>
      )}
    </article>
  );
}

export function Goods({ line }: { line: Line }) {
  return (
    <li>
      {line.image ? <img src={line.image} alt="" /> : <Picture sku={line.sku} />}
      <span>
        <b>{nameOf(line)}</b>
        <small>{line.sku}</small>
      </span>
      {line.state === "ON_ITS_WAY" && <span class="place">{word("collection", "WAITING")}</span>}
      {line.place && (
        <span class="place">
          <small>{t("fact.location")}</small>
          {line.place}
        </span>
      )}
      <b class="units num">×{line.units}</b>
    </li>
  );
}

function Acts({ item, reject }: { item: Item; reject: () => void }) {
  const acts = actsOf(item);
  const act = async (name: Act): Promise<void> => {
    if (name === "reject") return reject();
    if (name === "hand-over") return handTo(item);
    if (name === "prepare") return await prepare(item);
    if (name === "put-back") return await go(["floor"]);
    await tell(pathOf(item, name), {});
    await readQueue();
  };
  if (item.kind === "RETURN") {
    return (
      <div class="acts">
        <button type="button" class="main" data-act="take-in" disabled={busy.value || away.value} onClick={() => takeIn(item)}>
          {t("store.take_in")}
        </button>
      </div>
    );
  }
  if (acts.length === 0) return <p class="hint">{word("store_hint", item.state)}</p>;
  return (
    <div class="acts">
      {acts.map((name, place) => (
        <button
          key={name}
          type="button"
          class={place === 0 ? "main" : ""}
          data-act={name}
          disabled={busy.value || away.value}
          onClick={() => void act(name)}
        >
          {name === "prepare" && isBegun(item) ? t("store.go_on") : word("store_act", name)}
        </button>
      ))}
    </div>
  );
}

/** It is here: what came is looked at on the tab of returns. */
function takeIn(item: Item): void {
  chosen.value = null;
  tab.value = "returns";
  void findOrder(`SOKO-R-${item.id}`);
}

function pathOf(item: Item, act: string): string {
  return item.kind === "SHIP" ? `/ships/${item.order_id}:${act}` : `/collections/${item.id}:${act}`;
}

/** The goods are taken with the packet screen, as in the warehouse; then back to the queue. */
async function prepare(item: Item): Promise<void> {
  if (item.kind === "SHIP") return await go(["pick", "pack", "handoff", "load"]);
  const told = await tell<{ packet_id: string; packet: Packet | null }>(pathOf(item, "prepare"), {});
  if (!told) return;
  if (told.packet) await workOn(told.packet, home);
  else failure.value = { code: "in_other_hands", facts: {} };
}

async function go(kinds: string[]): Promise<void> {
  await workOff({ site: session.value.site, station: "", kinds }, home);
}

function home(): void {
  tab.value = "queue";
  chosen.value = null;
  void readQueue();
}

function Reject({ item, close }: { item: Item; close: () => void }) {
  const all = [...new Set(item.lines.map((line) => line.line_no))];
  const out = useSignal<readonly number[]>(all);
  const turn = (line_no: number): void => {
    const now = out.value;
    out.value = now.includes(line_no) ? now.filter((each) => each !== line_no) : [...now, line_no];
  };
  const send = async (reason: string): Promise<void> => {
    const lines = out.value.length === all.length ? [] : out.value; // none named: all of it
    await tell(pathOf(item, "reject"), { lines, reason });
    if (failure.value) return;
    close();
    chosen.value = null;
    await readQueue();
  };
  return (
    <section class="reject">
      {all.length > 1 && item.kind !== "SHIP" && (
        <>
          <h3>{t("store.reject_which")}</h3>
          <div class="choices">
            {item.lines.map((line, place) => (
              <button
                key={place}
                type="button"
                class="line"
                aria-pressed={out.value.includes(line.line_no)}
                onClick={() => turn(line.line_no)}
              >
                <i aria-hidden="true">{out.value.includes(line.line_no) ? "☑" : "☐"}</i> {nameOf(line)} ×{line.units}
              </button>
            ))}
          </div>
        </>
      )}
      <h3>{t("store.reject_why")}</h3>
      <div class="choices">
        {REASONS.map((reason) => (
          <button
            key={reason}
            type="button"
            data-reason={reason}
            disabled={busy.value || away.value || out.value.length === 0}
            onClick={() => void send(reason)}
          >
            {word("store_reason", reason)}
          </button>
        ))}
      </div>
      <p class="hint">{t("store.reject_then")}</p>
      <button type="button" class="back-out" onClick={close}>
        {t("h.back")}
      </button>
    </section>
  );
}
