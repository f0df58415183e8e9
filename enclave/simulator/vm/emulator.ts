import { existsSync } from 'node:fs';
import { SimulatorError } from '../errors.ts';
import type { Command } from '../role.ts';

export type Accelerator = 'kvm' | 'tcg';

/** What QEMU boots, and with what; every file holds bytes that were measured. */
export interface MachinePlan {
  readonly program: string;
  readonly accelerator: Accelerator;
  readonly kernel: string;
  readonly ramdisk: string;
  readonly commandLine: string;
  readonly memoryMib: number;
  readonly processors: number;
}

/** Where the machine's two ports lead; without them it has none. */
export interface MachinePorts {
  /** A descriptor that QEMU inherits: a stream between it and its starter that has no name for others to find. */
  readonly link: number;
  /** The signer's socket. */
  readonly nsmSocket: string;
}

/** Fixed places and not PATH, as for the sandbox: what runs the measured bytes must not depend on the environment. */
export const emulatorPlaces: readonly string[] = ['/usr/bin/qemu-system-x86_64', '/usr/local/bin/qemu-system-x86_64'];

export function findEmulator(places: readonly string[]): string {
  const program = places.find((path) => existsSync(path));
  if (program !== undefined) return program;
  const hint = 'on Debian and Ubuntu: apt-get install qemu-system-x86';
  throw new SimulatorError('emulator_missing', `QEMU is not installed (looked for ${places.join(', ')}); ${hint}`);
}

export function machineCommand(plan: MachinePlan, ports: MachinePorts | null): Command {
  const processor = plan.accelerator === 'kvm' ? 'host' : 'max';
  return {
    command: plan.program,
    args: [
      // Nothing but what is named here, whatever this machine's configuration says: no network, no disk, no display.
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-nic', 'none', '-monitor', 'none'],
      // QEMU's own filter: the emulator starts nothing and gains nothing.
      ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
      ...['-machine', `q35,accel=${plan.accelerator},graphics=off,usb=off,vmport=off`, '-cpu', processor],
      ...['-smp', String(plan.processors), '-m', String(plan.memoryMib)],
      // A guest that restarts is over: its memory holds what was measured no longer.
      '-no-reboot',
      ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
      ...['-kernel', plan.kernel, '-initrd', plan.ramdisk, '-append', plan.commandLine],
      ...(ports === null ? [] : portArguments(ports)),
    ],
  };
}

function portArguments({ link, nsmSocket }: MachinePorts): readonly string[] {
  return [
    ...['-device', 'virtio-serial-pci'],
    ...['-chardev', `socket,id=link,fd=${link}`, '-device', 'virtserialport,chardev=link,nr=1,name=link'],
    ...['-chardev', `socket,id=nsm,path=${escaped(nsmSocket)}`, '-device', 'virtserialport,chardev=nsm,nr=2,name=nsm'],
  ];
}

/** In QEMU's option lists a comma ends a value, and two are one. */
function escaped(path: string): string {
  return path.replaceAll(',', ',,');
}
