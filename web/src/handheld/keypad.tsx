/** Big digits for a gloved thumb: a count, check digits, a PIN. */
import { useState } from "preact/hooks";
import { t } from "../core/i18n.ts";

interface Props {
  ask: string;
  first: number;
  most: number;
  done: (units: number) => void;
}

/** A count; shows what it would be. */
export function Keypad({ ask, first, most, done }: Props) {
  const [text, setText] = useState("");
  const units = text === "" ? first : Number(text);
  const press = (digit: string): void => {
    const next = `${text}${digit}`.replace(/^0+(?=\d)/, "");
    if (Number(next) <= most) setText(next);
  };
  const step = (by: number): void => setText(String(Math.min(most, Math.max(0, units + by))));
  return (
    <div class="keypad">
      <p class="verb">{ask}</p>
      <div class="plusminus">
        <button type="button" aria-label={t("h.less")} disabled={units <= 0} onClick={() => step(-1)}>
          −
        </button>
        <output class="big num" data-testid="typed">
          {units}
        </output>
        <button type="button" aria-label={t("h.more")} disabled={units >= most} onClick={() => step(1)}>
          ＋
        </button>
      </div>
      <Keys press={press} clear={() => setText("")} ok={() => done(units)} />
    </div>
  );
}

interface Digits {
  ask: string;
  lengths: [number, number];
  secret?: boolean;
  done: (digits: string) => void;
}

/** Digits that are no number; those of a PIN are not shown. */
export function DigitPad({ ask, lengths: [least, most], secret = false, done }: Digits) {
  const [text, setText] = useState("");
  const press = (digit: string): void => {
    const next = `${text}${digit}`.slice(0, most);
    if (next.length === most && least === most) {
      setText("");
      done(next);
    } else setText(next);
  };
  const ok = (): void => {
    if (text.length < least) return;
    setText("");
    done(text);
  };
  const shown = secret ? "●".repeat(text.length) : text;
  return (
    <div class="keypad">
      <p class="verb">{ask}</p>
      <output class="big digits" data-testid="typed">
        {shown.padEnd(least, "·")}
      </output>
      <Keys press={press} clear={() => setText(text.slice(0, -1))} ok={ok} />
    </div>
  );
}

function Keys({ press, clear, ok }: { press: (digit: string) => void; clear: () => void; ok: () => void }) {
  return (
    <div class="keys">
      {["1", "2", "3", "4", "5", "6", "7", "8", "9"].map((digit) => (
        <button key={digit} type="button" onClick={() => press(digit)}>
          {digit}
        </button>
      ))}
      <button type="button" aria-label={t("h.clear")} onClick={clear}>
        ⌫
      </button>
      <button type="button" onClick={() => press("0")}>
        0
      </button>
      <button type="button" class="main" data-testid="keypad-ok" onClick={ok}>
        {t("h.ok")}
      </button>
    </div>
  );
}
