/** Files: dropped, looked through (every fault, every change), then applied; and taken out. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { download, get, post, upload } from "../core/api.ts";
import { lang, number, t, word } from "../core/i18n.ts";
import { Changes, Counts, Faults, type Import } from "../core/imported.tsx";
import { busy, failure, tried } from "../core/shared.ts";
import type { Kind } from "../core/sheet.ts";
import { newId } from "../handheld/ids.ts";
import { site } from "./state.ts";

const AGAIN_MS = 700;

const kinds = signal<readonly Kind[]>([]);
const wanted = signal(""); // the kind that a person says; empty: what the header says
const present = signal<Import | null>(null);
const past = signal<readonly Import[]>([]);
const reading = signal("");
const over = signal(false);

async function readPast(): Promise<void> {
  const found = await tried(() => get<Import[]>("/console/v1/imports?limit=12"));
  if (found) past.value = found;
}

async function followed(first: Import): Promise<void> {
  let now = first;
  present.value = now;
  while (now.state === "WAITING") {
    await new Promise((resolve) => window.setTimeout(resolve, AGAIN_MS));
    const found = await tried(() => get<Import>(`/console/v1/imports/${now.id}`));
    if (!found) return;
    now = found;
    present.value = now;
  }
  await readPast();
}

async function check(file: File): Promise<void> {
  reading.value = file.name;
  present.value = null;
  const sent = await tried(async () => {
    const kind = wanted.value || (await upload<{ kind: string }>("/console/v1/imports:guess", file)).kind;
    const query = new URLSearchParams({ id: newId(Date.now()), name: file.name, dry_run: "true" });
    return await upload<Import>(`/console/v1/imports/${kind}?${query}`, file);
  });
  reading.value = "";
  if (sent) await followed(sent);
}

async function apply(one: Import): Promise<void> {
  const done = await tried(() => post<Import>(`/console/v1/imports/${one.id}:apply`, { command_id: newId(Date.now()) }));
  if (done) await followed(done);
}

export function Files() {
  useEffect(() => {
    void tried(async () => {
      kinds.value = await get<Kind[]>("/console/v1/imports/kinds");
    });
    void readPast();
  }, []);
  return (
    <div class="files">
      <section class="box">
        <Drop />
        {reading.value && <p role="status">{t("masters.checking", { name: reading.value })}</p>}
        {present.value && <Present one={present.value} />}
      </section>
      <aside>
        <Exports />
        <History />
      </aside>
    </div>
  );
}

function Drop() {
  const take = (files: FileList | null | undefined): void => {
    const file = files?.[0];
    if (file) void check(file);
  };
  return (
    <>
      <label class="kindof">
        {t("masters.file_kind")}
        <select name="kind" value={wanted.value} onChange={(event) => (wanted.value = event.currentTarget.value)}>
          <option value="">{t("masters.guessed")}</option>
          {kinds.value.map((kind) => (
            <option key={kind.name} value={kind.name}>
              {word("master_kind", kind.name)}
            </option>
          ))}
        </select>
      </label>
      <label
        class={`drop${over.value ? " over" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          over.value = true;
        }}
        onDragLeave={() => (over.value = false)}
        onDrop={(event) => {
          event.preventDefault();
          over.value = false;
          take(event.dataTransfer?.files);
        }}
      >
        <i aria-hidden="true">⇪</i>
        <b>{t("masters.upload")}</b>
        <small>{t("masters.upload_hint")}</small>
        <input
          type="file"
          name="file"
          accept=".csv,.tsv,.txt,.xlsx"
          onChange={(event) => {
            take(event.currentTarget.files);
            event.currentTarget.value = ""; // the same file, mended, can be chosen again
          }}
        />
      </label>
    </>
  );
}

function Present({ one }: { one: Import }) {
  const kind = kinds.value.find((each) => each.name === one.kind);
  const moving = one.rows_new + one.rows_changed + one.rows_gone;
  return (
    <div class="import" data-testid="import" data-state={one.state}>
      <h2>
        {word("master_kind", one.kind)} · {one.file_name} · {word("import_state", one.state)}
      </h2>
      {one.state === "WAITING" ? (
        <p role="status">
          <progress max={Math.max(1, one.rows)} value={one.done} aria-label={t("masters.progress", { done: one.done, rows: one.rows })} />{" "}
          {t("masters.progress", { done: number(one.done), rows: number(one.rows) })}
        </p>
      ) : one.state === "FAULTY" ? null : (
        <Counts one={one} />
      )}
      {kind?.whole && one.state === "CHECKED" && <p class="hint">▲ {t("masters.whole")}</p>}
      {one.state === "FAULTY" && <Faults one={one} {...(kind ? { kind } : {})} />}
      {one.state === "CHECKED" && (
        <p class="acts">
          <span class="fine">✓ {t("masters.no_faults")}</span>
          <button type="button" class="main" data-act="apply" disabled={busy.value > 0 || moving === 0} onClick={() => void apply(one)}>
            {moving === 0 ? t("masters.nothing_to_apply") : t("masters.apply", { count: number(moving) })}
          </button>
        </p>
      )}
      {one.state === "APPLIED" && (
        <p class="fine" role="status">
          ✓ {t("masters.applied", { count: number(moving) })}
        </p>
      )}
      {one.changes.length > 0 && one.state !== "FAULTY" && <Changes one={one} {...(kind ? { kind } : {})} />}
    </div>
  );
}

function Exports() {
  const here = signal(true);
  const take = (kind: string, form: "csv" | "xlsx", empty = false) =>
    tried(() => {
      const query = new URLSearchParams({ lang: lang.value, empty: String(empty) });
      const of = here.value && site.value && !empty ? site.value : "";
      if (of) query.set("site", of);
      return download(`/console/v1/exports/${kind}.${form}?${query}`, `${kind}${of && `-${of}`}.${form}`);
    });
  return (
    <section class="box">
      <h2>{t("masters.export")}</h2>
      <label class="flag">
        <input type="checkbox" checked={here.value} onChange={(event) => (here.value = event.currentTarget.checked)} />
        {t("masters.export_site", { site: site.value || "–" })}
      </label>
      <ul class="exports">
        {kinds.value.map((kind) => (
          <li key={kind.name} data-kind={kind.name}>
            <span>{word("master_kind", kind.name)}</span>
            <button type="button" data-form="csv" onClick={() => void take(kind.name, "csv")}>
              CSV
            </button>
            <button type="button" data-form="xlsx" onClick={() => void take(kind.name, "xlsx")}>
              XLSX
            </button>
            <button type="button" class="quiet" onClick={() => void take(kind.name, "xlsx", true)}>
              {t("masters.template")}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function History() {
  const open = (one: Import) =>
    tried(async () => {
      present.value = await get<Import>(`/console/v1/imports/${one.id}`);
      failure.value = null;
    });
  return (
    <section class="box">
      <h2>{t("masters.history")}</h2>
      <ul class="history">
        {past.value.map((one) => (
          <li key={one.id}>
            <button type="button" class="link" onClick={() => void open(one)}>
              {word("master_kind", one.kind)} · {one.file_name || "–"}
            </button>
            <small>
              <b data-state={one.state}>{word("import_state", one.state)}</b> ·{" "}
              {new Date(one.made_at).toLocaleString(lang.value, { dateStyle: "short", timeStyle: "short" })} · {t("masters.by", { who: one.made_by })}
            </small>
          </li>
        ))}
      </ul>
    </section>
  );
}
