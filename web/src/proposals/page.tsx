/** What the rules would move: replenishment and balancing, with why; a person says yes or no. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import "../core/desk.css";
import "./proposals.css";
import { ApiError, get, post } from "../core/api.ts";
import { Home, LanguageSwitch, LookSwitch } from "../core/bar.tsx";
import { day, lang, maybeWord, number, t, word } from "../core/i18n.ts";
import { newId } from "../handheld/ids.ts";

interface Proposal {
  id: string;
  kind: string;
  state: string;
  site: string;
  from_site: string;
  from_location: string | null;
  to_location: string | null;
  sku: string;
  name_en: string;
  name_ja: string;
  units: number;
  facts: Record<string, unknown>;
  made_at: string;
  decided_by: string;
  reason: string;
}
const STATES = ["OPEN", "APPROVED", "DONE", "REJECTED", "WITHDRAWN"] as const;

const state = signal<(typeof STATES)[number]>("OPEN");
const proposals = signal<readonly Proposal[] | null>(null);
const failed = signal("");
const said = signal("");
const busy = signal("");
let round = 0;

async function read(): Promise<void> {
  const mine = ++round;
  try {
    const answer = await get<Proposal[]>(`/console/v1/proposals?state=${state.peek()}`);
    if (mine !== round) return;
    proposals.value = answer;
    failed.value = "";
  } catch (error) {
    failed.value = error instanceof ApiError ? error.code : "no_answer";
  }
}

async function decide(one: Proposal, act: "approve" | "reject"): Promise<void> {
  busy.value = one.id;
  try {
    await post(`/console/v1/proposals/${one.id}:${act}`, { command_id: newId(Date.now()) });
    said.value = word("proposals_did", act, { sku: one.sku, units: one.units, site: one.site });
    failed.value = "";
  } catch (error) {
    failed.value = error instanceof ApiError ? error.code : "no_answer";
  } finally {
    busy.value = "";
    await read();
  }
}

export function Page() {
  const now = state.value;
  useEffect(() => void read(), [now]);
  document.title = `${t("proposals.title")} · Soko`;
  return (
    <div class="deskpage proposals">
      <header>
        <Home />
        <h1>{t("proposals.title")}</h1>
        <LookSwitch />
        <LanguageSwitch />
      </header>
      {failed.value && (
        <p class="warn" role="alert">
          ✕ {word("problem", failed.value)}
        </p>
      )}
      <main>
        <div class="states" role="group" aria-label={t("fact.status")}>
          {STATES.map((each) => (
            <button key={each} type="button" data-state={each} aria-pressed={now === each} onClick={() => (state.value = each)}>
              {word("proposal_state", each)}
            </button>
          ))}
        </div>
        <p class="said" role="status">
          {said.value && `✓ ${said.value}`}
        </p>
        {proposals.value === null && <p class="hint">{t("stock.loading")}</p>}
        {proposals.value?.length === 0 && <p class="hint">{t(now === "OPEN" ? "proposals.none_open" : "proposals.none")}</p>}
        <ol>
          {(proposals.value ?? []).map((one) => (
            <One key={one.id} one={one} />
          ))}
        </ol>
      </main>
    </div>
  );
}

function One({ one }: { one: Proposal }) {
  const facts = Object.entries(one.facts).filter(([name]) => maybeWord("why_fact", name) !== null);
  return (
    <li class="box" data-id={one.id} data-kind={one.kind}>
      <p class="kind">
        <b>{word("proposal_kind", one.kind)}</b> <small>{day(Date.parse(one.made_at))}</small>
      </p>
      <p class="goods">
        <b>{(lang.value === "ja" ? one.name_ja : one.name_en) || one.sku}</b> <span class="num">×{number(one.units)}</span>
        <small>{one.sku}</small>
      </p>
      <p class="way">
        <span>{[one.from_site, one.from_location].filter(Boolean).join(" ")}</span>
        <i aria-label={t("proposals.to")}>→</i>
        <span>{[one.site, one.to_location].filter(Boolean).join(" ")}</span>
      </p>
      <ul class="why" aria-label={t("proposals.why")}>
        {facts.map(([name, value]) => (
          <li key={name}>
            {word("why_fact", name)} <b class="num">{typeof value === "number" ? number(value, 1) : String(value)}</b>
          </li>
        ))}
      </ul>
      {one.state === "OPEN" ? (
        <div class="acts">
          <button type="button" class="main" data-act="approve" disabled={busy.value !== ""} onClick={() => void decide(one, "approve")}>
            {t("proposals.approve")}
          </button>
          <button type="button" data-act="reject" disabled={busy.value !== ""} onClick={() => void decide(one, "reject")}>
            {t("proposals.reject")}
          </button>
        </div>
      ) : (
        <p class="by">
          {word("proposal_state", one.state)} <small>{[one.decided_by, one.reason].filter(Boolean).join(" · ")}</small>
        </p>
      )}
    </li>
  );
}
