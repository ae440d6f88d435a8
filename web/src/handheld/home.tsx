/** Where a shift begins: one huge button, what there is to do, what is in hand, and "what is this?" */
import { LanguageSwitch, LookSwitch } from "../core/bar.tsx";
import { t, word } from "../core/i18n.ts";
import { CameraIcon } from "./icon.tsx";
import { later, worded } from "./later.tsx";
import { Message } from "./message.tsx";
import { parked } from "./outbox.ts";
import { found, lookUp, sheet } from "./read.ts";
import { profile } from "./scanner.ts";
import { change, KINDS, session } from "./session.ts";
import { nextTask, offered, resume, startWork } from "./work.ts";

export const FoundFacts = later(() => worded(() => import("./found.tsx"))().then((each) => each.FoundFacts));
/** Work that needs no scan to begin. */
const AT_ONCE = ["blind"];

export function Start() {
  const { kinds } = session.value;
  const known = [...new Set([...KINDS, ...Object.keys(offered.value)])];
  const open = known.filter((kind) => (offered.value[kind] ?? 0) > 0 || kinds.includes(kind));
  const all = kinds.length === 0;
  const toggle = (kind: string): void => {
    const next = kinds.includes(kind) ? kinds.filter((each) => each !== kind) : [...kinds, kind];
    change({ kinds: next });
  };
  const next = (): void => {
    found.value = null;
    void nextTask();
  };
  return (
    <main class="start">
      <Message />
      {found.value && (
        <section class="known">
          <FoundFacts known={found.value} />
        </section>
      )}
      <button type="button" class="next" data-testid="next" onClick={next}>
        {t("h.next")}
      </button>
      {parked.value.map((each) => (
        <button key={each.id} type="button" class="parked" data-testid="parked" onClick={() => void resume(each.id)}>
          {t("h.go_on")} {word("kind", each.kind)} <small>{each.title}</small>
        </button>
      ))}
      {open.length > 0 && (
        <fieldset>
          <legend>{t("h.kinds")}</legend>
          {open.map((kind) => (
            <button key={kind} type="button" class="chip" aria-pressed={all || kinds.includes(kind)} onClick={() => toggle(kind)}>
              {all || kinds.includes(kind) ? "✓ " : ""}
              {word("kind", kind)} {(offered.value[kind] ?? 0) > 0 && <b class="num">{offered.value[kind]}</b>}
            </button>
          ))}
        </fieldset>
      )}
      <Lookup />
      <div class="begin">
        {AT_ONCE.map((kind) => (
          <button key={kind} type="button" data-start={kind} onClick={() => void startWork(kind, "")}>
            {word("start", kind)}
          </button>
        ))}
      </div>
      <Who />
      <nav>
        {!profile().tested && !session.value.sim && (
          <button type="button" class="quiet" data-testid="scanner-test" onClick={() => (sheet.value = { kind: "scanner" })}>
            {t("h.scanner_test")}
          </button>
        )}
        <LookSwitch />
        <LanguageSwitch />
      </nav>
    </main>
  );
}

function Who() {
  const { site, operator, name, device_token } = session.value;
  if (name) {
    return (
      <div class="who signed">
        <p>
          <b>{name}</b> <small>{site}</small>
        </p>
        <button type="button" data-testid="lock" onClick={() => (sheet.value = { kind: "lock", badge: "" })}>
          {t("h.change_user")}
        </button>
      </div>
    );
  }
  return (
    <div class="who">
      <Field label={t("h.site")} value={site} set={(value) => change({ site: value })} />
      <Field label={t("h.operator")} value={operator} set={(value) => change({ operator: value })} />
      {!device_token && (
        <button type="button" data-testid="pair" onClick={() => (sheet.value = { kind: "pair" })}>
          {t("h.pair")}
        </button>
      )}
      <button type="button" data-testid="lock" onClick={() => (sheet.value = { kind: "lock", badge: "" })}>
        {t("h.sign_in")}
      </button>
    </div>
  );
}

function Field({ label, value, set }: { label: string; value: string; set: (value: string) => void }) {
  return (
    <label>
      {label}
      <input value={value} autocapitalize="off" onChange={(event) => set(event.currentTarget.value.trim())} />
    </label>
  );
}

function Lookup() {
  const ask = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("code") as HTMLInputElement;
    if (field.value.trim()) void lookUp(field.value.trim());
    field.value = "";
    field.blur();
  };
  return (
    <section class="lookup">
      <form onSubmit={ask}>
        <label>
          {t("h.lookup")} <small>{t("h.lookup_hint")}</small>
          <span class="withcamera">
            <input name="code" autocapitalize="off" autocomplete="off" />
            <button type="button" aria-label={t("h.camera")} onClick={() => (sheet.value = { kind: "camera" })}>
              <CameraIcon />
            </button>
          </span>
        </label>
      </form>
    </section>
  );
}
