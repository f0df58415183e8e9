import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../wire/bytes.ts';
import { type CborMap, type CborValue, decodeCbor, encodeCbor, strictCbor } from '../../../wire/codec/cbor.ts';
import { canonicalJson, type JsonValue, parseJson } from '../../../wire/codec/json.ts';
import { WireError } from '../../../wire/errors.ts';
import { type Archive, decodeArchive, encodeArchive } from '../../../wire/message/archive.ts';
import { bundleFromHeader, bundleToHeader, decodeBundle, encodeBundle } from '../../../wire/message/bundle.ts';
import {
  type Configuration,
  decodeConfiguration,
  encodeConfiguration,
  unitPriceOf,
} from '../../../wire/message/configuration.ts';
import { decodeEvidence, encodeEvidence } from '../../../wire/message/evidence.ts';
import { decodeExecution, type Execution, encodeExecution } from '../../../wire/message/execution.ts';
import * as link from '../../../wire/message/link.ts';
import { decodeManifest, encodeManifest, type Manifest } from '../../../wire/message/manifest.ts';
import { decodeFinalRecord, decodeRecordKind, encodeFinalRecord } from '../../../wire/message/session.ts';

function refusal(run: () => unknown): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
}

const bytes = (length: number, fill = 7): Uint8Array => new Uint8Array(length).fill(fill);

const configuration: Configuration = {
  version: 1,
  publishers: [bytes(64)],
  models: [bytes(32)],
  prices: [
    { model: 'any', operation: 0, unitPrice: 5n },
    { model: bytes(32), operation: 0, unitPrice: 2n ** 100n },
  ],
  limits: {
    bodyBytes: 1_024,
    responseBytes: 1_024,
    releaseBytes: 1_024,
    models: 1,
    modelMemoryBytes: 67_108_864,
    runMilliseconds: 1,
    pending: 1,
    sessions: 1,
    unacknowledgedLeaves: 1,
    channels: 0,
  },
  operator: bytes(20),
  chainId: 2n ** 200n,
  registry: bytes(20),
  settlement: bytes(20),
  telemetry: 'none',
};

function edit(encoded: Uint8Array, change: (map: Map<string, CborValue>) => void): Uint8Array {
  const map = new Map(decodeCbor(encoded, strictCbor(1_000_000)) as CborMap) as Map<string, CborValue>;
  change(map);
  return encodeCbor(map);
}

describe('configuration', () => {
  const encoded = encodeConfiguration(configuration);

  it('reads back what it wrote', () => {
    expect(decodeConfiguration(encoded)).toEqual(configuration);
    expect(decodeConfiguration(encodeConfiguration({ ...configuration, models: 'any' })).models).toBe('any');
  });

  it('refuses every field left out, and every field too many', () => {
    for (const name of Object.keys(configuration)) {
      expect(
        refusal(() => decodeConfiguration(edit(encoded, (map) => map.delete(name)))),
        name,
      ).toBe('field_missing');
    }
    expect(refusal(() => decodeConfiguration(edit(encoded, (map) => map.set('extra', 1))))).toBe('field_unknown');
  });

  it('refuses two prices for one thing and takes the nearer of two lines', () => {
    const prices = [...configuration.prices, { model: 'any', operation: 0, unitPrice: 6n } as const];
    expect(refusal(() => encodeConfiguration({ ...configuration, prices }))).toBe('field_invalid');
    expect(unitPriceOf(configuration, bytes(32), 0n)).toBe(2n ** 100n);
    expect(unitPriceOf(configuration, bytes(32, 8), 0n)).toBe(5n);
    expect(unitPriceOf(configuration, bytes(32), 1n)).toBeUndefined();
  });

  it('refuses numbers beyond their limits', () => {
    const limits = { ...configuration.limits, bodyBytes: 16_777_217 };
    expect(refusal(() => encodeConfiguration({ ...configuration, limits }))).toBe('field_invalid');
    expect(refusal(() => encodeConfiguration({ ...configuration, publishers: [] }))).toBe('field_invalid');
    expect(refusal(() => encodeConfiguration({ ...configuration, chainId: 2n ** 256n }))).toBe('integer_out_of_range');
    const wide = edit(encoded, (map) => {
      const [line] = map.get('prices') as readonly CborMap[];
      map.set('prices', [new Map(line as CborMap).set('unitPrice', bytes(32, 255))]);
    });
    expect(refusal(() => decodeConfiguration(wide))).toBe('field_invalid');
  });

  it('refuses any byte changed that still decodes to the same text form', () => {
    expect(refusal(() => decodeConfiguration(Uint8Array.from([...encoded, 0])))).toBe('trailing_bytes');
    expect(refusal(() => decodeConfiguration(new Uint8Array(300_000)))).toBe('too_large');
  });
});

describe('execution', () => {
  const execution: Execution = {
    engine: 'onnxruntime',
    version: '1.30.0',
    provider: 'cpu',
    optimisation: 'all',
    threads: 1,
    cpuFamily: 'x',
    cpuIsa: 'y',
    layout: 'split',
    schedule: 'steps',
    generation: { sampler: 's', temperature: '0.7', topP: '1', stop: ['a'], maxTokens: 1 },
  };

  it('reads back what it wrote, with and without generation', () => {
    expect(decodeExecution(encodeExecution(execution))).toEqual(execution);
    const tensor = { ...execution, generation: null };
    expect(decodeExecution(encodeExecution(tensor))).toEqual(tensor);
  });

  it.each(['0.70', '.5', '1e3', '-1', '01', ''])('knows one spelling of a fraction: not "%s"', (temperature) => {
    const generation = { ...(execution.generation as NonNullable<Execution['generation']>), temperature };
    expect(refusal(() => decodeExecution(encodeExecution({ ...execution, generation })))).toBe('field_invalid');
  });
});

const manifest: Manifest = {
  schema: 'proofmark manifest v1',
  owner: bytes(64),
  name: 'some-model',
  version: '1.0.0',
  kind: 'tensor',
  description: '',
  licence: 'MIT',
  task: '',
  tags: [],
  files: [
    { path: 'model.onnx', size: 1, sha256: bytes(32) },
    { path: 'samples/1.json', size: 1, sha256: bytes(32) },
  ],
  entry: 'model.onnx',
  inputs: [{ name: 'x', datatype: 'FP32', shape: ['n', 4] }],
  outputs: [],
  execution: { engine: 'onnxruntime', optimisation: 'all', threads: 1, batchRows: 1 },
  limits: { memoryBytes: 67_108_864, runMilliseconds: 1 },
  samples: [{ request: 'samples/1.json', response: 'samples/1.json' }],
  circuit: null,
};

function schema(name: string): object {
  const url = new URL(`../../../attestations/schemas/${name}.schema.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as object;
}

describe('manifest', () => {
  const encoded = encodeManifest(manifest);

  it('reads back what it wrote, and the published schema agrees', () => {
    expect(decodeManifest(encoded)).toEqual(manifest);
    const validate = new Ajv2020({ strict: false }).compile(schema('proofmark-manifest'));
    expect(validate(JSON.parse(new TextDecoder().decode(encoded)))).toBe(true);
  });

  it('refuses another spelling of the same manifest', () => {
    const json = JSON.parse(new TextDecoder().decode(encoded)) as JsonValue;
    expect(refusal(() => decodeManifest(utf8(JSON.stringify(json, null, 1))))).toBe('json_malformed');
    expect(canonicalJson(json)).toEqual(encoded);
  });

  it.each(['/etc/passwd', '../x', 'a/../b', 'a//b', './a', '.hidden', 'a/.git', 'C:\\x', 'a b', 'a/', ''])(
    'refuses the path "%s"',
    (path) => {
      const files = [...manifest.files, { path, size: 0, sha256: bytes(32) }];
      expect(refusal(() => encodeManifest({ ...manifest, files }))).toBe('field_invalid');
    },
  );

  it('refuses doubled paths and names of files that it does not list', () => {
    const [first] = manifest.files;
    const files = [...manifest.files, first as Manifest['files'][number]];
    expect(refusal(() => encodeManifest({ ...manifest, files }))).toBe('field_invalid');
    expect(refusal(() => encodeManifest({ ...manifest, entry: 'other.onnx' }))).toBe('field_invalid');
    const samples = [{ request: 'samples/2.json', response: 'samples/1.json' }];
    expect(refusal(() => encodeManifest({ ...manifest, samples }))).toBe('field_invalid');
  });

  it.each(['1', '1.0', '01.0.0', '1.0.0+build', '1.0.0-', 'v1.0.0', '1.0.0-01'])(
    'refuses the version %s',
    (version) => {
      expect(refusal(() => encodeManifest({ ...manifest, version }))).toBe('field_invalid');
    },
  );

  it('refuses every field left out', () => {
    for (const name of Object.keys(manifest)) {
      const { [name]: _, ...rest } = parseJson(encoded, 1_000_000) as Record<string, JsonValue>;
      expect(
        refusal(() => decodeManifest(canonicalJson(rest))),
        name,
      ).toBe('field_missing');
    }
  });
});

const evidence = {
  version: 1,
  tee: 'aws-nitro',
  document: bytes(100),
  certificates: [],
  revocationLists: [],
  identity: bytes(320),
  configuration: bytes(10),
  runtime: bytes(10),
} as const;

const bundle = { receipt: bytes(416), execution: bytes(9), proof: [bytes(32)], head: bytes(192), signature: bytes(64) };

describe('evidence, bundle and archive', () => {
  const archive: Archive = {
    format: 'proofmark archive v1',
    ...bundle,
    evidence,
    challenge: { value: bytes(32), preimage: null },
    release: { manifest: bytes(50), owner: bytes(64), signature: bytes(64) },
    request: { header: bytes(384), bodyHash: bytes(32), body: bytes(5) },
    response: { format: 1, jsonLength: 5, bodyHash: bytes(32), body: null },
    anchors: [{ kind: 'rfc3161', evidence: bytes(3) }],
  };

  it('reads back what it wrote', () => {
    expect(decodeEvidence(encodeEvidence(evidence))).toEqual(evidence);
    expect(decodeBundle(encodeBundle(bundle))).toEqual(bundle);
    expect(bundleFromHeader(bundleToHeader(bundle))).toEqual(bundle);
    expect(decodeArchive(encodeArchive(archive))).toEqual(archive);
    const bare = { ...archive, request: null, response: null, anchors: [] };
    expect(decodeArchive(encodeArchive(bare))).toEqual(bare);
  });

  it.each([0, 1, 23, 24, 48])(
    'writes a bundle with %i hashes as the general encoder does, whatever its execution',
    (hashes) => {
      for (const length of [1, 23, 24, 255, 256, 32_768]) {
        const value = {
          ...bundle,
          proof: Array.from({ length: hashes }, (_, i) => bytes(32, i)),
          execution: bytes(length),
        };
        const known = encodeCbor(new Map<string, CborValue>(Object.entries(value)));
        expect(encodeBundle(value)).toEqual(known);
        expect(decodeBundle(known)).toEqual(value);
      }
    },
  );

  it('takes evidence with full lists, and not many small values in its place (A5)', () => {
    const certificates = Array.from({ length: 16 }, () => bytes(10));
    const full = { ...evidence, certificates, revocationLists: certificates.slice(0, 8) };
    expect(decodeEvidence(encodeEvidence(full))).toEqual(full);
    const many = utf8(JSON.stringify({ list: Array.from({ length: 64 }, () => 0) }));
    expect(refusal(() => decodeEvidence(many))).toBe('too_large');
  });

  it('agrees with the published schema, field by field', () => {
    const validate = new Ajv2020({ strict: false }).compile(schema('proofmark-archive'));
    const json = JSON.parse(new TextDecoder().decode(encodeArchive(archive))) as Record<string, unknown>;
    expect(validate(json), JSON.stringify(validate.errors)).toBe(true);
    for (const name of Object.keys(json)) {
      const { [name]: _, ...rest } = json;
      expect(validate(rest), name).toBe(false);
      expect(
        refusal(() => decodeArchive(utf8(JSON.stringify(rest)))),
        name,
      ).toBe('field_missing');
    }
    expect(validate({ ...json, more: 1 })).toBe(false);
    expect(refusal(() => decodeArchive(utf8(JSON.stringify({ ...json, more: 1 }))))).toBe('field_unknown');
    expect(refusal(() => decodeArchive(utf8('{"format":"a","format":"b"}')))).toBe('json_duplicate_key');
  });

  it('refuses an archive of more values than one has, before it reads them', () => {
    const anchor = { kind: 'cosignature', evidence: bytes(64) } as const;
    const full = {
      ...archive,
      proof: Array(49).fill(bytes(32)) as Uint8Array[],
      anchors: Array(16).fill(anchor) as (typeof anchor)[],
    };
    expect(decodeArchive(encodeArchive(full))).toEqual(full);
    expect(refusal(() => decodeArchive(utf8(`{"format":[${'0,'.repeat(512)}0]}`)))).toBe('too_large');
  });
});

describe('link', () => {
  it('reads back every payload', () => {
    const ready = { identity: bytes(320), configuration: bytes(4), runtime: bytes(4) };
    expect(link.decodeReadyInfo(link.encodeReadyInfo(ready))).toEqual(ready);
    const state = { version: 1, ready, size: 3, acknowledged: 2, models: [bytes(32)] } as const;
    expect(link.decodeState(link.encodeState(state))).toEqual(state);
    expect(link.decodeState(link.encodeState({ ...state, ready: null })).ready).toBeNull();
    const entries = { from: 2, receipts: [bytes(416)], executions: [bytes(3)], head: bytes(192), signature: bytes(64) };
    expect(link.decodeEntries(link.encodeEntries(entries))).toEqual(entries);
    const release = { manifest: bytes(9), owner: bytes(64), signature: bytes(64) };
    expect(link.decodeRelease(link.encodeRelease(release))).toEqual(release);
    const piece = { modelId: bytes(32), file: 3, bytes: bytes(7) };
    expect(link.decodeFilePiece(link.encodeFilePiece(piece))).toEqual(piece);
    const answer = { status: 3, bundle: bytes(8), format: 1, jsonLength: 2, body: bytes(2) };
    expect(link.decodePlainAnswer(link.encodePlainAnswer(answer))).toEqual(answer);
    const refused = { code: 'busy', detail: 'why' } as const;
    expect(link.decodeRefusal(link.encodeRefusal(refused))).toEqual(refused);
    expect(link.decodeAcknowledge(link.encodeAcknowledge(2 ** 40))).toBe(2 ** 40);
    const { sessionId, rest } = link.decodeForSession(link.encodeForSession(bytes(16), bytes(3)));
    expect([sessionId, Uint8Array.from(rest)]).toEqual([bytes(16), bytes(3)]);
  });

  it('refuses what is no payload', () => {
    expect(refusal(() => link.decodeAcknowledge(bytes(7)))).toBe('frame_invalid');
    expect(refusal(() => link.decodeAcknowledge(bytes(8, 255)))).toBe('integer_out_of_range');
    expect(refusal(() => link.decodeFilePiece(bytes(35)))).toBe('truncated');
    expect(refusal(() => link.decodeFilePiece(bytes(36 + 4_194_305)))).toBe('too_large');
    expect(refusal(() => link.decodeForSession(bytes(15)))).toBe('truncated');
    expect(refusal(() => link.encodeForSession(bytes(15), bytes(1)))).toBe('field_invalid');
    const lopsided = { from: 0, receipts: [bytes(416)], executions: [], head: bytes(192), signature: bytes(64) };
    expect(refusal(() => link.decodeEntries(link.encodeEntries(lopsided)))).toBe('field_invalid');
    expect(refusal(() => link.decodeRefusal(encodeCbor(new Map([['code', 'busy']]))))).toBe('field_missing');
  });
});

describe('records', () => {
  it('start with their kind and end with their bundle', () => {
    expect(decodeRecordKind(Uint8Array.of(3, 9)).kind).toBe(3);
    expect(refusal(() => decodeRecordKind(new Uint8Array(0)))).toBe('record_invalid');
    expect(refusal(() => decodeRecordKind(Uint8Array.of(4)))).toBe('record_invalid');
    const final = { bundle: bytes(10), format: 1, jsonLength: 4, body: bytes(4) };
    expect(decodeFinalRecord(encodeFinalRecord(final))).toEqual(final);
    expect(refusal(() => decodeFinalRecord(encodeFinalRecord(final).subarray(0, 18)))).toBe('truncated');
    expect(refusal(() => decodeFinalRecord(bytes(8, 255)))).toBe('too_large');
    expect(refusal(() => decodeFinalRecord(encodeFinalRecord({ ...final, format: 3 })))).toBe('field_invalid');
  });
});
