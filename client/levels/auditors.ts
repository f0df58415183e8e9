import type { Suite } from '../../wire/crypto/suite.ts';
import { askApprovals, type NamedAuditor } from '../approvals/ask.ts';
import type { ReachesAuditors } from './reach.ts';

/**
 * Auditors that are asked for approvals over HTTP. They are shown request and answer, since they compute it again. One that
 * is away or says no takes nothing from the others; whether enough have signed, `levelsOf` counts.
 */
export function reachAuditors(auditors: readonly NamedAuditor[], suite: Suite): ReachesAuditors {
  return {
    keys: auditors.map(({ key }) => key),
    async ask({ archive, statement }) {
      const { approvals } = await askApprovals({ auditors, archive, statement, suite });
      return { approvals, findings: [] };
    },
  };
}
