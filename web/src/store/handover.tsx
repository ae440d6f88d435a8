/**
 * Handing over: the customer's QR or code -> the slot, as large as the screen -> the bag -> done.
 *
 * The QR alone says whose bag it is. Six digits do not: then the bag is chosen first. Nothing is
 * given away without the server, which counts wrong codes.
 */
import { signal } from "@preact/signals";
import { get } from "../core/api.ts";
import { t, word } from "../core/i18n.ts";
import { session } from "../handheld/session.ts";
import { feel } from "../handheld/tone.ts";
import { Entry, Scan } from "./entry.tsx";
import { goodsOf } from "./list.tsx";
import { Goods } from "./one.tsx";
import { inOrder, type Item } from "./queue.ts";
import { at, away, busy, failure, items, readQueue, tab, tell, tried } from "./state.ts";

/** What is known of a bag when it is asked for at the counter. */
export interface Bag extends Item {
  slot: string | null;
  bag: string | null;
  keep_until?: string | null;
}
type Counter =
  | { step: "ask" }
  | { step: "code"; item: Bag } // chosen from the list: its code is still wanted
  | { step: "give"; item: Bag; code: string; scanned: boolean }
  | { step: "done"; item: Bag };

const counter = signal<Counter>({ step: "ask" });
const QR = /^SOKO-C-/;

export function again(): void {
  counter.value = { step: "ask" };
  failure.value = null;
}

/** Straight from the queue: its code is asked for next. */
export function handTo(item: Item): void {
  tab.value = "handover";
  void choose(item);
}

async function choose(item: Item): Promise<void> {
  const bag = await tried(() => get<Bag>(at(`/collections/${item.id}`), session.value));
  if (bag) counter.value = { step: "code", item: bag };
}

/** A code was read or typed: what it means depends on what is asked for. */
export async function present(code: string): Promise<void> {
  const now = counter.value;
  if (now.step === "give") return scanBag(now, code);
  if (now.step === "code") return await show(now.item, code);
  if (QR.test(code)) {
    const bag = await tried(() => get<Bag>(at(`/collections?${new URLSearchParams({ code })}`), session.value));
    if (bag) return await show(bag, code);
    return feel("wrong");
  }
  const known = items.value?.find((item) => item.number === code);
  if (known) return await choose(known);
  failure.value = { code: "choose_bag_first", facts: { code } };
  feel("wrong");
}

async function show(item: Bag, code: string): Promise<void> {
  counter.value = { step: "give", item, code, scanned: item.bag === null };
  feel("ok");
}

function scanBag(now: Counter & { step: "give" }, code: string): void {
  if (code !== now.item.bag) {
    failure.value = { code: "wrong_scan", facts: { scanned: code, wanted: now.item.bag ?? "" } };
    return feel("wrong");
  }
  failure.value = null;
  counter.value = { ...now, scanned: true };
  void give(now.item, now.code);
}

async function give(item: Bag, code: string): Promise<void> {
  const told = await tell(`/collections/${item.id}:hand-over`, { code });
  if (told === null) {
    feel("wrong");
    return;
  }
  feel("task");
  counter.value = { step: "done", item };
  await readQueue();
}

export function HandOver() {
  const now = counter.value;
  if (now.step === "done") return <Done item={now.item} />;
  if (now.step === "give") return <Give now={now} />;
  const ready = inOrder(items.value ?? []).filter((item) => item.state === "READY" && item.kind !== "SHIP");
  return (
    <section class="counter">
      <h2 class="unseen">{word("store_tab", "handover")}</h2>
      <Scan say={now.step === "code" ? t("store.scan_code_of", { number: now.item.number }) : t("store.scan_code")} />
      <Entry
        name="code"
        label={now.step === "code" ? t("store.six_digits") : t("store.code_or_number")}
        go={t("h.ok")}
        mode={now.step === "code" ? "numeric" : "text"}
        done={(code) => void present(code)}
      />
      {away.value && <p class="hint">{t("store.needs_server")}</p>}
      {now.step === "code" ? (
        <button type="button" class="second" onClick={again}>
          {t("h.back")}
        </button>
      ) : (
        ready.length > 0 && (
          <>
            <h3>{t("store.or_choose")}</h3>
            <div class="choices">
              {ready.map((item) => (
                <button key={item.id} type="button" class="line" data-ready={item.number} onClick={() => void choose(item)}>
                  <b>{item.number}</b> <small>{goodsOf(item)}</small>
                </button>
              ))}
            </div>
          </>
        )
      )}
    </section>
  );
}

function Give({ now }: { now: Counter & { step: "give" } }) {
  const { item, code } = now;
  return (
    <section class="counter" data-testid="give">
      <p class="slot">
        <small>{t("store.fetch_from")}</small>
        <b data-testid="slot">{item.slot ?? t("store.no_slot")}</b>
        <small>
          {word("store_kind", item.kind)} {item.number}
        </small>
      </p>
      <ul class="goods">
        {item.lines.map((line) => (
          <Goods key={line.line_no} line={{ ...line, place: null }} />
        ))}
      </ul>
      {item.bag && <Entry name="bag" label={t("store.scan_bag", { bag: item.bag })} go={t("h.ok")} done={(bag) => scanBag(now, bag)} />}
      <button type="button" class="main" data-testid="given" disabled={busy.value || away.value} onClick={() => void give(item, code)}>
        {t("store.given")}
      </button>
      <button type="button" class="second" onClick={again}>
        {t("h.back")}
      </button>
    </section>
  );
}

function Done({ item }: { item: Bag }) {
  return (
    <section class="counter">
      <div class="done" data-testid="handed">
        <i aria-hidden="true">✔</i>
        <p>{t("store.handed")}</p>
        <small>{item.number}</small>
      </div>
      <button type="button" class="main" onClick={again}>
        {t("store.next_customer")}
      </button>
    </section>
  );
}

