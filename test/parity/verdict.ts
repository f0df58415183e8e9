/** What either side says of one piece of evidence. */
export type Verdict =
  | { readonly accepted: true; readonly facts: Facts }
  | {
      readonly accepted: false;
      /** Every reason that was named, the first one first. */
      readonly causes: readonly string[];
    };

/** By name, in a form that both sides can be written in. */
export type Facts = Readonly<Record<string, string>>;

export function outcomeOf(verdict: Verdict): string {
  return verdict.accepted ? 'accepted' : (verdict.causes[0] ?? 'refused without a cause');
}
