/**
 * Handing over: the customer's QR or code -> the slot, as large as the screen -> the bag -> done.
 *
 * The QR alone says whose bag it is. Six digits do not: then the bag is chosen first. Nothing is
 * given away without the server, which counts wrong codes. What was only reserved is paid at the
 * till before.
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

type Counter =
  | { step: "ask" }
  | { step: "give"; item: Item; code: string | null; till: string; isFetched: boolean }
  | { step: "done"; item: Item };

const counter = signal<Counter>({ step: "ask" });

export function again(): void {
  counter.value = { step: "ask" };
  failure.value = null;
}

/** Straight from the queue: its code is asked for next. */
export function handTo(item: Item): void {
  tab.value = "handover";
  void show(item.id, null);
}

function wrong(code: string, facts: Record<string, string>): void {
  failure.value = { code, facts };
  feel("wrong");
}

/** A code was read or typed: what it means depends on what is asked for. */
export async function present(code: string): Promise<void> {
  const now = counter.value;
  if (now.step === "give") return await take(now, code);
  counter.value = { step: "ask" };
  const known = items.value?.find((item) => item.number === code);
  if (known) return await show(known.id, null);
  if (/^\d{6}$/.test(code)) return wrong("choose_bag_first", { code });
  const found = await tried(() =>
    get<Record<string, string>>(`/api/v1/lookup/${encodeURIComponent(code)}`, session.value),
  );
  if (!found) return feel("wrong");
  if (found["kind"] !== "collection" || !found["id"]) return wrong("no_collection", { code });
  if (found["site"] !== session.value.site) return wrong("other_store", { site: found["site"] ?? "" });
  await show(found["id"], found["code"] === code ? null : code); // a bag's label is nobody's code
}

async function show(id: string, code: string | null): Promise<void> {
  const item = await tried(() => get<Item>(at(`/collections/${id}`), session.value));
  if (!item) return feel("wrong");
  if (item.state !== "READY") return wrong("wrong_collection_state", { state: word("collection", item.state) });
  feel("ok");
  counter.value = { step: "give", item, code, till: "", isFetched: false };
}

/** While a bag is given: its label, or the code that was missing. */
async function take(now: Counter & { step: "give" }, code: string): Promise<void> {
  failure.value = null;
  if (code === now.item.bag) {
    counter.value = { ...now, isFetched: true };
    feel("ok");
    if (now.code) await give();
    return;
  }
  if (now.code) return wrong("wrong_scan", { scanned: code, wanted: now.item.bag ?? "" });
  counter.value = { ...now, code };
  if (!needsTill(now)) await give();
}

function needsTill(now: Counter & { step: "give" }): boolean {
  return now.item.kind === "RESERVE" && now.till === "";
}

async function give(): Promise<void> {
  const now = counter.value;
  if (now.step !== "give" || now.code === null || needsTill(now)) return;
  const { item, code, till } = now;
  const told = await tell(`/collections/${item.id}:hand-over`, { code, till_reference: till });
  if (told === null) {
    feel("wrong");
    if (failure.value?.code === "wrong_pickup_code") counter.value = { ...now, code: null };
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
      <Scan say={t("store.scan_code")} />
      <Entry name="code" label={t("store.code_or_number")} go={t("h.ok")} done={(code) => void present(code)} />
      {away.value && <p class="hint">{t("store.needs_server")}</p>}
      {ready.length > 0 && (
        <>
          <h3>{t("store.or_choose")}</h3>
          <div class="choices">
            {ready.map((item) => (
              <button key={item.id} type="button" class="line" data-ready={item.number} onClick={() => void show(item.id, null)}>
                <b>{item.number}</b> <small>{goodsOf(item)}</small>
              </button>
            ))}
          </div>
        </>
      )}
    </section>
  );
}

function Give({ now }: { now: Counter & { step: "give" } }) {
  const { item, code, till, isFetched } = now;
  return (
    <section class="counter" data-testid="give">
      <p class="slot">
        <small>{t("store.fetch_from")}</small>
        <b data-testid="slot">{item.shelf ?? "—"}</b>
        <small>
          {word("store_kind", item.kind)} {item.number}
        </small>
      </p>
      <ul class="goods">
        {item.lines.map((line, place) => (
          <Goods key={place} line={{ ...line, place: null }} />
        ))}
      </ul>
      {item.kind === "RESERVE" && (
        <>
          <h3>{till ? `✓ ${t("store.receipt")}: ${till}` : t("store.till")}</h3>
          {!till && <Entry name="till" label={t("store.receipt")} go={t("h.ok")} done={(text) => (counter.value = { ...now, till: text })} />}
        </>
      )}
      {code === null ? (
        <>
          <h3>{t("store.scan_code")}</h3>
          <Entry name="code" label={t("store.six_digits")} go={t("h.ok")} mode="numeric" done={(text) => void present(text)} />
        </>
      ) : (
        <button
          type="button"
          class="main"
          data-testid="given"
          disabled={busy.value || away.value || needsTill(now)}
          onClick={() => void give()}
        >
          {t("store.given")}
        </button>
      )}
      {item.bag && (
        <p class="hint">
          {isFetched ? "✓" : t("store.scan_bag")} <b class="code">{item.bag}</b>
        </p>
      )}
      {away.value && <p class="hint">{t("store.needs_server")}</p>}
      <button type="button" class="second" onClick={again}>
        {t("h.back")}
      </button>
    </section>
  );
}

function Done({ item }: { item: Item }) {
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
