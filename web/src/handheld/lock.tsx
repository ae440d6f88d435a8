/** Badge, then PIN; and the page where a new device is told whose it is. */
import { useEffect, useState } from "preact/hooks";
import { type Catalogues, t, word } from "../core/i18n.ts";
import { DigitPad } from "./keypad.tsx";
import { Message } from "./message.tsx";
import { pair, signIn } from "./people.ts";
import { CLOSED, type Sheet, sheet } from "./read.ts";
import { change, session, strange } from "./session.ts";
import { feel } from "./tone.ts";
import { flash, handOver, nextTask, notice, view } from "./work.ts";

/** Words that only these pages need. */
export const WORDS: Catalogues = {
  en: () => import("../../../locales/en.json?words=lock"),
  ja: () => import("../../../locales/ja.json?words=lock"),
};
type Trouble = { code: string; facts: Record<string, string | number> };

function Against({ trouble }: { trouble: Trouble }) {
  return (
    <p class="message wrong" role="alert" data-testid="problem" data-code={trouble.code}>
      <span aria-hidden="true">✕ </span>
      {word("problem", trouble.code, trouble.facts)}
    </p>
  );
}

/** "Scan your badge"; a badge alone is enough for who was here a moment ago. */
export function Lock({ badge, mayClose }: { badge: string; mayClose: boolean }) {
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [asksPin, setAsksPin] = useState(false);
  const ask = async (pin: string | null): Promise<void> => {
    const before = session.value;
    const against = await signIn(badge, pin);
    if (against?.code === "pin_needed" && pin === null) return setAsksPin(true);
    if (against?.code === "device_unknown") {
      change({ device_token: "" }); // it opens nothing any more
      sheet.value = { kind: "pair" };
      return;
    }
    if (against) {
      feel("wrong");
      flash.value = "wrong";
      if (!asksPin && against.code === "sign_in_failed" && pin === null) return setAsksPin(true);
      setTrouble(against);
      return;
    }
    if (before.name && before.operator !== session.value.operator) await handOver();
    feel("line");
    flash.value = "";
    notice.value = null;
    strange.value = false;
    sheet.value = CLOSED;
    if (view.value === "looking") void nextTask(); // it was asked for by nobody
  };
  useEffect(() => {
    setTrouble(null);
    setAsksPin(false);
    if (badge) void ask(null);
  }, [badge]);
  return (
    <div class="sheet lock" role="dialog" aria-modal="true" aria-label={t("h.title")} data-sheet="lock">
      {trouble && <Against trouble={trouble} />}
      {badge && asksPin ? (
        <DigitPad ask={t("lock.pin")} lengths={[4, 6]} secret done={(pin) => void ask(pin)} />
      ) : (
        <>
          <p class="tick" aria-hidden="true">
            ▣
          </p>
          <p class="verb">{t("lock.scan_badge")}</p>
          <p class="tip">{session.value.name ? t("lock.open_stays", { name: session.value.name }) : t("lock.badge_hint")}</p>
          <TypedBadge />
        </>
      )}
      <Message />
      {mayClose && (
        <button type="button" onClick={() => (sheet.value = CLOSED)}>
          {t("h.back")}
        </button>
      )}
    </div>
  );
}

function TypedBadge() {
  const ask = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("badge") as HTMLInputElement;
    const code = field.value.trim();
    if (code) sheet.value = { kind: "lock", badge: code };
  };
  return (
    <form class="typecode" onSubmit={ask}>
      <label>
        {t("lock.type_badge")}
        <input name="badge" autocapitalize="off" autocomplete="off" spellcheck={false} />
      </label>
    </form>
  );
}

/** The office shows a code for a new device: scanned or typed here, it names the device for good. */
export function Pair({ scanned, first }: { scanned: Sheet; first: string }) {
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const ask = async (code: string): Promise<void> => {
    const against = await pair(code);
    setTrouble(against);
    if (against) return feel("wrong");
    feel("task");
    history.replaceState(null, "", location.pathname);
    sheet.value = { kind: "lock", badge: "" };
  };
  useEffect(() => {
    const code = (scanned.kind === "pair" && scanned.code) || first;
    if (code) void ask(code);
  }, [scanned, first]);
  const typed = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("code") as HTMLInputElement;
    if (field.value.trim()) void ask(field.value.trim());
  };
  return (
    <div class="sheet" role="dialog" aria-modal="true" aria-label={t("h.title")} data-sheet="pair">
      <p class="verb">{t("h.pair")}</p>
      <p class="tip">{t("lock.pair_hint")}</p>
      {trouble && <Against trouble={trouble} />}
      <form class="typecode" onSubmit={typed}>
        <label class="verb">
          {t("lock.pairing_code")}
          <input name="code" autocapitalize="characters" autocomplete="off" spellcheck={false} />
        </label>
        <button type="submit" class="main">
          {t("h.ok")}
        </button>
      </form>
      <button type="button" onClick={() => (sheet.value = CLOSED)}>
        {t("h.back")}
      </button>
    </div>
  );
}
