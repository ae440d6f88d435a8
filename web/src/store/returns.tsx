/**
 * Taking back at the counter: order -> which goods -> why -> how they look -> what becomes of them.
 *
 * What becomes of them is the rule's to say, and money goes back by itself, to where it came from:
 * the amount is shown, and cannot be typed.
 */
import { signal } from "@preact/signals";
import { get, post } from "../core/api.ts";
import { lang, t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import { newId } from "../handheld/ids.ts";
import { session } from "../handheld/session.ts";
import { feel } from "../handheld/tone.ts";
import { Entry, Scan } from "./entry.tsx";
import { Picture } from "./one.tsx";
import { at, away, busy, failure, tried } from "./state.ts";

export const REASONS = ["SIZE", "CHANGED_MIND", "NOT_AS_DESCRIBED", "DEFECTIVE", "DAMAGED", "WRONG_ITEM", "LATE", "OTHER"] as const;
export const GRADES = ["A", "B", "C", "D"] as const;

interface OfOrder {
  order_id: string;
  number: string;
  lines: { line_no: number; sku: string; name_en: string; name_ja: string; units: number; returnable: number; image?: string | null }[];
}
interface Back {
  units: number;
  reason: string;
  grade: string;
}
interface Taken {
  return_id: string;
  state: string;
  lines: { line_no: number; units: number; grade: string; disposition: string }[];
  refunds: { tender: string; amount_minor: number; currency: string; state: string }[];
}

const order = signal<OfOrder | null>(null);
const back = signal<ReadonlyMap<number, Back>>(new Map());
const taken = signal<Taken | null>(null);
let return_id = "";

function again(): void {
  order.value = null;
  taken.value = null;
  back.value = new Map();
  failure.value = null;
}

export async function findOrder(code: string): Promise<void> {
  again();
  const found = await tried(() => get<OfOrder>(at(`/returns?${new URLSearchParams({ code })}`), session.value));
  if (!found) return feel("wrong");
  feel("ok");
  return_id = newId(Date.now()); // one a visit: sent again, it is the same return
  order.value = found;
  const one = found.lines.filter((line) => line.returnable > 0);
  if (one.length === 1 && one[0]?.returnable === 1) set(one[0].line_no, { units: 1 });
}

function set(line_no: number, part: Partial<Back>): void {
  const before = back.value.get(line_no) ?? { units: 0, reason: "", grade: "" };
  back.value = new Map(back.value).set(line_no, { ...before, ...part });
}

async function send(): Promise<void> {
  const now = order.value;
  if (!now) return;
  const lines = [...back.value].filter(([, each]) => each.units > 0).map(([line_no, each]) => ({ line_no, ...each }));
  const body = { return_id, order: now.number, lines };
  const answer = await tried(() => post<Taken>(at("/returns"), body, session.value));
  if (!answer) return feel("wrong");
  feel("task");
  taken.value = answer;
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

function OneLine({ line }: { line: OfOrder["lines"][number] }) {
  const mine = back.value.get(line.line_no) ?? { units: 0, reason: "", grade: "" };
  const name = (lang.value === "ja" ? line.name_ja : line.name_en) || line.sku;
  return (
    <li data-line={line.line_no}>
      {line.image ? <img src={line.image} alt="" /> : <Picture sku={line.sku} />}
      <span class="what">
        <b>{name}</b>
        <small>{line.returnable > 0 ? t("store.can_return", { units: line.returnable }) : t("store.cannot_return")}</small>
      </span>
      <span class="stepper">
        <button type="button" aria-label={t("track.fewer")} disabled={mine.units === 0} onClick={() => set(line.line_no, { units: mine.units - 1 })}>
          −
        </button>
        <output class="num">{mine.units}</output>
        <button
          type="button"
          aria-label={t("track.more")}
          disabled={mine.units >= line.returnable}
          onClick={() => set(line.line_no, { units: mine.units + 1 })}
        >
          +
        </button>
      </span>
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
        </>
      )}
    </li>
  );
}

function Settled({ taken: now }: { taken: Taken }) {
  return (
    <section class="counter" data-testid="settled">
      <div class="done">
        <i aria-hidden="true">✔</i>
        <p>{t("store.taken_back")}</p>
      </div>
      <h3>{t("store.where_to")}</h3>
      <dl class="facts">
        {now.lines.map((line) => (
          <div key={line.line_no} data-disposition={line.disposition}>
            <dt>
              ×{line.units} · {line.grade} {word("choice", line.grade)}
            </dt>
            <dd>{word("disposition", line.disposition)}</dd>
          </div>
        ))}
      </dl>
      <div class="refund">
        <h3>{t("store.refund")}</h3>
        {now.refunds.length === 0 && <p>{t("store.no_refund")}</p>}
        {now.refunds.map((refund) => (
          <p key={`${refund.tender} ${refund.amount_minor}`}>
            <span class="sum num">{money(refund.amount_minor, refund.currency)}</span> <span>{word("tender", refund.tender)}</span>{" "}
            <small>{word("refund_state", refund.state)}</small>
          </p>
        ))}
        <small>{t("store.original_only")}</small>
      </div>
      <button type="button" class="main" onClick={again}>
        {t("store.next_customer")}
      </button>
    </section>
  );
}
