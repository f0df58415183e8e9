import fc from 'fast-check';
import type { AuditReport } from '../../../client/audit/index.ts';
import type { ResultLevels, ResultLevelsFacts } from '../../../client/levels/index.ts';

/** A report with this text wherever a stranger's text can come: names, titles, details, facts. */
export function reportSaying(text: string): AuditReport {
  return {
    verdict: 'refused',
    code: 'image_refused',
    checks: [
      { id: 'X1', title: 'a title', outcome: 'passed', detail: text },
      { id: 'N18.image', title: 'another', outcome: 'failed', detail: text },
    ],
    notProven: [{ id: 'x', reason: text }],
    input: { name: text, kind: 'nitro-document', encoding: 'hex', bytes: 3, sha256: '00' },
    tee: 'aws-nitro',
    level: 'simulated',
    levels: {
      requestId: new Uint8Array(32),
      modelId: new Uint8Array(32),
      standing: 'disputed',
      disputes: [{ auditor: new Uint8Array(64), answer: new Uint8Array(32) }],
      levels: [
        {
          ...{ level: 'replayed', state: 'refused', code: 'disputed', detail: text },
          leftOut: [{ what: 'finding', code: 'auditor_words', detail: text }],
        },
        {
          ...{ level: 'recomputed', state: 'reached', by: [text], assumes: [text], leftOut: [] },
          cost: { fee: 1n, gas: 'unknown', seconds: 2 },
        },
      ],
    } satisfies ResultLevelsFacts as unknown as ResultLevels,
    judgement: {
      purpose: 'live',
      at: '2030-01-01T00:00:00.000Z',
      readAt: '2031-01-01T00:00:00.000Z',
      challenge: 'any',
      policy: { name: text, origin: 'given' },
    },
    trust: [
      {
        kind: 'root',
        title: text,
        by: 'a',
        state: 'proven',
        checks: ['C16'],
        facts: [{ key: 'k', label: 'l', value: text }],
      },
      { kind: 'leaf', title: text, by: 'b', state: 'broken', checks: ['C18'], facts: [] },
    ],
    groups: [
      {
        key: 'document',
        title: 'Document',
        standing: 'claimed',
        facts: [{ key: 'k', label: 'l', value: [text, text] }],
      },
    ],
    dates: [{ of: 'head', at: '2030-01-01T00:00:00.000Z', by: text, counts: true, meaning: text }],
    lifetimes: [
      {
        kind: 'certificate',
        title: text,
        until: '2030-01-01T03:00:00.000Z',
        state: 'over-since',
        matters: true,
        meaning: text,
      },
    ],
    advice: [text],
  };
}

/** What somebody would write into evidence to rearrange the report about it. */
export const hostile: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</title><script>',
    '</style><style>*{display:none}</style>',
    '<!--',
    ']]>',
    '&lt;script&gt;',
    '\u202eevil\u202c',
    '\u2066\u2069\u200b\ufeff',
    '\u0000\u001b[2J\u009b\u2028',
    '\ud800',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('<', '>', '&', '"', "'", '/', '=', '\u202e', 'a'), maxLength: 20 }),
);
