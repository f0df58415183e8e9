import type { VNode } from 'preact';
import { CheckList } from '../../parts/check-list.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import type { Standing } from './releases.ts';

/** Advice against it leaves the decision to whoever reads it. */
const WORDS = { active: 'accepted', deprecated: 'undetermined', yanked: 'refused' } as const;
const MEANINGS = {
  active: 'The owner stands by it.',
  deprecated: 'The owner advises against it: whether you use it is for you to say.',
  yanked: 'The owner withdrew it: do not use it.',
} as const;

export function StandingVerdict({ standing }: { readonly standing: Standing }): VNode {
  if (standing.kind === 'none') {
    return (
      <Verdict
        verdict="undetermined"
        of="the owner’s status"
        meaning="The host shows none. A word that is kept back looks like one that was never said."
      />
    );
  }
  if (standing.kind === 'refused') {
    const { verdict } = standing;
    return (
      <Verdict
        verdict={verdict.verdict}
        of="the owner’s status"
        code={verdict.code}
        meaning="What the host shows as the owner’s last word is not."
      >
        <details open>
          <summary>Every check of the status</summary>
          <CheckList title="Status" checks={verdict.checks} />
        </details>
      </Verdict>
    );
  }
  const { status, sequence } = standing.facts;
  return (
    <Verdict
      verdict={WORDS[status]}
      of={`the owner’s status: ${status}, number ${sequence}`}
      meaning={`${MEANINGS[status]} Signed by the owner; it has no date, and a later one may be kept back.`}
    />
  );
}
