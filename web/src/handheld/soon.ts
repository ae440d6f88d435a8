/** What lies over a step, and the words for what goes wrong: loaded as soon as the first screen stands. */
import { worded } from "./later.tsx";

export const sheetsPart = worded(() => import("./sheets.tsx"));
