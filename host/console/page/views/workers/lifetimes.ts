import type { AuditReport } from '../../../../../client/audit/index.ts';
import type { Verified, WorkerFacts, WorkerPolicy } from '../../../../../verifier/index.ts';

/** Something of a worker's evidence that ends by itself. */
export interface Lifetime {
  readonly what: string;
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly kind: 'key' | 'certificate' | 'policy';
}

const CERTIFICATES: ReadonlySet<string> = new Set(['root', 'ca', 'leaf']);

/** What ends first stands first. Of certificates this is what they say themselves, whether they are proven or not. */
export function lifetimesOf(
  { trust }: Pick<AuditReport, 'trust'>,
  proven: Verified<WorkerFacts> | undefined,
  policy: WorkerPolicy | undefined,
): readonly Lifetime[] {
  const certificates = trust
    .filter(({ kind }) => CERTIFICATES.has(kind))
    .flatMap(({ title, facts }): readonly Lifetime[] => {
      const until = Date.parse(String(facts.find(({ key }) => key === 'notAfter')?.value));
      return Number.isNaN(until) ? [] : [{ what: `certificate ${title}`, until, kind: 'certificate' }];
    });
  const key: readonly Lifetime[] =
    proven === undefined
      ? []
      : [{ what: 'the worker’s key, accepted without new evidence', until: proven.acceptedUntil, kind: 'key' }];
  const rules: readonly Lifetime[] =
    policy === undefined ? [] : [{ what: `policy ${policy.name}`, until: policy.expires, kind: 'policy' }];
  return [...key, ...certificates, ...rules].sort((a, b) => a.until - b.until);
}
