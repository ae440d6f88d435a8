/** One renderer for all six operations of a work packet. */
import { useEffect, useLayoutEffect } from "preact/hooks";
import { lang, maybeWord, t, word } from "../core/i18n.ts";
import { Keypad } from "./keypad.tsx";
import { later } from "./later.tsx";
import { Message } from "./message.tsx";
import { bare, elements } from "./gs1.ts";
import { CameraIcon } from "./icon.tsx";
import { countOf, type Fact, type Packet, piles, scans, type Step, stepNow } from "./packet.ts";
import { CLOSED, main, read, sheet } from "./read.ts";
import { session } from "./session.ts";
import { sheetsPart } from "./soon.ts";
import { asking, deed, leave, notice } from "./work.ts";

const Over = later(() => sheetsPart().then((each) => each.Over));

const HOLD_MS = 500;
const MOST_FACTS = 4;
const MOST_UNITS = 4;
let hold = 0;

export function Task({ packet }: { packet: Packet }) {
  const step = stepNow(packet);
  // Before the next key is read: a sheet that is opened for the new step stays open.
  useLayoutEffect(() => {
    if (sheet.value.kind !== "lock") sheet.value = CLOSED;
  }, [packet.id, packet.step]);
  // A picture may be wanted where there is no network.
  useEffect(() => {
    if (packet.steps.some((each) => each.op === "photo")) void import("./photo.ts").catch(() => undefined);
  }, [packet.id]);
  if (!step) return null;
  return (
    <>
      <main class="task" data-testid="task" data-step={step.id} data-op={step.op} data-at={packet.history.length}>
        {packet.note && (
          <p class="note" data-testid="note">
            {packet.note}
          </p>
        )}
        <p class="verb">{asking.value ? t("h.asking") : word("say", step.say.code, step.say.params)}</p>
        {typesAtOnce(step) && <Message />}
        <Big packet={packet} step={step} />
        {!typesAtOnce(step) && <Message />}
        {notice.value?.kind === "say" && notice.value.key === "h.needs_connection" && (
          <button type="button" data-testid="other-work" onClick={() => void leave()}>
            {t("h.other_work")}
          </button>
        )}
        {step.op === "scan" && !step.qty && <TypeHere key={step.id} step={step} />}
        {step.image && <img class="goods" src={step.image} alt="" onError={hide} />}
        <dl class="facts">
          {step.facts.slice(0, MOST_FACTS).map((fact) => (
            <div key={fact.label} data-fact={fact.label}>
              <dt>{word("fact", fact.label)}</dt>
              <dd>{shown(fact)}</dd>
            </div>
          ))}
        </dl>
        {step.op === "choose" && <Choices step={step} />}
        {step.op === "photo" && <Photo step={step} />}
        {session.value.sim && <Chips packet={packet} step={step} />}
      </main>
      <Buttons packet={packet} step={step} />
      {sheet.value.kind !== "none" && <Over packet={packet} step={step} />}
    </>
  );
}

/** A fact's value is text of the world, but for the few that are codes. */
function shown(fact: Fact): string {
  if (fact.label === "colour") return word("choice", fact.value);
  if (fact.label === "care") return fact.value.split(" ").map((code) => word("care", code)).join(" ・ ");
  if (fact.label === "disposition") return fact.value.replace(/[A-Z_]{3,}/g, (code) => word("disposition", code));
  return (lang.value === "en" && fact.en) || fact.value;
}

function hide(event: Event): void {
  (event.currentTarget as HTMLElement).hidden = true;
}

function Big({ packet, step }: { packet: Packet; step: Step }) {
  const { qty } = step;
  if (!qty) {
    const wide = [...step.big].reduce((sum, char) => sum + (char > "\u2fff" ? 2 : 1), 0);
    const size = wide > 13 ? "longer" : wide > 9 ? "long" : wide > 7 ? "wide" : "";
    const colour = step.facts.find((fact) => fact.label === "colour")?.value;
    if (!step.big) return null;
    return (
      <p class={`big ${size}`} data-testid="big" data-colour={colour}>
        {step.big}
      </p>
    );
  }
  const anything = qty.open && !qty.distinct && step.expect.some((each) => each.codes.length === 0);
  const heaps = anything ? piles(packet, step).reverse() : [];
  const counted = heaps[0]?.units ?? countOf(packet, step);
  const mayType = qty.by === "type" && !qty.distinct;
  if (typesAtOnce(step)) return <JustType step={step} counted={counted} />;
  const told = Number(step.facts.find((fact) => fact.label === "expected")?.value ?? Number.NaN);
  const over = qty.open && counted > told ? counted - told : 0; // more than was announced
  const down = (): void => {
    if (mayType) hold = window.setTimeout(() => (sheet.value = { kind: "type" }), HOLD_MS);
  };
  return (
    <>
      <button
        type="button"
        class={`big count num ${qty.max > 999 && !qty.open ? "long" : ""}`}
        data-testid="big"
        onPointerDown={down}
        onPointerUp={() => window.clearTimeout(hold)}
        onPointerLeave={() => window.clearTimeout(hold)}
        onContextMenu={(event) => event.preventDefault()}
      >
        <b data-testid="count">{counted}</b>
        {!qty.open && <span>/{qty.target}</span>}
        {over > 0 && (
          <span class="over" data-testid="over">
            {" "}
            ▲ +{over}
          </span>
        )}
      </button>
      {mayType && <p class="tip">{counted > 0 ? t("h.hold_to_type") : t("h.scan_first")}</p>}
      {qty.distinct && <Units packet={packet} step={step} />}
      {heaps.length > 0 && (
        <ol class="units" data-testid="piles" reversed>
          {heaps.slice(0, MOST_UNITS).map(({ code, units }, n) => (
            <li key={n}>
              {bare(code)} × {units}
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

/** Keys fill the screen here: what is said stands above them. */
function typesAtOnce({ qty, expect }: Step): boolean {
  return qty?.by === "type" && !qty.distinct && expect.length === 0;
}

/** Nothing to scan: the keys are on the screen at once. */
function JustType({ step, counted }: { step: Step; counted: number }) {
  const units = (typed: number): void => {
    deed("qty", typed);
    if (step.qty?.open && notice.value?.kind !== "problem") main(step);
  };
  return <Keypad key={step.id} ask="" first={counted} most={step.qty?.max ?? 1} done={units} />;
}

const TYPED: Record<string, "text" | "numeric"> = { lot: "text", date: "numeric", seal: "text", text: "text" };

/** What often stands there without a barcode can be typed at once. */
function TypeHere({ step }: { step: Step }) {
  const kind = step.expect.find((each) => each.codes.length === 0 && each.kind in TYPED)?.kind;
  if (!kind) return null;
  const ask = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("typed") as HTMLInputElement;
    if (field.value.trim()) deed("scan", field.value.trim());
  };
  return (
    <form class="typecode" onSubmit={ask}>
      <label>
        {word("fact", kind)}
        <input
          name="typed"
          inputMode={TYPED[kind]}
          placeholder={kind === "date" ? "20270630" : ""}
          autocapitalize="characters"
          autocomplete="off"
          spellcheck={false}
        />
      </label>
    </form>
  );
}

/** The serials or tags that were scanned, the last one first. */
function Units({ packet, step }: { packet: Packet; step: Step }) {
  const all = scans(packet, step)
    .map((code) => elements(code)["21"] ?? bare(code))
    .reverse();
  return (
    <ol class="units" data-testid="units" reversed>
      {all.slice(0, MOST_UNITS).map((code) => (
        <li key={code}>{code}</li>
      ))}
      {all.length > MOST_UNITS && <li aria-hidden="true">…</li>}
    </ol>
  );
}

function Choices({ step }: { step: Step }) {
  return (
    <div class="tiles">
      {step.expect.flatMap((each) => each.codes).map((code) => {
        const said = maybeWord("choice", code);
        const short = code.length === 1; // a grade
        return (
          <button key={code} type="button" data-choice={code} onClick={() => deed("choice", code)}>
            <b class={short ? "" : "long"}>{short ? code : (said ?? code)}</b>
            {short && <span>{said}</span>}
          </button>
        );
      })}
    </div>
  );
}

function Photo({ step }: { step: Step }) {
  const take = async (event: Event): Promise<void> => {
    const [file] = (event.currentTarget as HTMLInputElement).files ?? [];
    if (!file) return;
    const id = await import("./photo.ts").then((part) => part.keepPhoto(file)).catch(() => null);
    if (!id) return void (notice.value = { kind: "problem", problem: { code: "no_photo", facts: {} } });
    deed("choice", id);
    notice.value ??= { kind: "say", key: "h.photo_kept" };
  };
  return (
    <label class="button next">
      <CameraIcon /> {t("h.take_photo")}
      <input
        type="file"
        accept="image/*"
        capture="environment"
        data-testid="photo"
        key={step.id}
        onChange={(event) => void take(event)}
      />
    </label>
  );
}

/** Without a scanner: what is wanted here, to tap; and one thing that is not. */
function Chips({ packet, step }: { packet: Packet; step: Step }) {
  if (step.op !== "scan" && step.op !== "count") return null;
  const codes = step.expect.flatMap((each) => each.codes);
  const checks = step.expect.flatMap((each) => each.check ?? []);
  const made = step.expect.some((each) => each.codes.length === 0) ? [anyCode(packet, step)] : [];
  const left = step.qty?.distinct ? codes.filter((code) => !scans(packet, step).includes(code)) : codes;
  return (
    <div class="chips" aria-label={t("h.wanted")}>
      <small>{t("h.wanted")}</small>
      {[...left.slice(0, 2), ...checks.slice(0, 1), ...made].map((code) => (
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

/** Where any code of a kind will do, one is made up: another for each scan. */
function anyCode(packet: Packet, step: Step): string {
  const kind = step.expect.find((each) => each.codes.length === 0)?.kind ?? "any";
  return `${kind.toUpperCase()}-${packet.history.length + 1}`;
}

function Buttons({ packet, step }: { packet: Packet; step: Step }) {
  const scanned = step.op === "scan" || step.op === "count";
  const back = packet.history.length === 0;
  return (
    <footer class="buttons">
      <button
        type="button"
        data-testid="exceptions"
        onClick={() => (sheet.value = { kind: "exceptions" })}
      >
        {t("h.problem_button")}
      </button>
      <button
        type="button"
        data-testid="undo"
        onClick={() => (back ? void leave() : deed("undo", null))}
      >
        {back ? t("h.back") : `↶ ${t("h.undo")}`}
      </button>
      {scanned && !step.qty?.open && (
        <button type="button" data-testid="other-ways" aria-label={t("h.other_ways")} onClick={() => (sheet.value = { kind: "other" })}>
          ⌨
        </button>
      )}
      <MainButton step={step} />
    </footer>
  );
}

function MainButton({ step }: { step: Step }) {
  const typing = typesAtOnce(step);
  const skips = step.op === "photo" && step.allow.includes("skip_photo");
  const shown = step.op === "confirm" || step.op === "print" || skips || (step.qty?.open && !typing);
  if (!shown) return null;
  return (
    <button type="button" class={skips ? "" : "main"} data-testid="confirm" onClick={() => main(step)}>
      {skips ? t("h.no_photo") : step.op === "print" ? t("h.printed") : (maybeWord("button", step.say.code) ?? t("h.confirm"))}
    </button>
  );
}
