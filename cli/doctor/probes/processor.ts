import type { Machine } from '../machine.ts';

export async function hasProcessorFlag(machine: Machine, name: string): Promise<boolean> {
  const text = (await machine.text('/proc/cpuinfo')) ?? '';
  const flags = /^flags\s*:(.*)$/m.exec(text)?.[1] ?? '';
  return flags.trim().split(/\s+/).includes(name);
}
