/** One renderer for all six operations of a work packet. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { maybeWord, t, word } from "../core/i18n.ts";
import { Keypad } from "./keypad.tsx";
import { Message } from "./message.tsx";
import { countOf, type Packet, type Step, stepNow } from "./packet.ts";
import { session } from "./session.ts";
import { deed, leave, read } from "./work.ts";

type Sheet = { kind: "none" } | { kind: "exceptions" } | { kind: "found"; code: string } | { kind: "type" };
const CLOSED: Sheet = { kind: "none" };
const HOLD_MS = 500;
const MOST_FACTS = 4;
const sheet = signal<Sheet>(CLOSED);
let hold = 0;

export function Task({ packet }: { packet: Packet }) {
  const step = stepNow(packet);
  useEffect(() => {
    sheet.value = CLOSED;
  }, [packet.id, packet.step]);
  if (!step) return null;
  return (
    <>
      <main class="task" data-testid="task" data-step={step.id} data-op={step.op}>
        <p class="verb">{word("say", step.say.code, step.say.params)}</p>
        <Big packet={packet} step={step} />
        <Message />
        <dl class="facts">
          {step.facts.slice(0, MOST_FACTS).map((fact) => (
            <div key={fact.label}>
              <dt>{word("fact", fact.label)}</dt>
              <dd>{fact.value}</dd>
            </div>
          ))}
        </dl>
        {step.op === "choose" && <Choices step={step} />}
        {session.value.sim && <Chips step={step} />}
      </main>
      <Buttons packet={packet} step={step} />
      {sheet.value.kind !== "none" && <Over packet={packet} step={step} />}
    </>
  );
}

function Big({ packet, step }: { packet: Packet; step: Step }) {
  const { qty } = step;
  if (!qty) return <p class={`big ${step.big.length > 9 ? "long" : ""}`} data-testid="big">{step.big}</p>;
  const counted = countOf(packet, step);
  const mayType = qty.by === "type";
  const down = (): void => {
    if (mayType) hold = window.setTimeout(() => (sheet.value = { kind: "type" }), HOLD_MS);
  };
  return (
    <>
      <button
        type="button"
        class="big count num"
        data-testid="big"
        aria-label={t("h.count", { count: counted, target: qty.target })}
        onPointerDown={down}
        onPointerUp={() => window.clearTimeout(hold)}
        onPointerLeave={() => window.clearTimeout(hold)}
        onContextMenu={(event) => event.preventDefault()}
      >
        <b data-testid="count">{counted}</b>
        <span>/{qty.target}</span>
      </button>
      {mayType && <p class="tip">{counted > 0 ? t("h.hold_to_type") : t("h.scan_first")}</p>}
    </>
  );
}

function Choices({ step }: { step: Step }) {
  return (
    <div class="tiles">
      {step.expect.flatMap((each) => each.codes).map((code) => (
        <button key={code} type="button" onClick={() => deed("choice", code)}>
          <b>{code}</b>
          <span>{maybeWord("choice", code)}</span>
        </button>
      ))}
    </div>
  );
}

/** Without a scanner: what is wanted here, to tap; and one thing that is not. */
function Chips({ step }: { step: Step }) {
  const codes = step.expect.flatMap((each) => each.codes).slice(0, 2);
  if (step.op !== "scan" && step.op !== "count") return null;
  return (
    <div class="chips" aria-label={t("h.wanted")}>
      <small>{t("h.wanted")}</small>
      {codes.map((code) => (
        <button key={code} type="button" class="chip bars" data-testid="chip" onClick={() => read(code)}>
          {code}
        </button>
      ))}
      <button type="button" class="chip odd" onClick={() => read("B-99-99")}>
        ✕ B-99-99
      </button>
    </div>
  );
}

function Buttons({ packet, step }: { packet: Packet; step: Step }) {
  const exceptions = step.allow.filter((code) => code !== "undo");
  return (
    <footer class="buttons">
      <button
        type="button"
        data-testid="exceptions"
        disabled={exceptions.length === 0}
        onClick={() => (sheet.value = { kind: "exceptions" })}
      >
        {t("h.problem_button")}
      </button>
      <button
        type="button"
        data-testid="undo"
        onClick={() => (packet.history.length > 0 ? deed("undo", null) : void leave())}
      >
        {packet.history.length > 0 ? `↶ ${t("h.undo")}` : t("h.back")}
      </button>
      {(step.op === "confirm" || step.op === "print" || step.op === "photo") && (
        <button type="button" class="main" data-testid="confirm" onClick={() => deed("choice", null)}>
          {step.op === "print" ? t("h.printed") : t("h.confirm")}
        </button>
      )}
    </footer>
  );
}

function Over({ packet, step }: { packet: Packet; step: Step }) {
  const open = sheet.value;
  const close = (): void => {
    sheet.value = CLOSED;
  };
  const except = (code: string): void => {
    if (step.qty) sheet.value = { kind: "found", code };
    else deed("exception", { code, found: 0 });
  };
  return (
    <div class="sheet" role="dialog" aria-modal="true">
      {open.kind === "exceptions" && (
        <>
          <p class="verb">{t("h.exceptions")}</p>
          <div class="tiles">
            {step.allow
              .filter((code) => code !== "undo")
              .map((code) => (
                <button key={code} type="button" data-exception={code} onClick={() => except(code)}>
                  {word("exception", code)}
                </button>
              ))}
          </div>
        </>
      )}
      {open.kind === "found" && (
        <Keypad
          ask={`${word("exception", open.code)} · ${t("h.found")}`}
          first={countOf(packet, step)}
          most={(step.qty?.target ?? 1) - 1}
          done={(units) => {
            close();
            deed("exception", { code: open.code, found: units });
          }}
        />
      )}
      {open.kind === "type" && (
        <Keypad
          ask={t("h.quantity")}
          first={countOf(packet, step)}
          most={step.qty?.max ?? 1}
          done={(units) => {
            close();
            deed("qty", units);
          }}
        />
      )}
      <button type="button" onClick={close}>
        {t("h.back")}
      </button>
    </div>
  );
}
