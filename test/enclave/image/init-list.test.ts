import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { initList, initListOf, serialPorts, users, workerVsockPort } from '../../../enclave/image/init-list.ts';
import { flavours, modulePath, vmModules } from '../../../enclave/image/recipe.ts';
import { mayBeHardware, parseAttesterChoices } from '../../../enclave/worker/attester-choice.ts';
import { WORKER_USER } from '../../../enclave/worker/confine/plan.ts';

const root = join(import.meta.dirname, '../../..');
const source = readFileSync(join(root, 'enclave/native/init.c'), 'utf8');

/** From the table that init itself goes by: name, and how few and how many words may follow. */
const directives = new Map(
  [...source.matchAll(/\{"([a-z-]+)", (\d+), (\d+|WORDS_MAX), do_\w+\}/g)].map(([, name, least, most]) => [
    name as string,
    { least: Number(least), most: most === 'WORDS_MAX' ? 47 : Number(most) },
  ]),
);
const limit = (name: string): number => Number(new RegExp(`#define ${name} (\\d+)`).exec(source)?.[1]);

const linesOf = (list: string): readonly string[] => list.split('\n');

describe.each(flavours)('the directives of the %s flavour', (flavour) => {
  const list = initList(flavour);

  it('are ones that init knows, with as many words as it takes', () => {
    const [version, ...lines] = linesOf(list).slice(0, -1);
    expect(source).toContain(`#define LIST_VERSION "${version}"`);
    for (const line of lines) {
      const [name = '', ...words] = line.split(' ');
      const known = directives.get(name);
      expect(known, line).toBeDefined();
      expect(words.length).toBeGreaterThanOrEqual(known?.least ?? Number.NaN);
      expect(words.length).toBeLessThanOrEqual(known?.most ?? Number.NaN);
      expect(line).toMatch(/^[!-~]+(?: [!-~]+)*$/);
    }
  });

  it('fit into what init reads, and end with a line', () => {
    expect(list.length).toBeLessThan(limit('LIST_MAX'));
    expect(list.endsWith('\n')).toBe(true);
  });

  it('start one program, with the device and nothing of this machine on its command line', () => {
    const runs = linesOf(list).filter((line) => line.startsWith('run '));
    const attesters =
      flavour === 'snp'
        ? '--attester snp-configfs:/sys/kernel/config/tsm/report --attester snp-device:/dev/sev-guest'
        : '--attester nsm-device:/dev/nsm';
    expect(runs).toEqual([
      `run /bin/node /app/worker.mjs launcher --link /run/link/worker.sock ${attesters} --private /run/private`,
    ]);
  });

  it('name attesters that the worker knows, of one vendor', () => {
    const words = (linesOf(list).find((line) => line.startsWith('run ')) ?? '').split(' ');
    const choices = words.filter((_, index) => words[index - 1] === '--attester');
    expect(parseAttesterChoices(choices)).toHaveLength(choices.length);
    expect(mayBeHardware(parseAttesterChoices(choices))).toBe(true);
  });

  it('close the device and the root before anything but root runs, and open the worker’s folder to the bridge only', () => {
    const lines = linesOf(list);
    const at = (line: string): number => {
      expect(lines).toContain(line);
      return lines.indexOf(line);
    };
    const run = lines.findIndex((line) => line.startsWith('run '));
    const device = flavour === 'snp' ? '/dev/sev-guest' : '/dev/nsm';
    expect(at(`own ${device} 0 0 0600`)).toBeLessThan(run);
    expect(at('seal')).toBeLessThan(run);
    // Where the worker stays root, the folder does as well.
    const owner = flavour === 'snp' ? 0 : users.worker;
    const opened = at(`own /run/link ${owner} ${users.bridge} 0710`);
    expect(opened).toBeGreaterThan(run);
    const bridge = lines.findIndex((line) => line.startsWith('bridge-'));
    expect(bridge).toBeGreaterThan(opened);
    expect(lines[bridge]?.endsWith(` ${users.bridge}`)).toBe(true);
  });

  it('show what programs say in a debug image only, and from its first line on', () => {
    expect(linesOf(list)).not.toContain('debug');
    expect(initList(flavour, { variant: 'debug' })).toBe(list.replace('\n', '\ndebug\n'));
  });
});

describe('what other files must agree with', () => {
  it('the worker’s user is the one that the launcher gives it', () => {
    expect(users.worker).toBe(WORKER_USER);
    expect(users.bridge).not.toBe(users.worker);
  });

  it('the modules are loaded in the recipe’s order, and the kernel takes no others afterwards', () => {
    const lines = linesOf(initList('vm'));
    const modules = lines.filter((line) => line.startsWith('module '));
    expect(modules).toEqual(vmModules.map((name) => `module ${modulePath(name)}`));
    expect(lines.indexOf('kernel modules_disabled 1')).toBe(lines.indexOf(modules.at(-1) as string) + 1);
    expect(initList('nitro')).not.toContain('module');
  });

  it('a machine has its security module from the second port and its worker behind the first', () => {
    expect(initList('vm')).toContain(`spawn /bin/nsm-cuse ${serialPorts.nsm}\n`);
    expect(initList('vm')).toContain(`bridge-port ${serialPorts.link} `);
    expect(initList('nitro')).not.toContain('nsm-cuse');
  });

  it('an enclave on AWS gives its sign of life before all else, and is reached where deployments look', () => {
    const lines = linesOf(initList('nitro'));
    const heartbeat = lines.indexOf('heartbeat 3 9000');
    expect(heartbeat).toBeGreaterThan(0);
    expect(lines.slice(1, heartbeat).every((line) => line.startsWith('mount '))).toBe(true);
    expect(source).toContain('#define HEARTBEAT 0xb7');
    expect(lines).toContain(`bridge-vsock ${workerVsockPort} 3 /run/link/worker.sock ${users.bridge}`);
    for (const file of ['deploy/nitro/smoke.sh', 'deploy/nitro/proofmark-bridge.service']) {
      const ports = [...readFileSync(join(root, file), 'utf8').matchAll(/VSOCK-CONNECT:[^:]+:(\d+)/g)];
      expect(ports.map(([, port]) => Number(port))).toEqual([workerVsockPort]);
    }
  });

  it('a confidential VM asks for reports in a folder that is there before the worker, and is reached as launched', () => {
    const lines = linesOf(initList('snp'));
    const mounted = lines.indexOf('mount configfs /sys/kernel/config');
    expect(mounted).toBeGreaterThan(lines.indexOf('mount sysfs /sys'));
    expect(mounted).toBeLessThan(lines.indexOf('await /dev/sev-guest'));
    expect(source).toContain('text_equal(kind, "configfs")');
    expect(lines).toContain(`bridge-port ${serialPorts.link} /run/link/worker.sock ${users.bridge}`);
    const launch = readFileSync(join(root, 'deploy/snp/launch.sh'), 'utf8');
    // The first port of the first device, as /dev/vport0p1 says.
    expect(launch).toContain('-device virtserialport,chardev=link,nr=1,name=enclave.rpc');
    expect(launch.match(/-device virtio-serial/g)).toHaveLength(1);
  });

  it('a list of one’s own has the version in front', () => {
    expect(initListOf(['end'])).toBe('proofmark-init 1\nend\n');
  });
});
