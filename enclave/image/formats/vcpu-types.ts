import { ImageError } from '../errors.ts';

/** CPUID Fn0000_0001_EAX (AMD 25481): what a virtual CPU says it is, and finds in EDX when it starts. */
export function vcpuSignature(family: number, model: number, stepping: number): number {
  for (const [value, bits] of [
    [family, 0x10e],
    [model, 0xff],
    [stepping, 0xf],
  ] as const) {
    if (!Number.isInteger(value) || value < 0 || value > bits) {
      throw new ImageError('vcpu_type_unknown', `no CPU is family ${family}, model ${model}, stepping ${stepping}`);
    }
  }
  const baseFamily = Math.min(family, 0xf);
  const extendedFamily = family - baseFamily;
  return (extendedFamily << 20) | ((model >> 4) << 16) | (baseFamily << 8) | ((model & 0xf) << 4) | stepping;
}

/** QEMU's models (target/i386/cpu.c); a version such as `-v2` changes features, never the signature. */
const models: Readonly<Record<string, number>> = {
  EPYC: vcpuSignature(23, 1, 2),
  'EPYC-IBPB': vcpuSignature(23, 1, 2),
  'EPYC-Rome': vcpuSignature(23, 49, 0),
  'EPYC-Milan': vcpuSignature(25, 1, 1),
  'EPYC-Genoa': vcpuSignature(25, 17, 0),
  'EPYC-Turin': vcpuSignature(26, 0, 0),
};

/** The signature of a model by QEMU's name for it. */
export function vcpuSignatureOf(type: string): number {
  const model = type.replace(/-v[1-9]$/, '');
  if (!Object.hasOwn(models, model)) {
    throw new ImageError('vcpu_type_unknown', `one of ${Object.keys(models).join(', ')} is meant`, { name: type });
  }
  return models[model] as number;
}
