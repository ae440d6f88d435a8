/** Areas of the floor that people may close: who is in one stands, nobody drives in (wcs/areas.py). */
import { t, word } from "../core/i18n.ts";
import { arm, type Deed, Why } from "./deeds.tsx";
import { named, past, plant, shown } from "./live.ts";

export function Areas() {
  const areas = plant.value?.areas ?? [];
  if (areas.length === 0 || past.value !== null) return null;
  const closed = new Set(shown.value?.areas ?? []);
  return (
    <section class="areas" data-testid="areas" aria-label={t("room.areas")}>
      <h2>{t("room.areas")}</h2>
      {areas.map(({ name }) => {
        const deed: Deed = closed.has(name) ? "OPEN" : "CLOSE";
        return (
          <div key={name} data-area={name} data-closed={closed.has(name)}>
            <p>
              <b>
                <span aria-hidden="true">{closed.has(name) ? "✕" : "●"}</span> {named(name)}
              </b>{" "}
              {closed.has(name) ? t("room.closed") : t("room.open")}
              <button type="button" data-deed={deed} onClick={() => arm(deed, name)}>
                {word("deed", deed)} …
              </button>
            </p>
            <Why machine={name} />
          </div>
        );
      })}
    </section>
  );
}
