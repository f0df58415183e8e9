import { limits } from './limits.ts';
import { lockfile, npmrc, pins } from './package.ts';
import { place } from './place.ts';
import { purity } from './purity.ts';
import { length, style } from './style.ts';
import { unconditionalSkips } from './tests.ts';
import { threats } from './threats.ts';
import type { Rule } from './tree.ts';

export const rules: readonly Rule[] = [
  purity,
  style,
  length,
  limits,
  unconditionalSkips,
  threats,
  pins,
  lockfile,
  npmrc,
  place,
];
