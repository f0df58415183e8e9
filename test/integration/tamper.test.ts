import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulatorPolicy } from '../../cli/stack/policy.ts';
import {
  codeMeanings,
  parsePolicy,
  type Verified,
  verifyReceipt,
  verifyWorker,
  type WorkerFacts,
} from '../../verifier/index.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { type Archive, decodeArchive } from '../../wire/message/archive.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { encodeConfiguration } from '../../wire/message/configuration.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { decodeRefusal, linkKind } from '../../wire/message/link.ts';
import { connectRaw } from '../support/raw-link.ts';
import { clientOver, demoCall, openTestStack, refusalOf, type Tap, type TestStack, tap } from '../support/stack.ts';

let stack: TestStack;
let archive: Archive;
let worker: Verified<WorkerFacts>;
let now: number;

beforeAll(async () => {
  stack = await openTestStack();
  const client = clientOver(tap(stack.url).host, stack.policy);
  // Several leaves under one log, so that the proof is not empty.
  for (let i = 0; i < 5; i++) await client.infer(demoCall(stack, 1, i));
  const result = await client.infer(demoCall(stack, 2));
  archive = decodeArchive(result.archive());
  worker = result.worker;
  now = Date.now();
}, 60_000);

afterAll(async () => {
  await stack.stop();
}, 30_000);

const MASKS = [0x01, 0x80, 0xff] as const;

/** Every byte of `bytes` changed by each mask; returns how often each code refused, and fails on the first acceptance. */
async function refuseAll(
  bytes: Uint8Array,
  judge: (changed: Uint8Array) => Promise<string>,
): Promise<ReadonlyMap<string, number>> {
  const codes = new Map<string, number>();
  for (let offset = 0; offset < bytes.length; offset++) {
    for (const mask of MASKS) {
      const changed = Uint8Array.from(bytes);
      changed[offset] = (changed[offset] as number) ^ mask;
      const code = await judge(changed);
      if (code === 'accepted') throw new Error(`byte ${offset} xor ${mask} was accepted`);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  }
  return codes;
}

async function judgeEvidence(change: Partial<Evidence>): Promise<string> {
  const evidence = { ...archive.evidence, ...change };
  const challenge = archive.challenge.value;
  const verdict = await verifyWorker(evidence, {
    policy: stack.policy,
    now,
    challenge,
    challengedAt: 'unknown',
    suite: nodeSuite,
    cache: 'none',
  });
  return verdict.verdict === 'accepted' ? 'accepted' : verdict.code;
}

interface ReceiptChange {
  readonly bundle?: Partial<ReceiptBundle>;
  readonly header?: Uint8Array;
  readonly requestBody?: Uint8Array;
  readonly responseBody?: Uint8Array;
}

async function judgeReceipt(change: ReceiptChange): Promise<string> {
  const { request, response } = archive;
  if (request?.body === null || request === null || response?.body === null || response === null) {
    throw new Error('the archive has its payloads');
  }
  const verdict = await verifyReceipt(
    { ...archive, ...change.bundle },
    {
      expected: {
        worker,
        request: { header: change.header ?? request.header, body: change.requestBody ?? request.body },
        response: { ...response, body: change.responseBody ?? response.body },
        headerBy: 'client',
        owedBefore: 0n,
      },
      now,
      suite: nodeSuite,
    },
  );
  return verdict.verdict === 'accepted' ? 'accepted' : verdict.code;
}

const known: ReadonlySet<string> = new Set(
  [codeMeanings.malformed, codeMeanings.untrusted, codeMeanings.refused].flatMap((codes) => Object.keys(codes)),
);

describe('every byte of the evidence, changed', () => {
  it('accepts it unchanged', async () => {
    expect(await judgeEvidence({})).toBe('accepted');
    expect(await judgeReceipt({})).toBe('accepted');
  });

  it('the attestation document', async () => {
    const codes = await refuseAll(archive.evidence.document, (document) => judgeEvidence({ document }));
    for (const code of codes.keys()) expect(known.has(code), code).toBe(true);
    // Nothing before the signature check may pass as something else: the bulk of the bytes breaks a signature.
    expect(codes.get('document_signature')).toBeGreaterThan(1_000);
    expect(codes.get('certificate_signature')).toBeGreaterThan(100);
  }, 240_000);

  it('the identity words', async () => {
    const codes = await refuseAll(archive.evidence.identity, (identity) => judgeEvidence({ identity }));
    expect([...codes.keys()].sort()).toEqual(['identity_invalid', 'identity_mismatch']);
  }, 60_000);

  it('the configuration', async () => {
    const codes = await refuseAll(archive.evidence.configuration, (configuration) => judgeEvidence({ configuration }));
    expect([...codes.keys()].sort()).toEqual(['configuration_invalid', 'configuration_mismatch']);
  }, 120_000);

  it('the runtime', async () => {
    const codes = await refuseAll(archive.evidence.runtime, (runtime) => judgeEvidence({ runtime }));
    expect([...codes.keys()].sort()).toEqual(['runtime_invalid', 'runtime_mismatch']);
  }, 60_000);
});

describe('every byte of an answer, changed', () => {
  it('the receipt', async () => {
    const codes = await refuseAll(archive.receipt, (receipt) => judgeReceipt({ bundle: { receipt } }));
    expect([...codes.keys()].sort()).toEqual(['inclusion_proof', 'receipt_invalid']);
  });

  it('the inclusion proof', async () => {
    for (const [place, hash] of archive.proof.entries()) {
      const codes = await refuseAll(hash, (changed) => {
        const proof = archive.proof.map((other, index) => (index === place ? changed : other));
        return judgeReceipt({ bundle: { proof } });
      });
      expect([...codes.keys()]).toEqual(['inclusion_proof']);
    }
    expect(archive.proof.length).toBeGreaterThan(0);
    expect(await judgeReceipt({ bundle: { proof: archive.proof.slice(1) } })).toBe('inclusion_proof');
    expect(await judgeReceipt({ bundle: { proof: [...archive.proof, new Uint8Array(32)] } })).toBe('inclusion_proof');
  });

  it('the head and its signature', async () => {
    const head = await refuseAll(archive.head, (changed) => judgeReceipt({ bundle: { head: changed } }));
    expect([...head.keys()].sort()).toEqual([
      'head_invalid',
      'head_of_other_chain',
      'head_of_other_log',
      'head_signature',
    ]);
    const signature = await refuseAll(archive.signature, (changed) => judgeReceipt({ bundle: { signature: changed } }));
    expect([...signature.keys()]).toEqual(['head_signature']);
  });

  it('the execution statement', async () => {
    const codes = await refuseAll(archive.execution, (execution) => judgeReceipt({ bundle: { execution } }));
    expect([...codes.keys()].sort()).toEqual(['execution_invalid', 'execution_mismatch']);
  });

  it('the request header', async () => {
    const codes = await refuseAll(archive.request?.header as Uint8Array, (header) => judgeReceipt({ header }));
    const expected = ['header_invalid', 'model_mismatch', 'request_id_mismatch', 'request_mismatch'];
    expect([...codes.keys()].sort()).toEqual(expected);
  });

  it('input and output', async () => {
    const input = archive.request?.body as Uint8Array;
    const output = archive.response?.body as Uint8Array;
    const requests = await refuseAll(input, (requestBody) => judgeReceipt({ requestBody }));
    expect([...requests.keys()]).toEqual(['request_mismatch']);
    const responses = await refuseAll(output, (responseBody) => judgeReceipt({ responseBody }));
    expect([...responses.keys()]).toEqual(['response_mismatch']);
  });
});

describe('every byte of a frame, changed on its way', () => {
  async function session(): Promise<{ readonly wire: Tap; readonly infer: () => Promise<unknown> }> {
    const wire = tap(stack.url);
    const client = clientOver(wire.host, stack.policy);
    await client.infer(demoCall(stack));
    return { wire, infer: () => client.infer(demoCall(stack)) };
  }

  it('the handshake, both ways', async () => {
    const wire = tap(stack.url);
    const attempt = (): Promise<string> => refusalOf(() => clientOver(wire.host, stack.policy).infer(demoCall(stack)));
    const evidence = wire.seen;
    await clientOver(wire.host, stack.policy).worker();
    const [proof] = evidence.filter(({ path }) => path.startsWith('/v1/evidence'));
    expect(proof).toBeDefined();
    // One byte in five keeps evidence requests within the host's rate; test/wire/noise changes every byte of both.
    for (let offset = 0; offset < 48; offset += 5) {
      wire.onRequest = (path, body) => (path.startsWith('/v1/sessions?') ? flipped(body, offset) : body);
      expect(await attempt()).toMatch(/^(host_error|protocol_violated)\//);
    }
    wire.onRequest = (_path, body) => body;
    for (let offset = 16; offset < 64; offset += 5) {
      wire.onReply = (path, body) => (path.startsWith('/v1/sessions?') ? flipped(body, offset) : body);
      expect(await attempt()).toBe('protocol_violated/handshake_invalid');
    }
  }, 120_000);

  it('a request record: the worker opens none of them', async () => {
    const { wire } = await session();
    const record = wire.seen.find(({ path, request }) => /^\/v1\/sessions\/./.test(path) && request !== null);
    const { path, request } = record as { readonly path: string; readonly request: Uint8Array };
    const direct = tap(stack.url).host;
    for (let offset = 0; offset < request.length; offset++) {
      for (const mask of MASKS) {
        const code = await refusalOf(() => direct.post(path, flipped(request, offset, mask), 1_000_000));
        expect(code, `byte ${offset} xor ${mask}`).toBe('host_error/record_refused');
      }
    }
  }, 120_000);

  it('an answer record: the client opens none of them', async () => {
    const { wire, infer } = await session();
    const before = wire.seen.length;
    await infer();
    const { path, reply } = wire.seen[before] as { readonly path: string; readonly reply: Uint8Array };
    expect(path).toMatch(/^\/v1\/sessions\/./);
    // Each change costs a session; test/wire/noise changes every byte of a record under one.
    for (let offset = 0; offset < reply.length; offset += 97) {
      for (const mask of MASKS) {
        const other = tap(stack.url);
        const client = clientOver(other.host, stack.policy);
        await client.worker();
        other.onReply = (where, body) => (/^\/v1\/sessions\/./.test(where) ? flipped(body, offset, mask) : body);
        expect(await refusalOf(() => client.infer(demoCall(stack)))).toMatch(/^protocol_violated\//);
      }
    }
  }, 240_000);
});

function flipped(bytes: Uint8Array, offset: number, mask = 0x01): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[offset] = (changed[offset] as number) ^ mask;
  return changed;
}

describe('substitution and replay', () => {
  it('an answer to another request of the same session', async () => {
    const wire = tap(stack.url);
    const client = clientOver(wire.host, stack.policy);
    await client.infer(demoCall(stack, 1, 1));
    const old = wire.seen.at(-1)?.reply as Uint8Array;
    wire.onReply = (path, body) => (/^\/v1\/sessions\/./.test(path) ? old : body);
    expect(await refusalOf(() => client.infer(demoCall(stack, 1, 2)))).toBe('protocol_violated/record_invalid');
  });

  it('an answer of another session', async () => {
    const first = tap(stack.url);
    await clientOver(first.host, stack.policy).infer(demoCall(stack));
    const foreign = first.seen.at(-1)?.reply as Uint8Array;
    const wire = tap(stack.url);
    const client = clientOver(wire.host, stack.policy);
    wire.onReply = (path, body) => (/^\/v1\/sessions\/./.test(path) ? foreign : body);
    expect(await refusalOf(() => client.infer(demoCall(stack)))).toMatch(/^protocol_violated\//);
  });

  it('a recorded request sent again: the worker runs nothing twice', async () => {
    const wire = tap(stack.url);
    await clientOver(wire.host, stack.policy).infer(demoCall(stack));
    const { path, request } = wire.seen.at(-1) as { readonly path: string; readonly request: Uint8Array };
    expect(await refusalOf(() => tap(stack.url).host.post(path, request, 1_000_000))).toBe('host_error/record_refused');
  });

  it('a recorded session opened again: the same first message gives other keys', async () => {
    const wire = tap(stack.url);
    await clientOver(wire.host, stack.policy).infer(demoCall(stack));
    const handshake = wire.seen.find(({ path }) => path.startsWith('/v1/sessions?')) as (typeof wire.seen)[number];
    const record = wire.seen.at(-1) as { readonly path: string; readonly request: Uint8Array };
    const direct = tap(stack.url).host;
    const reply = await direct.post(handshake.path, handshake.request as Uint8Array, 64);
    const id = Buffer.from(reply.subarray(0, 16)).toString('hex');
    expect(await refusalOf(() => direct.post(`/v1/sessions/${id}`, record.request, 1_000_000))).toBe(
      'host_error/record_refused',
    );
  });

  it('an old document for a new challenge', async () => {
    const wire = tap(stack.url);
    await clientOver(wire.host, stack.policy).worker();
    const old = wire.seen[0]?.reply as Uint8Array;
    wire.onReply = (path, body) => (path.startsWith('/v1/evidence') ? old : body);
    expect(await refusalOf(() => clientOver(wire.host, stack.policy).worker())).toBe(
      'evidence_refused/challenge_mismatch',
    );
  });

  it('an answer for another model: the receipt names what ran', async () => {
    const header = Uint8Array.from(archive.request?.header as Uint8Array);
    header.fill(0xab, 32, 64);
    expect(await judgeReceipt({ header })).toBe('model_mismatch');
  });

  it('an answer of another worker', async () => {
    const other = await openTestStack();
    try {
      const client = clientOver(tap(other.url).host, other.policy);
      const foreign = await client.infer({ ...demoCall(other) });
      const bundle = decodeArchive(foreign.archive());
      expect(await judgeReceipt({ bundle })).toBe('head_of_other_log');
    } finally {
      await other.stop();
    }
  }, 60_000);

  it('a second configuration, the same or another', async () => {
    const raw = await connectRaw(stack.linkPath);
    for (const bytes of [
      archive.evidence.configuration,
      encodeConfiguration({ ...worker.configuration, telemetry: 'none' }),
    ]) {
      const answer = await raw.ask(linkKind.configure, bytes);
      expect(answer.kind).toBe(linkKind.refusal);
      expect(decodeRefusal(answer.payload).code).toBe('already_configured');
    }
    raw.close();
  });

  it('a hardware policy refuses simulated evidence, whatever else it allows', async () => {
    const { measurement, rootCertificate } = stack.supervisor;
    const rules = simulatorPolicy({
      platform: { tee: 'aws-nitro', role: null },
      measurement,
      rootCertificate,
      files: stack.files,
      now,
    });
    const anchor = '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b';
    const loosest = { ...(rules as Record<string, JsonValue>), level: 'attested', roots: [anchor], images: 'any' };
    const policy = parsePolicy(loosest);
    const challenge = archive.challenge.value;
    const options = { policy, now, challenge, challengedAt: now, suite: nodeSuite, cache: 'none' as const };
    const verdict = await verifyWorker(archive.evidence, options);
    expect(verdict.verdict).not.toBe('accepted');
    expect(verdict).toMatchObject({ code: 'root_not_trusted' });
  });

  it('a policy that names another image, configuration, publisher, operator or chain', async () => {
    const { measurement, rootCertificate } = stack.supervisor;
    const rules = simulatorPolicy({
      platform: { tee: 'aws-nitro', role: null },
      measurement,
      rootCertificate,
      files: stack.files,
      now,
    }) as Record<string, JsonValue>;
    const zeros = (bytes: number): string => '00'.repeat(bytes);
    const cases: readonly (readonly [Record<string, JsonValue>, string])[] = [
      [{ images: [] }, 'image_refused'],
      [{ configurations: [] }, 'configuration_refused'],
      [{ configurations: [zeros(32)] }, 'configuration_refused'],
      [{ publishers: [] }, 'publisher_refused'],
      [{ operators: [] }, 'operator_refused'],
      [{ runtimes: [] }, 'runtime_refused'],
      [{ chain: { chainId: '1', registry: zeros(20), settlement: zeros(20) } }, 'chain_refused'],
      [{ expires: '2020-01-01T00:00:00Z' }, 'policy_expired'],
    ];
    for (const [change, code] of cases) {
      const policy = parsePolicy({ ...rules, ...change });
      const challenge = archive.challenge.value;
      const options = { policy, now, challenge, challengedAt: now, suite: nodeSuite, cache: 'none' as const };
      const verdict = await verifyWorker(archive.evidence, options);
      expect(verdict, JSON.stringify(change)).toMatchObject({ verdict: 'refused', code });
    }
  });
});
