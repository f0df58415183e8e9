import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { anchors, codeMeanings } from '../../verifier/index.ts';
import { toHex, utf8 } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { decodeEvidence, encodeEvidence } from '../../wire/message/evidence.ts';
import { type Middle, type Passing, serveProxy, type Tampered } from '../client/proxy.ts';
import { openSoakStack, type SoakStack } from '../soak/stack.ts';
import { type Folder, temporaryFolder } from '../support/command.ts';
import { hasRealEvidence } from '../support/real-evidence.ts';
import { openTestStack, type TestStack } from '../support/stack.ts';
import { hasPython, PYTHON_EXAMPLE, type PythonOutcome, python } from './python.ts';

/** The second implementation: written from the description and the vectors, in a language that shares no code with this one. */
describe.skipIf(!hasPython)('the example in Python (skipped without python3 and cryptography)', () => {
  it('passes its own tests, over every published vector', async () => {
    const { code, err } = await python('-m', 'unittest', '-v');
    expect(err).toContain('OK');
    expect(code).toBe(0);
    const passed = [...err.matchAll(/^(test_\w+) .*\.\.\. ok$/gm)].map(([, name]) => name);
    for (const name of [
      'test_nitro_documents',
      'test_snp_reports',
      'test_snp_tables',
      'test_snp_workers',
      'test_policies_that_no_reader_may_take',
      'test_words_log_images_and_register',
      'test_words_leaves_and_inclusion',
      'test_header_request_and_response',
      'test_handshake',
      'test_records_are_sealed_and_opened',
      'test_records_that_nobody_may_open',
      'test_dates_of_heads_and_challenges',
      'test_canonical_form',
      'test_constants_and_permutations',
      'test_elements',
      'test_commitments',
      'test_every_leaf_and_every_growth_of_small_trees',
    ]) {
      expect(passed, name).toContain(name);
    }
    expect(passed.length).toBeGreaterThanOrEqual(hasRealEvidence ? 50 : 48);
  }, 120_000);

  it('reads every vector that is published, and the anchors that the verifier pins', () => {
    const source = [
      'tests/test_wire.py',
      'tests/test_evidence.py',
      'tests/test_commitments.py',
      'proofmark_check/policy.py',
    ]
      .map((name) => readFileSync(join(PYTHON_EXAMPLE, name), 'utf8'))
      .join('\n');
    const wire = [
      'anchors',
      'authorisations',
      'commitments',
      'hub',
      'identity',
      'integers',
      'noise',
      'receipt',
      'request',
      'statements',
    ];
    for (const name of wire) expect(source, name).toContain(`wire("${name}")`);
    for (const { name, sha256 } of anchors) expect(source, name).toContain(sha256);
  });

  it('says no with codes of the verifier', () => {
    const files = [
      'path',
      'nitro',
      'nitro_document',
      'snp',
      'snp_report',
      'snp_rules',
      'evidence',
      'receipt_rules',
      'commitments',
      'dates',
    ];
    const known = Object.values(codeMeanings).flatMap((group) => Object.keys(group));
    for (const file of files) {
      const source = readFileSync(join(PYTHON_EXAMPLE, 'proofmark_check', `${file}.py`), 'utf8');
      for (const [, code] of source.matchAll(/(?:failed|Malformed)\(\s*"([a-z0-9_]+)"/g)) {
        if (
          code !== 'field_invalid' &&
          code !== 'truncated' &&
          code !== 'tag_mismatch' &&
          code !== 'integer_out_of_range'
        )
          expect(known, `${file}: ${code}`).toContain(code);
      }
    }
  });
});

describe.skipIf(!hasPython)('a real stack, called by plain HTTP from Python (skipped without python3)', () => {
  let soak: SoakStack;
  let proxy: Middle;
  let folder: Folder;
  let rules: { readonly [rule: string]: JsonValue };
  let tensor: readonly string[];
  let chat: readonly string[];

  beforeAll(async () => {
    folder = temporaryFolder();
    soak = await openSoakStack();
    proxy = await serveProxy(soak.stack.url);
    rules = { ...JSON.parse(readFileSync(soak.stack.policyFile, 'utf8')), models: 'any' };
    const data = Array.from({ length: 128 }, () => 0.5);
    const request = { inputs: [{ name: 'input', shape: [1, 128], datatype: 'FP32', data }] };
    tensor = [
      '--model',
      toHex(soak.stack.files.modelId),
      '--infer',
      folder.file('request.json', JSON.stringify(request)),
    ];
    chat = ['--model', toHex(soak.languageId), '--chat', 'what does the tide bring', '--tokens', '12'];
  }, 300_000);
  afterEach(() => {
    proxy.onReply = (passing) => passing;
  });
  afterAll(async () => {
    await proxy.close();
    await soak.remove();
    folder.remove();
  });

  /** The host limits how often documents are made; tests ask more often than people do. */
  async function call(
    args: readonly string[],
    changes: { readonly [rule: string]: JsonValue } = {},
  ): Promise<PythonOutcome> {
    const policy = folder.file('policy.json', JSON.stringify({ ...rules, ...changes }));
    for (;;) {
      const outcome = await python('call.py', proxy.url, '--policy', policy, ...args);
      if (!outcome.err.includes('rate_limited')) return outcome;
      await sleep(200);
    }
  }

  const isRecord = ({ path }: Passing): boolean => /^\/v1\/sessions\/[0-9a-f]{32}/.test(path);
  const isEvidence = ({ path }: Passing): boolean => path.startsWith('/v1/evidence');

  /** Nobody who was caught gets an answer printed, and the reason is named. */
  function expectCaught({ code, out, err }: PythonOutcome, reason: string): void {
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(reason) });
    expect(out).not.toContain('proven');
  }

  it('answers a sealed tensor call, and says what was proven and what not', async () => {
    const { code, out, err } = await call(tensor);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^logits \[1, 10\] = \[/);
    expect(out).toContain('proven (simulated, by aws-nitro');
    expect(out).toContain(`in log `);
    for (const title of ['not asked by this policy', 'not checked by this program', 'not proven by anybody']) {
      expect(out).toContain(title);
    }
  }, 120_000);

  it('streams a sealed chat, record by record', async () => {
    const { code, out, err } = await call(chat);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('status ok, fee 0, sealed: yes');
  }, 120_000);

  it.each([
    ['another root', { roots: ['00'.repeat(32)] }, 'root_not_trusted'],
    [
      'another image',
      { images: [{ pcr0: '11'.repeat(48), pcr1: '22'.repeat(48), pcr2: '33'.repeat(48) }] },
      'image_refused',
    ],
    ['no image at all', { images: [] }, 'image_refused'],
    ['another configuration', { configurations: ['44'.repeat(32)] }, 'configuration_refused'],
    ['another runtime', { runtimes: ['55'.repeat(32)] }, 'runtime_refused'],
    ['another operator', { operators: ['66'.repeat(20)] }, 'operator_refused'],
    ['another publisher', { publishers: ['77'.repeat(64)] }, 'publisher_refused'],
    ['another model', { models: ['88'.repeat(32)] }, 'model_refused'],
    ['a policy that has ended', { expires: '2020-01-01T00:00:00Z' }, 'policy_expired'],
  ])(
    'refuses the same host under a policy that names %s',
    async (_, changes, reason) => {
      expectCaught(await call(tensor, changes), reason);
    },
    60_000,
  );

  it('refuses a policy with a rule left out', async () => {
    const { sealed: _, ...incomplete } = rules;
    const policy = folder.file('incomplete.json', JSON.stringify(incomplete));
    const { code, err } = await python('call.py', proxy.url, '--policy', policy, ...tensor);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('policy_invalid') });
  });

  it('refuses evidence that answers another challenge', async () => {
    let recorded: Uint8Array | undefined;
    proxy.onReply = (passing) => {
      if (!isEvidence(passing) || passing.status !== 200) return passing;
      recorded ??= passing.bytes;
      return { ...passing, bytes: recorded };
    };
    expect((await call(tensor)).code).toBe(0);
    expectCaught(await call(tensor), 'challenge_mismatch');
  }, 120_000);

  it('refuses a configuration, an identity and a document that the attested one does not name', async () => {
    for (const [part, reason] of [
      ['configuration', 'configuration_mismatch'],
      ['identity', 'identity_mismatch'],
      ['runtime', 'runtime_mismatch'],
      ['document', 'document_signature'],
    ] as const) {
      proxy.onReply = (passing) => {
        if (!isEvidence(passing) || passing.status !== 200) return passing;
        const evidence = decodeEvidence(passing.bytes);
        return { ...passing, bytes: encodeEvidence({ ...evidence, [part]: altered(evidence[part], part) }) };
      };
      expectCaught(await call(tensor), reason);
    }
  }, 120_000);

  it.each<readonly [string, (passing: Passing) => Tampered, number, string]>([
    ['with one bit flipped', (passing) => ({ ...passing, bytes: flip(passing.bytes, 40) }), 1, 'record_invalid'],
    ['moved to another place', (passing) => ({ ...passing, bytes: flip(passing.bytes, 7) }), 1, 'protocol_violated'],
    ['cut off', (passing) => ({ ...passing, bytes: passing.bytes.slice(0, -20), cut: 20 }), 4, 'answer_cut'],
    [
      'that is shorter than it was',
      (passing) => ({ ...passing, bytes: passing.bytes.slice(0, -20) }),
      1,
      'record_invalid',
    ],
    ['that is not sealed', (passing) => ({ ...passing, bytes: utf8('{"outputs":[]}') }), 1, 'record_invalid'],
    ['that never comes', () => null, 4, 'host_unreachable'],
  ])(
    'refuses an answer %s',
    async (_, change, code, reason) => {
      proxy.onReply = (passing) => (isRecord(passing) ? change(passing) : passing);
      const outcome = await call(tensor);
      expect({ code: outcome.code, err: outcome.err }).toEqual({ code, err: expect.stringContaining(reason) });
      expect(outcome.out).toBe('');
    },
    60_000,
  );

  it.each<readonly [string, (bytes: Uint8Array) => Uint8Array, number, string]>([
    ['without its last record', (bytes) => withoutLast(bytes), 4, 'answer_cut'],
    ['without its first record', (bytes) => bytes.slice(frameAt(bytes, 0)), 1, 'out of turn'],
    ['with its first record twice', (bytes) => twice(bytes), 1, 'out of turn'],
    ['cut inside a record', (bytes) => bytes.slice(0, -20), 4, 'answer_cut'],
    ['with a bit flipped in it', (bytes) => flip(bytes, 60), 1, 'record_invalid'],
  ])(
    'refuses a stream %s, and prints no proof',
    async (_, change, code, reason) => {
      proxy.onReply = (passing) => (isRecord(passing) ? { ...passing, bytes: change(passing.bytes) } : passing);
      const outcome = await call(chat);
      expect({ code: outcome.code, err: outcome.err }).toEqual({ code, err: expect.stringContaining(reason) });
      expect(outcome.out).not.toContain('proven');
    },
    60_000,
  );

  it('refuses an answer to an earlier request, shown again', async () => {
    let recorded: Uint8Array | undefined;
    proxy.onReply = (passing) => {
      if (!isRecord(passing)) return passing;
      recorded ??= passing.bytes;
      return { ...passing, bytes: recorded };
    };
    expect((await call(tensor)).code).toBe(0);
    expectCaught(await call(tensor), 'record_invalid');
  }, 120_000);

  it('refuses a handshake that the proven worker did not make, and a manifest of another model', async () => {
    proxy.onReply = (passing) =>
      passing.path.startsWith('/v1/sessions?') ? { ...passing, bytes: flip(passing.bytes, 60) } : passing;
    expectCaught(await call(tensor), 'handshake_invalid');
    const other = await (await fetch(`${soak.stack.url}/v1/releases/${toHex(soak.languageId)}`)).bytes();
    proxy.onReply = (passing) =>
      /^\/v1\/releases\/[0-9a-f]{64}$/.test(passing.path) ? { ...passing, bytes: other } : passing;
    expectCaught(await call(tensor), 'release_mismatch');
  }, 120_000);
});

describe.skipIf(!hasPython)('a worker over SEV-SNP, called from Python (skipped without python3)', () => {
  let stack: TestStack;
  const folder = temporaryFolder();
  beforeAll(async () => {
    stack = await openTestStack({ tee: 'amd-sev-snp', product: 'Genoa', signer: 'vcek', reportVersion: 5 });
  }, 300_000);
  afterAll(async () => {
    await stack.stop();
    folder.remove();
  }, 30_000);

  it('is proven by its report, its chain and its list, and answers', async () => {
    const data = Array.from({ length: 128 }, () => 0.5);
    const request = JSON.stringify({ inputs: [{ name: 'input', shape: [1, 128], datatype: 'FP32', data }] });
    const args = ['--model', toHex(stack.files.modelId), '--infer', folder.file('request.json', request)];
    const asked = await python(
      'call.py',
      stack.url,
      '--policy',
      stack.policyFile,
      ...args,
      '--save',
      folder.path('a.proofmark'),
    );
    expect({ code: asked.code, err: asked.err }).toEqual({ code: 0, err: '' });
    expect(asked.out).toContain('proven (simulated, by amd-sev-snp');
    const judged = await python('verify_archive.py', folder.path('a.proofmark'), '--policy', stack.policyFile);
    // A report carries no time, and nobody dated its challenge.
    expect(judged).toMatchObject({ code: 3, out: expect.stringMatching(/^undetermined: not_anchored/) });
  }, 120_000);
});

/** Still well-formed, so that it is not refused for its form. */
function altered(bytes: Uint8Array, part: 'configuration' | 'identity' | 'runtime' | 'document'): Uint8Array {
  if (part === 'document') return flip(bytes, bytes.length - 1);
  // The last byte of a seal key is any; a version of the engine and the number of pending requests are, too.
  if (part === 'identity') return flip(bytes, 4 * 32 - 1);
  return flip(bytes, part === 'runtime' ? indexOf(bytes, 'version') + 9 : indexOf(bytes, 'pending') + 8);
}

function indexOf(bytes: Uint8Array, word: string): number {
  return Buffer.from(bytes).indexOf(word);
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
}

/** Where the frame ends that begins at `at`. */
function frameAt(bytes: Uint8Array, at: number): number {
  return at + 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
}

function withoutLast(bytes: Uint8Array): Uint8Array {
  let last = 0;
  for (let at = 0; at < bytes.length; at = frameAt(bytes, at)) last = at;
  return bytes.slice(0, last);
}

function twice(bytes: Uint8Array): Uint8Array {
  const first = bytes.slice(0, frameAt(bytes, 0));
  return Uint8Array.from([...first, ...bytes]);
}
