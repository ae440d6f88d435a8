/** What was scanned, what is wanted, what to do; never a dialogue that must be closed. */
import { t, word } from "../core/i18n.ts";
import { notice } from "./work.ts";

export function Message() {
  const now = notice.value;
  if (!now) return null;
  if (now.kind === "say") {
    return (
      <p class={`message ${now.key === "h.rejected" || now.key === "h.ime" ? "wrong" : ""}`} role="status">
        {t(now.key)}
      </p>
    );
  }
  return (
    <p class="message wrong" role="alert" data-testid="problem" data-code={now.problem.code}>
      <span aria-hidden="true">✕ </span>
      {word("problem", now.problem.code, now.problem.facts)}
    </p>
  );
}
