import type { FindingId, Findings } from './finding.ts';

export const abilityIds = [
  'demo',
  'sandbox',
  'machine',
  'chain',
  'serve',
  'images',
  'nitro',
  'snp',
  'hub',
  'kms',
] as const;

/** What is the demo and more. */
export const standOnTheDemo: ReadonlySet<AbilityId> = new Set(['sandbox', 'machine', 'chain', 'serve']);

export type AbilityId = (typeof abilityIds)[number];

export interface Ability {
  readonly id: AbilityId;
  readonly title: string;
  readonly answer: 'yes' | 'yes-but' | 'no';
  /** Of `no` what is in the way, of `yes-but` the catches; of `yes` nothing. */
  readonly because: readonly string[];
}

/** One way to be able to: nothing of `needs` may be lacking or unknown, and what is not good in `wants` is a catch. */
interface Way {
  readonly needs: readonly FindingId[];
  readonly wants: readonly FindingId[];
}

interface Wish {
  readonly title: string;
  /** The most usual first: if none can be gone, it says what is in the way. */
  readonly ways: readonly [Way, ...Way[]];
}

const DEMO: Way = {
  needs: [
    ...(['node', 'platform', 'express', 'lmdb', 'node-forge', 'onnxruntime-node', 'engine'] as const),
    ...(['worker', 'libraries', 'system-call-filter', 'memory', 'scratch', 'clock'] as const),
  ],
  wants: ['bubblewrap', 'namespaces', 'setpriv'],
};

const withDemo = ({ needs, wants }: Way): Way => ({
  needs: [...DEMO.needs, ...needs],
  wants: [...DEMO.wants.filter((id) => !needs.includes(id)), ...wants],
});

/** A host stands beside every worker, whatever hardware that has. */
const HOST: readonly FindingId[] = ['node', 'express', 'lmdb'];
const HOST_WANTS: readonly FindingId[] = ['open-files', 'port-host', 'clock'];

const wishes: Readonly<Record<AbilityId, Wish>> = {
  demo: { title: 'run the demo (proofmark demo)', ways: [DEMO] },
  sandbox: { title: 'with its worker in a sandbox', ways: [withDemo({ needs: ['bubblewrap'], wants: [] })] },
  machine: {
    title: 'with its worker in a machine (--tier vm)',
    // The image carries its own confinement: what this machine has of it does not matter there.
    ways: [
      {
        needs: [...DEMO.needs, 'checkout', 'emulator', 'firmware', 'image-inputs', 'image-tools'],
        wants: ['kvm', 'setpriv'],
      },
    ],
  },
  chain: {
    title: 'on a chain of this machine',
    ways: [withDemo({ needs: ['checkout', 'viem', 'chain'], wants: [] })],
  },
  serve: {
    title: 'keep it serving (proofmark up)',
    ways: [withDemo({ needs: ['state', 'disk'], wants: ['port-host', 'open-files'] })],
  },
  images: {
    title: 'build images (proofmark image build)',
    ways: [
      {
        needs: ['node', 'platform', 'checkout', 'worker', 'onnxruntime-node', 'image-tools', 'image-inputs'],
        wants: [],
      },
    ],
  },
  nitro: {
    title: 'run a worker on AWS Nitro',
    ways: [
      { needs: [...HOST, 'platform', 'nitro-parent', 'vsock'], wants: HOST_WANTS },
      { needs: ['node', 'platform', 'nitro-module', 'vsock'], wants: [] },
    ],
  },
  snp: {
    title: 'run a worker on AMD SEV-SNP',
    ways: [
      {
        needs: [...HOST, 'platform', 'snp-host', 'kvm', 'snp-emulator', 'random'],
        wants: ['snp-firmware', 'locked-memory', ...HOST_WANTS],
      },
      { needs: ['node', 'platform', 'snp-reports', 'random'], wants: [] },
      { needs: ['node', 'platform', 'snp-device', 'random'], wants: [] },
    ],
  },
  hub: {
    title: 'serve a hub (proofmark hub)',
    ways: [{ needs: ['node', 'clock', 'disk'], wants: ['port-hub', 'open-files'] }],
  },
  kms: {
    title: 'call KMS (the network is not tried)',
    ways: [{ needs: ['node', 'aws-kms', 'clock'], wants: [] }],
  },
};

export function abilities(findings: Findings): readonly Ability[] {
  return abilityIds.map((id) => ability(id, findings));
}

type Judged = Pick<Ability, 'answer' | 'because'>;

function ability(id: AbilityId, findings: Findings): Ability {
  const { title, ways } = wishes[id];
  const judged = ways.map((way) => judge(way, findings));
  const [first] = judged as [Judged, ...Judged[]];
  const best = judged.find(({ answer }) => answer === 'yes') ?? judged.find(({ answer }) => answer === 'yes-but');
  return { id, title, ...(best ?? first) };
}

function judge({ needs, wants }: Way, findings: Findings): Judged {
  const reason = (id: FindingId): string => `${findings[id].title}: ${findings[id].found}`;
  const stateOf = (id: FindingId): string => findings[id].state;
  const inTheWay = needs.filter((id) => stateOf(id) === 'lacking' || stateOf(id) === 'unknown');
  if (inTheWay.length > 0) return { answer: 'no', because: inTheWay.map(reason) };
  const catches = [...needs, ...wants].filter((id) => stateOf(id) !== 'good');
  return { answer: catches.length === 0 ? 'yes' : 'yes-but', because: catches.map(reason) };
}
