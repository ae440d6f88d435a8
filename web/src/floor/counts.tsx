/** Counts: what people found that the books did not have; who leads the floor decides. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../core/api.ts";
import { clock, maybeWord, number, percent, t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import { busy, tried, usePolling } from "../core/shared.ts";
import { act, asked, POLL_MS, readNow, said, site, zone } from "./state.ts";

interface Count {
  id: string;
  site: string;
  kind: string;
  state: string;
  location: string | null;
  zone: string;
  sku: string | null;
  why: string;
  abc: string;
  rounds_made: number;
  units_off: number;
  units_book: number;
  value_minor: number;
  approved_by: string;
  reason: string;
  made_at: string;
  ended_by: string;
}
interface Detail extends Count {
  rounds: {
    no: number;
    operator: string;
    device: string;
    done_at: string | null;
    verdict: string;
    lines: { sku: string | null; lot: string; code: string; counted: number; book_lo: number; book_hi: number; difference: number }[];
  }[];
  acts: { act: string; operator: string; reason: string; at: string }[];
}
interface Accuracy {
  zone: string;
  abc: string;
  counts: number;
  permille: number;
  units_permille: number;
  value_off_minor: number;
}

const STATES = ["REVIEW", "OPEN", "ACCEPTED", "POSTED", "AGREED", "REJECTED"] as const;

const state = signal<(typeof STATES)[number]>("REVIEW");
const counts = signal<readonly Count[] | null>(null);
const opened = signal<Detail | null>(null);
const accuracy = signal<readonly Accuracy[]>([]);

async function read(): Promise<void> {
  await readNow();
  if (!site.value) return;
  const query = asked({ site: site.value, state: state.value, limit: 100 });
  const found = await tried(() => get<{ counts: Count[] }>(`/console/v1/counts?${query}`));
  if (found) counts.value = found.counts;
}

async function open(one: Count): Promise<void> {
  opened.value = await tried(() => get<Detail>(`/console/v1/counts/${one.site}/${one.id}`));
}

async function decide(one: Detail, what: string, reason: string): Promise<void> {
  const done = await act<Detail>(`/console/v1/counts/${one.site}/${one.id}:${what}`, { reason });
  if (done) {
    said.value = `${one.location ?? one.zone}: ${word("count_did", what)}`;
    opened.value = null;
  }
  await read();
}

export function Counts() {
  usePolling(read, POLL_MS, [site.value, state.value]);
  useEffect(() => {
    if (!site.value) return;
    void tried(async () => {
      accuracy.value = await get<Accuracy[]>(`/console/v1/counts/accuracy?${asked({ site: site.value })}`);
    });
  }, [site.value]);
  return (
    <>
      <div class="turns" role="group" aria-label={t("floor.state")}>
        {STATES.map((each) => (
          <button key={each} type="button" data-state={each} aria-pressed={state.value === each} onClick={() => (state.value = each)}>
            {word("count_state", each)}
          </button>
        ))}
      </div>
      <Wanted />
      {opened.value && <One key={opened.value.id} one={opened.value} />}
      {counts.value?.length === 0 && <p class="hint">{t("floor.no_counts")}</p>}
      {(counts.value?.length ?? 0) > 0 && <List />}
      {accuracy.value.length > 0 && <Right />}
    </>
  );
}

function Wanted() {
  const want = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const text = String(new FormData(form).get("places")).trim();
    const places = text.split(/[\s,、]+/).filter(Boolean);
    const done = await act<{ counts: Count[] }>("/console/v1/counts", { site: site.value, places });
    if (done) {
      said.value = t("floor.count_wanted", { count: done.counts.length });
      form.reset();
    }
    await read();
  };
  return (
    <form class="filters" onSubmit={(event) => void want(event)}>
      <label>
        {t("floor.places_to_count")}
        <input name="places" required />
      </label>
      <button type="submit" data-act="count" disabled={busy.value > 0}>
        {t("floor.have_counted")}
      </button>
    </form>
  );
}

function List() {
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={word("floor_tab", "counts")}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("masters.code")}</th>
            <th scope="col">{t("floor.why")}</th>
            <th scope="col" class="num">
              {t("floor.rounds")}
            </th>
            <th scope="col" class="num">
              {t("floor.units_off")}
            </th>
            <th scope="col" class="num">
              {t("floor.value")}
            </th>
            <th scope="col">{t("floor.state")}</th>
          </tr>
        </thead>
        <tbody>
          {(counts.value ?? []).map((one) => (
            <tr key={one.id} data-count={one.id}>
              <th scope="row">
                <button type="button" class="link" onClick={() => void open(one)}>
                  {one.location ?? one.zone}
                </button>
                {one.sku && <small>{one.sku}</small>}
              </th>
              <td>
                {maybeWord("count_why", one.why) ?? one.why} {one.abc && <small>{one.abc}</small>}
              </td>
              <td class="num">{one.rounds_made}</td>
              <td class={`num${one.units_off ? " bad" : ""}`}>{number(one.units_off)}</td>
              <td class="num">{money(one.value_minor, "JPY")}</td>
              <td>
                {word("count_state", one.state)}
                {(one.reason || one.approved_by) && <small>{[one.approved_by, one.reason].filter(Boolean).join(" · ")}</small>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function One({ one }: { one: Detail }) {
  const reason = signal("");
  const off = busy.value > 0;
  const waits = one.state === "REVIEW" || one.state === "OPEN";
  return (
    <section class="box" data-testid="count">
      <h2>
        {one.location ?? one.zone} · {word("count_state", one.state)}
      </h2>
      <div class="scrolls" tabIndex={0} role="region" aria-label={t("floor.rounds")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("floor.round")}</th>
              <th scope="col">{t("floor.goods")}</th>
              <th scope="col" class="num">
                {t("floor.counted")}
              </th>
              <th scope="col" class="num">
                {t("floor.books")}
              </th>
              <th scope="col" class="num">
                {t("floor.difference")}
              </th>
            </tr>
          </thead>
          <tbody>
            {one.rounds.flatMap((round) =>
              round.lines.map((line, turn) => (
                <tr key={`${round.no} ${line.sku ?? line.code} ${line.lot}`}>
                  <th scope="row">
                    {turn === 0 && (
                      <>
                        {round.no} · {round.operator}
                        {round.done_at && <small>{clock(Date.parse(round.done_at), zone(), false)}</small>}
                      </>
                    )}
                  </th>
                  <td>{[line.sku ?? line.code, line.lot].filter(Boolean).join(" · ")}</td>
                  <td class="num">{number(line.counted)}</td>
                  <td class="num">{line.book_lo === line.book_hi ? number(line.book_lo) : `${number(line.book_lo)}–${number(line.book_hi)}`}</td>
                  <td class={`num${line.difference ? " bad" : ""}`}>
                    {line.difference > 0 ? "+" : ""}
                    {number(line.difference)}
                  </td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </div>
      {waits && (
        <form class="filters" onSubmit={(event) => event.preventDefault()}>
          <label>
            {t("floor.reason")}
            <input name="reason" required maxLength={200} onInput={(event) => (reason.value = event.currentTarget.value)} />
          </label>
          {(one.state === "REVIEW" ? ["approve", "recount", "reject"] : ["cancel"]).map((what) => (
            <button
              key={what}
              type="button"
              class={what === "approve" ? "main" : ""}
              data-act={what}
              disabled={off}
              onClick={() => void decide(one, what, reason.value || word("count_act", what))}
            >
              {word("count_act", what)}
            </button>
          ))}
        </form>
      )}
      <button type="button" class="quiet" onClick={() => (opened.value = null)}>
        {t("floor.close")}
      </button>
    </section>
  );
}

function Right() {
  return (
    <section class="box">
      <h2>{t("floor.accuracy")}</h2>
      <ul class="zones">
        {accuracy.value.map((each) => (
          <li key={`${each.zone} ${each.abc}`}>
            <span>{[each.zone || t("floor.no_zone"), each.abc].filter(Boolean).join(" · ")}</span>
            <i aria-hidden="true" style={{ width: `${each.permille / 10}%` }} />
            <small class="num">
              {t("floor.accuracy_words", { share: percent(each.permille / 1000, 1), counts: number(each.counts), value: money(each.value_off_minor, "JPY") })}
            </small>
          </li>
        ))}
      </ul>
    </section>
  );
}
