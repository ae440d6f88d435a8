/** Exceptions: what people should look at; somebody takes it, does something about it, ends it. */
import { signal } from "@preact/signals";
import { get } from "../core/api.ts";
import { clock, hours, maybeWord, t, word } from "../core/i18n.ts";
import { busy, tried, usePolling } from "../core/shared.ts";
import { age } from "./figures.ts";
import { act, asked, now, POLL_MS, readNow, said, site, zone } from "./state.ts";

interface Exception {
  id: string;
  site: string;
  at: string;
  code: string;
  source: string;
  priority: number;
  state: "OPEN" | "TAKEN" | "SOLVED";
  owner: string;
  act: string;
  solved_at: string | null;
  facts: Record<string, unknown>;
  acts: string[];
  history: { act: string; by: string; note: string; at: string }[];
}

const STATES = ["", "OPEN", "TAKEN", "SOLVED"] as const;
const HIDDEN = new Set(["task", "packet", "location_id"]); // ids that nobody reads

const state = signal<(typeof STATES)[number]>("");
const exceptions = signal<readonly Exception[] | null>(null);
const notes = signal<Record<string, string>>({});

async function read(): Promise<void> {
  await readNow();
  if (!site.value) return;
  const query = asked({ site: site.value, state: state.value, limit: 200 });
  const found = await tried(() => get<Exception[]>(`/console/v1/exceptions?${query}`));
  if (found) exceptions.value = state.value === "" ? found.filter((each) => each.state !== "SOLVED") : found;
}

async function done(one: Exception, path: string, name = ""): Promise<void> {
  const note = notes.value[one.id] ?? "";
  const answer = await act<Exception>(`/console/v1/exceptions/${one.id}:${path}`, path === "take" ? {} : { act: name, note });
  if (answer) said.value = `${titled(one)}: ${word("exception_state", answer.state)}`;
  await read();
}

function titled(one: Exception): string {
  return maybeWord("alarm", one.code) ?? one.code;
}

export function Exceptions() {
  usePolling(read, POLL_MS, [site.value, state.value]);
  return (
    <>
      <div class="turns" role="group" aria-label={t("floor.state")}>
        {STATES.map((each) => (
          <button key={each} type="button" data-state={each} aria-pressed={state.value === each} onClick={() => (state.value = each)}>
            {word("exception_state", each || "ALL")}
          </button>
        ))}
      </div>
      {exceptions.value?.length === 0 && <p class="hint">{t("floor.no_exceptions")}</p>}
      <ol class="exceptions">
        {(exceptions.value ?? []).map((one) => (
          <One key={one.id} one={one} />
        ))}
      </ol>
    </>
  );
}

function One({ one }: { one: Exception }) {
  const facts = Object.entries(one.facts).filter(([name, value]) => !HIDDEN.has(name) && value !== "" && value !== null);
  return (
    <li class="box" data-exception={one.id} data-state={one.state} data-priority={one.priority}>
      <div>
        <h2>
          <i aria-hidden="true">{one.priority <= 1 ? "▲" : one.priority === 2 ? "■" : "●"}</i> {titled(one)}
        </h2>
        <p>
          {one.source} · <span class="num">{clock(Date.parse(one.at), zone(), false)}</span>
          {one.state !== "SOLVED" && now.value > 0 && <> · {t("floor.since", { time: hours(age(now.value, one.at)) })}</>}
        </p>
        <p class="facts">
          {facts.map(([name, value]) => (
            <span key={name}>
              {maybeWord("fact", name) ?? name} <b>{typeof value === "object" ? JSON.stringify(value) : String(value)}</b>
            </span>
          ))}
        </p>
        {one.history.length > 0 && (
          <ul class="history">
            {one.history.map((each) => (
              <li key={each.at + each.act}>
                <span class="num">{clock(Date.parse(each.at), zone(), false)}</span> {each.by}: {word("floor_act", each.act)}
                {each.note && ` · ${each.note}`}
              </li>
            ))}
          </ul>
        )}
      </div>
      <div class="doing">
        <b class="who">
          {word("exception_state", one.state)} {one.owner && `· ${one.owner}`}
        </b>
        {one.state !== "SOLVED" && (
          <>
            <label>
              {t("floor.note")}
              <input
                maxLength={500}
                value={notes.value[one.id] ?? ""}
                onInput={(event) => (notes.value = { ...notes.value, [one.id]: event.currentTarget.value })}
              />
            </label>
            <p class="acts">
              {one.state === "OPEN" && (
                <button type="button" class="main" data-act="take" disabled={busy.value > 0} onClick={() => void done(one, "take")}>
                  {t("floor.take")}
                </button>
              )}
              {one.acts.map((name) => (
                <button
                  key={name}
                  type="button"
                  data-act={name}
                  class={name === "ok" && one.state === "TAKEN" ? "main" : ""}
                  disabled={busy.value > 0}
                  onClick={() => void done(one, name === "message" ? "act" : "solve", name)}
                >
                  {word("floor_act", name)}
                </button>
              ))}
            </p>
          </>
        )}
      </div>
    </li>
  );
}
