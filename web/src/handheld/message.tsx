/** What was scanned, what is wanted, what to do; never a dialogue that must be closed. */
import { t, word } from "../core/i18n.ts";
import { notice } from "./work.ts";

const BAD = ["h.rejected", "h.ime", "h.needs_connection"];

export function Message() {
  const now = notice.value;
  if (!now) return null;
  if (now.kind === "say") {
    return (
      <p class={`message ${BAD.includes(now.key) ? "wrong" : ""}`} role="status" data-said={now.key}>
        {t(now.key)}
      </p>
    );
  }
  const { code, facts } = now.problem;
  const shown = Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, visible(value)]));
  return (
    <p class="message wrong" role="alert" data-testid="problem" data-code={code}>
      <span aria-hidden="true">✕ </span>
      {word("problem", code === "wrong_scan" && !facts["wanted"] ? "wrong_kind" : code, shown)}
    </p>
  );
}

/** Group separators of a GS1 code, as a person can see them. */
function visible(value: string | number): string | number {
  return typeof value === "string" ? value.replaceAll("\x1d", "␝") : value;
}
