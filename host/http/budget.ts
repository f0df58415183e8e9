/** How many bytes of bodies the host holds, over all connections: slow readers cost this and nothing more. */
export interface Budget {
  /** False means that there is no room; then nothing was taken. */
  take(bytes: number): boolean;
  /** For what exists already and cannot be refused: it only keeps others out. */
  add(bytes: number): void;
  give(bytes: number): void;
  readonly held: number;
}

export function createBudget(limit: number): Budget {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > limit) return false;
      held += bytes;
      return true;
    },
    add: (bytes) => {
      held += bytes;
    },
    give: (bytes) => {
      held -= bytes;
    },
    get held() {
      return held;
    },
  };
}
