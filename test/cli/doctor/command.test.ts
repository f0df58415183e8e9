import { existsSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { doctorOf } from '../../../cli/commands/doctor.ts';
import { abilityIds } from '../../../cli/doctor/abilities.ts';
import { findingIds } from '../../../cli/doctor/finding.ts';
import type { Machine } from '../../../cli/doctor/machine.ts';
import { UsageError } from '../../../cli/exit-codes.ts';
import { ANSWERED } from '../../support/answer.ts';
import { command, type Folder, type Outcome, temporaryFolder } from '../../support/command.ts';
import { bestWorld, play, without } from './played-machine.ts';

const LONG = { timeout: 240_000 } as const;
const schema = JSON.parse(
  readFileSync(new URL('../../../attestations/schemas/proofmark-doctor.schema.json', import.meta.url), 'utf8'),
) as object;
const isDocumented = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);

interface Report {
  readonly findings: readonly { readonly id: string; readonly state: string; readonly found: string }[];
  readonly abilities: readonly { readonly id: string; readonly answer: string }[];
}

let folder: Folder | undefined;

afterEach(() => {
  vi.unstubAllEnvs();
  folder?.remove();
  folder = undefined;
});

async function examined(machine: Machine, options: { readonly args: readonly string[] }): Promise<Outcome> {
  let out = '';
  let err = '';
  const code = await doctorOf(
    {
      args: options.args,
      style: { colours: false },
      write: (text) => {
        out += text;
      },
      warn: (text) => {
        err += text;
      },
      now: () => ANSWERED,
      terminal: 'none',
      progress: 'none',
    },
    machine,
  );
  return { code, out, err };
}

describe('proofmark doctor', () => {
  it('ends with 0 where the demo can run, also with a catch', async () => {
    expect((await examined(play(bestWorld), { args: [] })).code).toBe(0);
    const plain = play({ ...bestWorld, entries: without(bestWorld.entries, '/usr/bin/bwrap') });
    const { code, out } = await examined(plain, { args: [] });
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}yes, but +run the demo \(proofmark demo\)\n +bubblewrap: not installed/m);
    expect(out).toMatch(/^ {2}no +with its worker in a sandbox\n/m);
  });

  it('ends with 1 where the demo cannot run, and says why and what to do', async () => {
    const entries = without(bestWorld.entries, '/dev/nsm');
    const bare = play({ ...bestWorld, entries, packages: without(bestWorld.packages, 'express', 'lmdb') });
    const { code, out, err } = await examined(bare, { args: [] });
    expect(code).toBe(1);
    expect(out).toMatch(/^ {2}no +run the demo \(proofmark demo\)\n +express: not installed\n +lmdb: not installed\n/m);
    expect(out).toContain('→ npm install express@"^5.3.0"\n');
    // Once in the summary, and not again below everything that stands on the demo.
    expect(out).toMatch(/^ {2}no +keep it serving \(proofmark up\)\n +what is in the way of the demo\n/m);
    expect(out).toMatch(/^ {2}no +run a worker on AWS Nitro\n +express: not installed\n/m);
    expect(err).toBe('');
  });

  it.each([['text'], ['json']])('lets nothing of the machine write to a terminal: as %s', async (form) => {
    const evil = 'it\u001b[2J\u202e\nyes         run the demo';
    const machine = { ...play({ ...bestWorld, chain: { works: false, why: evil } }), architecture: evil };
    const { out } = await examined(machine, { args: form === 'json' ? ['--json'] : [] });
    for (const obeyed of ['\u001b', '\u202e']) expect(out).not.toContain(obeyed);
    expect(out).not.toMatch(/^yes/m);
    expect(out).toContain(form === 'json' ? 'it\\u001b[2J\\u202e\\nyes' : 'it\ufffd[2J\ufffd\ufffdyes');
  });

  it('prints one line of the documented form with --json, and the same answers', async () => {
    const bare = play({ ...bestWorld, packages: without(bestWorld.packages, 'express', 'viem') });
    const { code, out } = await examined(bare, { args: ['--json'] });
    expect(code).toBe(1);
    expect(out.split('\n')).toHaveLength(2);
    const report = JSON.parse(out) as Report;
    expect(isDocumented(report), JSON.stringify(isDocumented.errors)).toBe(true);
    expect(report.abilities.find(({ id }) => id === 'demo')?.answer).toBe('no');
    expect(report.abilities.find(({ id }) => id === 'hub')?.answer).toBe('yes');
  });

  it('has a documented form that tells another one', async () => {
    const { out } = await examined(play(bestWorld), { args: ['--json'] });
    const report = JSON.parse(out) as Report;
    expect(isDocumented(report)).toBe(true);
    const [first, ...rest] = report.findings;
    expect(isDocumented({ ...report, findings: rest })).toBe(false);
    expect(isDocumented({ ...report, findings: [{ ...first, state: 'lacking' }, ...rest] })).toBe(false);
    expect(isDocumented({ ...report, findings: [{ ...first, id: 'another' }, ...rest] })).toBe(false);
    expect(isDocumented({ ...report, extra: 1 })).toBe(false);
  });

  it.each([[['now']], [['--frobnicate']], [['--json', 'x']]])('refuses %j', async (args) => {
    await expect(examined(play(bestWorld), { args })).rejects.toThrow(UsageError);
  });

  it('looks at this machine, and changes nothing of it', LONG, async () => {
    folder = temporaryFolder();
    vi.stubEnv('XDG_STATE_HOME', folder.path('state'));
    vi.stubEnv('XDG_CACHE_HOME', folder.path('cache'));
    const { code, out, err } = await command('doctor', '--json');
    expect(err).toBe('');
    const report = JSON.parse(out) as Report;
    expect(isDocumented(report), JSON.stringify(isDocumented.errors)).toBe(true);
    expect(report.findings.map(({ id }) => id)).toEqual(findingIds);
    expect(report.abilities.map(({ id }) => id)).toEqual(abilityIds);
    const state = Object.fromEntries(report.findings.map((finding) => [finding.id, finding.state]));
    // Whoever runs this test has these; what else is there depends on the machine.
    for (const id of ['node', 'express', 'lmdb', 'node-forge', 'onnxruntime-node', 'viem', 'checkout', 'clock']) {
      expect([id, state[id]]).toEqual([id, 'good']);
    }
    expect(state['image-inputs']).toBe('lacking');
    expect(code).toBe(report.abilities.find(({ id }) => id === 'demo')?.answer === 'no' ? 1 : 0);
    expect(existsSync(folder.path('state'))).toBe(false);
    expect(existsSync(folder.path('cache'))).toBe(false);
  });
});
