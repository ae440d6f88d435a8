/** How the lines of a walk are picked; its words are `pick_mode.…`. */
export const PICK_MODES = ["BATCH", "CLUSTER", "SINGLE", "ZONE", "PASS", "PUT_WALL"] as const;
