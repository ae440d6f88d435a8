/**
 * Taking back at the counter: order -> which goods -> why -> how they look -> what becomes of them.
 *
 * What becomes of them is the rule's to say, and money goes back by itself, to where it came from:
 * the amount is shown, and cannot be typed.
 */
import { signal, useSignal } from "@preact/signals";
import { ApiError, get, post } from "../core/api.ts";
import { t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import { newId } from "../handheld/ids.ts";
import { session } from "../handheld/session.ts";
import { feel } from "../handheld/tone.ts";
import type { Availability } from "../stock/rows.ts";
import type { Tracking } from "../track/order.ts";
import { Entry, Scan } from "./entry.tsx";
import { nameOf } from "./list.tsx";
import { Picture } from "./picture.tsx";
import { type Candidate, search } from "./seek.tsx";
import { at, away, busy, failure, tried } from "./state.ts";

export const REASONS = ["SIZE", "CHANGED_MIND", "NOT_AS_DESCRIBED", "DEFECTIVE", "DAMAGED", "WRONG_ITEM", "LATE", "OTHER"] as const;
export const GRADES = ["A", "B", "C", "D"] as const;

interface Line {
  line_no: number;
  sku: string;
  name: string;
  left: number;
  reason: string;
  price_minor?: number; // where it was told: only then can it be exchanged here
}
/** What may come back: `name` is how the server is told of the order. */
interface OfOrder {
  id: string | null;
  name: string;
  number: string;
  lines: Line[];
}
interface Back {
  units: number;
  reason: string;
  grade: string;
  instead: string; // the SKU that the customer wants for it; "": the money
}
interface ReturnOut {
  id: string;
  number: string;
  order_id: string | null;
  refund_minor: number;
  currency: string;
  exchange_id: string | null;
  lines: { line_no: number; sku: string; units: number; units_received: number; reason: string; grade: string | null; disposition: string | null }[];
}
interface Refunds {
  tenders: { id: string; kind: string }[];
  refunds: { id: string; tender_id: string; amount_minor: number; cause_id: string; state: string }[];
}
interface Taken {
  back: ReturnOut;
  refunds: { id: string; kind: string; minor: number; state: string }[];
}

const RETURN = /^SOKO-R-([0-9a-f-]{36})$/i;
const TRACK = /\/t\/([\w-]+)/;

const order = signal<OfOrder | null>(null);
const back = signal<ReadonlyMap<number, Back>>(new Map());
const taken = signal<Taken | null>(null);
const collect = signal(true); // what is wanted instead: fetched here, or sent home
let return_id = "";
let exchange_id = "";
const NONE: Back = { units: 0, reason: "", grade: "", instead: "" };

function again(): void {
  order.value = null;
  taken.value = null;
  back.value = new Map();
  failure.value = null;
  exchange_id = "";
}

/** An order's number, the customer's tracking page, or the QR of a return. */
export async function findOrder(code: string): Promise<void> {
  again();
  return_id = newId(Date.now()); // one a visit: sent again, it is the same return
  const asked = RETURN.exec(code)?.[1];
  const token = TRACK.exec(code)?.[1];
  const found = await tried(() => (asked ? announced(asked) : token ? tracked(token) : numbered(code)));
  if (!found) return feel("wrong");
  feel("ok");
  order.value = found;
  const could = found.lines.filter((line) => line.left > 0);
  const only = could.length === 1 ? could[0] : undefined;
  if (asked) for (const line of could) set(line.line_no, { units: line.left, reason: line.reason });
  else if (only?.left === 1) set(only.line_no, { units: 1 });
  await name();
}

/** What was registered before it was brought. */
async function announced(id: string): Promise<OfOrder> {
  const known = await get<ReturnOut>(`/oms/v1/returns/${id}`);
  return_id = known.id;
  const lines = known.lines.map((line) => ({ ...line, name: "", left: line.units - line.units_received }));
  return { id: known.order_id, name: known.order_id ?? "", number: known.number, lines };
}

async function tracked(token: string): Promise<OfOrder> {
  const known = await get<Tracking>(`/track/v1/${token}`);
  const lines = known.lines.map((line) => ({ ...line, name: nameOf(line), left: line.returnable, reason: "" }));
  const priced = await numbered(known.number).catch(() => null); // several may have that number: then no exchange
  const prices = new Map(priced?.lines.map((line) => [line.line_no, line]));
  return { id: null, name: token, number: known.number, lines: lines.map((line) => ({ ...prices.get(line.line_no), ...line })) };
}

async function numbered(number: string): Promise<OfOrder> {
  const known = await get<Record<string, string>>(`/api/v1/lookup/${encodeURIComponent(number)}`, session.value);
  const id = known["id"];
  if (known["kind"] !== "order" || !id) throw new ApiError(404, "not_an_order", { code: number });
  const of = await get<{ lines: { line_no: number; sku: string; units_left: number; price_minor: number }[] }>(`/oms/v1/orders/${id}/returns`);
  const lines = of.lines.map(({ units_left, ...line }) => ({ ...line, name: "", left: units_left, reason: "" }));
  return { id, name: id, number, lines };
}

/** Names, where only codes were told; without an answer the codes will do. */
async function name(): Promise<void> {
  const skus = (order.value?.lines ?? []).filter((line) => !line.name).map((line) => line.sku);
  if (skus.length === 0) return;
  const query = new URLSearchParams(skus.map((sku) => ["sku", sku]));
  const known = await get<Availability>(`/v1/availability?${query}`).catch(() => null);
  const names = new Map((known?.skus ?? []).map((each) => [each.sku, nameOf(each)]));
  const now = order.value;
  if (now) order.value = { ...now, lines: now.lines.map((line) => ({ ...line, name: line.name || (names.get(line.sku) ?? "") })) };
}

function set(line_no: number, part: Partial<Back>): void {
  const before = back.value.get(line_no) ?? NONE;
  back.value = new Map(back.value).set(line_no, { ...before, ...part });
}

/** The order that replaces what comes back, unit for unit at the same price; null: nothing is replaced. */
function insteadOf(now: OfOrder): Record<string, unknown> | null {
  const lines = [...back.value].flatMap(([line_no, each]) => {
    const price_minor = now.lines.find((line) => line.line_no === line_no)?.price_minor;
    return each.units > 0 && each.instead && price_minor !== undefined ? [{ line_no, sku: each.instead, units: each.units, price_minor }] : [];
  });
  if (lines.length === 0) return null;
  exchange_id ||= newId(Date.now());
  return { order_id: exchange_id, number: `${now.number}-X`, lines, ...(collect.value ? { to_site: session.value.site } : {}) };
}

async function send(): Promise<void> {
  const now = order.value;
  if (!now) return;
  const some = [...back.value].filter(([, each]) => each.units > 0);
  const lines = some.map(([line_no, { units, reason, grade }]) => ({ line_no, units, reason, grade }));
  const body = { return_id, order: now.name, lines, exchange: insteadOf(now) };
  const answer = await tried(() => post<ReturnOut>(at("/returns"), body, session.value));
  if (!answer) return feel("wrong");
  feel("task");
  taken.value = { back: answer, refunds: await refundsOf(answer) };
}

/** To where the money goes; without an answer only the sum is shown. */
async function refundsOf({ id, order_id }: ReturnOut): Promise<Taken["refunds"]> {
  const known = await get<Refunds>(`/oms/v1/orders/${order_id}/refunds`).catch(() => null);
  const kinds = new Map((known?.tenders ?? []).map((tender) => [tender.id, tender.kind]));
  return (known?.refunds ?? [])
    .filter((refund) => refund.cause_id === id)
    .map((refund) => ({ id: refund.id, kind: kinds.get(refund.tender_id) ?? "", minor: refund.amount_minor, state: refund.state }));
}

export function Returns() {
  const now = order.value;
  if (taken.value) return <Settled taken={taken.value} />;
  if (now) return <Choose order={now} />;
  return (
    <section class="counter">
      <h2 class="unseen">{word("store_tab", "returns")}</h2>
      <Scan say={t("store.scan_return")} />
      <Entry name="order" label={t("store.order_or_qr")} go={t("h.ok")} done={(code) => void findOrder(code)} />
      {away.value && <p class="hint">{t("store.needs_server")}</p>}
    </section>
  );
}

function Choose({ order: now }: { order: OfOrder }) {
  const some = [...back.value.values()].filter((each) => each.units > 0);
  const whole = some.length > 0 && some.every((each) => each.reason && each.grade);
  return (
    <section class="counter" data-testid="return">
      <h3>
        {t("store.return_of")} {now.number}
      </h3>
      <ul class="lines">
        {now.lines.map((line) => (
          <OneLine key={line.line_no} line={line} />
        ))}
      </ul>
      <button type="button" class="main" data-testid="take" disabled={!whole || busy.value || away.value} onClick={() => void send()}>
        {t("store.take_back")}
      </button>
      <button type="button" class="second" onClick={again}>
        {t("h.back")}
      </button>
    </section>
  );
}

function OneLine({ line }: { line: Line }) {
  const mine = back.value.get(line.line_no) ?? NONE;
  return (
    <li data-line={line.line_no}>
      <Picture sku={line.sku} />
      <span class="what">
        <b>{line.name || line.sku}</b>
        <small>{line.left > 0 ? t("store.can_return", { units: line.left }) : t("store.cannot_return")}</small>
      </span>
      {line.left > 0 && <span class="stepper">
        <button type="button" aria-label={t("track.fewer")} disabled={mine.units === 0} onClick={() => set(line.line_no, { units: mine.units - 1 })}>
          −
        </button>
        <output class="num">{mine.units}</output>
        <button
          type="button"
          aria-label={t("track.more")}
          disabled={mine.units >= line.left}
          onClick={() => set(line.line_no, { units: mine.units + 1 })}
        >
          +
        </button>
      </span>}
      {mine.units > 0 && (
        <>
          <div class="choices" role="group" aria-label={t("store.return_why")}>
            {REASONS.map((reason) => (
              <button key={reason} type="button" data-reason={reason} aria-pressed={mine.reason === reason} onClick={() => set(line.line_no, { reason })}>
                {word("return_reason", reason)}
              </button>
            ))}
          </div>
          <div class="choices grades" role="group" aria-label={t("store.grade")}>
            {GRADES.map((grade) => (
              <button key={grade} type="button" data-grade={grade} aria-pressed={mine.grade === grade} onClick={() => set(line.line_no, { grade })}>
                <b>{grade}</b>
                {word("choice", grade)}
              </button>
            ))}
          </div>
          {line.price_minor !== undefined && <Instead line={line} mine={mine} />}
        </>
      )}
    </li>
  );
}

/** The money, or another one at the same price: which, and whether there is one. */
function Instead({ line, mine }: { line: Line; mine: Back }) {
  const found = useSignal<readonly Candidate[] | null>(null);
  const wants = useSignal(mine.instead !== "");
  const seek = async (text: string): Promise<void> => {
    found.value = await tried(() => search(text));
  };
  const begin = (): void => {
    wants.value = true;
    if (found.value === null) void seek(line.sku.replace(/[-_][^-_]*$/, "")); // others of its kind are called alike
  };
  return (
    <div class="instead" data-testid="instead">
      <div class="choices" role="group" aria-label={t("store.instead")}>
        <button
          type="button"
          data-way="money"
          aria-pressed={!wants.value}
          onClick={() => {
            wants.value = false;
            set(line.line_no, { instead: "" });
          }}
        >
          {t("store.refund")}
        </button>
        <button type="button" data-way="goods" aria-pressed={wants.value} onClick={begin}>
          {t("store.instead")}
        </button>
      </div>
      {wants.value && (
        <>
          <Entry name="instead" label={t("stock.search")} go={t("store.search")} mode="search" done={(text) => void seek(text)} />
          <div class="choices" role="group" aria-label={t("store.scan_sku")}>
            {(found.value ?? []).map((each) => (
              <button key={each.sku} type="button" class="line" data-instead={each.sku} aria-pressed={mine.instead === each.sku} onClick={() => set(line.line_no, { instead: each.sku })}>
                <b>{nameOf(each)}</b> <small>{each.sku}</small>
              </button>
            ))}
          </div>
          <div class="choices" role="group" aria-label={t("store.where_to")}>
            {[true, false].map((here) => (
              <button key={String(here)} type="button" data-to={here ? "HERE" : "HOME"} aria-pressed={collect.value === here} onClick={() => (collect.value = here)}>
                {t(here ? "store.fetch_here" : "store.send_home")}
              </button>
            ))}
          </div>
        </>
      )}
    </div>
  );
}

function Settled({ taken: { back: now, refunds } }: { taken: Taken }) {
  return (
    <section class="counter" data-testid="settled">
      <div class="done">
        <i aria-hidden="true">✔</i>
        <p>{t("store.taken_back")}</p>
      </div>
      <h3>{t("store.where_to")}</h3>
      <dl class="facts">
        {now.lines
          .filter((line) => line.units_received > 0)
          .map((line) => (
            <div key={line.line_no} data-disposition={line.disposition}>
              <dt>
                {line.sku} ×{line.units_received}
                {line.grade && ` · ${line.grade} ${word("choice", line.grade)}`}
              </dt>
              <dd>{line.disposition && word("disposition", line.disposition)}</dd>
            </div>
          ))}
      </dl>
      {now.exchange_id && (
        <p class="refund" data-testid="exchanged">
          ✓ {t(collect.value ? "store.exchanged_here" : "store.exchanged_home")}
        </p>
      )}
      {(now.refund_minor > 0 || !now.exchange_id) && <Refund now={now} refunds={refunds} />}
      <button type="button" class="main" onClick={again}>
        {t("store.next_customer")}
      </button>
    </section>
  );
}

function Refund({ now, refunds }: { now: ReturnOut; refunds: Taken["refunds"] }) {
  return (
    <div class="refund" data-testid="refund">
      <h3>{t("store.refund")}</h3>
      {now.refund_minor === 0 ? (
        <p>{t("store.no_refund")}</p>
      ) : (
        <p class="sum num">{money(now.refund_minor, now.currency)}</p>
      )}
      {refunds.map((refund) => (
        <p key={refund.id}>
          {word("tender", refund.kind)} <b class="num">{money(refund.minor, now.currency)}</b> <small>{word("refund_state", refund.state)}</small>
        </p>
      ))}
      <small>{t("store.original_only")}</small>
    </div>
  );
}
