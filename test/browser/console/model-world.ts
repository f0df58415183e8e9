import { ClientError, type HostTransport } from '../../../client/index.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { signP256 } from '../../../wire/crypto/node-sign.ts';
import { releaseStatus, releaseStatusMessage } from '../../../wire/message/authorisations.ts';
import { encodeSignedStatus, type ReleaseStatusName } from '../../../wire/message/hub.ts';
import type { Manifest } from '../../../wire/message/manifest.ts';
import { encodePriceList } from '../../../wire/message/price-list.ts';
import { createWorld, type World } from '../../client/world.ts';
import { publisher, release, type TestRelease } from '../../enclave/worker/core/harness.ts';

/** A world whose host shows cards and samples beside its models. */
export interface ModelWorld {
  readonly world: World;
  readonly host: HostTransport;
  readonly policy: { readonly [rule: string]: JsonValue };
  readonly tensor: TestRelease;
  readonly newer: TestRelease;
  readonly chat: TestRelease;
  readonly hostile: TestRelease;
  /** Lays the owner's word beside a release. */
  state(of: TestRelease, status: ReleaseStatusName, sequence: bigint): void;
}

type Files = readonly (readonly [path: string, bytes: Uint8Array])[];

function releaseOf(files: Files, changes: Partial<Manifest>): TestRelease {
  return release(
    files.map(([, bytes]) => bytes),
    {
      files: files.map(([path, bytes]) => ({ path, size: bytes.length, sha256: sha256(bytes) })),
      entry: files[0]?.[0] ?? '',
      ...changes,
    },
  );
}

const CARD = `# Doubling as a service

Answers with what it was given, **twice as slowly** as you would. See \`results.json\`.

## Input and output

| | name | datatype | meaning |
|---|---|---|---|
| input | \`x\` | FP32 | two numbers a row |
| output | \`y\` | FP32 | the same two |

- rows do not depend on each other
- nothing is rounded

More at [the workshop](https://models.example/doubling).
`;

/** Everything that a card could try, and text to read between it. */
const HOSTILE_CARD = `# Innocent model <script>document.title = 'owned'</script>

<img src="https://evil.example/pixel.png" onerror="document.title='owned'">
![tracker](https://evil.example/tracker.png) and ![x](data:text/html;base64,PHNjcmlwdD4=)

[Read the paper](javascript:document.title='owned') or [here](data:text/html,<script>1</script>).
<a href="https://evil.example">click</a> <style>body{display:none}</style> <iframe srcdoc="x"></iframe>

Licence: ‮eerf‬ of charge, ⁦zero​width⁩. ${`Z${'\u0301'.repeat(400)}`} ${'W'.repeat(3_000)}

| ${Array.from({ length: 12 }, (_, column) => `column ${column}`).join(' | ')} |
|${'---|'.repeat(12)}
| ${'wide '.repeat(12).trim().split(' ').join(' | ')} |

Readable to the end. ${'And on it goes. '.repeat(12_000)}
`;

const tensorJson = (name: string, data: readonly number[]): JsonValue => ({
  name,
  datatype: 'FP32',
  shape: [data.length / 2, 2],
  data,
});
const sampleFiles: Files = [
  ['samples/one.request.json', utf8(JSON.stringify({ inputs: [tensorJson('x', [1, 2.5])] }))],
  [
    'samples/one.response.json',
    utf8(JSON.stringify({ model_name: 'doubling', model_version: '1.0.0', outputs: [tensorJson('y', [1, 2.5])] })),
  ],
  ['samples/two.request.json', utf8(JSON.stringify({ inputs: [tensorJson('x', [0.1, 0.2, 0.3, 0.4])] }))],
  [
    'samples/two.response.json',
    utf8(
      JSON.stringify({
        model_name: 'doubling',
        model_version: '1.0.0',
        outputs: [tensorJson('y', [0.1, 0.2, 0.3, 0.5])],
      }),
    ),
  ],
];
const samples = ['one', 'two'].map((name) => ({
  request: `samples/${name}.request.json`,
  response: `samples/${name}.response.json`,
}));

const chatFiles: Files = [
  ['model.onnx', utf8('model')],
  ['README.md', utf8('# Says hello\n\nAnd nothing else.\n')],
  [
    'samples/hello.request.json',
    utf8(JSON.stringify({ messages: [{ role: 'user', content: 'Say hello' }], temperature: 0, max_tokens: 64 })),
  ],
  [
    'samples/hello.response.json',
    utf8(JSON.stringify({ message: { role: 'assistant', content: 'An enclave says "hello" – ✓.' } })),
  ],
];

export async function createModelWorld(): Promise<ModelWorld> {
  const about = {
    name: 'doubling',
    description: 'Answers with what it was given.',
    task: 'identity',
    tags: ['test', 'numbers'],
    samples,
  };
  const tensorFiles: Files = [['model.onnx', utf8('model')], ['README.md', utf8(CARD)], ...sampleFiles];
  const tensor = releaseOf(tensorFiles, about);
  const newer = releaseOf(tensorFiles, { ...about, version: '1.1.0' });
  const chat = releaseOf(chatFiles, {
    name: 'hello',
    kind: 'text-generation',
    description: 'Says hello.',
    inputs: [],
    outputs: [],
    samples: [{ request: 'samples/hello.request.json', response: 'samples/hello.response.json' }],
  });
  const hostile = releaseOf(
    [
      ['model.onnx', utf8('model')],
      ['README.md', utf8(HOSTILE_CARD)],
    ],
    {
      name: 'innocent',
      description: '<b>Innocent</b> ‮txet‬ javascript:alert(1)',
    },
  );
  const models = [tensor, newer, chat, hostile];
  const world = await createWorld({}, { models });
  return {
    world,
    tensor,
    newer,
    chat,
    hostile,
    policy: { ...world.rules, models: models.map(({ modelId }) => toHex(modelId)) },
    host: {
      ...world.host,
      get: (path, maxBytes) => fileOf(models, path) ?? levelsOf(tensor, path) ?? world.host.get(path, maxBytes),
    },
    state(of, status, sequence) {
      const signature = signP256(
        publisher.privateKey,
        releaseStatusMessage(of.modelId, releaseStatus[status], sequence),
      );
      const { modelId } = of;
      const bytes = encodeSignedStatus({ modelId, status, sequence, owner: publisher.owner, signature });
      world.statuses.set(toHex(modelId), bytes);
    },
  };
}

/** What an operator offers: one price, and a proof by a circuit that the release does not name. */
function levelsOf({ modelId }: TestRelease, path: string): Promise<Uint8Array> | undefined {
  if (path !== '/v1/levels') return undefined;
  const common = { operation: 'infer', gas: null, verifier: null } as const;
  const list = encodePriceList({
    format: 'proofmark levels v1',
    models: [
      {
        modelId,
        levels: [
          { level: 'attested', ...common, unitPrice: 5n },
          { level: 'proved', ...common, unitPrice: 40n, circuit: sha256(utf8('none')), setup: 'dev', seconds: 3 },
        ],
      },
    ],
  });
  return Promise.resolve(list);
}

/** As the host's own route answers; undefined for what is no file. */
function fileOf(models: readonly TestRelease[], path: string): Promise<Uint8Array> | undefined {
  const [, id, name] = /^\/v1\/releases\/([0-9a-f]{64})\/files\/(.+)$/.exec(path) ?? [];
  if (id === undefined) return undefined;
  const model = models.find(({ modelId }) => toHex(modelId) === id);
  const index = model?.manifest.files.findIndex((file) => file.path === name) ?? -1;
  const bytes = model?.files[index];
  if (bytes === undefined) return Promise.reject(new ClientError('host_error', 'none', { reason: 'file_unknown' }));
  return Promise.resolve(bytes);
}
