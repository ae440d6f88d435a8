/** Release channels of a site: what it releases by itself, how much of it at a time, in which turn. */
import { signal } from "@preact/signals";
import { get, put } from "../core/api.ts";
import { number, t, word } from "../core/i18n.ts";
import { PICK_MODES } from "../core/modes.ts";
import { busy, tried, usePolling } from "../core/shared.ts";
import { said, site } from "./state.ts";

interface Channel {
  site: string;
  code: string;
  position: number;
  wip_lines_max: number;
  choose: "TURN" | "NEAR";
  hurry_min: number;
  active: boolean;
  style: { mode: string };
  which: Record<string, unknown>;
  binding: Record<string, unknown>;
  shelf_life: Record<string, number>;
}

const AGAIN_MS = 15_000;
const NEW = { wip_lines_max: 120, choose: "TURN", hurry_min: 60, active: true, style: { mode: "BATCH" } } as const;

const channels = signal<readonly Channel[] | null>(null);
/** Which is being changed, by its code; "" is a new one. */
const editing = signal<string | null>(null);

async function read(): Promise<void> {
  if (!site.value) return;
  const found = await tried(() => get<Channel[]>(`/console/v1/channels/${encodeURIComponent(site.value)}`));
  if (found) channels.value = found;
}

export function Channels() {
  usePolling(read, AGAIN_MS, [site.value]);
  const known = channels.value ?? [];
  const one = known.find((each) => each.code === editing.value);
  return (
    <section class="box" data-testid="channels">
      <div class="planbar">
        <h2>{t("floor.channels")}</h2>
        <button type="button" data-act="new-channel" onClick={() => (editing.value = "")}>
          ＋ {t("masters.new")}
        </button>
      </div>
      {editing.value !== null && <Editor key={editing.value} of={one} />}
      {channels.value?.length === 0 && <p class="hint">{t("floor.no_channels")}</p>}
      {known.length > 0 && (
        <div class="scrolls" tabIndex={0} role="region" aria-label={t("floor.channels")}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t("floor.channel")}</th>
                <th scope="col" class="num">
                  {t("floor.wip_lines")}
                </th>
                <th scope="col">{t("floor.mode")}</th>
                <th scope="col">{t("floor.choose")}</th>
                <th scope="col">
                  <span class="unseen">{t("masters.edit")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {known.map((each) => (
                <tr key={each.code} data-channel={each.code}>
                  <td>
                    {each.code} {!each.active && <small>{t("floor.channel_off")}</small>}
                  </td>
                  <td class="num">{each.wip_lines_max > 0 ? number(each.wip_lines_max) : t("floor.waits_for_waves")}</td>
                  <td>{word("pick_mode", each.style.mode)}</td>
                  <td>{word("choose", each.choose)}</td>
                  <td>
                    <button type="button" data-act="edit-channel" onClick={() => (editing.value = each.code)}>
                      {t("masters.edit")}
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

/** What it does not show (which orders, which places, shares of life) stays as it is. */
function Editor({ of }: { of: Channel | undefined }) {
  const was = of ?? { ...NEW, code: "", position: channels.value?.length ?? 0 };
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const count = (name: string): number => Number(form.get(name));
    const { site: _site, code: _code, ...kept } = of ?? { site: "", code: "" };
    const code = of?.code ?? String(form.get("code")).trim();
    const body = {
      ...kept,
      position: count("position"),
      wip_lines_max: count("wip_lines_max"),
      choose: String(form.get("choose")),
      hurry_min: count("hurry_min"),
      active: form.get("active") === "on",
      style: { ...was.style, mode: String(form.get("mode")) },
    };
    const path = [site.value, code].map(encodeURIComponent).join("/");
    const done = await tried(() => put<Channel>(`/console/v1/channels/${path}`, body));
    if (!done) return;
    editing.value = null;
    said.value = t("masters.saved", { what: done.code });
    await read();
  };
  const figure = (name: "position" | "wip_lines_max" | "hurry_min", title: string, most: number) => (
    <label>
      {title}
      <input type="number" name={name} min={0} max={most} step="1" required defaultValue={was[name]} />
    </label>
  );
  return (
    <form class="editor" data-testid="edit-channel" onSubmit={(event) => void save(event)}>
      {of ? (
        <h2>{of.code}</h2>
      ) : (
        <label>
          {t("floor.channel")}
          <input name="code" required maxLength={100} />
        </label>
      )}
      {figure("wip_lines_max", t("floor.wip_lines_max"), 100_000)}
      <Mode value={was.style.mode} />
      <Choose value={was.choose} of={["TURN", "NEAR"]} />
      {figure("hurry_min", t("floor.hurry_min"), 525_600)}
      {figure("position", t("floor.position"), 10_000)}
      <label class="flag">
        <input type="checkbox" name="active" defaultChecked={was.active} /> {t("floor.channel_on")}
      </label>
      <p class="acts">
        <button type="submit" class="main" disabled={busy.value > 0}>
          {t("masters.save")}
        </button>
        <button type="button" onClick={() => (editing.value = null)}>
          {t("masters.cancel")}
        </button>
      </p>
    </form>
  );
}

export function Mode({ value }: { value: string }) {
  return (
    <label>
      {t("floor.mode")}
      <select name="mode" defaultValue={value}>
        {PICK_MODES.map((mode) => (
          <option key={mode} value={mode}>
            {word("pick_mode", mode)}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Choose({ value, of }: { value: string; of: readonly string[] }) {
  return (
    <label>
      {t("floor.choose")}
      <select name="choose" defaultValue={value}>
        {of.map((each) => (
          <option key={each} value={each}>
            {word("choose", each)}
          </option>
        ))}
      </select>
    </label>
  );
}
