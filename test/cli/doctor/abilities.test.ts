import { describe, expect, it } from 'vitest';
import { type Ability, type AbilityId, abilities, abilityIds } from '../../../cli/doctor/abilities.ts';
import { examine } from '../../../cli/doctor/examine.ts';
import { type FindingId, type Findings, findingIds, type State } from '../../../cli/doctor/finding.ts';
import { bestWorld, play } from './played-machine.ts';

const best = await examine(play(bestWorld));

function changed(state: State, ...ids: readonly FindingId[]): Findings {
  const found = `this is ${state}`;
  return { ...best, ...Object.fromEntries(ids.map((id) => [id, { ...best[id], state, found, todo: 'mend it' }])) };
}

function judged(id: AbilityId, findings: Findings): Ability {
  const ability = abilities(findings).find((each) => each.id === id);
  if (ability === undefined) throw new RangeError(id);
  return ability;
}

interface Expected {
  readonly needs: readonly FindingId[];
  readonly wants: readonly FindingId[];
  /** What is taken away first, so that one way is left. */
  readonly off: readonly FindingId[];
}

const demo: readonly FindingId[] = [
  ...(['node', 'platform', 'express', 'lmdb', 'node-forge', 'onnxruntime-node', 'engine'] as const),
  ...(['worker', 'libraries', 'system-call-filter', 'memory', 'scratch', 'clock'] as const),
];
const hostWants = ['open-files', 'port-host', 'clock'] as const;

/** Written down again, by what each command does on its way. */
const expected: readonly (readonly [AbilityId, string, Expected])[] = [
  ['demo', 'as it is', { needs: demo, wants: ['bubblewrap', 'namespaces', 'setpriv'], off: [] }],
  ['sandbox', 'as it is', { needs: [...demo, 'bubblewrap'], wants: ['namespaces', 'setpriv'], off: [] }],
  [
    'machine',
    'as it is',
    {
      needs: [...demo, 'checkout', 'emulator', 'firmware', 'image-inputs', 'image-tools'],
      wants: ['kvm', 'setpriv'],
      off: [],
    },
  ],
  [
    'chain',
    'as it is',
    { needs: [...demo, 'checkout', 'viem', 'chain'], wants: ['bubblewrap', 'namespaces', 'setpriv'], off: [] },
  ],
  [
    'serve',
    'as it is',
    {
      needs: [...demo, 'state', 'disk'],
      wants: ['bubblewrap', 'namespaces', 'setpriv', 'port-host', 'open-files'],
      off: [],
    },
  ],
  [
    'images',
    'as it is',
    {
      needs: ['node', 'platform', 'checkout', 'worker', 'onnxruntime-node', 'image-tools', 'image-inputs'],
      wants: [],
      off: [],
    },
  ],
  [
    'nitro',
    'from its parent',
    {
      needs: ['node', 'express', 'lmdb', 'platform', 'nitro-parent', 'vsock'],
      wants: hostWants,
      off: ['nitro-module'],
    },
  ],
  [
    'nitro',
    'inside an enclave',
    { needs: ['node', 'platform', 'nitro-module', 'vsock'], wants: [], off: ['nitro-parent'] },
  ],
  [
    'snp',
    'from its host',
    {
      needs: ['node', 'express', 'lmdb', 'platform', 'snp-host', 'kvm', 'snp-emulator', 'random'],
      wants: ['snp-firmware', 'locked-memory', ...hostWants],
      off: ['snp-reports', 'snp-device'],
    },
  ],
  [
    'snp',
    'in a guest with configfs-tsm',
    { needs: ['node', 'platform', 'snp-reports', 'random'], wants: [], off: ['snp-host', 'snp-device'] },
  ],
  [
    'snp',
    'in a guest with an older kernel',
    { needs: ['node', 'platform', 'snp-device', 'random'], wants: [], off: ['snp-host', 'snp-reports'] },
  ],
  ['hub', 'as it is', { needs: ['node', 'clock', 'disk'], wants: ['port-hub', 'open-files'], off: [] }],
  ['kms', 'as it is', { needs: ['node', 'aws-kms', 'clock'], wants: [], off: [] }],
];

describe('what a machine can do', () => {
  it('is everything, where everything is there', () => {
    expect(abilities(best).map(({ id, answer, because }) => [id, answer, because])).toEqual(
      abilityIds.map((id) => [id, 'yes', []]),
    );
  });

  it.each(expected)('%s (%s) falls with what it needs, and with nothing else', (ability, _, { needs, wants, off }) => {
    expect(judged(ability, changed('lacking', ...off)).answer).toBe('yes');
    for (const id of findingIds.filter((each) => !off.includes(each))) {
      const answer = needs.includes(id) ? 'no' : wants.includes(id) ? 'yes-but' : 'yes';
      const { answer: found, because } = judged(ability, changed('lacking', ...off, id));
      expect([id, found]).toEqual([id, answer]);
      if (off.length === 0 && answer !== 'yes') expect(because).toEqual([`${best[id].title}: this is lacking`]);
    }
  });

  it.each(expected)('%s (%s) has a catch where what it needs has one', (ability, _, { needs, wants, off }) => {
    for (const id of [...needs, ...wants]) {
      const rest = changed('lacking', ...off);
      const findings = { ...rest, [id]: changed('limited', id)[id] };
      expect([id, judged(ability, findings).answer]).toEqual([id, 'yes-but']);
    }
  });

  it('is not what nobody could look at', () => {
    expect(judged('demo', changed('unknown', 'engine'))).toMatchObject({
      answer: 'no',
      because: ['engine: this is unknown'],
    });
    expect(judged('demo', changed('unknown', 'bubblewrap')).answer).toBe('yes-but');
  });

  it('takes the way without a catch where there are two', () => {
    const { answer } = judged('nitro', changed('limited', 'port-host'));
    expect(answer).toBe('yes');
  });

  it('tells of each thing that is in the way', () => {
    const { because } = judged('demo', changed('lacking', 'express', 'engine'));
    expect(because).toEqual(['express: this is lacking', 'engine: this is lacking']);
  });
});
