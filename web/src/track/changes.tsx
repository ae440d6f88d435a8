/** What can still be changed, and why the rest no longer can: slot, collection point, end, return. */
import { useSignal } from "@preact/signals";
import { ApiError, post } from "../core/api.ts";
import { lang, maybeWord, t, word } from "../core/i18n.ts";
import { newId } from "../handheld/ids.ts";
import { type Deed, hoursOf, type Tracking } from "./order.ts";
import { named, order, reread, token } from "./page.tsx";

const DEEDS: readonly Deed[] = ["slot", "collection_point", "cancel", "return"];
const PATHS: Record<Deed, string> = {
  slot: "slot",
  collection_point: "collection-point",
  cancel: "cancellation",
  return: "returns",
};
const REASONS = ["SIZE", "CHANGED_MIND", "NOT_AS_DESCRIBED", "DEFECTIVE", "DAMAGED", "WRONG_ITEM", "LATE", "OTHER"] as const;

/** The last wish without an answer: sent again, it is the same wish. */
let command = { asked: "", id: "" };

type Send = (deed: Deed, body: Record<string, unknown>) => Promise<boolean>;

export function Changes({ now }: { now: Tracking }) {
  const open = useSignal<Deed | "">("");
  const said = useSignal<{ good: boolean; text: string } | null>(null);
  const busy = useSignal(false);
  const deeds = DEEDS.filter((deed) => now.allowed[deed] !== undefined);
  if (deeds.length === 0) return null;

  const send: Send = async (deed, body) => {
    busy.value = true;
    try {
      const path = `/track/v1/${encodeURIComponent(token)}/${PATHS[deed]}`;
      const asked = `${path} ${JSON.stringify(body)}`;
      if (command.asked !== asked) command = { asked, id: newId(Date.now()) };
      order.value = await post<Tracking>(path, { command_id: command.id, ...body });
      command = { asked: "", id: "" };
      said.value = { good: true, text: word("track_did", deed) };
      open.value = "";
      return true;
    } catch (error) {
      const code = error instanceof ApiError ? String(error.facts["reason"] ?? error.code) : "no_answer";
      said.value = { good: false, text: maybeWord("track_why", code) ?? t("track.failed") };
      await reread();
      return false;
    } finally {
      busy.value = false;
    }
  };

  return (
    <section class="card changes">
      <h2>{t("track.changes")}</h2>
      {said.value && (
        <p class={said.value.good ? "said" : "said bad"} role="status" data-testid="said">
          <span aria-hidden="true">{said.value.good ? "✓" : "✕"}</span> {said.value.text}
        </p>
      )}
      <ul>
        {deeds.map((deed) => {
          const why = now.allowed[deed] ?? null;
          return (
            <li key={deed} data-deed={deed}>
              <button
                type="button"
                class="deed"
                disabled={why !== null || busy.value}
                aria-expanded={open.value === deed}
                onClick={() => {
                  open.value = open.value === deed ? "" : deed;
                  said.value = null;
                }}
              >
                <b>{word("track_deed", deed)}</b>
                {why === null ? <i aria-hidden="true">{open.value === deed ? "▾" : "▸"}</i> : <small>{word("track_why", why)}</small>}
              </button>
              {open.value === deed && why === null && <Form deed={deed} now={now} send={send} busy={busy.value} />}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

interface FormProps {
  deed: Deed;
  now: Tracking;
  send: Send;
  busy: boolean;
}

function Form({ deed, now, send, busy }: FormProps) {
  if (deed === "slot") return <Slots now={now} send={send} busy={busy} />;
  if (deed === "collection_point") return <Points now={now} send={send} busy={busy} />;
  if (deed === "return") return <Return now={now} send={send} busy={busy} />;
  return (
    <div class="form">
      <p>{t("track.cancel_ask")}</p>
      <button type="button" class="main danger" disabled={busy} onClick={() => void send("cancel", {})}>
        {t("track.cancel_do")}
      </button>
    </div>
  );
}

type Part = Omit<FormProps, "deed">;

function Slots({ now, send, busy }: Part) {
  return (
    <div class="form">
      <div class="tiles">
        {now.slots.map((slot) => (
          <button
            key={slot}
            type="button"
            aria-pressed={now.eta?.slot === slot}
            disabled={busy}
            onClick={() => void send("slot", { slot })}
          >
            {hoursOf(slot) ?? word("track_slot", slot)}
          </button>
        ))}
      </div>
    </div>
  );
}

function Points({ now, send, busy }: Part) {
  return (
    <div class="form">
      <div class="tiles">
        {now.points.map((point) => (
          <button
            key={point.site}
            type="button"
            aria-pressed={now.pickup?.site === point.site}
            disabled={busy}
            onClick={() => void send("collection_point", { site: point.site })}
          >
            <b>{named(point)}</b>
            {lang.value === "ja" && <small>{point.prefecture}</small>}
          </button>
        ))}
      </div>
    </div>
  );
}

/** Which goods, how many, and why; the shop answers with a label or a code. */
function Return({ now, send, busy }: Part) {
  const back = useSignal<Readonly<Record<number, number>>>({});
  const reason = useSignal("");
  const lines = now.lines.filter((line) => line.returnable > 0);
  const set = (line_no: number, units: number): void => {
    back.value = { ...back.value, [line_no]: units };
  };
  const some = Object.entries(back.value).filter(([, units]) => units > 0);
  const go = (): void => {
    const chosen = some.map(([line_no, units]) => ({ line_no: Number(line_no), units, reason: reason.value }));
    void send("return", { lines: chosen });
  };
  return (
    <div class="form">
      <ul class="which">
        {lines.map((line) => {
          const units = back.value[line.line_no] ?? 0;
          const most = line.returnable;
          return (
            <li key={line.line_no} data-line={line.line_no}>
              <span>{named(line) || line.sku}</span>
              <span class="count">
                <button type="button" aria-label={t("track.fewer")} disabled={units === 0} onClick={() => set(line.line_no, units - 1)}>
                  −
                </button>
                <output class="num">
                  {units}/{most}
                </output>
                <button type="button" aria-label={t("track.more")} disabled={units >= most} onClick={() => set(line.line_no, units + 1)}>
                  +
                </button>
              </span>
            </li>
          );
        })}
      </ul>
      {some.length > 0 && (
        <>
          <h3>{t("track.return_why")}</h3>
          <div class="tiles">
            {REASONS.map((code) => (
              <button key={code} type="button" aria-pressed={reason.value === code} onClick={() => (reason.value = code)}>
                {word("return_reason", code)}
              </button>
            ))}
          </div>
        </>
      )}
      <button type="button" class="main" disabled={busy || some.length === 0 || reason.value === ""} onClick={go}>
        {t("track.return_do")}
      </button>
    </div>
  );
}

