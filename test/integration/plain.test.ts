import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulatorPolicy } from '../../cli/stack/policy.ts';
import { verifyReceipt, verifyWorker } from '../../verifier/index.ts';
import { fromBase64url, toHex, utf8 } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { bundleFromHeader } from '../../wire/message/bundle.ts';
import { decodeEvidence } from '../../wire/message/evidence.ts';
import { decodeInferResponse, tensorValues } from '../../wire/message/tensor.ts';
import { type ParsedPolicy, policyWith } from '../support/policy.ts';
import { openTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;

beforeAll(async () => {
  stack = await openTestStack();
}, 60_000);

afterAll(async () => {
  await stack.stop();
}, 30_000);

const body = JSON.stringify({
  inputs: [{ name: 'input', shape: [1, 128], datatype: 'FP32', data: Array.from({ length: 128 }, (_, i) => i / 128) }],
});

async function ask(model: string, text = body): Promise<{ readonly response: Response; readonly bytes: Uint8Array }> {
  const url = `${stack.url}/v2/models/${model}/infer`;
  const response = await fetch(url, { method: 'POST', body: text, headers: { 'content-type': 'application/json' } });
  return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
}

function policy(changes: Record<string, string>): ParsedPolicy {
  const { measurement, rootCertificate } = stack.supervisor;
  return policyWith(
    simulatorPolicy({
      platform: { tee: 'aws-nitro', role: null },
      measurement,
      rootCertificate,
      files: stack.files,
      now: Date.now(),
    }),
    changes,
  );
}

/** What a curious user of plain HTTP can check afterwards, with the words that the host says it sent. */
async function judge(
  { response, bytes }: Awaited<ReturnType<typeof ask>>,
  accepted: ParsedPolicy,
): Promise<Awaited<ReturnType<typeof verifyReceipt>>> {
  const challenge = nodeSuite.randomBytes(32);
  const served = await fetch(`${stack.url}/v1/evidence?challenge=${toHex(challenge)}`);
  const evidence = decodeEvidence(new Uint8Array(await served.arrayBuffer()));
  const now = Date.now();
  const options = { policy: accepted, now, challenge, challengedAt: now, suite: nodeSuite, cache: 'none' as const };
  const worker = await verifyWorker(evidence, options);
  if (worker.verdict !== 'accepted') throw new Error(worker.code);
  return verifyReceipt(bundleFromHeader(response.headers.get('proofmark-receipt') ?? ''), {
    expected: {
      worker: worker.proven,
      request: { header: fromBase64url(response.headers.get('proofmark-request') ?? ''), body: utf8(body) },
      response: { format: 1, jsonLength: bytes.length, body: bytes },
      headerBy: 'host',
      owedBefore: 0n,
    },
    now: Date.now(),
    suite: nodeSuite,
  });
}

describe('a plain HTTP call', () => {
  it('gives an answer whose receipt can be proven, with the header named as the host’s', async () => {
    const answer = await ask('demo-mlp');
    expect(answer.response.status).toBe(200);
    const { outputs } = decodeInferResponse({ body: answer.bytes, jsonLength: answer.bytes.length }, 'json');
    expect(outputs[0]).toMatchObject({ name: 'logits', shape: [1, 10] });
    expect(tensorValues(outputs[0] as (typeof outputs)[number])).toHaveLength(10);

    const verdict = await judge(answer, policy({ sealed: 'any', headers: 'any' }));
    expect(verdict.verdict).toBe('accepted');
    expect(verdict.notProven.map(({ id }) => id)).toContain('header');
  });

  it('is refused by a policy that wants sealed answers, or headers of the client', async () => {
    const answer = await ask(toHex(stack.files.modelId));
    expect(await judge(answer, policy({ headers: 'any' }))).toMatchObject({
      verdict: 'refused',
      code: 'unsealed_refused',
    });
    expect(await judge(answer, policy({ sealed: 'any' }))).toMatchObject({
      verdict: 'refused',
      code: 'header_by_host',
    });
  });

  it('gets a receipt for a refusal, too', async () => {
    const { response, bytes } = await ask('demo-mlp', '{"inputs":[],"inputs":[]}');
    expect(response.status).toBe(422);
    expect(response.headers.get('proofmark-receipt')).not.toBeNull();
    expect(new TextDecoder().decode(bytes)).toContain('input_invalid');
  });

  it('gets the host’s word, without a receipt, for a model that is not there', async () => {
    const { response, bytes } = await ask('no-such-model');
    expect(response.status).toBe(404);
    expect(response.headers.get('proofmark-receipt')).toBeNull();
    expect(JSON.parse(new TextDecoder().decode(bytes))).toMatchObject({ code: 'model_unknown' });
  });
});
