/** Parts that few need are loaded when they are asked for. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Catalogues, learn, t } from "../core/i18n.ts";

/** A component that loads the real one; without a network it says so. */
export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let known: ComponentType<Props> | null = null;
  return function Later(props: Props) {
    const [Part, setPart] = useState<ComponentType<Props> | null>(() => known);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (Part) return;
      load().then(
        (part) => {
          known = part;
          setPart(() => part);
        },
        () => setFailed(true),
      );
    }, []);
    if (Part) return <Part {...props} />;
    return <p class="verb">{failed ? t("h.needs_connection") : "…"}</p>;
  };
}

/** A part that brings words of its own. */
export function worded<Part extends { WORDS: Catalogues }>(load: () => Promise<Part>): () => Promise<Part> {
  return async () => {
    const part = await load();
    await learn(part.WORDS);
    return part;
  };
}
