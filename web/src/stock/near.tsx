/** Find in store: the nearest stores that have it, on a map and as a list, with the figures' age. */
import { hours, lang, number, t, word } from "../core/i18n.ts";
import { distance } from "./distance.ts";
import { onMap, type Place, rings } from "./around.ts";
import { all, from, lookFrom, near } from "./sku.ts";

const R = 100;

export function Near({ sku }: { sku: string }) {
  const places = near.value;
  return (
    <section class="near">
      <h2>{t("stock.near")}</h2>
      <select
        aria-label={t("stock.near_from")}
        value={from.value.name}
        onChange={(event) => lookFrom(sku, event.currentTarget.value)}
      >
        <option value="">{t("stock.near_tokyo")}</option>
        {all.value.map((place) => (
          <option key={place.site} value={place.site}>
            {t("stock.near_site", { site: place.site })}
          </option>
        ))}
      </select>
      {places.length === 0 ? (
        <p class="hint">{t("stock.near_none")}</p>
      ) : (
        <div class="where">
          <Map places={places} />
          <ol>
            {places.map((place) => (
              <li key={place.site} class={place.stock}>
                <i aria-hidden="true" />
                <b>{place.site}</b> <span>{lang.value === "ja" ? place.name_ja : place.name_en}</span>
                <em>
                  {word("in_store", place.stock)}
                  {place.stock !== "none" && <b class="num"> {number(place.free)}</b>}
                </em>
                <small class="num">
                  {distance(place.distance_m ?? 0)}
                  {place.age_s > 0 && ` · ${t("stock.age", { age: hours(place.age_s) })}`}
                </small>
              </li>
            ))}
          </ol>
        </div>
      )}
    </section>
  );
}

function Map({ places }: { places: readonly Place[] }) {
  const [inner, outer] = rings(places);
  return (
    <svg class="map" viewBox="-116 -112 232 224" aria-hidden="true">
      {[inner, outer].map((metres) => {
        const r = R * Math.sqrt(metres / outer);
        return (
          <g key={metres} class="ring">
            <circle r={r} />
            <text y={-r + 11} text-anchor="middle">
              {distance(metres)}
            </text>
          </g>
        );
      })}
      <path class="here" d="M-5 0H5M0-5V5" />
      {places.map((place) => {
        const [x, y] = onMap(from.value, place, outer);
        return <circle key={place.site} class={`place ${place.stock}`} cx={R * x} cy={R * y} r={5.5} />;
      })}
    </svg>
  );
}
