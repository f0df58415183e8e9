import { readBzImage } from '../../../enclave/image/formats/bzimage.ts';
import { findEmbeddedConfig, parseKernelConfig } from '../../../enclave/image/formats/kernel-config.ts';
import { requireNitroKernel } from '../../../enclave/image/formats/nitro-kernel.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { nitroConfig, syntheticBzImage } from '../../enclave/image/formats/support/bzimage.ts';
import { type Check, forCheck, oneOfMany } from '../refused.ts';
import { refuses } from './image-refused.ts';

export const fuzz: Check = oneOfMany([
  refuses(readBzImage),
  refuses(parseKernelConfig),
  refuses(findEmbeddedConfig),
  refuses((kernel) => requireNitroKernel({ kernel, configFile: null, modules: new Set() })),
]);

const uncompressed = syntheticBzImage({ compress: (bytes) => bytes });

export const seeds: readonly Uint8Array[] = [
  forCheck(0, syntheticBzImage({ embedded: null })),
  forCheck(1, utf8(nitroConfig)),
  forCheck(2, uncompressed),
  forCheck(3, uncompressed),
];
