/** A field for a code that cannot be scanned, with a button as large as a thumb. */
import { t } from "../core/i18n.ts";

interface Props {
  label: string;
  go: string;
  done: (code: string) => void;
  mode?: "text" | "numeric" | "search";
  name: string;
}

export function Entry({ label, go, done, mode = "text", name }: Props) {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem(name) as HTMLInputElement;
    const code = field.value.normalize("NFKC").trim();
    if (!code) return;
    field.value = "";
    field.blur();
    done(code);
  };
  return (
    <form class="entry" onSubmit={submit}>
      <input
        name={name}
        aria-label={label}
        placeholder={label}
        inputMode={mode}
        autocapitalize="off"
        autocomplete="off"
        spellcheck={false}
      />
      <button type="submit" class="main">
        {go}
      </button>
    </form>
  );
}

export function Scan({ say }: { say: string }) {
  return (
    <div class="scan">
      <svg viewBox="0 0 64 40" aria-hidden="true">
        <path d="M2 10V2h8M54 2h8v8M62 30v8h-8M10 38H2v-8" />
        <path d="M12 9v22M17 9v22M21 9v22M28 9v22M32 9v22M40 9v22M44 9v22M51 9v22" class="bars" />
      </svg>
      <p>{say}</p>
      <small>{t("store.or_type")}</small>
    </div>
  );
}
