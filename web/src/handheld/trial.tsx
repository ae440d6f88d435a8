/**
 * The first minutes of a new device: five scans that show how its scanner types. What is found out
 * (how a code ends, what is sent for GS, whether an IME is in the way) becomes the device's profile.
 */
import { useEffect, useState } from "preact/hooks";
import { type Catalogues, type Key, t } from "../core/i18n.ts";
import { GS } from "./gs1.ts";
import { Message } from "./message.tsx";
import { CLOSED, sheet } from "./read.ts";
import { keepProfile, profile, type Read } from "./scanner.ts";
import { feel } from "./tone.ts";

/** Words that only this page needs. */
export const WORDS: Catalogues = {
  en: () => import("../../../locales/en.json?words=trial"),
  ja: () => import("../../../locales/ja.json?words=trial"),
};
/** In the order of the test sheet (`soko sheet`). */
const WANTED: Key[] = ["trial.1d", "trial.qr", "trial.gs1", "trial.badge", "trial.command"];
const GS1 = /^(?:\][A-Za-z]\d)?010491234567890410L-7(.*)21S-9$/;

export function Trial({ last }: { last: Read | null }) {
  const [done, setDone] = useState<(Read | null)[]>([]);
  useEffect(() => {
    if (!last || last.again || done.length >= WANTED.length) return;
    feel("ok");
    setDone([...done, last]);
  }, [last]);
  const wanted = WANTED[done.length];
  const gs = gsOf(done[2]?.raw);
  const end = (): void => {
    const suffix = done.find((each) => each)?.suffix ?? profile().suffix;
    if (!wanted) keepProfile({ suffix, gs: gs === null || gs === GS ? "" : gs, tested: true });
    sheet.value = CLOSED;
  };
  return (
    <div class="sheet trial" role="dialog" aria-modal="true" aria-label={t("h.title")} data-sheet="scanner">
      <p class="verb">
        {t("h.scanner_test")} {Math.min(done.length + 1, WANTED.length)}/{WANTED.length}
      </p>
      {wanted ? (
        <>
          <p class="wanted">{t(wanted)}</p>
          <p class="tip">{t("trial.hint")}</p>
          <Message />
          <button type="button" onClick={() => setDone([...done, null])}>
            {t("trial.skip")}
          </button>
        </>
      ) : (
        <p class="message">{t("trial.done")}</p>
      )}
      <ol class="raw">
        {done.map((each, n) => each && <Raw key={WANTED[n]} read={each} />)}
      </ol>
      {done[2] && <p class={gs === null ? "message wrong" : "tip"}>{gs === null ? t("trial.no_gs") : t("trial.gs", { gs: visible(gs) })}</p>}
      <button type="button" class={wanted ? "" : "main"} data-testid="trial-end" onClick={end}>
        {wanted ? t("h.back") : t("h.ok")}
      </button>
    </div>
  );
}

function Raw({ read }: { read: Read }) {
  const wide = read.raw !== read.raw.normalize("NFKC");
  return (
    <li data-suffix={read.suffix}>
      <code>{visible(read.raw)}</code> <small>{read.suffix === "none" ? t("trial.no_suffix") : read.suffix}</small>
      {wide && <b> {t("h.ime")}</b>}
    </li>
  );
}

/** What this scanner sends for GS; null: nothing, so that lots and serials cannot be told apart. */
function gsOf(raw: string | undefined): string | null {
  const between = raw === undefined ? undefined : GS1.exec(raw)?.[1];
  return between ? between : null;
}

function visible(text: string): string {
  return text.replace(/[\x00-\x1f]/g, (char) => (char === GS ? "␝" : `␀${char.charCodeAt(0)}`));
}
