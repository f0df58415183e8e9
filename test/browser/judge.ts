import {
  createChainCache,
  parsePolicy,
  parseSnpPolicy,
  parseUnverifiedArchive,
  requireAccepted,
  VerifierError,
  verifyArchive,
  verifyNitroDocument,
  verifyReceipt,
  verifySnpReport,
  verifyWorker,
} from '../../verifier/index.ts';
import { fromBase64url, toHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { decodeBundle } from '../../wire/message/bundle.ts';
import { decodeEvidence } from '../../wire/message/evidence.ts';

interface Asked {
  readonly name: string;
  readonly policy: JsonValue;
  readonly now: number;
  /** base64url, as all bytes here. */
  readonly challenge: string;
}

/** One verification as JSON, so that Node and a browser are asked the same. */
export type Case = Asked &
  (
    | { readonly kind: 'nitro'; readonly document: string }
    | { readonly kind: 'snp'; readonly report: string; readonly certificates: readonly string[] }
    | { readonly kind: 'archive'; readonly archive: string }
    | {
        readonly kind: 'receipt';
        readonly evidence: string;
        readonly bundle: string;
        readonly header: string;
        readonly request: string;
        readonly response: { readonly format: number; readonly jsonLength: number; readonly body: string };
      }
  );

/** A whole verdict, facts and details included, as text that two platforms can be compared by. */
export interface Outcome {
  readonly name: string;
  readonly verdict: string;
}

/** One cache for all, so that cold and warm verifications both happen. */
export async function judgeAll(cases: readonly Case[], suite: Suite): Promise<readonly Outcome[]> {
  const cache = createChainCache({ maxEntries: 64 });
  const outcomes: Outcome[] = [];
  for (const asked of cases) {
    const verdict = await judge(asked, { suite, cache }).catch((error: unknown) => {
      if (error instanceof VerifierError) return { thrown: error.code, place: error.place };
      throw error;
    });
    outcomes.push({ name: asked.name, verdict: JSON.stringify(verdict, asText) });
  }
  return outcomes;
}

async function judge(
  asked: Case,
  means: { readonly suite: Suite; readonly cache: ReturnType<typeof createChainCache> },
): Promise<object> {
  const { now } = asked;
  const challenge = fromBase64url(asked.challenge);
  switch (asked.kind) {
    case 'nitro':
      return verifyNitroDocument(fromBase64url(asked.document), {
        ...{ policy: parsePolicy(asked.policy), now, challenge },
        ...means,
      });
    case 'snp':
      return verifySnpReport(
        {
          report: fromBase64url(asked.report),
          certificates: asked.certificates.map(fromBase64url),
          revocationLists: [],
        },
        { policy: parseSnpPolicy(asked.policy), now, challenge, product: 'any', cache: 'none', suite: means.suite },
      );
    case 'archive':
      return verifyArchive(parseUnverifiedArchive(fromBase64url(asked.archive)), {
        ...{ policy: parsePolicy(asked.policy), purpose: { kind: 'live', now } },
        ...means,
      });
    case 'receipt':
      return judgeReceipt(asked, means);
  }
}

async function judgeReceipt(
  asked: Case & { readonly kind: 'receipt' },
  means: { readonly suite: Suite; readonly cache: ReturnType<typeof createChainCache> },
): Promise<object> {
  const { now, response } = asked;
  const options = {
    policy: parsePolicy(asked.policy),
    now,
    challenge: fromBase64url(asked.challenge),
    challengedAt: now,
    ...means,
  };
  const worker = requireAccepted(await verifyWorker(decodeEvidence(fromBase64url(asked.evidence)), options));
  return verifyReceipt(decodeBundle(fromBase64url(asked.bundle)), {
    expected: {
      worker,
      request: { header: fromBase64url(asked.header), body: fromBase64url(asked.request) },
      response: { ...response, body: fromBase64url(response.body) },
      headerBy: 'client',
      owedBefore: 0n,
    },
    now,
    suite: means.suite,
  });
}

function asText(_name: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (value instanceof Map) return [...(value as ReadonlyMap<unknown, unknown>)];
  return typeof value === 'bigint' ? value.toString() : value;
}
