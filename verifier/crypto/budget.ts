/** Counts signature checks, the expensive step, so that no input decides how much work it causes (style: webpki). */
export interface SignatureBudget {
  /** False when nothing is left; the caller must then stop. */
  spend(): boolean;
}

export function createSignatureBudget(limit: number): SignatureBudget {
  let left = limit;
  return {
    spend: () => {
      left -= 1;
      return left >= 0;
    },
  };
}
