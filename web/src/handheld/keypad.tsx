/** Big digits for a gloved thumb. */
import { useState } from "preact/hooks";
import { t } from "../core/i18n.ts";

interface Props {
  ask: string;
  first: number;
  most: number;
  done: (units: number) => void;
}

export function Keypad({ ask, first, most, done }: Props) {
  const [text, setText] = useState("");
  const units = text === "" ? first : Number(text);
  const press = (digit: string): void => {
    const next = `${text}${digit}`.replace(/^0+(?=\d)/, "");
    if (Number(next) <= most) setText(next);
  };
  return (
    <div class="keypad">
      <p class="verb">{ask}</p>
      <output class="big num" data-testid="typed">
        {units}
      </output>
      <div class="keys">
        {["1", "2", "3", "4", "5", "6", "7", "8", "9"].map((digit) => (
          <button key={digit} type="button" onClick={() => press(digit)}>
            {digit}
          </button>
        ))}
        <button type="button" aria-label={t("h.clear")} onClick={() => setText("")}>
          ⌫
        </button>
        <button type="button" onClick={() => press("0")}>
          0
        </button>
        <button type="button" class="main" data-testid="keypad-ok" onClick={() => done(units)}>
          {t("h.ok")}
        </button>
      </div>
    </div>
  );
}
