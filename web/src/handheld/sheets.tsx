/** What lies over a step for a moment: exceptions, keypads, other ways to scan, a question. */
import { type Catalogues, type Key, t, word } from "../core/i18n.ts";
import { FoundFacts } from "./home.tsx";
import { CameraIcon } from "./icon.tsx";
import { DigitPad, Keypad } from "./keypad.tsx";
import { later } from "./later.tsx";
import { Message } from "./message.tsx";
import { countOf, type Packet, type Step } from "./packet.ts";
import { CLOSED, except, exceptionsOf, found, read, sheet } from "./read.ts";
import { deed, leave } from "./work.ts";

/** What nobody reads before something has gone wrong. */
export const WORDS: Catalogues = {
  en: () => import("../../../locales/en.json?words=problem,exception,care,disposition"),
  ja: () => import("../../../locales/ja.json?words=problem,exception,care,disposition"),
};

const HOW_MANY: Record<string, Key> = { full: "h.how_many_fit", short: "h.how_many_there", missing: "h.how_many_there" };

const close = (): void => {
  sheet.value = CLOSED;
};

export function Over({ packet, step }: { packet: Packet; step: Step }) {
  const open = sheet.value;
  if (open.kind === "lock" || open.kind === "scanner" || open.kind === "pair") return null;
  return (
    <div class="sheet" role="dialog" aria-modal="true" aria-label={t("h.title")} data-sheet={open.kind}>
      {open.kind === "exceptions" && <Exceptions packet={packet} step={step} />}
      {open.kind === "found" && <HowMany packet={packet} step={step} code={open.code} />}
      {open.kind === "type" && <Type packet={packet} step={step} />}
      {open.kind === "check" && (
        <DigitPad ask={t("h.check_digits")} lengths={[2, 2]} done={(digits) => (close(), deed("scan", digits))} />
      )}
      {open.kind === "other" && <OtherWays packet={packet} step={step} />}
      {open.kind === "code" && <TypeCode />}
      {open.kind === "camera" && <Eye />}
      {open.kind === "lookup" && <Question />}
      {open.kind !== "camera" && (
        <button type="button" onClick={close}>
          {t("h.back")}
        </button>
      )}
    </div>
  );
}

function Exceptions({ packet, step }: { packet: Packet; step: Step }) {
  return (
    <>
      <p class="verb">{t("h.exceptions")}</p>
      <div class="tiles">
        {exceptionsOf(step).map((code) => (
          <button key={code} type="button" data-exception={code} onClick={() => except(step, packet, code)}>
            {word("exception", code)}
          </button>
        ))}
      </div>
    </>
  );
}

function HowMany({ packet, step, code }: { packet: Packet; step: Step; code: string }) {
  const { qty } = step;
  return (
    <Keypad
      ask={`${word("exception", code)} · ${t(HOW_MANY[code] ?? "h.found")}`}
      first={countOf(packet, step)}
      most={qty?.open ? qty.max : (qty?.target ?? 1) - 1}
      done={(units) => {
        close();
        deed("exception", { code, found: units });
      }}
    />
  );
}

function Type({ packet, step }: { packet: Packet; step: Step }) {
  return (
    <Keypad
      ask={t("h.quantity")}
      first={countOf(packet, step)}
      most={step.qty?.max ?? 1}
      done={(units) => {
        close();
        deed("qty", units);
      }}
    />
  );
}

/** Where the barcode cannot be read. */
function OtherWays({ packet, step }: { packet: Packet; step: Step }) {
  const checks = step.expect.some((each) => each.check?.length);
  return (
    <>
      <p class="verb">{t("h.other_ways")}</p>
      <div class="tiles">
        {checks && (
          <button type="button" data-testid="check" onClick={() => (sheet.value = { kind: "check" })}>
            <b>47</b>
            <span>{t("h.check_digits")}</span>
          </button>
        )}
        <button type="button" data-testid="type-code" onClick={() => (sheet.value = { kind: "code" })}>
          <b>⌨</b>
          <span>{t("h.type_code")}</span>
        </button>
        <button type="button" data-testid="open-camera" onClick={() => (sheet.value = { kind: "camera" })}>
          <CameraIcon />
          <span>{t("h.camera")}</span>
        </button>
        <button type="button" onClick={() => (sheet.value = { kind: "lookup" })}>
          <b>？</b>
          <span>{t("h.lookup")}</span>
        </button>
        {packet.history.length > 0 && (
          <button type="button" data-testid="leave" onClick={() => (close(), void leave())}>
            <b>⌂</b>
            <span>{t("h.other_work")}</span>
          </button>
        )}
      </div>
    </>
  );
}

function TypeCode() {
  const ask = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("code") as HTMLInputElement;
    const code = field.value.trim();
    close();
    if (code) read(code);
  };
  return (
    <form class="typecode" onSubmit={ask}>
      <label class="verb">
        {t("h.type_code")}
        <input name="code" autocapitalize="characters" autocomplete="off" spellcheck={false} ref={(field) => field?.focus()} />
      </label>
      <button type="submit" class="main">
        {t("h.ok")}
      </button>
    </form>
  );
}

function Question() {
  return (
    <>
      <p class="verb">{t("h.lookup")}</p>
      <p class="tip">{t("h.lookup_hint")}</p>
      <Message />
      {found.value && <FoundFacts known={found.value} />}
    </>
  );
}

const Camera = later(() => import("./camera.tsx").then((each) => each.Camera));

/** The camera in place of the scanner. */
export function Eye() {
  const seen = (code: string): void => {
    close();
    read(code);
  };
  return <Camera done={seen} close={close} />;
}
