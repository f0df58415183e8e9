import { crc32 } from 'node:zlib';
import type { EifContent } from '../../../../../enclave/image/formats/eif-write.ts';
import { concatBytes, utf8 } from '../../../../../wire/bytes.ts';

/** The image in signed-eif.json, as content. */
export const content: EifContent = {
  architecture: 'x86_64',
  defaultMemoryBytes: 2n ** 30n,
  defaultCpus: 2n,
  kernel: utf8('a kernel, as far as arithmetic is concerned'),
  commandLine: 'reboot=k panic=30 pci=off console=ttyS0',
  ramdisks: [utf8('boot ramdisk'), utf8('app ramdisk'), new Uint8Array(0)],
  metadata: {
    ImageName: 'n',
    ImageVersion: '1',
    BuildMetadata: {
      BuildTime: '1970-01-01T00:00:00Z',
      BuildTool: 't',
      BuildToolVersion: '1',
      OperatingSystem: 'o',
      KernelVersion: '6.8',
    },
    DockerInfo: {},
    CustomMetadata: null,
  },
  signature: null,
};

export interface RawEif {
  readonly version?: number;
  readonly sections: readonly (readonly [type: number, body: Uint8Array])[];
  /** Changes to the finished header, before the checksum is made. */
  readonly edit?: (header: DataView) => void;
}

/** An image by the letter of the format, with whatever is asked for in it, and the right checksum. */
export function rawEif({ version = 4, sections, edit = () => {} }: RawEif): Uint8Array {
  const header = new Uint8Array(548);
  const view = new DataView(header.buffer);
  header.set(utf8('.eif'));
  view.setUint16(4, version);
  view.setUint16(26, sections.length);
  const bodies: Uint8Array[] = [];
  let offset = 548;
  for (const [index, [type, body]] of sections.entries()) {
    const head = new Uint8Array(12);
    new DataView(head.buffer).setUint16(0, type);
    new DataView(head.buffer).setBigUint64(4, BigInt(body.length));
    if (index < 32) {
      view.setBigUint64(28 + 8 * index, BigInt(offset));
      view.setBigUint64(284 + 8 * index, BigInt(body.length));
    }
    bodies.push(head, body);
    offset += 12 + body.length;
  }
  edit(view);
  return withChecksum(concatBytes(header, ...bodies));
}

export function withChecksum(eif: Uint8Array): Uint8Array {
  const out = Uint8Array.from(eif);
  const sum = crc32(concatBytes(out.subarray(0, 544), out.subarray(548)));
  new DataView(out.buffer).setUint32(544, sum);
  return out;
}

export const kernel: readonly [number, Uint8Array] = [1, utf8('kernel')];
export const commandLine: readonly [number, Uint8Array] = [2, utf8('quiet')];
export const ramdisk: readonly [number, Uint8Array] = [3, utf8('ramdisk')];
